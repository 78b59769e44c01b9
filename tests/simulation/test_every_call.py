"""A kill before and after each call of the controller, and each call failing in both ways: the end is the same."""

import pytest

from tests.simulation.crash_points import points, undisturbed
from tests.simulation.crash_stories import STORIES
from tests.simulation.crash_tries import failures
from tests.simulation.crash_worlds import FAULTS, KILLS


@pytest.fixture(scope="module")
def as_told():
    """The stories as they go when nothing goes wrong."""
    return {name: undisturbed(name) for name in STORIES}


@pytest.mark.parametrize("fates", [KILLS, FAULTS], ids=["killed", "failed"])
def test_no_call_is_one_too_many(fates, as_told, record_simulation) -> None:
    chosen = {name: points(name, story, fates) for name, story in as_told.items()}
    failed = failures(chosen, as_told)
    total = sum(map(len, chosen.values()))
    counts = ", ".join(f"{name} {len(each)}" for name, each in chosen.items())
    what = "crash points" if fates == KILLS else "failed calls"
    record_simulation(f"{total - len(failed)} of {total} {what} survived ({counts})")
    assert not failed, f"{len(failed)} ended otherwise; the first:\n{failed[0]}"
