"""A deletion, with revertOnDeletion and in the middle of a run, with a kill or a fault at each of its calls."""

import pytest

from tests.simulation.crash_stories import DELETIONS
from tests.simulation.crash_tries import survived
from tests.simulation.crash_worlds import FAULTS, KILLS


@pytest.mark.parametrize("fates", [KILLS, FAULTS], ids=["killed", "failed"])
@pytest.mark.parametrize("name", DELETIONS)
def test_no_call_is_one_too_many(name, fates, record_simulation) -> None:
    survived(name, fates, record_simulation, what="calls of a deletion")
