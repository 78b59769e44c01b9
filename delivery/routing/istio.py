"""Istio, managed: one VirtualService on the apex host and a DestinationRule for each role.

Every write holds only for the very object that the decision was based on. Beside the fence, our last write is
annotated as a hash of our fields, so that a hand edit is told from what we wrote ourselves.
"""

from collections.abc import Mapping
from typing import Any

from delivery.cluster.objects import DESTINATION_RULES, VIRTUAL_SERVICES, Change, Kind, Object, Op, Ref
from delivery.routing import adopting, carried, http_rules, laying, rules, tcp_rules
from delivery.routing.applied import digest, managers
from delivery.routing.hosts import resolve, routed_hosts
from delivery.routing.route_spec import MESH, RouteSpec
from delivery.routing.router import Observed, RouteView
from delivery.routing.undoing import given_back
from delivery.workloads import adoption
from delivery.workloads.names import Names
from delivery.workloads.overlay import Absent, Exact, create_change, patch_change, refence_change
from delivery.workloads.ownership import APPLIED, annotations, fence_of, is_ours, signs
from delivery.workloads.written import kept_metadata
from strategies.traffic import Traffic

DESTINATION_FIELDS = ("host", "trafficPolicy")
"""What we write into the spec of a role's DestinationRule."""
UNTOUCHED_BY_GITOPS = {
    "kustomize.toolkit.fluxcd.io/reconcile": "disabled",
    "helm.toolkit.fluxcd.io/driftDetection": "disabled",
}


class IstioRouter:
    """The Router for Istio's networking API."""

    @property
    def kinds(self) -> tuple[Kind, ...]:
        return (VIRTUAL_SERVICES, DESTINATION_RULES)

    @property
    def moves_apex(self) -> bool:
        return False

    def route_refs(self, names: Names, spec: RouteSpec) -> tuple[Ref, ...]:
        return (_route_ref(names),)

    def destination_refs(self, names: Names, spec: RouteSpec) -> tuple[Ref, ...]:
        return tuple(
            Ref(DESTINATION_RULES, names.namespace, service)
            for service in (names.primary_service, names.canary_service)
        )

    def created_refs(self, names: Names, spec: RouteSpec) -> tuple[Ref, ...]:
        return (*self.destination_refs(names, spec), *self.route_refs(names, spec))

    def destinations(self, names: Names, spec: RouteSpec, observed: Observed, *, epoch: int) -> tuple[Change, ...]:
        changes = (
            _destination(names, spec, ref.name, observed.get(ref), epoch=epoch)
            for ref in self.destination_refs(names, spec)
        )
        return tuple(change for change in changes if change)

    def routes(
        self, names: Names, spec: RouteSpec, traffic: Traffic, observed: Observed, *, epoch: int
    ) -> tuple[Change, ...]:
        current = observed.get(_route_ref(names))
        body = _virtual_service(names, spec, traffic, current)
        why = f"primary {traffic.primary}, canary {traffic.canary}"
        if current is None:
            return (create_change(VIRTUAL_SERVICES, body, epoch=epoch, why=why),)
        address = {member: body["spec"].get(member, Absent()) for member in ("hosts", "gateways")}
        wanted = {"metadata": body["metadata"], "spec": address}
        wanted["metadata"]["annotations"] |= adopting.taken(current, names)
        if carried.written(current) and not spec.service.rule:
            wanted["metadata"]["annotations"][carried.CARRIED] = Absent()
        extra = _rule_ops(names, body["spec"], current)
        change = patch_change(VIRTUAL_SERVICES, current, wanted, epoch=epoch, why=why, extra=extra)
        return (change,) if change else ()

    def give_back(self, names: Names, spec: RouteSpec, observed: Observed, *, epoch: int) -> tuple[Change, ...]:
        change = given_back(names, observed.get(_route_ref(names)), noted=tuple(UNTOUCHED_BY_GITOPS), epoch=epoch)
        return (change,) if change else ()

    def adoptable(self, names: Names, spec: RouteSpec, observed: Observed) -> tuple[Ref, ...]:
        route = observed.get(_route_ref(names))
        found = [_route_ref(names)] if route is not None and adopting.may_adopt(names, spec, route) else []
        refs = self.destination_refs(names, spec)
        return (*found, *(ref for ref in refs if _may_adopt(names, spec, ref.name, observed.get(ref))))

    def read(self, names: Names, spec: RouteSpec, observed: Observed) -> RouteView:
        route = observed.get(_route_ref(names))
        if route is None or not is_ours(route, names):
            return RouteView()
        said = _tcp_view(route, names) if spec.tcp else _http_view(route, names)
        return RouteView(
            **said,
            applied_matches=annotations(route).get(APPLIED) == digest(our_fields(route, names)),
            fence=fence_of(route),
            managers=managers(route),
        )

    def refence(self, names: Names, spec: RouteSpec, observed: Observed, *, epoch: int) -> tuple[Change, ...]:
        refs = (*self.route_refs(names, spec), *self.destination_refs(names, spec))
        found = ((ref.kind, observed.get(ref)) for ref in refs)
        changes = [refence_change(kind, body, epoch=epoch) for kind, body in found if body is not None]
        return tuple(change for change in changes if change)


