"""A real Prometheus that knows two releases, and the question about them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from delivery.cli.judge import judge
from tests.judge.planted import openmetrics
from tests.metrics.conftest import prometheus_with


@pytest.fixture(scope="session")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with prometheus_with(openmetrics(), tmp_path_factory.mktemp("judge")) as address:
        yield address


def arguments(server: str, **given: str) -> list[str]:
    wanted = {
        "prometheus": server,
        "namespace": "shop",
        "primary": "reviews-primary",
        "canary": "reviews",
        "from": "2026-03-01T08:50",
        "to": "2026-03-01T12:00",
        **{name.replace("_", "-"): value for name, value in given.items()},
    }
    return [part for name, value in wanted.items() for part in (f"--{name}", value)]


@pytest.fixture
def ask(prometheus: str):
    """`delivery judge` about the planted releases."""

    def called(**given: str) -> Result:
        return CliRunner().invoke(judge, arguments(prometheus, **given), env={"COLUMNS": "80"})

    return called


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "kept.jsonl"
