"""Istio, by reference: the VirtualServices stay the user's, and a rollout moves weights on them.

No VirtualService is made or deleted here. What is written are the weights of the routes that the Canary names, rules of
ours in front of them while a run needs some, the fence, and a note of what was written (claims.py).
"""

from collections.abc import Iterable

from delivery.cluster.objects import DESTINATION_RULES, VIRTUAL_SERVICES, Change, Kind, Object, Ref
from delivery.routing import claims, laying
from delivery.routing.applied import managers
from delivery.routing.istio import IstioRouter
from delivery.routing.referenced import PROTOCOLS, Referenced
from delivery.routing.route_spec import Reference, RouteSpec
from delivery.routing.router import Observed, RouteView
from delivery.workloads.names import Names
from delivery.workloads.overlay import Absent, overlay, patch_change, refence_change
from delivery.workloads.ownership import FENCE, TOUCHED, check_fence, fence_of, preconditions
from strategies.traffic import Traffic


class ReferenceRouter:
    """The Router for routes of the user. Roles are hosts of ours, or subsets of a DestinationRule of the user's."""

    def __init__(self, managed: IstioRouter) -> None:
        self._managed = managed

    @property
    def kinds(self) -> tuple[Kind, ...]:
        return (VIRTUAL_SERVICES, DESTINATION_RULES)

    @property
    def moves_apex(self) -> bool:
        return False

    def route_refs(self, names: Names, spec: RouteSpec) -> tuple[Ref, ...]:
        return tuple(each.ref for each in spec.references)

    def destination_refs(self, names: Names, spec: RouteSpec) -> tuple[Ref, ...]:
        if spec.subsets is not None:
            return (Ref(DESTINATION_RULES, names.namespace, spec.subsets.rule),)
        return self._managed.destination_refs(names, spec)

    def created_refs(self, names: Names, spec: RouteSpec) -> tuple[Ref, ...]:
        return () if spec.subsets is not None else self._managed.destination_refs(names, spec)

    def destinations(self, names: Names, spec: RouteSpec, observed: Observed, *, epoch: int) -> tuple[Change, ...]:
        """Subsets are the user's: they are looked at (subset_problems.py) and never written."""
        return () if spec.subsets is not None else self._managed.destinations(names, spec, observed, epoch=epoch)

    def routes(
        self, names: Names, spec: RouteSpec, traffic: Traffic, observed: Observed, *, epoch: int
    ) -> tuple[Change, ...]:
        changes = (_change(each, traffic, epoch=epoch) for each in seen(names, spec, observed))
        return tuple(change for change in changes if change is not None)

    def give_back(self, names: Names, spec: RouteSpec, observed: Observed, *, epoch: int) -> tuple[Change, ...]:
        changes = (_given_back(each, epoch=epoch) for each in seen(names, spec, observed))
        return tuple(change for change in changes if change is not None)

    def adoptable(self, names: Names, spec: RouteSpec, observed: Observed) -> tuple[Ref, ...]:
        created = self.created_refs(names, spec)
        return tuple(ref for ref in self._managed.adoptable(names, spec, observed) if ref in created)

    def read(self, names: Names, spec: RouteSpec, observed: Observed) -> RouteView:
        routes = tuple(seen(names, spec, observed))
        said = [said for route in routes for said in route.weights()]
        if not said:
            return RouteView(taken_over=any(route.claim for route in routes))
        matched, everybody, copies, testers = zip(*said, strict=True)
        edited = [route for route in routes if not route.untouched]
        return RouteView(
            canary_weight=max(matched),
            everybody_weight=max(everybody),
            mirror=max(copies),
            testers=any(testers),
            applied_matches=not edited,
            fence=max(fence_of(route.body) for route in routes),
            managers=tuple(dict.fromkeys(name for route in edited or routes for name in managers(route.body))),
            taken_over=any(route.claim for route in routes),
            behind=any(route.behind for route in routes),
        )

    def refence(self, names: Names, spec: RouteSpec, observed: Observed, *, epoch: int) -> tuple[Change, ...]:
        refs = (*self.route_refs(names, spec), *self.created_refs(names, spec))
        found = ((ref.kind, observed.get(ref)) for ref in refs)
        changes = [refence_change(kind, body, epoch=epoch) for kind, body in found if body is not None]
        return tuple(change for change in changes if change)


