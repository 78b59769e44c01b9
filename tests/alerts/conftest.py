"""Virtual time for stories about telling people."""

import pytest

from tests.controller_process.virtual import World


@pytest.fixture(params=range(5))
def world(request: pytest.FixtureRequest) -> World:
    """Every story that asks for it is told five times, each with another order of ready callbacks."""
    return World(request.param)
