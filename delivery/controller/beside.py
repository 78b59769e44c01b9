"""The roles as somebody else has them: their workloads, their routes, and who that is.

A Canary that looks on has made nothing, so nothing is found by a label or a note of ours. Roles are found by their
names (`naming` says other ones), by what a Service selects, or by the subset of a version.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from delivery.cluster.indexes import DESTINATION_INDEX, LABEL_INDEX
from delivery.cluster.objects import DEPLOYMENTS, DESTINATION_RULES, PODS, VIRTUAL_SERVICES, Object, Ref
from delivery.cluster.reader import Reader
from delivery.controller.picture import Picture
from delivery.routing import beside, version_subsets
from delivery.routing.applied import managers
from delivery.routing.beside import Given
from delivery.routing.destinations import Destination, RoleDestinations
from delivery.routing.flagger import is_flaggers
from delivery.routing.version_subsets import Version
from delivery.workloads import service_copies
from delivery.workloads.ownership import annotations
from delivery.workloads.revision import revision as revision_of
from delivery.workloads.selectors import label_apart, match_labels
from delivery.workloads.targets.leading import pod_labels
from delivery.workloads.targets.registry import TARGET_KINDS
from delivery.workloads.targets.service import seen_behind
from strategies.snapshot import Mover, Problem, Routes, Workload

ARGO = "argo-rollouts.argoproj.io/"
"""Begins what Argo Rollouts notes on the Services that it leads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """What was found. `version`: the Deployment that serves, where roles are versions with subsets; "" elsewhere."""

    target: Workload | None
    primary: Workload | None
    routes: Routes
    mover: Mover
    version: str = ""


def look(reader: Reader, picture: Picture, *, matched: bool, since: datetime | None) -> Beside:
    """Look at it. Costs no request. `matched`: only some requests are tried on the canary.

    `since`: restarts that ended before it are no trouble (see health.trouble).
    """
    found = _routes(reader, picture)
    given = beside.given(picture.names, found, _canary(picture), matched=matched)
    canary, primary = _roles(reader, picture, given)
    pods = _pods(reader, picture, canary, primary)
    return Beside(
        target=_observed(picture, canary, pods, since),
        primary=_observed(picture, primary, pods, since),
        routes=Routes(
            canary_weight=given.canary,
            everybody_weight=given.everybody,
            mirror=given.mirror,
            in_sync=True,
            problem=_unrouted(picture, given),
        ),
        mover=_mover(picture, canary, primary, [body for body, _ in found]),
        version=str(primary["metadata"]["name"]) if primary is not None and picture.route.by_version else "",
    )


def _routes(reader: Reader, picture: Picture) -> list[tuple[Object, tuple[str, ...]]]:
    """The VirtualServices that may split, with the names of the routes that count: the named ones, or all that lead to
    the canary's host.
    """
    references = picture.route.references
    if references:
        named = ((reader.get(each.ref), each.routes) for each in references)
        return [(body, routes) for body, routes in named if body is not None]
    if VIRTUAL_SERVICES not in picture.router.kinds:
        return []
    apex = reader.get(Ref(VIRTUAL_SERVICES, picture.names.namespace, picture.names.apex))
    leading = reader.indexed(VIRTUAL_SERVICES, DESTINATION_INDEX, picture.names.canary_service)
    bodies = {id(body): body for body in (apex, *leading) if body is not None}
    return [(body, ()) for body in bodies.values()]


def _canary(picture: Picture) -> Destination:
    """Where the canary is reached."""
    names, subsets = picture.names, picture.route.subsets
    if subsets is None or not subsets.versions:
        return RoleDestinations.of(names, picture.route).canary
    if picture.target is None:
        return Destination("")
    version = Version(deployment=names.target, labels=pod_labels(picture.target))
    subset = version_subsets.subset_of(subsets, names, picture.mesh, version)
    return Destination(names.host(names.apex), subset) if subset else Destination("")


