"""A kill before and after each call of the controller, and each call failing in both ways: the end is the same."""

import os
from concurrent.futures import ProcessPoolExecutor

import pytest

from tests.simulation.crash_points import points, survive, undisturbed
from tests.simulation.crash_stories import STORIES
from tests.simulation.crash_worlds import FAULTS, KILLS


@pytest.fixture(scope="module")
def as_told():
    """The stories as they go when nothing goes wrong."""
    return {name: undisturbed(name) for name in STORIES}


@pytest.mark.parametrize("fates", [KILLS, FAULTS], ids=["killed", "failed"])
def test_no_call_is_one_too_many(fates, as_told, record_simulation) -> None:
    chosen = {name: points(name, story, fates) for name, story in as_told.items()}
    shares = os.cpu_count() or 1
    with ProcessPoolExecutor(max_workers=shares) as pool:
        told = [
            pool.submit(survive, name, each[share::shares], as_told[name])
            for name, each in chosen.items()
            for share in range(shares)
        ]
        failures = [failure for each in told for failure in each.result()]

    total = sum(map(len, chosen.values()))
    counts = ", ".join(f"{name} {len(each)}" for name, each in chosen.items())
    what = "crash points" if fates == KILLS else "failed calls"
    record_simulation(f"{total - len(failures)} of {total} {what} survived ({counts})")
    assert not failures, f"{len(failures)} ended otherwise; the first:\n{failures[0]}"
