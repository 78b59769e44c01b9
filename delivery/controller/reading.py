"""What is made of a Canary's JSON: made once for each version of it, for a tick asks for all of it every time.

Whether it is the same version is not taken from a number: what it was made of is compared, member by member.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from delivery.api.canary import Canary
from delivery.api.parse import InvalidSpec, parse_canary
from delivery.api.rollout import metric_specs, named_hooks, rollout_spec
from delivery.api.salvage import salvage_canary
from delivery.cluster.objects import DEPLOYMENTS, Object
from delivery.controller.asker import Brief
from delivery.routing.caution import Caution
from delivery.routing.policies import ROOT_NAMESPACE
from delivery.routing.registry import router_for
from delivery.routing.route_spec import RouteSpec
from delivery.routing.router import Router
from delivery.workloads.autoscalers.spec import AutoscalerSpec
from delivery.workloads.names import Names
from delivery.workloads.naming import naming_problem
from delivery.workloads.pod_names import pods_of
from delivery.workloads.revision import Scope
from delivery.workloads.selectors import USUAL, Labelling
from delivery.workloads.service_spec import ServiceSpec
from delivery.workloads.targets.registry import target_kind
from delivery.workloads.targets.target_kind import TargetKind
from metrics.matchers import Matchers
from metrics.spec import Counted, Subject
from strategies.snapshot import Problem
from strategies.spec import RolloutSpec

_NO_NEWS = ("resourceVersion", "managedFields")
"""Metadata that every write of the status changes and that no spec is made of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What the process decides for every Canary. `metrics_server` and `provider` are used where a Canary names none;
    `metrics_matchers` are part of every builtin query; `tracking` is what revisions are made of besides the template.
    With `observe` every Canary only looks on, whatever its mode.
    """

    metrics_server: str
    metrics_matchers: Matchers = ()
    provider: str | None = None
    scrape_interval_seconds: float = 15.0
    cluster_domain: str = "cluster.local"
    tracking: Scope = Scope.CONFIGS
    labelling: Labelling = USUAL
    root_namespace: str = ROOT_NAMESPACE
    observe: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """A Canary's spec as each room wants it. `hold` is what is wrong with the present one, if this is not it;
    `refusal` is what of it cannot be followed any more.
    """

    canary: Canary
    rollout: RolloutSpec
    names: Names
    target: TargetKind
    service: ServiceSpec
    route: RouteSpec
    router: Router
    autoscaler: AutoscalerSpec | None
    brief: Brief
    caution: Caution
    labelling: Labelling = USUAL
    hold: Problem | None = None
    refusal: Problem | None = None


class Reading:
    """The last reading of one Canary. Of an invalid spec: the last valid one, or what can still be read of it."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._valid: Canary | None = None
        self._source: Mapping[str, Any] = {}
        self._spec: Spec | Problem | None = None

    def spec(self, body: Object) -> Spec | Problem:
        """The spec; a Problem when nothing of it can be used, not even names."""
        source = _source(body)
        if self._spec is None or source != self._source:
            self._spec, self._source = self._read(body), source
        return self._spec

    def _read(self, body: Object) -> Spec | Problem:
        try:
            self._valid = parse_canary(body, provider=self._policy.provider)
        except InvalidSpec as error:
            problem = Problem(reason="InvalidSpec", message=str(error))
            rest = self._valid or salvage_canary(body, provider=self._policy.provider)
            return problem if rest is None else self._all_of(_as_deleted(rest, body), body, hold=problem)
        return self._all_of(self._valid, body)

    def _all_of(self, canary: Canary, body: Object, *, hold: Problem | None = None) -> Spec:
        rollout = rollout_spec(canary, scrape_interval_seconds=self._policy.scrape_interval_seconds)
        names = Names.of(canary, self._policy.cluster_domain)
        route = RouteSpec.of(canary)
        return Spec(
            canary=canary,
            rollout=replace(
                rollout,
                generation=body["metadata"].get("generation", 0),
                observe=rollout.observe or self._policy.observe,
            ),
            names=names,
            target=target_kind(
                canary.spec.target_ref.kind,
                self._policy.labelling,
                switched=route.service if canary.spec.promotion.method == "switch" else None,
            ),
            service=route.service,
            route=route,
            router=router_for(canary),
            autoscaler=AutoscalerSpec.of(canary),
            brief=_brief(canary, names, self._policy),
            caution=Caution.of(canary, self._policy.root_namespace),
            labelling=self._policy.labelling,
            hold=hold,
        )


def _as_deleted(canary: Canary, body: Object) -> Canary:
    """The Canary with what its present spec says about reverting, when it is being deleted.

    Who waits for a deletion is told to set it to false; something else that is wrong must not take that way from them.
    """
    said = (body.get("spec") or {}).get("revertOnDeletion", False)
    if "deletionTimestamp" not in body["metadata"] or not isinstance(said, bool):
        return canary
    return canary.model_copy(update={"spec": canary.spec.model_copy(update={"revert_on_deletion": said})})


def under_names(spec: Spec, names: Names) -> Spec:
    """The spec with the names that are in use; where it asks for others, it says so and changes nothing."""
    if names == spec.names:
        return spec
    return replace(
        spec,
        names=names,
        brief=replace(spec.brief, subject=_subject(spec.canary, names, spec.brief.subject.matchers)),
        refusal=naming_problem(spec.names, names),
    )


def _source(body: Object) -> dict[str, Any]:
    """Everything of a Canary but its status and what changes with it."""
    metadata = {key: value for key, value in body["metadata"].items() if key not in _NO_NEWS}
    return {**body, "metadata": metadata, "status": None}


def told_apart(spec: Spec, deployment: str) -> Spec:
    """The spec where roles are versions that share a Service, so that counts tell them by their workloads: `deployment`
    is the one that serves; "" for nobody yet.
    """
    if not deployment or not spec.route.by_version:
        return spec
    pods = pods_of(DEPLOYMENTS.kind, deployment)
    subject = replace(spec.brief.subject, primary=deployment, primary_pods=pods)
    return replace(spec, brief=replace(spec.brief, subject=subject))


def _brief(canary: Canary, names: Names, policy: Policy) -> Brief:
    return Brief(
        subject=_subject(canary, names, policy.metrics_matchers),
        metrics={each.name: each for each in metric_specs(canary)},
        server=canary.spec.metrics_server or policy.metrics_server,
        hooks=named_hooks(canary),
    )


def _subject(canary: Canary, names: Names, matchers: Matchers) -> Subject:
    switches = canary.spec.promotion.method == "switch"
    return Subject(
        namespace=names.namespace,
        name=names.canary,
        target=names.target,
        primary=names.primary,
        apex_service=names.apex,
        primary_service=names.primary_service,
        canary_service=names.canary_service,
        by_service=canary.spec.target_ref.kind == "Service" or (switches and canary.spec.subset_ref is None),
        by_subset=canary.spec.subset_ref is not None,
        counted=Counted.BY_PROXIES if canary.spec.has_mesh else Counted.BY_APPLICATION,
        target_pods=pods_of(canary.spec.target_ref.kind, names.target),
        primary_pods=pods_of(canary.spec.target_ref.kind, names.primary),
        matchers=matchers,
        ingress=canary.spec.ingress_ref.name if canary.spec.ingress_ref is not None else "",
        route=canary.spec.route_ref.name if canary.spec.route_ref is not None else "",
    )
