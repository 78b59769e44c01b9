"""Built-in kinds: what is kept, filled in and refused. tests/cluster/schemas compares with a real API server."""

from copy import deepcopy
from typing import Any

import pytest

from delivery.cluster import objects
from delivery.cluster.memory.rejections import BadRequestError
from delivery.cluster.memory.resources import CONFIG_MAPS, builtin_resources
from delivery.cluster.objects import Kind
from delivery.sandbox.schemas.builtin import BuiltinShape, shape_of
from delivery.sandbox.schemas.quantities import amount, canonical

DEPLOYMENT: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "reviews"},
    "spec": {
        "selector": {"matchLabels": {"app": "reviews"}},
        "template": {
            "metadata": {"labels": {"app": "reviews"}},
            "spec": {"containers": [{"name": "reviews", "image": "reviews:1"}]},
        },
    },
}


def of(kind: Kind) -> BuiltinShape:
    """The rules of a kind."""
    shape = shape_of(kind)
    assert shape is not None
    return shape


@pytest.fixture
def deployment() -> dict[str, Any]:
    """A Deployment that is as it should be."""
    return deepcopy(DEPLOYMENT)


def test_a_typo_is_named_and_removed(deployment: dict[str, Any]) -> None:
    deployment["spec"]["replica"] = 3
    deployment["spec"]["template"]["spec"]["containers"][0]["imagePullPolice"] = "Always"

    unknown = of(objects.DEPLOYMENTS).prune(deployment)

    assert unknown == ["spec.replica", "spec.template.spec.containers[0].imagePullPolice"]
    assert deployment == DEPLOYMENT


@pytest.mark.parametrize(
    ("value", "given"), [("x", "string"), (1.5, "number 1.5"), ([], "array"), ({}, "object"), (True, "bool")]
)
def test_a_value_of_another_type_is_a_bad_request(deployment: dict[str, Any], value: Any, given: str) -> None:
    deployment["spec"]["replicas"] = value

    with pytest.raises(BadRequestError) as refused:
        of(objects.DEPLOYMENTS).prune(deployment)
    assert refused.value.message == (
        'Deployment in version "v1" cannot be handled as a Deployment: json: cannot unmarshal '
        f"{given} into Go struct field DeploymentSpec.spec.replicas of type int32"
    )


def test_what_says_nothing_is_not_kept(deployment: dict[str, Any]) -> None:
    deployment["metadata"]["annotations"] = {}
    deployment["spec"]["replicas"] = None
    deployment["spec"]["template"]["spec"]["containers"][0]["env"] = []

    assert of(objects.DEPLOYMENTS).prune(deployment) == []
    assert deployment == DEPLOYMENT


def test_a_deployment_is_filled_in(deployment: dict[str, Any]) -> None:
    of(objects.DEPLOYMENTS).default(deployment)

    spec = deployment["spec"]
    assert (spec["replicas"], spec["revisionHistoryLimit"], spec["progressDeadlineSeconds"]) == (1, 10, 600)
    assert spec["strategy"] == {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}}
    assert spec["template"]["spec"]["terminationGracePeriodSeconds"] == 30


@pytest.mark.parametrize(
    ("image", "policy"),
    [
        ("reviews", "Always"),
        ("reviews:latest", "Always"),
        ("reviews:1", "IfNotPresent"),
        ("registry:5000/reviews", "Always"),
        ("registry:5000/reviews:1", "IfNotPresent"),
        ("reviews@sha256:abc", "IfNotPresent"),
    ],
)
def test_an_image_that_may_change_is_pulled_always(deployment: dict[str, Any], image: str, policy: str) -> None:
    deployment["spec"]["template"]["spec"]["containers"][0]["image"] = image

    of(objects.DEPLOYMENTS).default(deployment)

    assert deployment["spec"]["template"]["spec"]["containers"][0]["imagePullPolicy"] == policy


def test_a_good_deployment_is_not_refused(deployment: dict[str, Any]) -> None:
    assert of(objects.DEPLOYMENTS).validate(deployment) == []


def test_a_selector_has_to_select_the_pods(deployment: dict[str, Any]) -> None:
    deployment["spec"]["selector"] = {"matchLabels": {"app": "ratings"}}

    (cause,) = of(objects.DEPLOYMENTS).validate(deployment)

    assert cause.field == "spec.template.metadata.labels"
    assert cause.message == 'Invalid value: {"app":"reviews"}: `selector` does not match template `labels`'


def test_a_selector_stays(deployment: dict[str, Any]) -> None:
    new = deepcopy(deployment)
    new["spec"]["selector"]["matchLabels"]["tier"] = "b"

    assert [cause.field for cause in of(objects.DEPLOYMENTS).changes(deployment, new)] == ["spec.selector"]
    assert of(objects.DEPLOYMENTS).changes(deployment, deepcopy(deployment)) == []


def test_a_pod_takes_a_new_image_and_little_else() -> None:
    pod = {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i:1"}]}}
    renewed, renamed = deepcopy(pod), deepcopy(pod)
    renewed["spec"]["containers"][0]["image"] = "i:2"  # type: ignore[index]
    renamed["spec"]["containers"][0]["name"] = "d"  # type: ignore[index]

    assert of(objects.PODS).changes(pod, renewed) == []
    assert [cause.field for cause in of(objects.PODS).changes(pod, renamed)] == ["spec"]


def test_a_service_keeps_its_address() -> None:
    service = {"spec": {"clusterIP": "10.0.0.1"}}

    assert of(objects.SERVICES).changes(service, {"spec": {"clusterIP": "10.0.0.2"}})[0].field == "spec.clusterIPs[0]"
    assert of(objects.SERVICES).changes({"spec": {}}, service) == []
    assert of(objects.SERVICES).changes(service, {"spec": {}}) == []


def test_sealed_data_stays() -> None:
    sealed = {"immutable": True, "data": {"a": "1"}}

    fields = [cause.field for cause in of(CONFIG_MAPS).changes(sealed, {"data": {"a": "2"}})]

    assert fields == ["immutable", "data"]


def test_every_kind_of_the_store_has_its_rules() -> None:
    own = {"progressive.delivery", "networking.istio.io"}

    without = [resource.kind for resource in builtin_resources() if shape_of(resource.kind) is None]

    assert {kind.group for kind in without} == own


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ("1000m", "1"), ("0.5", "500m"), ("1.5Gi", "1536Mi"), ("1024Mi", "1Gi"), ("1000", "1k"), ("0", "0"),
        ("1e3", "1e3"), ("-1.0", "-1"), ("0.1Mi", "104857600m"), ("512Ki", "512Ki"), ("1.2345678901", "1234567891n"),
    ],
)  # fmt: skip
def test_a_quantity_is_stored_in_its_canonical_form(given: str, stored: str) -> None:
    assert canonical(given) == stored
    assert abs(amount(given) - amount(stored)) < 1e-9


@pytest.mark.parametrize("text", ["", "x", "1.5.5", "1 Gi", "Mi", "1e9999"])
def test_what_is_no_quantity_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="quantities must match"):
        canonical(text)