def _route_ref(names: Names) -> Ref:
    return Ref(VIRTUAL_SERVICES, names.namespace, names.apex)


def _http_view(route: Object, names: Names) -> dict[str, Any]:
    found = rules.rules_of(route)
    everybody, matched = rules.everybody_weight(found, names), rules.matched_weight(found, names)
    return {
        "canary_weight": everybody if matched is None else matched,
        "everybody_weight": everybody,
        "mirror": rules.mirror_percent(found, names.host(names.canary_service)),
        "testers": rules.index_of(found, rules.TESTERS) is not None,
    }


def _tcp_view(route: Object, names: Names) -> dict[str, Any]:
    weight = tcp_rules.canary_weight(rules.rules_of(route, "tcp"), names)
    return {"canary_weight": weight, "everybody_weight": weight}


def _address(names: Names, spec: RouteSpec, current: Object | None) -> dict[str, Any]:
    """Hosts and gateways; a delegate has none, those of the VirtualService that delegates to it count."""
    if (adopted := adopting.address_of(names, spec, current)) is not None:
        return adopted
    if spec.delegation:
        return {}
    return {"hosts": routed_hosts(names, spec), "gateways": list(spec.gateways) or [MESH]}


def _virtual_service(names: Names, spec: RouteSpec, traffic: Traffic, current: Object | None) -> dict[str, Any]:
    """The whole VirtualService as we create it, but for the fence; without labels and annotations that are over."""
    service = spec.service
    given = kept_metadata(current, service.apex)
    found: dict[str, Any] = (
        {"tcp": [tcp_rules.wanted_rule(names, spec, traffic)]}
        if spec.tcp
        else {"http": http_rules.wanted_rules(names, spec, traffic)}
    )
    body: dict[str, Any] = {
        "metadata": {
            "name": names.apex,
            "namespace": names.namespace,
            "labels": {**given["labels"], **adopting.signed(current, names)},
        },
        "spec": {**_address(names, spec, current), **found},
    }
    ours = {carried.CARRIED: carried.noted(service.rule)} if service.rule else {}
    body["metadata"]["annotations"] = {**given["annotations"], **UNTOUCHED_BY_GITOPS, **ours}
    body["metadata"]["annotations"][APPLIED] = digest(our_fields(body, names))
    return body


def _rule_ops(names: Names, wanted: Mapping[str, Any], current: Object) -> tuple[Op, ...]:
    """The operations on both lists of rules; of the protocol that is not asked for, ours go."""
    have = current.get("spec") or {}
    canary = names.host(names.canary_service)
    http, tcp = rules.rules_of(current), rules.rules_of(current, "tcp")
    placed = adopting.with_place(http) if adopting.is_taken(current, names) else http
    after = {"http": laying.laid(placed, wanted.get("http") or [], before=carried.written(current), canary=canary)}
    if "tcp" in wanted:
        after["tcp"] = tcp_rules.laid(tcp, wanted["tcp"][0], names)
    elif (index := tcp_rules.our_index(tcp, names)) is not None:
        after["tcp"] = [*tcp[:index], *tcp[index + 1 :]]
    before = {member: have[member] for member in after if member in have}
    kept = {member: value for member, value in after.items() if value or (member in before and value == before[member])}
    return laying.differences(before, kept, ("spec",))


