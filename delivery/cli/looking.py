"""Reads what belongs to a Canary: its roles' workloads and pods, its Events, and what holds it.

Only the Canary itself is needed. What may not be read is said in a note, and everything else is shown.
"""

import asyncio
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from delivery.api.status import UnreadableStatus, too_new
from delivery.cli.holding import freezes, hours
from delivery.cli.reaching import Cluster, DeniedError, MissingError, ReachError
from delivery.cluster.clock import SystemClock
from delivery.cluster.objects import CANARIES, DAEMON_SETS, DEPLOYMENTS, EVENTS, PODS, SERVICES, Kind, Object
from delivery.terminal.seen import Seen, Workload

KINDS: Mapping[str, Kind] = {kind.kind: kind for kind in (DEPLOYMENTS, DAEMON_SETS, SERVICES)}
"""What a Canary may have for a target."""

NEWER = (
    "what this program does not know: status.version is {}, of a newer version than this program; "
    "an older controller leaves the Canary alone (docs/upgrade.md)"
)


async def see(cluster: Cluster, canary: Object, home: str) -> Seen:
    """Everything that belongs to this Canary, read at once; `home` is the controller's namespace."""
    notes: list[str] = []
    primary, target, told = await asyncio.gather(
        _workload(cluster, canary, "primary", notes),
        _workload(cluster, canary, "canary", notes),
        see_held(cluster, canary, home),
    )
    workloads = tuple(each for each in (primary, target) if each.name)
    return replace(told, workloads=workloads, notes=tuple(dict.fromkeys((*notes, *told.notes))))


async def see_held(cluster: Cluster, canary: Object, home: str) -> Seen:
    """The Canary with its Events, and with what holds it."""
    namespace = str(canary["metadata"]["namespace"])
    told, found = await asyncio.gather(see_told(cluster, canary), freezes(cluster, namespace, home))
    return replace(
        told,
        notes=(*told.notes, *found.notes),
        freezes=found.bodies,
        freezes_known=found.known,
        home=home,
        hours=hours(canary, SystemClock().now()),
    )


async def see_told(cluster: Cluster, canary: Object) -> Seen:
    """The Canary with its Events and nothing else."""
    status: Any = canary.get("status") or {}
    notes: list[str] = [NEWER.format(status["version"])] if too_new(status) else []
    meta = canary["metadata"]
    events = await _allowed(events_of(cluster, meta["namespace"], meta["name"]), [], notes)
    return Seen(canary=canary, events=tuple(events), notes=tuple(notes))


@contextmanager
def readable(name: str) -> Iterator[None]:
    """Say in words that the status of a Canary makes no sense."""
    try:
        yield
    except UnreadableStatus as error:
        raise ReachError(f"the status of Canary {name!r} cannot be read: {error}") from error


async def events_of(cluster: Cluster, namespace: str, name: str) -> list[Object]:
    """The Events about this Canary that the cluster still has."""
    found = await cluster.list(EVENTS, namespace=namespace)
    return [each for each in found if _about(each, name)]


def _about(event: Object, name: str) -> bool:
    about = event.get("involvedObject") or {}
    return about.get("kind") == CANARIES.kind and about.get("name") == name


async def _workload(cluster: Cluster, canary: Object, role: str, notes: list[str]) -> Workload:
    kind, name = await _named(cluster, canary, role, notes)
    namespace = str(canary["metadata"]["namespace"])
    body = await _allowed(cluster.find(kind, name, namespace=namespace), None, notes) if name else None
    selector = _selector(body)
    pods: list[Object] = []
    if selector:
        pods = await _allowed(cluster.list(PODS, selector=selector, namespace=namespace), [], notes)
    return Workload(role=role, name=name, body=body, pods=tuple(pods))


async def _named(cluster: Cluster, canary: Object, role: str, notes: list[str]) -> tuple[Kind, str]:
    """The role's workload; where promotions move users, the one that the role's Service leads to."""
    spec: Any = canary.get("spec") or {}
    target, naming = spec.get("targetRef") or {}, spec.get("naming") or {}
    name = str(target.get("name", ""))
    kind = KINDS.get(str(target.get("kind", "")), DEPLOYMENTS)
    apex = (spec.get("service") or {}).get("name") or name
    if (spec.get("promotion") or {}).get("method") == "switch":
        from delivery.workloads.targets.leading import led_to  # brings all models, which take long

        service = str(naming.get(role) or f"{apex}-{role}")
        found = cluster.find(SERVICES, service, namespace=str(canary["metadata"]["namespace"]))
        return DEPLOYMENTS, led_to(await _allowed(found, None, notes)).deployment or (name if role == "canary" else "")
    if kind is SERVICES:
        return SERVICES, str(naming.get(role) or f"{apex}-{role}")
    return kind, name if role == "canary" else str(naming.get("primary") or f"{name}-primary")


def _selector(body: Object | None) -> str:
    """The label selector of a workload's pods, as a request has it; "" without one."""
    spec: Any = (body or {}).get("spec") or {}
    raw = spec.get("selector") or {}
    labels = raw.get("matchLabels") if "template" in spec else raw
    return ",".join(f"{name}={value}" for name, value in sorted((labels or {}).items()))


async def _allowed(reading: Coroutine[Any, Any, Any], without: Any, notes: list[str]) -> Any:
    """What was read, or `without` where that is not allowed or not served: then a note says so."""
    try:
        return await reading
    except (DeniedError, MissingError) as error:
        notes.append(error.message)
        return without
