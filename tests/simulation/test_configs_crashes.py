"""A run of configs killed at its calls, or with its calls failing: nothing is lost, nothing is left over."""

import os
from concurrent.futures import ProcessPoolExecutor

import pytest

from tests.simulation.crash_points import points, survive, undisturbed
from tests.simulation.crash_worlds import FAULTS, KILLS

SHARES = os.cpu_count() or 1


@pytest.mark.parametrize(
    ("name", "fates", "every"),
    [("reconfigured", KILLS, 1), ("reconfigured", FAULTS, 3), ("wired", KILLS, 4), ("wired", FAULTS, 4)],
    ids=["run-killed", "run-failed", "initialised-killed", "initialised-failed"],
)
def test_what_happens_at_any_call_changes_nothing_of_the_end_nor_of_the_copies(name, fates, every, record_simulation):
    expected = undisturbed(name)
    chosen = points(name, expected, fates)[::every]
    with ProcessPoolExecutor(max_workers=SHARES) as pool:
        told = [pool.submit(survive, name, chosen[share::SHARES], expected) for share in range(SHARES)]
        failures = [failure for each in told for failure in each.result()]
    record_simulation(f"{len(chosen) - len(failures)} of {len(chosen)} calls survived ({name})")
    assert len(expected.end.copies) == 3
    assert not failures, f"{len(failures)} ended otherwise; the first:\n{failures[0]}"
