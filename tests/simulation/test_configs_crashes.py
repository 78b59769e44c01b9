"""A run of configs killed at its calls, or with its calls failing: nothing is lost, nothing is left over."""

import pytest

from tests.simulation.crash_tries import survived
from tests.simulation.crash_worlds import FAULTS, KILLS


@pytest.mark.parametrize(
    ("name", "fates", "every"),
    [("reconfigured", KILLS, 1), ("reconfigured", FAULTS, 3), ("wired", KILLS, 4), ("wired", FAULTS, 4)],
    ids=["run-killed", "run-failed", "initialised-killed", "initialised-failed"],
)
def test_what_happens_at_any_call_changes_nothing_of_the_end_nor_of_the_copies(name, fates, every, record_simulation):
    expected = survived(name, fates, record_simulation, every=every, what="calls")
    assert len(expected.end.copies) == 3
