"""A story drawn from a seed: releases, faults and people's hands, then peace, then what must be true at the end."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from delivery.cluster.objects import CANARIES, DEPLOYMENTS, DESTINATION_RULES, LEASES, PODS, SERVICES, Ref
from delivery.workloads.revision import matches
from delivery.workloads.targets.registry import TARGET_KINDS
from strategies.status import Phase
from tests.simulation import bookinfo
from tests.simulation.invariants import APEX, CANARY, ROUTE, at_rest
from tests.simulation.simulation import Simulation

PATIENCE = 50.0
"""Seconds that an observation may be late in a story with faults: a dropped watch counts as stale after 30."""

CHAOS_SECONDS = 160.0
PEACE_SECONDS = 3000.0
REST_EVERY = 4
"""Each so many-th story ends with minutes of rest, in which nothing may be asked."""

QUALITIES = ("good", "good", "bad", "unreachable")
BEHAVIOURS = ("healthy", "healthy", "healthy", "crash-loop", "never-ready", "image-pull")


@dataclass(frozen=True, slots=True)
class Deed:
    """Something that happens at a moment of the story."""

    at: float
    what: str
    do: Callable[[Simulation, random.Random], None]


def _release(sim: Simulation, rng: random.Random) -> None:
    version = f"v{rng.randint(2, 5)}"
    sim.release(version, quality=rng.choice(QUALITIES), behaviour=rng.choice(BEHAVIOURS))


def _go_back(sim: Simulation, rng: random.Random) -> None:
    sim.release("v1")


def _kill(sim: Simulation, rng: random.Random) -> None:
    if sim.alive:
        sim.kill(rng.choice(sim.alive))


def _pause(sim: Simulation, rng: random.Random) -> None:
    """SIGSTOP, a rival, and SIGCONT after a while: long enough for a takeover, or not."""
    awake = [name for name in sim.alive if not sim.loop.is_paused(name)]
    if not awake:
        return
    name = rng.choice(awake)
    sim.promises.tell(f"{name} is paused")
    sim.loop.pause(name)
    if len(awake) == 1:
        sim.start_controller()

    def go_on() -> None:
        if not sim.loop.is_dead(name):
            sim.promises.tell(f"{name} goes on")
            sim.loop.resume(name)

    sim.loop.call_later(rng.uniform(1.0, 60.0), go_on, context=sim.loop.world)


def _weather(sim: Simulation, rng: random.Random) -> None:
    """A bad connection for a while."""
    faults = sim.faults
    faults.refuse = rng.choice((0.0, 0.1, 0.3))
    faults.lose_request = rng.choice((0.0, 0.1))
    faults.lose_response = rng.choice((0.0, 0.1, 0.3))
    faults.watch_drop = rng.choice((0.0, 0.1))
    faults.watch_expired = rng.choice((0.0, 0.05))
    faults.watch_lag = (0.0, rng.choice((0.1, 1.0, 5.0)))
    sim.promises.tell(f"weather {faults}")
    sim.loop.call_later(rng.uniform(5.0, 40.0), faults.heal, context=sim.loop.world)


def _down(sim: Simulation, rng: random.Random) -> None:
    sim.promises.tell("the API server is away")
    sim.faults.down = True
    sim.loop.call_later(rng.uniform(1.0, 40.0), sim.faults.heal, context=sim.loop.world)


def _prometheus(sim: Simulation, rng: random.Random) -> None:
    sim.analyst.away = rng.random() < 0.5
    sim.analyst.quiet = not sim.analyst.away and rng.random() < 0.5
    sim.promises.tell(f"Prometheus: away {sim.analyst.away}, quiet {sim.analyst.quiet}")


def _hand_edit(sim: Simulation, rng: random.Random) -> None:
    """Somebody sets the weights by hand."""
    if sim.promises.route == APEX:
        selected = rng.choice(("reviews-primary", "reviews-primary", "reviews", "ratings"))
        sim.promises.tell(f"by hand: the apex Service selects {selected}")
        sim.merge(APEX, {"spec": {"selector": {"app": selected}}})
        return
    body = sim.store.peek(ROUTE)
    if body is None:
        return
    weight = rng.choice((0, 0, 5, 30, 100))
    sim.promises.tell(f"by hand: canary {weight}")
    rules = [dict(rule) for rule in body["spec"]["http"]]
    split = rng.choice([rule for rule in rules if len(rule["route"]) == 2])
    route = [dict(each) for each in split["route"]]
    for each in route:
        each["weight"] = weight if "-canary" in each["destination"]["host"] else 100 - weight
    split["route"] = route
    sim.merge(ROUTE, {"spec": {"http": rules}})


def _foreign(sim: Simulation, rng: random.Random) -> None:
    """Somebody marks our objects; the marks must stay."""
    ref = rng.choice((ROUTE, sim.primary, APEX, Ref(SERVICES, bookinfo.NAMESPACE, "reviews-canary")))
    sim.merge(ref, {"metadata": {"annotations": {"example.com/note": str(rng.random())}, "labels": {"team": "books"}}})


def _delete_object(sim: Simulation, rng: random.Random) -> None:
    ref = rng.choice(
        (
            sim.promises.route,
            Ref(DESTINATION_RULES, bookinfo.NAMESPACE, "reviews-canary"),
            Ref(SERVICES, bookinfo.NAMESPACE, "reviews-primary"),
        )
    )
    if sim.store.peek(ref) is not None:
        sim.promises.tell(f"{ref} is deleted")
        sim.promises.tampered()
        sim.store.delete(ref)


def _delete_pods(sim: Simulation, rng: random.Random) -> None:
    pods = [Ref.of(PODS, pod) for pod in sim.store.scan(PODS, bookinfo.NAMESPACE)]
    rng.shuffle(pods)
    sim.promises.tell(f"{len(pods) // 2} pods are deleted")
    for ref in pods[: len(pods) // 2]:
        sim.store.delete(ref)


def _scale_primary(sim: Simulation, rng: random.Random) -> None:
    replicas = rng.choice((1, 3))
    sim.promises.tell(f"the primary is scaled to {replicas}")
    if sim.primary.kind == DEPLOYMENTS:
        sim.merge(sim.primary, {"spec": {"replicas": replicas}})


def _policy(sim: Simulation, rng: random.Random) -> None:
    """The Canary is edited, validly or not; peace sets it right."""
    analysis = rng.choice(
        (
            {"stepWeights": [20, 40, 80], "iterations": None},
            {"threshold": 1},
            {"stepWeights": [50, 20]},
            {"interval": "soon"},
            {"webhooks": [{"name": "gate", "url": "http://gate/"}]},
        )
    )
    sim.edit(analysis=analysis)


def _pause_rollout(sim: Simulation, rng: random.Random) -> None:
    sim.edit(paused=rng.random() < 0.5)


def _suspend(sim: Simulation, rng: random.Random) -> None:
    sim.edit(suspend=rng.random() < 0.5)


def _lose_status(sim: Simulation, rng: random.Random) -> None:
    sim.promises.tell("the status is lost")
    sim.promises.tampered()
    sim.merge(CANARY, {"status": None}, subresource="status")


def _recreate(sim: Simulation, rng: random.Random) -> None:
    """The Canary is deleted and comes again some time after it has gone."""
    body = sim.store.peek(CANARY)
    if body is None:
        return
    sim.promises.tell("the Canary is deleted")
    sim.promises.tampered()
    sim.store.delete(CANARY)


def _lose_lease(sim: Simulation, rng: random.Random) -> None:
    ref = Ref(LEASES, "default", "progressive-delivery")
    if sim.store.peek(ref) is not None:
        sim.promises.tell("the Lease is deleted")
        sim.store.delete(ref)


def _lose_target(sim: Simulation, rng: random.Random) -> None:
    if sim.store.peek(sim.target) is not None:
        sim.promises.tell("the target is deleted")
        sim.store.delete(sim.target)


HARMFUL = {"_delete_pods", "_delete_object", "_hand_edit", "_scale_primary", "_lose_target"}
"""Deeds that can take users' pods or routes away by themselves."""

