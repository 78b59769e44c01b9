"""Bookinfo, Istio's example application, as its people would have applied it: something to make Canaries for.

productpage calls details and reviews, and reviews calls ratings. Users come to productpage through the ingress gateway.
"""

from typing import Any

from delivery.cluster.memory import Store
from delivery.cluster.objects import DEPLOYMENTS, SERVICES, VIRTUAL_SERVICES, Kind, Ref
from delivery.sandbox.definitions import NETWORKING

NAMESPACE = "default"
PORT = 9080
APPS = ("productpage", "details", "ratings", "reviews")
IMAGE = "docker.io/istio/examples-bookinfo-{app}-v1:1.20.2"
GATEWAY = "bookinfo-gateway"
HOST = "bookinfo.example.com"

Body = dict[str, Any]


def install(store: Store) -> None:
    """Apply what is not there yet."""
    for app in APPS:
        _ensure(store, SERVICES, service(app))
        _ensure(store, DEPLOYMENTS, deployment(app))
    _ensure(store, _gateways(store), gateway())
    _ensure(store, VIRTUAL_SERVICES, route())


def service(app: str) -> Body:
    """The Service of one of the four."""
    port = {"name": "http", "port": PORT, "targetPort": PORT}
    return {"metadata": _meta(app, app), "spec": {"selector": {"app": app}, "ports": [port]}}


def deployment(app: str) -> Body:
    """Version 1 of one of the four."""
    container = {
        "name": app,
        "image": IMAGE.format(app=app),
        "ports": [{"containerPort": PORT}],
        "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}},
    }
    template = {"metadata": {"labels": {"app": app, "version": "v1"}}, "spec": {"containers": [container]}}
    spec = {"replicas": 2, "selector": {"matchLabels": {"app": app}}, "template": template}
    return {"metadata": _meta(app, app), "spec": spec}


def gateway() -> Body:
    """Where users come in."""
    server = {"port": {"number": 80, "name": "http", "protocol": "HTTP"}, "hosts": [HOST]}
    return {"metadata": _meta(GATEWAY), "spec": {"selector": {"istio": "ingressgateway"}, "servers": [server]}}


def route() -> Body:
    """From the gateway to productpage."""
    to = {"destination": {"host": "productpage", "port": {"number": PORT}}}
    return {
        "metadata": _meta("bookinfo"),
        "spec": {"hosts": [HOST], "gateways": [GATEWAY], "http": [{"route": [to]}]},
    }


def _gateways(store: Store) -> Kind:
    """The kind of Gateways, in the version that the store keeps: Istio's own definitions choose another one."""
    kinds = [resource.kind for resource in store.kinds()]
    return next(kind for kind in kinds if (kind.group, kind.plural) == (NETWORKING, "gateways"))


def _meta(name: str, app: str = "") -> Body:
    meta: Body = {"name": name, "namespace": NAMESPACE}
    return {**meta, "labels": {"app": app}} if app else meta


def _ensure(store: Store, kind: Kind, body: Body) -> None:
    if store.peek(Ref.of(kind, body)) is None:
        store.create(kind, body, namespace=NAMESPACE, manager="delivery-sandbox")
