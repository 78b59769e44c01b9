"""What the single stories have in common: scenes to begin with, things that people do, and what can be read."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from delivery.cluster.memory import Admission, ForbiddenError, Request
from delivery.cluster.objects import EVENTS, LEASES, PODS, Kind, Object, Ref
from delivery.workloads.health import is_ready
from delivery.workloads.ownership import MANAGER, labels
from tests.simulation import bookinfo
from tests.simulation.invariants import ROUTE
from tests.simulation.simulation import Simulation

# -- scenes


def initialised(sim: Simulation, **options: Any) -> str:
    """A Canary whose primary serves v1; the controller's name."""
    sim.set_up(**options)
    name = sim.start_controller()
    sim.until_phase("Initialized")
    return name


def at_weight(sim: Simulation, weight: int = 10, *, version: str = "v2", quality: str = "good", **options: Any) -> str:
    """A run that stands at a weight, with the routes in place."""
    name = initialised(sim, **options)
    sim.release(version, quality=quality)
    sim.until(lambda: sim.weight == weight, seconds=120, what=f"weight {weight}")
    return name


def recovers(sim: Simulation, phase: str = "Succeeded") -> None:
    """It goes on by itself to the end, and users were served all the time."""
    sim.until_phase(phase)
    served(sim)


def served(sim: Simulation) -> None:
    """No user has met a role without a ready pod."""
    assert not sim.promises.users_lost, sim.told()


# -- what is said


def events(sim: Simulation, reason: str) -> list[str]:
    """The messages of the Events with this reason, oldest first."""
    found = [each for each in sim.store.scan(EVENTS, bookinfo.NAMESPACE) if each["reason"] == reason]
    return [each["message"] for each in sorted(found, key=lambda each: int(each["metadata"]["resourceVersion"]))]


def says(sim: Simulation, kind: str, reason: str, *words: str, seconds: float = 60.0, event: bool = True) -> None:
    """A condition, and an Event of the same reason, name cause and way out."""

    def condition() -> bool:
        found = sim.status.condition(kind)
        return found is not None and found.reason == reason

    sim.until(condition, seconds=seconds, what=f"condition {kind} {reason}")
    sim.loop.advance(2.0)
    found = sim.status.condition(kind)
    told = events(sim, reason) if event else [found.message if found else ""]
    assert told, f"no Event {reason}\n{sim.told()}"
    missing = [word for word in words if word not in (found.message if found else "") or word not in told[-1]]
    assert not missing, f"{missing} not in {found} or {told[-1]}"


def is_silent(sim: Simulation, kind: str, reason: str) -> bool:
    """Is this no longer said?"""
    found = sim.status.condition(kind)
    return found is None or found.reason != reason


def version(sim: Simulation) -> str:
    """The version that the primary runs."""
    body = sim.store.peek(sim.primary)
    return str(body["spec"]["template"]["metadata"]["labels"]["version"]) if body is not None else ""


# -- what goes wrong


def deaf(sim: Simulation, kind: Kind | None = None) -> Callable[[], None]:
    """From now on no watch (of `kind`) stays open, and none can be opened; what ends that."""
    faults, world = sim.faults, sim.loop.world
    listening = True

    def before(request: Request) -> None:
        if listening and request.verb in ("list", "watch") and kind in (None, request.kind):
            faults.refuse = 1.0
            sim.loop.call_soon(faults.heal, context=world)

    def hear() -> None:
        nonlocal listening
        listening = False

    sim.before = before
    for api in sim.apis.values():
        api.before = before
        api.drop_watches(kind)
    return hear


@contextmanager
def denied(sim: Simulation, *kinds: Kind) -> Iterator[None]:
    """The controller lacks the permission to write these kinds."""

    def refuse(admission: Admission) -> None:
        if admission.manager == MANAGER and admission.ref.kind in kinds:
            raise ForbiddenError(f"{admission.ref}: delivery cannot patch resource")

    sim.store.admission.append(refuse)
    yield
    sim.store.admission.remove(refuse)


def set_weight(sim: Simulation, weight: int, *, manager: str = "kubectl") -> None:
    """Somebody sets the canary's weight by hand."""
    body = sim.store.peek(ROUTE)
    assert body is not None
    sim.merge(ROUTE, {"spec": {"http": weighed(body, weight)}}, manager=manager)


def weighed(route: Object, weight: int) -> list[dict[str, Any]]:
    """The http rules of a VirtualService with another weight."""
    first, *rest = ({**rule} for rule in route["spec"]["http"])
    share = {True: weight, False: 100 - weight}
    first["route"] = [{**each, "weight": share["-canary" in each["destination"]["host"]]} for each in first["route"]]
    return [first, *rest]


def foreign(kind: Kind, name: str, spec: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    """Somebody's object."""
    meta = {"name": name, "namespace": bookinfo.NAMESPACE, **metadata}
    return {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": meta, "spec": spec}


def turn_bad(sim: Simulation) -> None:
    """What had good figures so far has bad ones from now on."""
    sim.analyst.turned = "bad"


def unready(sim: Simulation, deployment: Ref, count: int) -> None:
    """So many ready pods of a Deployment stop being ready, until they are deleted."""
    for ref in pods_of(sim, deployment, ready=True)[:count]:
        status = dict((sim.store.peek(ref) or {})["status"])
        status["conditions"] = [{**each, "status": _without(each)} for each in status["conditions"]]
        sim.merge(ref, {"status": status}, subresource="status", manager="kubelet")


def _without(condition: Object) -> str:
    return "False" if condition["type"] in ("Ready", "ContainersReady") else str(condition["status"])


def pods_of(sim: Simulation, deployment: Ref, *, ready: bool) -> list[Ref]:
    """The living pods of a Deployment that are ready, or those that are not."""
    app = (sim.store.peek(deployment) or {})["spec"]["selector"]["matchLabels"]["app"]
    pods = [each for each in sim.store.scan(PODS, bookinfo.NAMESPACE) if labels(each).get("app") == app]
    living = [each for each in pods if "deletionTimestamp" not in each["metadata"]]
    return [Ref.of(PODS, each) for each in living if is_ready(each) == ready]


# -- what was asked of the API server


def asked(sim: Simulation, since: int = 0) -> list[Request]:
    """The requests besides watches, lists and the Lease, in the order of sending."""
    quiet = ("watch", "list")
    found = [each for each in sim.requests()[since:] if each.verb not in quiet and each.kind != LEASES]
    return sorted(found, key=lambda each: each.at)
