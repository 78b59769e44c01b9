"""Plain Kubernetes, without any mesh: users call the apex Service, and what it selects is the route.

A Service gives everything to the pods that it selects, so the canary's weight is 0 or 100 and nothing between. The
Service is mostly the user's own: only its selector is ours, what it selected before us is recorded beside it, and an
annotation says what we wrote last, so that a Service that we have not taken over yet is no route.
"""

from collections.abc import Mapping

from delivery.cluster.objects import SERVICES, Change, Kind, Ref
from delivery.routing.applied import digest, managers
from delivery.routing.route_spec import RouteSpec
from delivery.routing.router import Observed, RouteView
from delivery.workloads.names import Names
from delivery.workloads.overlay import refence_change
from delivery.workloads.ownership import APPLIED, annotations, fence_of
from delivery.workloads.releasing import apex_as_before
from delivery.workloads.services import apex_service
from strategies.traffic import Traffic


class KubernetesRouter:
    """The Router that moves the apex Service's selector."""

    @property
    def kinds(self) -> tuple[Kind, ...]:
        return (SERVICES,)

    @property
    def moves_apex(self) -> bool:
        return True

    def route_refs(self, names: Names, spec: RouteSpec) -> tuple[Ref, ...]:
        return (_apex_ref(names),)

    def destination_refs(self, names: Names, spec: RouteSpec) -> tuple[Ref, ...]:
        return ()

    def created_refs(self, names: Names, spec: RouteSpec) -> tuple[Ref, ...]:
        return ()

    def destinations(self, names: Names, spec: RouteSpec, observed: Observed, *, epoch: int) -> tuple[Change, ...]:
        return ()

    def routes(
        self, names: Names, spec: RouteSpec, traffic: Traffic, observed: Observed, *, epoch: int
    ) -> tuple[Change, ...]:
        everybody = traffic.everybody == 100  # what cannot be split stays with the primary
        selector = observed.canary if everybody else observed.primary
        if not selector:
            return ()
        change = apex_service(
            names,
            spec.service,
            selector=selector,
            apex=observed.get(_apex_ref(names)),
            epoch=epoch,
            templates=observed.templates,
            noted={APPLIED: digest(dict(selector))},
            why=f"the apex Service selects the {'canary' if everybody else 'primary'}",
        )
        return (change,) if change else ()

    def give_back(self, names: Names, spec: RouteSpec, observed: Observed, *, epoch: int) -> tuple[Change, ...]:
        apex = observed.get(_apex_ref(names))
        target, primary = observed.canary, observed.primary
        change = apex_as_before(names, spec.service, apex, target=target, primary=primary, epoch=epoch)
        return (change,) if change else ()

    def adoptable(self, names: Names, spec: RouteSpec, observed: Observed) -> tuple[Ref, ...]:
        return ()

    def read(self, names: Names, spec: RouteSpec, observed: Observed) -> RouteView:
        apex = observed.get(_apex_ref(names))
        if apex is None or APPLIED not in annotations(apex):
            return RouteView()
        selector = apex["spec"].get("selector") or {}
        weight = _weight(selector, observed)
        return RouteView(
            canary_weight=weight,
            everybody_weight=weight,
            applied_matches=annotations(apex)[APPLIED] == digest(selector),
            fence=fence_of(apex),
            managers=managers(apex),
        )

    def refence(self, names: Names, spec: RouteSpec, observed: Observed, *, epoch: int) -> tuple[Change, ...]:
        apex = observed.get(_apex_ref(names))
        change = refence_change(SERVICES, apex, epoch=epoch) if apex is not None else None
        return (change,) if change else ()


def _apex_ref(names: Names) -> Ref:
    return Ref(SERVICES, names.namespace, names.apex)


def _weight(selector: Mapping[str, str], observed: Observed) -> int | None:
    """The canary's percent; None when neither role's pods are selected, or those of both."""
    canary, primary = (_selects(selector, labels) for labels in (observed.canary, observed.primary))
    return (100 if canary else 0) if canary != primary else None


def _selects(selector: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    """Are pods selected of which no more is known than that they have these labels?"""
    return bool(selector) and all(labels.get(key) == value for key, value in selector.items())
