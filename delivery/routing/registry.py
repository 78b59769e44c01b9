"""Which router serves a Canary."""

from delivery.api.canary import Canary
from delivery.cluster.objects import Kind
from delivery.routing.by_reference import ReferenceRouter
from delivery.routing.istio import IstioRouter
from delivery.routing.kubernetes import KubernetesRouter
from delivery.routing.router import Router

ISTIO = "istio"
KUBERNETES = "kubernetes"
_MANAGED = IstioRouter()
ROUTERS: dict[str, Router] = {ISTIO: _MANAGED, KUBERNETES: KubernetesRouter()}
BY_REFERENCE: Router = ReferenceRouter(_MANAGED)

KINDS: tuple[Kind, ...] = tuple(
    dict.fromkeys(kind for router in (*ROUTERS.values(), BY_REFERENCE) for kind in router.kinds)
)
"""What has to be watched for all of them."""


def router_for(canary: Canary) -> Router:
    """The router of a Canary's provider.

    A provider that nobody serves holds its Canary (api/elsewhere.py); until then Istio's router only reads for it.
    """
    if canary.spec.route_refs:
        return BY_REFERENCE
    return ROUTERS.get(canary.spec.provider or ISTIO, ROUTERS[ISTIO])