def _roles(reader: Reader, picture: Picture, given: Given) -> tuple[Object | None, Object | None]:
    """The objects that say what each role runs: of a target of kind Service the Services that lead to its versions."""
    names, subsets = picture.names, picture.route.subsets
    if picture.workload.is_apex:
        return picture.canary_service, picture.primary_service
    if subsets is not None and subsets.versions:
        rule = reader.get(Ref(DESTINATION_RULES, names.namespace, subsets.rule))
        there = reader.list(DEPLOYMENTS, names.namespace)
        return picture.target, beside.serving(rule, given.others, there, target=names.target)
    return picture.target, picture.primary


def _pods(reader: Reader, picture: Picture, canary: Object | None, primary: Object | None) -> tuple[Object, ...]:
    """The pods of both, found by a label in which the two differ; of the whole namespace where labels do not say."""
    selections = [_selector(each) for each in (canary, primary) if each is not None]
    namespace = picture.names.namespace
    found: dict[str, Object] = {}
    for labels in selections:
        key = label_apart(labels, selections) if labels else ""
        pods: Iterable[Object] = (
            reader.indexed(PODS, LABEL_INDEX, f"{namespace}/{key}={labels[key]}")
            if key
            else reader.list(PODS, namespace)
        )
        found.update((str(pod["metadata"]["name"]), pod) for pod in pods)
    return tuple(found.values())


def _is_service(body: Object) -> bool:
    return "template" not in (body.get("spec") or {})


def _selector(body: Object) -> Mapping[str, str]:
    if not _is_service(body):
        return match_labels(body)
    selector: Mapping[str, str] = (body.get("spec") or {}).get("selector") or {}
    return selector


def _observed(
    picture: Picture, body: Object | None, pods: tuple[Object, ...], since: datetime | None
) -> Workload | None:
    if body is None:
        return None
    if _is_service(body):
        return seen_behind(revision_of(service_copies.routed(body)), body, pods, since, behind=False)
    kind = TARGET_KINDS[picture.workload.kind.kind]
    return kind.observe(body, pods, past=picture.past, since=since)


def _unrouted(picture: Picture, given: Given) -> Problem | None:
    """Why nobody can tell what the canary gets, where it should be told by routes."""
    if given.canary is not None or VIRTUAL_SERVICES not in picture.router.kinds:
        return None
    if picture.route.references:
        message = "no route of spec.routeRefs leads to a role; name the VirtualService that the other side moves"
    else:
        names = picture.names
        message = (
            f"no VirtualService leads to {names.canary_service} or {names.primary_service}; name the one that the "
            "other side moves in spec.routeRefs, and its Services in spec.naming"
        )
    return Problem(reason="NothingToObserve", message=message)


def _mover(picture: Picture, canary: Object | None, primary: Object | None, routes: Iterable[Object]) -> Mover:
    """Who moves traffic, by what they leave on objects; else whoever wrote the routes last."""
    routes = tuple(routes)
    objects = (primary, picture.primary, picture.primary_service, picture.canary_service, picture.apex, *routes)
    there = [each for each in objects if each is not None]
    alike = canary is not None and primary is not None and _runs(canary) == _runs(primary)
    if any(is_flaggers(each) for each in there):
        return Mover(name="Flagger", copies=True, alike=alike)
    if any(key.startswith(ARGO) for each in there for key in annotations(each)):
        return Mover(name="Argo Rollouts", copies=True, alike=alike)
    writers = [name for body in routes for name in managers(body)]
    mover = Mover(copies=picture.workload.is_apex, alike=alike)
    return replace(mover, name=writers[0]) if writers else mover


def _runs(body: Object) -> object:
    """What runs there, as far as it is the same in a copy under other names: images, or the pods that are led to."""
    if _is_service(body):
        return _selector(body)
    containers = body["spec"]["template"]["spec"].get("containers") or []
    return [(each.get("name"), each.get("image")) for each in containers]