def seen(names: Names, spec: RouteSpec, observed: Observed) -> Iterable[Referenced]:
    """The VirtualServices that are there."""
    for reference in spec.references:
        body = observed.get(reference.ref)
        if body is not None:
            yield Referenced(names=names, spec=spec, reference=reference, body=body)


def _change(route: Referenced, traffic: Traffic, *, epoch: int) -> Change | None:
    """The write after which one of them says `traffic`; None when it does."""
    laid = route.laid(traffic)
    note = laid.noted(traffic)
    why = f"primary {traffic.primary}, canary {traffic.canary}"
    if note is None:
        return _let_go(route, laid, epoch=epoch, why=why)
    extra = laying.differences(_rules(route.body), _rules(laid.body), ("spec",))
    wanted = {"metadata": {"annotations": {claims.key(route.names): note.text}}}
    return patch_change(VIRTUAL_SERVICES, route.body, wanted, epoch=epoch, why=why, extra=extra)


def _given_back(route: Referenced, *, epoch: int) -> Change | None:
    """The write that leads all users to the target's pods and takes our note off; None where there is none."""
    return _let_go(route, route.given_back(), epoch=epoch, why="the routes become the user's alone")


def _let_go(route: Referenced, after: Referenced, *, epoch: int, why: str) -> Change | None:
    """The last write: `after` it nothing tells that we were there, not even the fence. None without a note of ours.

    What an earlier leader decided on the object as it was fails by the version of it, and the Lease keeps it from
    deciding anew. Raises Fenced when a later leader was there.
    """
    if route.claim is None:
        return None
    check_fence(route.reference.ref, route.body, epoch)
    shared = sum(1 for _ in claims.claims(route.body)) > 1
    ours = [claims.key(route.names), *(() if shared else (FENCE, TOUCHED))]
    ops = (
        *overlay(route.body, {"metadata": {"annotations": {name: Absent() for name in ours}}}),
        *laying.differences(_rules(route.body), _rules(after.body), ("spec",)),
    )
    return Change(ref=route.reference.ref, tests=preconditions(VIRTUAL_SERVICES, route.body), ops=ops, why=why)


def _rules(body: Object) -> dict[str, object]:
    spec = body.get("spec") or {}
    return {protocol: spec[protocol] for protocol in PROTOCOLS if protocol in spec}


def forget(names: Names, spec: RouteSpec, bodies: Iterable[Object], *, epoch: int) -> tuple[Change, ...]:
    """The writes that take our note off VirtualServices that the Canary names no longer, whatever they say now.

    Raises Fenced when a later leader has written one.
    """
    refs = ((Ref.of(VIRTUAL_SERVICES, body), body) for body in bodies)
    gone = (
        Referenced(names=names, spec=spec, reference=Reference(ref.namespace, ref.name, leaving=True), body=body)
        for ref, body in refs
    )
    changes = (_let_go(each, each, epoch=epoch, why="no Canary names it any more") for each in gone)
    return tuple(change for change in changes if change is not None)


def left_behind(names: Names, spec: RouteSpec, claimed: Iterable[Object]) -> tuple[Reference, ...]:
    """The VirtualServices that carry our note and that the Canary names no longer: a run gives their share back."""
    named = {each.ref for each in spec.references}
    found = []
    for body in claimed:
        claim, ref = claims.claim_of(body, names), Ref.of(VIRTUAL_SERVICES, body)
        if claim is not None and ref not in named:
            found.append(Reference(ref.namespace, ref.name, claim.routes, leaving=True))
    return tuple(sorted(found, key=lambda each: (each.namespace, each.name)))
