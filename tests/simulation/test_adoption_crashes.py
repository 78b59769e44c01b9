"""Taking over what was there, and giving it back, with a kill or a fault at the calls: no user notices, the end is one.

Not every call is tried in every story: those that all stories have are met in test_every_call.py.
"""

import pytest

from tests.simulation.crash_tries import survived
from tests.simulation.crash_worlds import FAULTS, KILLS


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
    expected = survived(name, fates, record_simulation, every=every, what="calls")
    assert not expected.end.left
