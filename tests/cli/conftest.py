"""A cluster for commands."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.served import Served, serving


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """An API server that nothing in the environment leads to or around."""
    for name in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with serving(tmp_path) as running:
        yield running