Do = Callable[[Simulation, random.Random], None]

DEEDS: tuple[tuple[int, Do], ...] = (
    (6, _release),
    (2, _go_back),
    (4, _kill),
    (4, _pause),
    (3, _weather),
    (1, _down),
    (2, _prometheus),
    (3, _hand_edit),
    (2, _foreign),
    (2, _delete_object),
    (2, _delete_pods),
    (1, _scale_primary),
    (2, _policy),
    (2, _pause_rollout),
    (1, _suspend),
    (1, _lose_status),
    (1, _recreate),
    (1, _lose_lease),
    (1, _lose_target),
)


def story_of(rng: random.Random, more: tuple[tuple[int, Do], ...] = ()) -> list[Deed]:
    """What happens in a story, in order; `more` is what can happen besides."""
    weights = [weight for weight, _ in (*DEEDS, *more)]
    deeds = [Deed(rng.uniform(0.0, 20.0), "_release", _release)]
    for _ in range(rng.randint(1, 9)):
        _, do = rng.choices((*DEEDS, *more), weights)[0]
        deeds.append(Deed(rng.uniform(0.0, CHAOS_SECONDS), do.__name__, do))
    return sorted(deeds, key=lambda deed: deed.at)


def play(sim: Simulation, more: tuple[tuple[int, Do], ...] = ()) -> None:
    """Set the scene, let the story happen, make peace, and look whether everything is as it should be."""
    rng = sim.rng
    sim.set_up(replicas=rng.choice((1, 2, 3)), **_analysis(sim, rng))
    sim.start_controller()
    if rng.random() < 0.3:
        sim.start_controller()
    if sim.target.kind == SERVICES:
        sim.until_phase("Initialized")  # until there are routes, users follow every edit of such a target
    start = sim.loop.time() + rng.choice((0.0, 25.0, 25.0))
    for deed in story_of(rng, more):
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
)
"""How releases go out in the stories."""


