"""Istio, managed: one VirtualService on the apex host and a DestinationRule for each role.

Every write holds only for the very object that the decision was based on. Beside the fence, our last write is
annotated as a hash of our fields, so that a hand edit is told from what we wrote ourselves.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from delivery.cluster.objects import DESTINATION_RULES, VIRTUAL_SERVICES, Change, Kind, Object
from delivery.routing import carried, rules
from delivery.routing.router import Observed, RouteView
from delivery.workloads.names import Names
from delivery.workloads.overlay import Absent, Exact, create_change, patch_change, refence_change
from delivery.workloads.ownership import APPLIED, MANAGER, annotations, fence_of, owner_labels
from delivery.workloads.service_spec import ServiceSpec
from strategies.traffic import Traffic

MESH = "mesh"
"""Istio's word for all sidecars, where a VirtualService names its gateways."""

UNTOUCHED_BY_GITOPS = {
    "kustomize.toolkit.fluxcd.io/reconcile": "disabled",
    "helm.toolkit.fluxcd.io/driftDetection": "disabled",
}


class IstioRouter:
    """The Router for Istio's networking API."""

    @property
    def kinds(self) -> tuple[Kind, ...]:
        return (VIRTUAL_SERVICES, DESTINATION_RULES)

    def destinations(self, names: Names, spec: ServiceSpec, observed: Observed, *, epoch: int) -> tuple[Change, ...]:
        changes = (
            _destination(names, spec, names.primary_service, observed.primary, epoch=epoch),
            _destination(names, spec, names.canary_service, observed.canary, epoch=epoch),
        )
        return tuple(change for change in changes if change)

    def routes(
        self, names: Names, spec: ServiceSpec, traffic: Traffic, observed: Observed, *, epoch: int
    ) -> tuple[Change, ...]:
        body = _virtual_service(names, spec, traffic)
        why = f"primary {traffic.primary}, canary {traffic.canary}"
        if observed.route is None:
            return (create_change(VIRTUAL_SERVICES, body, epoch=epoch, why=why),)
        wanted = {
            "metadata": body["metadata"],
            "spec": {"hosts": body["spec"]["hosts"], "gateways": body["spec"]["gateways"]},
        }
        if carried.written(observed.route) and not spec.rule:
            wanted["metadata"]["annotations"][carried.CARRIED] = Absent()
        extra = rules.rule_ops(observed.route, body["spec"]["http"][0]["route"], spec.rule)
        change = patch_change(VIRTUAL_SERVICES, observed.route, wanted, epoch=epoch, why=why, extra=extra)
        return (change,) if change else ()

    def read(self, route: Object | None, names: Names) -> RouteView:
        if route is None:
            return RouteView()
        return RouteView(
            canary_weight=rules.canary_weight(rules.rules_of(route), names),
            applied_matches=annotations(route).get(APPLIED) == _digest(rules.our_fields(route)),
            fence=fence_of(route),
            managers=_managers(route),
        )

    def refence(self, observed: Observed, *, epoch: int) -> tuple[Change, ...]:
        there = (
            (VIRTUAL_SERVICES, observed.route),
            (DESTINATION_RULES, observed.primary),
            (DESTINATION_RULES, observed.canary),
        )
        changes = [refence_change(kind, body, epoch=epoch) for kind, body in there if body is not None]
        return tuple(change for change in changes if change)


def _virtual_service(names: Names, spec: ServiceSpec, traffic: Traffic) -> dict[str, Any]:
    """The whole VirtualService as we create it, but for the fence."""
    body: dict[str, Any] = {
        "metadata": {
            "name": names.apex,
            "namespace": names.namespace,
            "labels": {**spec.apex.labels, **owner_labels(names)},
        },
        "spec": {
            "hosts": [names.host(names.apex)],
            "gateways": [MESH],
            "http": [{"name": rules.RULE, "route": rules.wanted_route(names, traffic), **spec.rule}],
        },
    }
    ours = {carried.CARRIED: carried.noted(spec.rule)} if spec.rule else {}
    body["metadata"]["annotations"] = {**spec.apex.annotations, **UNTOUCHED_BY_GITOPS, **ours}
    body["metadata"]["annotations"][APPLIED] = _digest(rules.our_fields(body))
    return body


def _destination(names: Names, spec: ServiceSpec, service: str, current: Object | None, *, epoch: int) -> Change | None:
    """Create or repair the DestinationRule of one role's host."""
    policy = spec.traffic_policy
    own: dict[str, Any] = {"host": names.host(service)}
    if policy:
        # A whole policy: laid over another one, two ways of load balancing would meet in one object.
        own["trafficPolicy"] = Exact(dict(policy))
    elif current is not None and _wrote_policy(current):
        own["trafficPolicy"] = Absent()
    meta = {
        "name": service,
        "namespace": names.namespace,
        "labels": owner_labels(names),
        "annotations": {**UNTOUCHED_BY_GITOPS, APPLIED: _digest([own["host"], policy or None])},
    }
    body = {"metadata": meta, "spec": own}
    if current is None:
        return create_change(DESTINATION_RULES, body, epoch=epoch, why=f"create DestinationRule {service}")
    return patch_change(DESTINATION_RULES, current, body, epoch=epoch, why=f"repair DestinationRule {service}")


def _wrote_policy(rule: Object) -> bool:
    """Is the policy on it the one that our last write put there? Else it is somebody else's and stays."""
    spec = rule.get("spec") or {}
    policy = spec.get("trafficPolicy")
    return bool(policy) and annotations(rule).get(APPLIED) == _digest([spec.get("host"), policy])


def destination_applied_matches(rule: Object) -> bool:
    """False when somebody else changed a DestinationRule's host, or the policy that we wrote, since our last write."""
    spec = rule.get("spec") or {}
    host, policy = spec.get("host"), spec.get("trafficPolicy")
    return annotations(rule).get(APPLIED) in (_digest([host, policy]), _digest([host, None]))


def _digest(value: Any) -> str:
    """A hash of JSON that does not depend on the order of members: 16 hexadecimal digits of SHA-256."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _managers(body: Mapping[str, Any]) -> tuple[str, ...]:
    """Who besides us owns fields of the spec, the latest writer first.

    A cache that drops the sets of fields leaves only who wrote at all; then everybody but the status' writers counts.
    """
    entries = [
        entry
        for entry in body["metadata"].get("managedFields") or []
        if entry.get("manager") != MANAGER
        and not entry.get("subresource")
        and "f:spec" in entry.get("fieldsV1", {"f:spec": {}})
    ]
    entries.sort(key=lambda entry: str(entry.get("time", "")), reverse=True)
    return tuple(dict.fromkeys(str(entry.get("manager", "")) for entry in entries))
