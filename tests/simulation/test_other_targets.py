"""What holds of Deployments holds of every other target: a kill at each single call (seeds draw them, worlds.py)."""

import os
from concurrent.futures import ProcessPoolExecutor

import pytest

from tests.simulation.crash_points import points, survive, undisturbed
from tests.simulation.crash_stories import OTHER_TARGETS
from tests.simulation.crash_worlds import KILLS

SHARES = os.cpu_count() or 1


@pytest.mark.parametrize("name", OTHER_TARGETS)
def test_a_kill_at_any_call_of_a_run_changes_nothing_of_its_end(name, record_simulation):
    expected = undisturbed(name)
    chosen = points(name, expected, KILLS)
    with ProcessPoolExecutor(max_workers=SHARES) as pool:
        told = [pool.submit(survive, name, chosen[share::SHARES], expected) for share in range(SHARES)]
        failures = [failure for each in told for failure in each.result()]
    record_simulation(f"{len(chosen) - len(failures)} of {len(chosen)} crash points survived ({name})")
    assert not failures, f"{len(failures)} ended otherwise; the first:\n{failures[0]}"
