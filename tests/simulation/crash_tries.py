"""The points of crash stories, shared among processes: each must end as the story does undisturbed."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor

from tests.simulation.crash_ends import Undisturbed
from tests.simulation.crash_points import points, survive, undisturbed
from tests.simulation.crash_worlds import Fate, Point

SHARES = os.cpu_count() or 1


def failures(chosen: Mapping[str, Sequence[Point]], expected: Mapping[str, Undisturbed]) -> list[str]:
    """What was different with these points of stories by their names, each with its story."""
    with ProcessPoolExecutor(max_workers=SHARES) as pool:
        told = [
            pool.submit(survive, name, each[share::SHARES], expected[name])
            for name, each in chosen.items()
            for share in range(SHARES)
        ]
        return [failure for each in told for failure in each.result()]


def survived(
    name: str, fates: Iterable[Fate], record: Callable[[str], None], *, every: int = 1, what: str = "crash points"
) -> Undisturbed:
    """Every so many points of a story end as the story undisturbed, which is the answer; the count is recorded."""
    expected = undisturbed(name)
    chosen = points(name, expected, fates)[::every]
    failed = failures({name: chosen}, {name: expected})
    record(f"{len(chosen) - len(failed)} of {len(chosen)} {what} survived ({name})")
    assert not failed, f"{len(failed)} of {len(chosen)} ended otherwise; the first:\n{failed[0]}"
    return expected
