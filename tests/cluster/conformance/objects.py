"""Objects that both servers are asked about."""

from typing import Any

CANARY: dict[str, Any] = {
    "apiVersion": "progressive.delivery/v1beta1",
    "kind": "Canary",
    "metadata": {"name": "reviews"},
    "spec": {
        "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "reviews"},
        "service": {"port": 9080},
        "analysis": {"interval": "1m", "threshold": 5, "stepWeight": 10, "maxWeight": 50},
    },
}

DEFINITION: dict[str, Any] = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "lamps.light.example"},
    "spec": {
        "group": "light.example",
        "scope": "Namespaced",
        "names": {"kind": "Lamp", "plural": "lamps", "shortNames": ["lp"], "categories": ["all"]},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "subresources": {
                    "status": {},
                    "scale": {"specReplicasPath": ".spec.watts", "statusReplicasPath": ".status.watts"},
                },
                "additionalPrinterColumns": [{"name": "Watts", "type": "integer", "jsonPath": ".spec.watts"}],
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "properties": {
                            "spec": {
                                "type": "object",
                                "properties": {
                                    "watts": {"type": "integer", "minimum": 1},
                                    "colour": {"type": "string", "enum": ["white", "red"], "default": "white"},
                                },
                            },
                            "status": {
                                "type": "object",
                                "properties": {"lit": {"type": "boolean"}, "watts": {"type": "integer"}},
                            },
                        },
                    }
                },
            }
        ],
    },
}


def config(name: str, **data: str) -> dict[str, Any]:
    return {"metadata": {"name": name}, "data": data}


def deployment(name: str = "web", *, replicas: int = 0) -> dict[str, Any]:
    labels = {"app": name}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "labels": labels},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "app", "image": "example/app:v1", "ports": [{"containerPort": 80}]}]},
            },
        },
    }