MESHLESS: tuple[dict[str, Any], ...] = (
    {"iterations": 1},
    {"iterations": 3, "threshold": 1},
    {"iterations": 2, "spec": {"promotion": {"bakeSeconds": 20}}},
)
"""The same where the apex Service leads."""


def _analysis(sim: Simulation, rng: random.Random) -> dict[str, Any]:
    return rng.choice(MESHLESS if sim.promises.route == APEX else STRATEGIES)


def _restored(sim: Simulation) -> dict[str, Any]:
    """A merge patch that brings the analysis back to what it was at the beginning."""
    given = sim.canary["spec"]["analysis"]
    known = (sim.store.peek(CANARY) or {}).get("spec", {}).get("analysis", {})
    return {**dict.fromkeys(known), **given}


def make_peace(sim: Simulation, rng: random.Random) -> str:
    """Everything works again, and a last version is released; its quality."""
    sim.promises.tell("peace")
    sim.faults.heal()
    sim.faults.watch_lag = (0.0, 0.1)
    sim.analyst.away = sim.analyst.quiet = False
    for name in sim.alive:
        sim.loop.resume(name)
    sim.loop.advance(30.0)
    quality = rng.choice(("good", "good", "bad"))
    if sim.store.peek(sim.target) is None:
        sim.promises.tampered()
    sim.release(f"v9-{quality}", quality=quality)
    body = sim.canary
    if sim.store.peek(CANARY) is None:
        sim.promises.tampered()
        sim.apply(CANARIES, body)
    else:
        sim.edit(paused=True, suspend=False, analysis=_restored(sim))
        sim.loop.advance(20.0)
        sim.edit(paused=False)
    return quality


def rested(sim: Simulation) -> bool:
    """Is there nothing left to do, with the last release taken up?"""
    status, target = sim.status, sim.store.peek(sim.target)
    if target is None or status.phase is Phase.WAITING or not at_rest(status):
        return False
    template = TARGET_KINDS[sim.target.kind.kind].template_of(target)
    return matches(status.last_applied_spec, template) is True


def judge(sim: Simulation, quality: str) -> None:
    """What must be true at the end of every story."""
    status, told = sim.status, sim.told()
    version, serving = sim.serving
    assert sim.weight == 0 or status.phase is Phase.FAILED, told
    if quality == "good":
        assert status.phase in (Phase.SUCCEEDED, Phase.INITIALIZED), told
        assert serving == "good", told
        assert version == "v9-good", told
    if not HARMFUL & sim.deeds:
        assert not sim.promises.users_lost, f"users met no ready pod though nobody took one away\n{told}"
    assert not sim.loop.errors, f"{sim.loop.errors}\n{told}"
    if (sim.loop.seed or 0) % REST_EVERY == 0:
        _idle_costs_nothing(sim)


def _idle_costs_nothing(sim: Simulation) -> None:
    """G5: with nothing to do, nothing is asked and nothing is written but watches and the Lease."""
    before = {name: len(api.log) for name, api in sim.apis.items()}
    sim.loop.advance(90.0)
    before = {name: len(api.log) for name, api in sim.apis.items()}
    sim.loop.advance(120.0)
    extra = [
        str(request)
        for name, api in sim.apis.items()
        for request in api.log[before.get(name, 0) :]
        if request.verb not in ("watch", "list") and request.kind != LEASES
    ]
    assert not extra, f"G5: requests at rest: {extra}\n{sim.told()}"
