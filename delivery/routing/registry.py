"""Which router serves a Canary."""

from delivery.api.canary import Canary
from delivery.cluster.objects import Kind
from delivery.routing.istio import IstioRouter
from delivery.routing.kubernetes import KubernetesRouter
from delivery.routing.router import Router

ISTIO = "istio"
KUBERNETES = "kubernetes"
ROUTERS: dict[str, Router] = {ISTIO: IstioRouter(), KUBERNETES: KubernetesRouter()}

KINDS: tuple[Kind, ...] = tuple(dict.fromkeys(kind for router in ROUTERS.values() for kind in router.kinds))
"""What has to be watched for all of them."""


def router_for(canary: Canary) -> Router:
    """The router of a Canary's provider.

    A provider that nobody serves holds its Canary (api/elsewhere.py); until then Istio's router only reads for it.
    """
    return ROUTERS.get(canary.spec.provider or ISTIO, ROUTERS[ISTIO])
