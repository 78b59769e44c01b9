"""A primary with scheduling rules and a name of its own: taken by a real API server, and what was wanted then."""

from typing import Any

import pytest

from delivery.cluster.kubernetes import KubernetesApi
from delivery.cluster.objects import DEPLOYMENTS, Ref
from delivery.workloads.deployment import primary_body, promote_change, target_template_of
from delivery.workloads.names import Names
from delivery.workloads.naming import in_use, noted
from delivery.workloads.revision import revision
from tests.cluster.harness.kubectl import Kubectl

pytestmark = pytest.mark.usefixtures("crds")


def term(**fields: Any) -> dict[str, Any]:
    return {"topologyKey": "zone", "labelSelector": {"matchLabels": {"app": "reviews"}}, **fields}


def target() -> dict[str, Any]:
    """A Deployment with two labels in its selector and rules about pods of its own kind, here and elsewhere."""
    labels = {"app": "reviews", "tier": "web"}
    expression = {"matchExpressions": [{"key": "app", "operator": "In", "values": ["reviews", "reviews-primary"]}]}
    affinity = {
        "podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term(), term(namespaces=["elsewhere"])]},
        "podAffinity": {
            "preferredDuringSchedulingIgnoredDuringExecution": [
                {"weight": 5, "podAffinityTerm": term(labelSelector=expression)}
            ]
        },
    }
    spec = {
        "containers": [{"name": "app", "image": "example/reviews:v1"}],
        "affinity": affinity,
        "topologySpreadConstraints": [term(maxSkew=1, whenUnsatisfiable="ScheduleAnyway")],
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "reviews", "labels": labels},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": spec},
        },
    }


async def test_a_copy_is_accepted_and_is_what_was_wanted(api: KubernetesApi, kubectl: Kubectl, namespace: str) -> None:
    await kubectl.apply(target())
    stored = await api.get(Ref(DEPLOYMENTS, namespace, "reviews"))
    names = Names(
        namespace=namespace, canary="reviews", target="reviews", apex="reviews", primary_name="reviews-stable"
    )
    template = stored["spec"]["template"]
    body = primary_body(stored, names, revision=revision(template), replicas=1, epoch=1, annotations=noted(names))

    primary = await api.create(Ref(DEPLOYMENTS, namespace, names.primary), body)

    assert primary["metadata"]["name"] == "reviews-stable"
    assert primary["spec"]["selector"]["matchLabels"] == {"app": "reviews-primary", "tier": "web"}
    rules = primary["spec"]["template"]["spec"]["affinity"]["podAntiAffinity"]
    near, elsewhere = rules["requiredDuringSchedulingIgnoredDuringExecution"]
    assert near["labelSelector"]["matchLabels"] == {"app": "reviews-primary"}
    assert elsewhere["labelSelector"]["matchLabels"] == {"app": "reviews"}
    assert promote_change(primary, template, revision=revision(template), epoch=1, spec=stored["spec"]) is None
    assert revision(target_template_of(primary)) == revision(template)
    usual = Names(namespace=namespace, canary="reviews", target="reviews", apex="reviews")
    assert in_use(usual, [primary]) == names
