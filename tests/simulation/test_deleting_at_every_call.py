"""A deletion, with revertOnDeletion and in the middle of a run, with a kill or a fault at each of its calls."""

import os
from concurrent.futures import ProcessPoolExecutor

import pytest

from tests.simulation.crash_points import points, survive, undisturbed
from tests.simulation.crash_stories import DELETIONS
from tests.simulation.crash_worlds import FAULTS, KILLS


@pytest.mark.parametrize("fates", [KILLS, FAULTS], ids=["killed", "failed"])
@pytest.mark.parametrize("name", DELETIONS)
def test_no_call_is_one_too_many(name, fates, record_simulation) -> None:
    story = undisturbed(name)
    chosen = points(name, story, fates)
    shares = os.cpu_count() or 1
    with ProcessPoolExecutor(max_workers=shares) as pool:
        told = [pool.submit(survive, name, chosen[share::shares], story) for share in range(shares)]
        failures = [failure for each in told for failure in each.result()]
    record_simulation(f"{len(chosen) - len(failures)} of {len(chosen)} calls of a deletion survived ({name})")
    assert not failures, f"{len(failures)} of {len(chosen)} ended otherwise; the first:\n{failures[0]}"
