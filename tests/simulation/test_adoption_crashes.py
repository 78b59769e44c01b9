"""Taking over what was there, and giving it back, with a kill or a fault at the calls: no user notices, the end is one.

Not every call is tried in every story: those that all stories have are met in test_every_call.py.
"""

import os
from concurrent.futures import ProcessPoolExecutor

import pytest

from tests.simulation.crash_points import points, survive, undisturbed
from tests.simulation.crash_worlds import FAULTS, KILLS

SHARES = os.cpu_count() or 1


@pytest.mark.parametrize(
    ("name", "fates", "every"),
    [
        *(("adopted-route", KILLS, 1), ("adopted-route", FAULTS, 4)),
        *(("adopted-primary", KILLS, 1), ("adopted-primary", FAULTS, 4)),
        *(("adopted-promoted", KILLS, 6), ("adopted-promoted", FAULTS, 10)),
        *(("adopted-reverted", KILLS, 2), ("adopted-reverted", FAULTS, 5)),
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
    assert not expected.end.left
    assert not failures, f"{len(failures)} ended otherwise; the first:\n{failures[0]}"
