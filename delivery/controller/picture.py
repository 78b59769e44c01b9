"""Everything of one Canary as it stands in the caches at one moment, before anybody judges it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from delivery.cluster.indexes import LABEL_INDEX, OWNER_INDEX
from delivery.cluster.objects import (
    CANARIES,
    PODS,
    SERVICES,
    Kind,
    Object,
    Ref,
)
from delivery.cluster.reader import Reader
from delivery.controller import version_scalers
from delivery.controller.configs import Configs
from delivery.controller.reading import Spec
from delivery.controller.references import forgotten, with_left_behind
from delivery.controller.scaling import Scaling, look
from delivery.controller.versions import Versions, with_subsets
from delivery.controller.versions import look as versions_of
from delivery.routing.route_spec import RouteSpec
from delivery.routing.router import Observed, Router
from delivery.routing.subset_labels import labelling_for
from delivery.workloads.names import Names
from delivery.workloads.ownership import FENCE, annotations, is_ours
from delivery.workloads.selectors import label_apart
from delivery.workloads.service_spec import ServiceSpec
from delivery.workloads.targets.leading import led_to
from delivery.workloads.targets.target_kind import TargetKind, Template

NEEDED = (CANARIES, PODS, SERVICES)
"""The kinds without whose watches nothing may rise, besides the target's own and the router's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """The objects of one Canary; None where the caches have none.

    `canary_free_in` is in how many seconds no proxy sends the canary anything any more, so that its Service may lead
    elsewhere: 0 when it may at once, infinite while the routes do. `forgotten` are routes of the user's that keep a
    note of ours although nobody names them any more.
    """

    body: Object
    names: Names
    workload: TargetKind
    service: ServiceSpec
    route: RouteSpec
    router: Router
    target: Object | None
    primary: Object | None
    apex: Object | None
    canary_service: Object | None
    primary_service: Object | None
    mesh: Observed
    scaling: Scaling
    pods: tuple[Object, ...]
    past: tuple[Object, ...]
    configs: Configs = field(default_factory=Configs)
    canary_free_in: float = 0.0
    versions: Versions = field(default_factory=Versions)
    forgotten: tuple[Object, ...] = ()

    @property
    def ref(self) -> Ref:
        """The Canary itself."""
        return Ref.of(CANARIES, self.body)

    @property
    def switches(self) -> bool:
        """Are the roles Services that lead to Deployments of the user's?"""
        return self.workload.routes_only and not self.workload.is_apex

    @property
    def route_refs(self) -> tuple[Ref, ...]:
        """The objects that split the traffic, there or not."""
        return self.router.route_refs(self.names, self.route)

    @property
    def route_uids(self) -> dict[Ref, str]:
        """Those that are there, with their uids."""
        found = ((ref, self.mesh.get(ref)) for ref in self.route_refs)
        return {ref: str(body["metadata"].get("uid", "")) for ref, body in found if body is not None}

    @property
    def template(self) -> Template | None:
        """The target's present template."""
        return self.workload.template_of(self.target) if self.target is not None else None

    @property
    def pod_labels(self) -> tuple[str, ...]:
        """KEY=VALUE of the roles' pods, one for each role, where only labels tell whose they are."""
        if not self.workload.routes_only:
            return ()
        selections = self.workload.selections(self.target, self.primary, self.past)
        return tuple(f"{key}={each[key]}" for each in selections if each and (key := label_apart(each, selections)))

    @property
    def needed(self) -> tuple[Kind, ...]:
        """The kinds without whose watches nothing may rise."""
        configs = (config.kind for config in self.configs.named if config.kind in self.configs.scope.kinds)
        return tuple(dict.fromkeys((self.workload.kind, *NEEDED, *self.router.kinds, *configs)))

    @property
    def templates(self) -> tuple[Template, ...]:
        """The templates of both roles; the primary's, whose pods serve users, first."""
        return _templates(self.workload, self.primary, self.target)

    def fenced(self) -> tuple[tuple[Any, Object], ...]:
        """The objects that carry our fence, with their kinds; not what is a user's before or after us."""
        refs = dict.fromkeys((*self.route_refs, *self.router.created_refs(self.names, self.route)))
        mine = (
            *((ref.kind, self.mesh.get(ref)) for ref in refs),
            (SERVICES, self.canary_service),
            (SERVICES, self.primary_service),
            (self.workload.primary_kind, self.primary),
            *self.scaling.fenced(),
        )
        return tuple((kind, body) for kind, body in mine if body is not None and _is_written(body, self.names))


