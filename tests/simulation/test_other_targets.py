"""What holds of Deployments holds of every other target: a kill at each single call (seeds draw them, worlds.py)."""

import pytest

from tests.simulation.crash_stories import OTHER_TARGETS
from tests.simulation.crash_tries import survived
from tests.simulation.crash_worlds import KILLS


@pytest.mark.parametrize("name", OTHER_TARGETS)
def test_a_kill_at_any_call_of_a_run_changes_nothing_of_its_end(name, record_simulation):
    survived(name, KILLS, record_simulation)
