"""A command, or an approval, with a kill or a failure at each single call around it: it is carried out and answered
once, and the end is the same.
"""

import pytest

from tests.simulation.crash_stories import COMMANDS
from tests.simulation.crash_tries import survived
from tests.simulation.crash_worlds import FAULTS, KILLS

WHOLE = ("aborted", "promoted-by-hand", "hurried-and-approved", "paused-and-resumed", "undone", "approved")
"""What people can say, once each with every call of it; of the other stories the calls after the word are those of any
run, and some of them will do.
"""
SOME = sorted({*COMMANDS} - {*WHOLE})


@pytest.mark.parametrize("fates", [KILLS, FAULTS], ids=["killed", "failed"])
@pytest.mark.parametrize("name", WHOLE)
def test_what_people_say_is_done_once_whatever_call_around_it_is_the_last_or_fails(name, fates, record_simulation):
    survived(name, fates, record_simulation)


@pytest.mark.parametrize("name", SOME)
def test_a_kill_changes_nothing_of_the_end(name, record_simulation):
    survived(name, KILLS, record_simulation, every=3)


@pytest.mark.parametrize("name", SOME)
def test_a_call_that_fails_is_made_good(name, record_simulation):
    survived(name, FAULTS, record_simulation, every=9)