def _is_written(body: Object, names: Names) -> bool:
    return is_ours(body, names) or FENCE in annotations(body)


def take(reader: Reader, body: Object, spec: Spec, *, scaling: bool = True) -> Picture:
    """Look everything up. Costs no request. Without `scaling` nobody asks what scales the roles."""
    names = spec.names

    def find(kind: Any, name: str) -> Object | None:
        return reader.get(Ref(kind, names.namespace, name))

    route = with_left_behind(reader, names, spec.route)
    seen = _routed(reader, spec, route)
    target, apex = find(spec.target.kind, names.target), find(SERVICES, names.apex)
    primary = find(spec.target.primary_kind, names.primary)
    workload = _labelled(spec, route, seen, target=target, primary=primary, apex=apex)
    canary_service = find(SERVICES, names.canary_service)
    past = _past(reader, workload, canary_service, target, primary)
    selections = workload.selections(target, primary, past)
    own, copied = ({}, {}) if workload.routes_only else selections[:2]
    mesh = replace(seen, primary=copied, canary=own, templates=_templates(workload, primary, target))
    versions = Versions()
    if route.by_version:
        versions = versions_of(reader, names, target=target, primary=primary, canary_service=canary_service)
        route = with_subsets(route, names, mesh, versions)
    return Picture(
        body=body,
        names=names,
        workload=workload,
        service=spec.service,
        route=route,
        router=spec.router,
        target=target,
        primary=primary,
        apex=apex,
        canary_service=canary_service,
        primary_service=find(SERVICES, names.primary_service),
        mesh=mesh,
        scaling=_scaling(reader, spec, names, primary) if scaling else Scaling(),
        pods=_pods(reader, names.namespace, selections),
        past=past,
        versions=versions,
        forgotten=forgotten(reader, names, route),
    )


def _routed(reader: Reader, spec: Spec, route: RouteSpec) -> Observed:
    """The objects that lead users, as they are."""
    refs = (*spec.router.route_refs(spec.names, route), *spec.router.destination_refs(spec.names, route))
    return Observed.of((ref, reader.get(ref)) for ref in refs)


def _scaling(reader: Reader, spec: Spec, names: Names, primary: Object | None) -> Scaling:
    """What scales the roles; where versions stay up, what scales each of them."""
    if spec.rollout.versions_stay:
        return Scaling(versions=version_scalers.look(reader, names, led_to(primary)))
    return look(reader, spec.autoscaler, names, spec.target.kind.kind, certain=spec.hold is None)


def _labelled(
    spec: Spec,
    route: RouteSpec,
    seen: Observed,
    *,
    target: Object | None,
    primary: Object | None,
    apex: Object | None,
) -> TargetKind:
    """The kind of the target, with the label that tells this Canary's primary from it."""
    if spec.target.routes_only:
        return spec.target
    labelling = labelling_for(
        spec.names, route, spec.labelling, seen, kind=spec.target.kind, target=target, primary=primary, apex=apex
    )
    return spec.target.labelled(labelling)


def _templates(workload: TargetKind, *roles: Object | None) -> tuple[Template, ...]:
    there = [each for each in roles if each is not None]
    if workload.routes_only and not workload.is_apex:  # the primary is a Service, and has no template
        return tuple(each["spec"]["template"] for each in there if "template" in each["spec"])
    return tuple(workload.template_of(each) for each in there)


def _pods(reader: Reader, namespace: str, selections: Sequence[Mapping[str, str]]) -> tuple[Object, ...]:
    """The pods of both roles, found by the one label in which the roles differ."""
    found: dict[str, Object] = {}
    for labels in selections:
        if labels:
            key = label_apart(labels, selections)
            pods = reader.indexed(PODS, LABEL_INDEX, f"{namespace}/{key}={labels[key]}")
            found.update((pod["metadata"]["name"], pod) for pod in pods)
    return tuple(found.values())


def _past(
    reader: Reader, workload: TargetKind, canary_service: Object | None, *owners: Object | None
) -> tuple[Object, ...]:
    """Where earlier templates are; the canary service leads to the one that is analysed."""
    if workload.routes_only:
        return () if canary_service is None else (canary_service,)
    found: list[Object] = []
    for owner in owners:
        if owner is not None and workload.past is not None:
            found += reader.indexed(workload.past, OWNER_INDEX, owner["metadata"].get("uid", ""))
    return tuple(found)
