"""The OpenAPI documents are good when kubectl does with them what it does on a real cluster, without flags."""

import json
from typing import Any

import pytest

from delivery.cluster import objects
from delivery.sandbox.schemas import openapi, shapes
from tests.cluster.harness.kubectl import Kubectl, KubectlError
from tests.sandbox.schemas.conftest import Described, Shelf, our_schema

DEPLOYMENT: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "reviews", "namespace": "default"},
    "spec": {
        "selector": {"matchLabels": {"app": "reviews"}},
        "template": {
            "metadata": {"labels": {"app": "reviews"}},
            "spec": {"containers": [{"name": "reviews", "image": "reviews:1"}, {"name": "proxy", "image": "proxy:1"}]},
        },
    },
}
PATH = "/apis/apps/v1/namespaces/default/deployments/reviews"


async def test_apply_creates_and_then_patches_by_merge_key(kubectl: Kubectl, shelf: Shelf) -> None:
    assert "created" in await kubectl("apply", "-f", "-", stdin=json.dumps(DEPLOYMENT))

    changed = json.loads(json.dumps(DEPLOYMENT))
    changed["spec"]["template"]["spec"]["containers"][0]["image"] = "reviews:2"
    assert "configured" in await kubectl("apply", "-f", "-", stdin=json.dumps(changed))

    assert ("PATCH", PATH, "application/strategic-merge-patch+json") in shelf.requests
    containers = shelf.objects[PATH]["spec"]["template"]["spec"]["containers"]
    assert [(each["name"], each["image"]) for each in containers] == [("reviews", "reviews:2"), ("proxy", "proxy:1")]


async def test_apply_leaves_to_the_server_what_is_unknown(kubectl: Kubectl, shelf: Shelf) -> None:
    """The fieldValidation parameter is found, and so the client sends the body as it is, unknown fields and all."""
    typo = json.loads(json.dumps(DEPLOYMENT))
    typo["spec"]["replica"] = 3

    await kubectl("apply", "-f", "-", stdin=json.dumps(typo))

    assert shelf.objects[PATH]["spec"]["replica"] == 3


async def test_a_canary_is_applied_by_merge_patch(kubectl: Kubectl, shelf: Shelf) -> None:
    canary = {
        "apiVersion": "progressive.delivery/v1beta1",
        "kind": "Canary",
        "metadata": {"name": "reviews", "namespace": "default"},
        "spec": {"service": {"port": 80}},
    }
    await kubectl("apply", "-f", "-", stdin=json.dumps(canary))
    canary["spec"] = {"service": {"port": 9080}}
    await kubectl("apply", "-f", "-", stdin=json.dumps(canary))

    path = "/apis/progressive.delivery/v1beta1/namespaces/default/canaries/reviews"
    assert ("PATCH", path, "application/merge-patch+json") in shelf.requests
    assert shelf.objects[path]["spec"] == {"service": {"port": 9080}}


async def test_explain_tells_of_our_own_fields(kubectl: Kubectl) -> None:
    told = await kubectl("explain", "canary.spec.analysis")

    description = our_schema("Canary")["properties"]["spec"]["properties"]["analysis"]["description"]
    assert " ".join(description.split()) in " ".join(told.split())
    assert "stepWeights" in told


async def test_explain_knows_the_structure_of_builtin_kinds(kubectl: Kubectl) -> None:
    told = await kubectl("explain", "deployment.spec.template.spec.containers")

    assert "imagePullPolicy\t<string>" in told
    assert "name\t<string> -required-" in told


async def test_a_dry_run_by_the_client_prints_the_object(kubectl: Kubectl, shelf: Shelf) -> None:
    printed = await kubectl("create", "--dry-run=client", "-o", "json", "-f", "-", stdin=json.dumps(DEPLOYMENT))

    assert json.loads(printed)["spec"] == DEPLOYMENT["spec"]
    assert shelf.objects == {}


async def test_explain_of_a_field_that_is_not_there_says_so(kubectl: Kubectl) -> None:
    with pytest.raises(KubectlError, match="replica"):
        await kubectl("explain", "deployment.spec.replica")


def test_an_address_changes_with_what_it_leads_to() -> None:
    kind = objects.CANARIES
    before = openapi.v3_index([Described(kind, {"type": "object"})])
    after = openapi.v3_index([Described(kind, {"type": "object", "properties": {"spec": {"type": "object"}}})])

    assert list(before["paths"]) == list(after["paths"]) == ["apis/progressive.delivery/v1beta1"]
    assert before != after


def test_a_group_that_is_not_served_has_no_document() -> None:
    assert openapi.v3([Described(objects.PODS)], "apis/apps/v1") is None


def test_every_reference_leads_somewhere_in_both_versions() -> None:
    described = [
        Described(objects.DEPLOYMENTS),
        Described(objects.EVENTS),
        Described(objects.CANARIES, our_schema("Canary")),
    ]

    second = openapi.v2(described)
    assert {name.removeprefix("#/definitions/") for name in _references(second)} <= set(second["definitions"])
    for path in openapi.v3_index(described)["paths"]:
        third = openapi.v3(described, path)
        assert third is not None
        named = {name.removeprefix("#/components/schemas/") for name in _references(third)}
        assert named <= set(third["components"]["schemas"])


def test_version_two_has_a_patch_with_field_validation_for_each_kind() -> None:
    document = openapi.v2([Described(objects.PODS)])

    patch = document["paths"]["/api/v1/namespaces/{namespace}/pods/{name}"]["patch"]
    assert patch["x-kubernetes-group-version-kind"] == {"group": "", "version": "v1", "kind": "Pod"}
    assert "fieldValidation" in {parameter["name"] for parameter in patch["parameters"]}


def test_every_field_of_the_tables_is_of_a_type_that_is_there() -> None:
    for name, fields in shapes.types().items():
        unknown = {field.type for field in fields.values() if field.item not in {*shapes.SCALARS, *shapes.types()}}
        assert not unknown, f"{name}: {unknown}"


def _references(node: Any) -> set[str]:
    if isinstance(node, dict):
        found = {node["$ref"]} if isinstance(node.get("$ref"), str) else set()
        return found.union(*(_references(each) for each in node.values()))
    return set().union(*(_references(each) for each in node)) if isinstance(node, list) else set()