def our_fields(virtual_service: Mapping[str, Any], names: Names) -> dict[str, Any]:
    """What of a VirtualService is ours, in a form that does not depend on how a server or a tool writes it."""
    spec = virtual_service.get("spec") or {}
    http, tcp = rules.rules_of(virtual_service), rules.rules_of(virtual_service, "tcp")
    deciding, own = rules.deciding_index(http), rules.index_of(http, rules.RULE)
    before = carried.written(virtual_service)
    canary = names.host(names.canary_service)
    index = tcp_rules.our_index(tcp, names)
    return {
        "hosts": spec.get("hosts") or [],
        "gateways": spec.get("gateways") or [],
        "http": [_essence(rule, before, canary) for rule in http if rule.get("name") in rules.OURS],
        "tcp": [_essence(tcp[index], (), canary)] if index is not None else [],
        "decides": own is not None and (deciding is None or own <= deciding),
    }


def _essence(rule: rules.Rule, before: tuple[str, ...], canary: str) -> dict[str, Any]:
    items, shares = rule.get("route") or [], [weight for _, weight in rules.weights(rule)]
    return {
        "name": rule.get("name", ""),
        "match": rule.get("match") or [],
        "route": [
            [item.get("destination"), weight, laying.cookie_of(item)]
            for item, weight in zip(items, shares, strict=True)
        ],
        "mirror": [rule.get("mirror"), rule.get("mirrorPercentage")] if rules.mirrors_to(rule, canary) else [],
        "carried": {name: rule.get(name) for name in before},
    }


def _destination(names: Names, spec: RouteSpec, service: str, current: Object | None, *, epoch: int) -> Change | None:
    """Create or repair the DestinationRule of one role's host."""
    policy = spec.service.traffic_policy
    own: dict[str, Any] = {"host": names.host(service)}
    if policy:
        # A whole policy: laid over another one, two ways of load balancing would meet in one object.
        own["trafficPolicy"] = Exact(dict(policy))
    elif current is not None and _wrote_policy(current):
        own["trafficPolicy"] = Absent()
    noted = {**UNTOUCHED_BY_GITOPS, APPLIED: digest([own["host"], policy or None])}
    meta = {
        "name": service,
        "namespace": names.namespace,
        "labels": signs(current, names),
        "annotations": {**noted, **adoption.note(current, names, DESTINATION_FIELDS)},
    }
    body = {"metadata": meta, "spec": own}
    if current is None:
        return create_change(DESTINATION_RULES, body, epoch=epoch, why=f"create DestinationRule {service}")
    return patch_change(DESTINATION_RULES, current, body, epoch=epoch, why=f"repair DestinationRule {service}")


def _may_adopt(names: Names, spec: RouteSpec, service: str, rule: Object | None) -> bool:
    """Is a DestinationRule that is not ours one for a role's host alone, with the policy that is asked for, if any?"""
    if rule is None or not adoption.is_free(rule, names):
        return False
    given, wanted = rule.get("spec") or {}, spec.service.traffic_policy
    here = resolve(str(given.get("host", "")), names.namespace, names.cluster_domain) == names.host(service)
    return here and not given.get("subsets") and (not wanted or dict(wanted) == given.get("trafficPolicy"))


def _wrote_policy(rule: Object) -> bool:
    """Is the policy on it the one that our last write put there? Else it is somebody else's and stays."""
    spec = rule.get("spec") or {}
    policy = spec.get("trafficPolicy")
    return bool(policy) and annotations(rule).get(APPLIED) == digest([spec.get("host"), policy])


def destination_applied_matches(rule: Object) -> bool:
    """False when somebody else changed a DestinationRule's host, or the policy that we wrote, since our last write."""
    spec = rule.get("spec") or {}
    host, policy = spec.get("host"), spec.get("trafficPolicy")
    return annotations(rule).get(APPLIED) in (digest([host, policy]), digest([host, None]))
