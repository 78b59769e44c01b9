"""A command with a kill or a failure at each single call around it: it is carried out once, and the end is the same."""

import os
from concurrent.futures import ProcessPoolExecutor

import pytest

from tests.simulation.crash_points import points, survive, undisturbed
from tests.simulation.crash_stories import COMMANDS
from tests.simulation.crash_worlds import FAULTS, KILLS

SHARES = os.cpu_count() or 1


def survived(name, fates, record, *, every=1):
    expected = undisturbed(name)
    chosen = points(name, expected, fates)[::every]
    with ProcessPoolExecutor(max_workers=SHARES) as pool:
        told = [pool.submit(survive, name, chosen[share::SHARES], expected) for share in range(SHARES)]
        failures = [failure for each in told for failure in each.result()]
    record(f"{len(chosen) - len(failures)} of {len(chosen)} crash points survived ({name})")
    assert not failures, f"{len(failures)} ended otherwise; the first:\n{failures[0]}"


SHORT = ("aborted", "promoted-by-hand")
"""Stories that end soon; of the others the calls after the command are those of any run, and some of them will do."""


@pytest.mark.parametrize("name", COMMANDS)
def test_a_kill_at_any_call_changes_nothing_of_the_end(name, record_simulation):
    survived(name, KILLS, record_simulation, every=1 if name in SHORT else 3)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_call_that_fails_is_made_good(name, record_simulation):
    survived(name, FAULTS, record_simulation, every=3 if name in SHORT else 9)
