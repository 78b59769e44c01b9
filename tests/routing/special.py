"""Canaries whose audience is special, and what routes of ours say of the roles."""

from delivery.api.parse import parse_canary
from delivery.routing.istio import IstioRouter
from delivery.routing.route_spec import RouteSpec

P, C = "reviews-primary.shop.svc.cluster.local", "reviews-canary.shop.svc.cluster.local"
OURS = "progressive-delivery"
TESTER = {"headers": {"x-tester": {"exact": "yes"}}}
INSIDER = {"headers": {"x-insider": {"exact": "yes"}}, "queryParams": {"beta": {"exact": "1"}}}
LABELLED = {"sourceLabels": {"app": "productpage"}}
router = IstioRouter()


def a_spec(*, service=None, **analysis):
    body = {
        "apiVersion": "progressive.delivery/v1beta1",
        "kind": "Canary",
        "metadata": {"name": "reviews", "namespace": "shop", "uid": "u-1"},
        "spec": {
            "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "reviews"},
            "service": {"port": 9080, **(service or {})},
            "analysis": {"interval": "30s", **analysis},
        },
    }
    return RouteSpec.of(parse_canary(body))


def split(primary, canary):
    return [
        {"destination": {"host": P}, "weight": primary},
        {"destination": {"host": C}, "weight": canary},
    ]


def only(host):
    return [{"destination": {"host": host}, "weight": 100}]
