"""A story drawn from a seed: releases, faults and people's hands, then peace, then what must be true at the end."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from delivery.cluster.objects import SERVICES
from tests.simulation import bookinfo
from tests.simulation.deeds import DEEDS, Do, release
from tests.simulation.endings import judge, make_peace, rested
from tests.simulation.invariants import APEX
from tests.simulation.simulation import Simulation

PATIENCE = 50.0
"""Seconds that an observation may be late in a story with faults: a dropped watch counts as stale after 30."""

CHAOS_SECONDS = 160.0
PEACE_SECONDS = 3000.0


@dataclass(frozen=True, slots=True)
class Deed:
    """Something that happens at a moment of the story."""

    at: float
    what: str
    do: Callable[[Simulation, random.Random], None]


def story_of(rng: random.Random, more: tuple[tuple[int, Do], ...] = ()) -> list[Deed]:
    """What happens in a story, in order; `more` is what can happen besides."""
    weights = [weight for weight, _ in (*DEEDS, *more)]
    deeds = [Deed(rng.uniform(0.0, 20.0), release.__name__, release)]
    for _ in range(rng.randint(1, 9)):
        _, do = rng.choices((*DEEDS, *more), weights)[0]
        deeds.append(Deed(rng.uniform(0.0, CHAOS_SECONDS), do.__name__, do))
    return sorted(deeds, key=lambda deed: deed.at)


def play(sim: Simulation, more: tuple[tuple[int, Do], ...] = ()) -> None:
    """Set the scene, let the story happen, make peace, and look whether everything is as it should be."""
    rng = sim.rng
    sim.set_up(replicas=rng.choice((1, 2, 3)), **_way(sim, rng))
    sim.start_controller()
    if rng.random() < 0.3:
        sim.start_controller()
    if sim.target.kind == SERVICES:
        sim.until_phase("Initialized")  # until there are routes, users follow every edit of such a target
    start = sim.loop.time() + rng.choice((0.0, 25.0, 25.0))
    for deed in _joined(story_of(rng, (*more, *sim.hands)), sim):
        sim.loop.advance(max(0.0, start + deed.at - sim.loop.time()))
        sim.deeds.add(deed.what)
        deed.do(sim, rng)
    sim.loop.advance(rng.uniform(1.0, 60.0))
    last = make_peace(sim, rng)
    sim.until(lambda: rested(sim), seconds=PEACE_SECONDS, what="rest after peace")
    sim.loop.advance(30.0)
    judge(sim, last)


STRATEGIES: tuple[dict[str, Any], ...] = (
    {},
    {},
    {"stepWeights": None, "stepWeight": 30, "maxWeight": 60, "stepWeightPromotion": 25},
    {"stepWeights": None, "iterations": 3, "match": [bookinfo.INSIDER]},
    {"stepWeights": None, "iterations": 3},
    {"stepWeights": None, "iterations": 2, "mirror": True, "testerMatch": [bookinfo.TESTER]},
    {"mirror": True, "mirrorWeight": 50},
    {"match": [bookinfo.INSIDER], "testerMatch": [bookinfo.TESTER]},
    {"sessionAffinity": {"cookieName": "version", "primaryCookieName": "old"}},
    {"spec": {"promotion": {"bakeSeconds": 20}}},
    {"metrics": [{**bookinfo.SUCCESS_RATE, "warmupSeconds": 20, "consecutiveFailures": 2}], "checkIntervalSeconds": 5},
    {"metrics": [{**bookinfo.SUCCESS_RATE, "failureLimit": 1}, bookinfo.SHOWN], "onInconclusive": "hold"},
)
"""How releases go out in the stories."""


MESHLESS: tuple[dict[str, Any], ...] = (
    {"iterations": 1},
    {"iterations": 3, "threshold": 1},
    {"iterations": 2, "spec": {"promotion": {"bakeSeconds": 20}}},
)
"""The same where the apex Service leads."""


def _way(sim: Simulation, rng: random.Random) -> dict[str, Any]:
    """How releases go out in a story, and whether its Canary is to leave nothing behind."""
    found = rng.choice(MESHLESS if sim.promises.route == APEX else STRATEGIES)
    leaves_nothing = sim.reverts and rng.random() < 0.3
    spec = {**found.get("spec", {}), **({"revertOnDeletion": True} if leaves_nothing else {})}
    way = {**found, "spec": spec}
    return way if sim.people is None else sim.people.asked_for(way)


def _joined(deeds: list[Deed], sim: Simulation) -> list[Deed]:
    """The story with what its people do in it."""
    theirs = [] if sim.people is None else [Deed(at, do.__name__, do) for at, do in sim.people.deeds()]
    return sorted((*deeds, *theirs), key=lambda deed: deed.at)
