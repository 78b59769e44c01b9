"""Runs over routes of the user, killed at their calls or with calls failing: the end and the routes are the same."""

import os
from concurrent.futures import ProcessPoolExecutor

import pytest

from tests.simulation.crash_points import points, survive, undisturbed
from tests.simulation.crash_worlds import FAULTS, KILLS

SHARES = os.cpu_count() or 1


@pytest.mark.parametrize(
    ("name", "fates", "every"),
    [
        *(("own-routes", KILLS, 3), ("own-routes", FAULTS, 6), ("own-routes-bad", KILLS, 5)),
        *(("own-routes-bad", FAULTS, 8), ("subsets", KILLS, 4)),
    ],
    ids=lambda each: str(each) if not isinstance(each, tuple) else ("killed" if each == KILLS else "failed"),
)
def test_what_happens_at_any_call_changes_nothing_of_the_end(name, fates, every, record_simulation):
    expected = undisturbed(name)
    chosen = points(name, expected, fates)[::every]
    with ProcessPoolExecutor(max_workers=SHARES) as pool:
        told = [pool.submit(survive, name, chosen[share::SHARES], expected) for share in range(SHARES)]
        failures = [failure for each in told for failure in each.result()]
    record_simulation(f"{len(chosen) - len(failures)} of {len(chosen)} calls survived ({name})")
    assert expected.end.own_routes
    assert not failures, f"{len(failures)} ended otherwise; the first:\n{failures[0]}"
