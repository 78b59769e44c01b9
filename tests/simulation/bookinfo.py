"""Bookinfo's `reviews`, as the objects that its people would apply."""

from typing import Any

NAMESPACE = "shop"
NAME = "reviews"
KEY = f"{NAMESPACE}/{NAME}"


def deployment(version: str = "v1", *, quality: str = "good", replicas: int = 2, behaviour: str = "") -> dict[str, Any]:
    """The target. `quality` is what the analyst will find, `behaviour` what the kubelet will."""
    annotations = {"sim/quality": quality, "sandbox.progressive.delivery/ready-after": "2"}
    if behaviour:
        annotations["sandbox.progressive.delivery/behaviour"] = behaviour
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": NAME, "namespace": NAMESPACE, "labels": {"app": NAME}},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": NAME}},
            "template": {
                "metadata": {"labels": {"app": NAME, "version": version}, "annotations": annotations},
                "spec": {"containers": [{"name": NAME, "image": f"bookinfo/reviews-{version}"}]},
            },
        },
    }


def daemon_set(version: str = "v1", **options: Any) -> dict[str, Any]:
    """The same as a DaemonSet: as many pods as there are nodes."""
    body = deployment(version, **options)
    del body["spec"]["replicas"]
    return {**body, "kind": "DaemonSet"}


def versioned(version: str, **options: Any) -> dict[str, Any]:
    """One of several Deployments, each of one version for ever, between which a Service chooses."""
    body = deployment(version, **options)
    labels = {"app": NAME, "version": version}
    body["metadata"]["name"] = f"{NAME}-{version}"
    body["spec"]["selector"] = {"matchLabels": labels}
    return body


def choosing(version: str) -> dict[str, Any]:
    """The Service that leads to one of them."""
    body = service()
    body["spec"]["selector"] = {"app": NAME, "version": version}
    return body


def service() -> dict[str, Any]:
    """The apex Service as it was before any Canary."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": NAME, "namespace": NAMESPACE, "labels": {"app": NAME, "team": "books"}},
        "spec": {"selector": {"app": NAME}, "ports": [{"name": "http", "port": 9080, "targetPort": 9080}]},
    }


TESTER = {"headers": {"x-tester": {"exact": "yes"}}}
INSIDER = {"headers": {"x-insider": {"exact": "yes"}}}


SUCCESS_RATE: dict[str, Any] = {
    "name": "request-success-rate",
    "interval": "10s",
    "thresholdRange": {"min": 99},
    "warmupSeconds": 0,
}
"""A metric without warm-up: a story in which pods come and go is not about their youth, unless it says so."""
SHOWN: dict[str, Any] = {"name": "request-duration", "interval": "10s", "warmupSeconds": 0, "dryRun": True}
"""A metric that decides nothing."""


def canary(kind: str = "Deployment", *, spec: dict[str, Any] | None = None, **analysis: Any) -> dict[str, Any]:
    """A Canary whose windows are short, so that a whole story takes minutes. What is None is left out."""
    given = {
        "interval": "10s",
        "threshold": 2,
        "stepWeights": [10, 50],
        "metrics": [SUCCESS_RATE],
        **analysis,
    }
    given = {name: value for name, value in given.items() if value is not None}
    return {
        "apiVersion": "progressive.delivery/v1beta1",
        "kind": "Canary",
        "metadata": {"name": NAME, "namespace": NAMESPACE},
        "spec": {
            "targetRef": {"apiVersion": "v1" if kind == "Service" else "apps/v1", "kind": kind, "name": NAME},
            "service": {"port": 9080},
            "progressDeadlineSeconds": 60,
            "traffic": {"settleSeconds": 2, "drainSeconds": 4, "drainMaxSeconds": 30},
            "analysis": given,
            **(spec or {}),
        },
    }
