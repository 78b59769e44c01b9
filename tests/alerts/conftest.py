"""Virtual time for stories about telling people."""

from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from tests.controller_process.virtual import World


@pytest.fixture(params=range(5))
def world(request: pytest.FixtureRequest) -> World:
    """Every story that asks for it is told five times, each with another order of ready callbacks."""
    return World(request.param)


@pytest.fixture(autouse=True)
def lines() -> Iterator[list[Any]]:
    """What is logged."""
    structlog.reset_defaults()
    with capture_logs() as captured:
        yield captured
