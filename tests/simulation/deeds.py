"""What happens in stories that are drawn from seeds: releases, faults and people's hands."""

import random
from collections.abc import Callable

from delivery.cluster.objects import CANARIES, DEPLOYMENTS, DESTINATION_RULES, LEASES, PODS, SERVICES, Ref
from tests.simulation import bookinfo
from tests.simulation.invariants import APEX, CANARY, ROUTE
from tests.simulation.simulation import Simulation

QUALITIES = ("good", "good", "bad", "unreachable")
BEHAVIOURS = ("healthy", "healthy", "healthy", "crash-loop", "never-ready", "image-pull")
HARM = "harm"
"""Marks a story in which a deed took users' pods or routes away by itself, besides those that always can."""


def release(sim: Simulation, rng: random.Random) -> None:
    """A new version, of some quality."""
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
    splits = [rule for rule in rules if len(rule.get("route", ())) == 2]
    if not splits:
        return  # it is not ours yet
    split = rng.choice(splits)
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
            {
                "webhooks": [
                    {"name": "test", "url": "http://test/"},
                    {"name": "gate", "url": "http://gate/", "type": "confirm-promotion"},
                    {"name": "end", "url": "http://end/", "type": "post-rollout"},
                ]
            },
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
    if sim.target.kind == SERVICES and body["spec"].get("revertOnDeletion"):
        sim.deeds.add(HARM)  # from then on users follow every edit of such a target
    sim.store.delete(CANARY)


def _revert(sim: Simulation, rng: random.Random) -> None:
    """The Canary is to leave nothing behind, and goes."""
    if sim.store.peek(CANARY) is not None:
        if sim.reverts:
            sim.edit(revertOnDeletion=True)
        _recreate(sim, rng)
        sim.loop.call_later(rng.uniform(10.0, 100.0), _come_back, sim, rng, context=sim.loop.world)


def _come_back(sim: Simulation, rng: random.Random) -> None:
    """The Canary is applied again, if it has gone."""
    if sim.store.peek(CANARY) is None:
        sim.promises.tell("the Canary is applied again")
        sim.promises.tampered()
        sim.clear_the_way()
        sim.apply(CANARIES, sim.canary)


def _leave_nothing(sim: Simulation, rng: random.Random) -> None:
    """Somebody thinks otherwise about what is to be left of it."""
    if sim.reverts:
        sim.edit(revertOnDeletion=rng.random() < 0.7)


def _lose_lease(sim: Simulation, rng: random.Random) -> None:
    ref = Ref(LEASES, "default", "progressive-delivery")
    if sim.store.peek(ref) is not None:
        sim.promises.tell("the Lease is deleted")
        sim.store.delete(ref)


def _lose_target(sim: Simulation, rng: random.Random) -> None:
    if sim.store.peek(sim.workload) is not None:
        sim.promises.tell("the target is deleted")
        sim.store.delete(sim.workload)


HARMFUL = {HARM, "_delete_pods", "_delete_object", "_hand_edit", "_scale_primary", "_lose_target"}
"""Deeds that can take users' pods or routes away by themselves."""

Do = Callable[[Simulation, random.Random], None]

DEEDS: tuple[tuple[int, Do], ...] = (
    (6, release),
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
    (2, _revert),
    (1, _come_back),
    (1, _leave_nothing),
    (1, _lose_lease),
    (1, _lose_target),
)
