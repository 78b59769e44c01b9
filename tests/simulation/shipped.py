"""Bookinfo's `reviews` as Istio ships it: a Service that selects all versions, a Deployment and a subset for each.

Its people add one subset for the primary's pods, and give the first version to a Canary that copies.
"""

from typing import Any

from delivery.cluster.objects import CANARIES, DEPLOYMENTS, DESTINATION_RULES, SERVICES, VIRTUAL_SERVICES, Object, Ref
from tests.simulation import bookinfo
from tests.simulation.own_routes import (
    NAME,
    NAMESPACE,
    OwnInvariants,
    OwnRoutes,
    reference,
    to,
    virtual_service,
)
from tests.simulation.theirs import theirs

TARGET = Ref(DEPLOYMENTS, NAMESPACE, f"{NAME}-v1")
PRIMARY = Ref(DEPLOYMENTS, NAMESPACE, f"{NAME}-v1-primary")
ROUTES = Ref(VIRTUAL_SERVICES, NAMESPACE, NAME)
RULE = Ref(DESTINATION_RULES, NAMESPACE, NAME)
NONE = Ref(VIRTUAL_SERVICES, NAMESPACE, "none-of-ours")
ROLES = {"v1": "canary", "v1-primary": "primary"}
SUBSETS = {"name": NAME, "primarySubset": "v1-primary", "canarySubset": "v1"}


def routes() -> dict[str, Any]:
    """The VirtualService: the first version has all of it, and between runs its primary."""
    split = {"name": "main", "route": [to(NAME, 0, subset="v1-primary"), to(NAME, 100, subset="v1")]}
    trial = {"name": "trial", "match": [{"headers": {"end-user": {"exact": "jason"}}}]}
    return virtual_service({**trial, "route": [to(NAME, subset="v2")]}, split, name=NAME)


def destination_rule(**labels: dict[str, str]) -> dict[str, Any]:
    """The DestinationRule; `labels` are of subsets that it has besides, or otherwise."""
    given = {**{each: {"version": each} for each in ("v1", "v2", "v3")}, "v1-primary": {"version": "v1-primary"}}
    return {
        "apiVersion": DESTINATION_RULES.api_version,
        "kind": "DestinationRule",
        "metadata": {"name": NAME, "namespace": NAMESPACE},
        "spec": {"host": NAME, "subsets": [{"name": key, "labels": each} for key, each in {**given, **labels}.items()]},
    }


class ShippedInvariants(OwnInvariants):
    """The same guarantees with these subsets as the roles."""

    roles = ROLES


class Shipped(OwnRoutes):
    """The world with these objects. A release is another image of the first version's Deployment."""

    watched_by = ShippedInvariants

    def __init__(self, seed: int | None, **options: Any) -> None:
        super().__init__(seed, **{**options, "route": NONE})
        self.target, self.primary = TARGET, PRIMARY
        self.promises.expect_target(TARGET.name)
        self.promises.expect_primary(PRIMARY.name)

    def set_up(self, *, replicas: int = 2, **analysis: Any) -> None:
        """Two versions as they run, then the Canary; `rule`, `service` are other ones, `spec` more of the Canary."""
        self.apply(DESTINATION_RULES, analysis.pop("rule", None) or destination_rule())
        self.apply(DEPLOYMENTS, self._workload(replicas=replicas))
        self.apply(DEPLOYMENTS, bookinfo.versioned("v2", replicas=1))
        self.apply(SERVICES, analysis.pop("service", None) or bookinfo.service())
        self.apply(VIRTUAL_SERVICES, routes())
        self.loop.advance(10.0)
        self.promises.let_users_in()
        spec = {
            "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": TARGET.name},
            "service": {"name": NAME, "port": 9080},
            "routeRefs": [reference(NAME)],
            "subsetRef": SUBSETS,
            **analysis.pop("spec", {}),
        }
        self.apply(CANARIES, bookinfo.canary(spec=spec, **analysis))

    def _workload(self, image: str = "v1", **options: Any) -> dict[str, Any]:
        body = bookinfo.versioned("v1", **options)
        body["spec"]["template"]["spec"]["containers"][0]["image"] = f"bookinfo/reviews-{image}"
        return body

    def of_users(self, ref: Ref, body: Object) -> dict[str, Any]:
        """What of a user's object may not be changed: other subsets are the roles here."""
        return theirs(ref, body, roles=tuple(ROLES))

    @property
    def image(self) -> str:
        """What the primary runs."""
        body = self.store.peek(self.primary)
        assert body is not None, self.told()
        return str(body["spec"]["template"]["spec"]["containers"][0]["image"])

    def weights(self) -> list[int]:
        """Those of the primary and of the canary on the user's route."""
        return self.shares("main", ROUTES)
