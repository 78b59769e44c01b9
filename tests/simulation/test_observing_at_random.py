"""Stories drawn from seeds beside Flagger: nothing is written whatever goes wrong, the next run is seen as it is."""

import random
from collections import Counter

import pytest

from delivery.cluster.objects import DEPLOYMENTS, EVENTS, VIRTUAL_SERVICES
from strategies.status import Result
from tests.simulation import bookinfo
from tests.simulation.beside import Flagger, begin, wrote_nothing
from tests.simulation.scenes import served
from tests.simulation.simulation import Simulation

SEEDS = range(12)
ENDS = {"promote": Result.OBSERVED_PROMOTION, "leave": Result.OBSERVED_ROLLBACK}
VERDICTS = {"good": "WouldPromote", "bad": "WouldRollBack"}


def disturb(sim: Simulation, rng: random.Random) -> None:
    """Something goes wrong."""
    match rng.randrange(6):
        case 0:
            for name in sim.alive:
                sim.kill(name)
        case 1:
            sim.faults.refuse = sim.faults.lose_response = 0.2
        case 2:
            sim.faults.watch_drop = 0.2
        case 3:
            sim.faults.kind_lag = {rng.choice((DEPLOYMENTS, VIRTUAL_SERVICES)): (0.0, 3.0)}
        case 4:
            sim.analyst.away = True
        case _:
            sim.start_controller()


def heal(sim: Simulation) -> None:
    """Everything works again."""
    sim.faults.heal()
    sim.faults.kind_lag = {}
    sim.analyst.away = False
    sim.loop.advance(60)


def release(sim: Simulation, flagger: Flagger, rng: random.Random, version: str, *, chaos: bool) -> tuple[str, str]:
    """One run of Flagger's; how good its version was, and how it ended."""
    quality, end = rng.choice(sorted(VERDICTS)), rng.choice(sorted(ENDS))
    flagger.begin(version, quality=quality)
    for weight in sorted(rng.sample(range(5, 60), 3)):
        if chaos and rng.random() < 0.7:
            disturb(sim, rng)
        flagger.step(weight, seconds=rng.uniform(3.0, 30.0) if chaos else 30.0)
    if end == "promote":
        flagger.promote()
    else:
        flagger.leave()
    return quality, end


def told_twice(sim: Simulation) -> list[tuple[str, str]]:
    """What was told of a run more often than once, by the run's id."""
    once = ("RunObserved", "WouldRollBack", "WouldPromote", *(each.value for each in ENDS.values()))
    told = [each for each in sim.store.scan(EVENTS, bookinfo.NAMESPACE) if each["reason"] in once]
    assert told
    runs = [past.id for past in sim.status.history]
    found = Counter((run, each["reason"]) for run in runs for each in told if run in each["metadata"]["name"])
    assert found
    return [about for about, count in found.items() if count > 1]


@pytest.mark.parametrize("seed", SEEDS)
def test_whatever_goes_wrong_nothing_is_written_and_the_next_run_is_seen_as_it_is(seed: int) -> None:
    with Simulation(seed) as sim:
        rng = sim.rng
        flagger = Flagger(sim)
        flagger.install()
        begin(sim)
        for number in range(2, 2 + rng.randint(1, 3)):
            release(sim, flagger, rng, f"v{number}", chaos=True)
        heal(sim)
        quality, end = release(sim, flagger, rng, "v9", chaos=False)
        sim.loop.advance(30)

        last = sim.status.history[-1]
        assert (last.result, last.reason) == (ENDS[end], VERDICTS[quality]), sim.told()
        assert sim.status.run is None
        assert told_twice(sim) == []
        wrote_nothing(sim)
        served(sim)
