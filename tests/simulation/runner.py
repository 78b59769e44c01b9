"""Runs seeds, in a process of its own if wanted; `python -m tests.simulation.runner SEED...` replays some."""

import gc
import logging
import sys
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import structlog

from delivery.cluster.objects import DEPLOYMENTS, Kind, Ref
from tests.simulation import worlds
from tests.simulation.chaos import PATIENCE, play
from tests.simulation.invariants import ROUTE
from tests.simulation.simulation import Simulation

STORIES_PER_COLLECTION = 20


@dataclass(slots=True)
class Report:
    """What came of some seeds."""

    failures: list[str] = field(default_factory=list)
    kills: int = 0
    runs: int = 0
    hours: float = 0.0


def run_seeds(
    seeds: Iterable[int],
    kind: Kind = DEPLOYMENTS,
    *,
    world: Callable[..., Simulation] = Simulation,
    route: Ref = ROUTE,
    story: Callable[[Simulation], None] = play,
) -> Report:
    """Play the story of each seed, with a target of this kind, users led by this route."""
    gc.disable()  # a story makes few cycles and many objects: looking for the first took a seventh of its time
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    report = Report()
    for number, seed in enumerate(seeds, 1):
        if number % STORIES_PER_COLLECTION == 1:
            gc.collect()
        with world(seed, patience=PATIENCE, kind=kind, route=route) as sim:
            try:
                story(sim)
            except BaseException as error:
                if isinstance(error, KeyboardInterrupt):
                    raise
                report.failures.append(_told(seed, sim, error))
            report.kills += sum(line.endswith("is killed") for line in sim.promises.story)
            report.runs += sum("Progressing" in line and "ScalingUp" in line for line in sim.promises.story)
            report.hours += sim.loop.time() / 3600
    return report


def _told(seed: int, sim: Simulation, error: BaseException) -> str:
    where = "".join(traceback.format_exception(error, limit=-4))
    return f"seed {seed}: replay with `python -m tests.simulation.runner {seed}`\n{sim.told()}\n{where}"


def run_drawn(seeds: Iterable[int]) -> Report:
    """The same, in the worlds that the seeds draw, some with a farewell."""
    return run_seeds(seeds, world=lambda seed, **_: worlds.drawn(seed), story=worlds.story)


if __name__ == "__main__":
    found = run_drawn(int(each) for each in sys.argv[1:])
    print("\n".join(found.failures) or "every guarantee was kept")  # noqa: T201
    sys.exit(bool(found.failures))
