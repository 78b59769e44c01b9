"""Rules for `routeRefs` and `subsetRef`: what only a route of our own could keep is refused beside them.

Where a route is the user's, hosts, rewrites and timeouts are the user's too and stand there, not in the Canary.
"""

from typing import TYPE_CHECKING, Any

from delivery.api.model import broken_rule

if TYPE_CHECKING:
    from delivery.api.canary import CanarySpec

_MANAGED_ONLY = ("hosts", "gateways", "delegation", "match", "rewrite", "retries", "timeout", "headers", "corsPolicy")
"""Fields of spec.service that say what a VirtualService of our own is like."""

_GIVEN = "has(self.routeRefs) && size(self.routeRefs) > 0"
_SIZED = ("hosts", "gateways", "match")


def _asks(name: str) -> str:
    field = f"self.service.{name}"
    if name == "delegation":
        return f"(has({field}) && {field})"
    return f"(has({field}) && size({field}) > 0)" if name in _SIZED else f"has({field})"


_SPACE = "(has({0}.__namespace__) ? {0}.__namespace__ : '')"  # a reserved word of CEL, as the API server escapes it
_SAME = f"a.name == b.name && {_SPACE.format('a')} == {_SPACE.format('b')}"
_SUBSETS_STAY = "has(self.subsetRef) == has(oldSelf.subsetRef)"
RULES: tuple[tuple[str, str], ...] = (
    (
        f"!({_GIVEN}) || !({' || '.join(map(_asks, _MANAGED_ONLY))})",
        f"with routeRefs these stand in the VirtualService itself: service.{', service.'.join(_MANAGED_ONLY)}",
    ),
    (
        f"!({_GIVEN}) || !has(self.provider) || self.provider == 'istio'",
        "routeRefs are for provider istio",
    ),
    (
        f"!has(self.routeRefs) || self.routeRefs.all(a, self.routeRefs.exists_one(b, {_SAME}))",
        "routeRefs must name each VirtualService once",
    ),
    (
        f"!has(self.subsetRef) || ({_GIVEN})",
        "subsetRef needs routeRefs: only routes of the user name subsets",
    ),
    (
        "!has(self.subsetRef) || !has(self.service.trafficPolicy)",
        "with subsetRef the traffic policy stands in the DestinationRule itself, not in service.trafficPolicy",
    ),
    (
        "!has(self.subsetRef) || self.targetRef.kind != 'Service'",
        "subsetRef tells versions by their pods' labels, so targetRef has to be a Deployment or a DaemonSet",
    ),
    (
        f"({_GIVEN}) == (has(oldSelf.routeRefs) && size(oldSelf.routeRefs) > 0)",
        "routeRefs cannot be given to a Canary later or be taken from it; delete the Canary and create it anew",
    ),
    (
        f"{_SUBSETS_STAY} && (!has(self.subsetRef) || self.subsetRef == oldSelf.subsetRef)",
        "subsetRef cannot be changed; delete the Canary and create it anew",
    ),
)
"""The same rules, and those about an edit, which no single object can show."""


def check(spec: "CanarySpec") -> None:
    """Raise the error of the first broken rule."""
    if spec.route_refs:
        _nothing_managed(spec)
        _on_istio(spec)
        _each_once(spec)
    if spec.subset_ref is not None:
        _subsets_of_a_route(spec)


def _nothing_managed(spec: "CanarySpec") -> None:
    given = spec.service.as_json()
    taken = [f"service.{name}" for name in _MANAGED_ONLY if _says(name, given.get(name))]
    if taken:
        raise broken_rule(
            given=f"routeRefs together with {' and '.join(taken)}",
            allowed="these in the VirtualService itself, which stays yours",
            field=taken[0],
            drop=taken,
        )


def _says(name: str, value: Any) -> bool:
    return bool(value) if name in (*_SIZED, "delegation") else value is not None


def _on_istio(spec: "CanarySpec") -> None:
    if spec.provider not in (None, "istio"):
        raise broken_rule(
            given=f'"{spec.provider}" together with routeRefs', allowed="istio", field="provider", drop=("routeRefs",)
        )


def _each_once(spec: "CanarySpec") -> None:
    seen: set[tuple[str, str]] = set()
    for each in spec.route_refs:
        if (each.namespace, each.name) in seen:
            raise broken_rule(
                given=f"{each.name} more than once",
                allowed="each VirtualService once",
                field="routeRefs",
                drop=("routeRefs",),
            )
        seen.add((each.namespace, each.name))


def _subsets_of_a_route(spec: "CanarySpec") -> None:
    if not spec.route_refs:
        raise broken_rule(
            given="subsetRef without routeRefs",
            allowed="subsetRef together with routeRefs: only routes of yours name subsets",
            field="subsetRef",
            drop=("subsetRef",),
        )
    if spec.target_ref.kind == "Service":
        raise broken_rule(
            given="subsetRef together with a Service as target",
            allowed="subsetRef with a Deployment or a DaemonSet, whose pods' labels tell the versions",
            field="subsetRef",
            drop=("subsetRef",),
        )
    if spec.service.traffic_policy is not None:
        raise broken_rule(
            given="service.trafficPolicy together with subsetRef",
            allowed="the policy in the DestinationRule itself, which stays yours",
            field="service.trafficPolicy",
            drop=("service.trafficPolicy",),
        )
