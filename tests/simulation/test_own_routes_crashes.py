"""Runs over routes of the user, killed at their calls or with calls failing: the end and the routes are the same."""

import pytest

from tests.simulation.crash_tries import survived
from tests.simulation.crash_worlds import FAULTS, KILLS


@pytest.mark.parametrize(
    ("name", "fates", "every"),
    [
        *(("own-routes", KILLS, 3), ("own-routes", FAULTS, 6), ("own-routes-bad", KILLS, 5)),
        *(("own-routes-bad", FAULTS, 8), ("subsets", KILLS, 4)),
    ],
    ids=lambda each: str(each) if not isinstance(each, tuple) else ("killed" if each == KILLS else "failed"),
)
def test_what_happens_at_any_call_changes_nothing_of_the_end(name, fates, every, record_simulation):
    expected = survived(name, fates, record_simulation, every=every, what="calls")
    assert expected.end.own_routes
