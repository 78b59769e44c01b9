"""A promotion that moves users, and the way back from it, with a kill or a failure at each single call."""

import pytest

from tests.simulation.crash_stories import VERSIONS
from tests.simulation.crash_tries import survived
from tests.simulation.crash_worlds import FAULTS, KILLS


@pytest.mark.parametrize("name", VERSIONS)
def test_a_kill_at_any_call_changes_nothing_of_the_end(name, record_simulation):
    survived(name, KILLS, record_simulation)


@pytest.mark.parametrize("name", [name for name in VERSIONS if not name.endswith(("-new", "-bad"))])
def test_a_call_that_fails_is_made_good(name, record_simulation):
    survived(name, FAULTS, record_simulation, every=4)
