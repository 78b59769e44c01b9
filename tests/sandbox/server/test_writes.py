"""Writes as kubectl sends them: unknown fields, rehearsals, forms of bodies, and what is refused."""

import json
from typing import Any

import aiohttp
import pytest

from delivery.cluster.memory import Store
from delivery.cluster.objects import CONFIG_MAPS, PODS, Ref
from delivery.sandbox.server.server import MOST_BYTES
from tests.sandbox.server.conftest import Client, definition

MAPS = "/api/v1/namespaces/shop/configmaps"
DEPLOYMENTS = "/apis/apps/v1/namespaces/shop/deployments"
WIDGETS = "/apis/example.com/v1/namespaces/shop/widgets"
MERGE = "application/merge-patch+json"


def with_a_typo(kind: str) -> tuple[str, dict[str, Any]]:
    """An object with an unknown field, and where it goes."""
    if kind == "Widget":
        spec = {"size": 1, "sise": 2}
        return WIDGETS, {"apiVersion": "example.com/v1", "kind": kind, "metadata": {"name": "a"}, "spec": spec}
    labels = {"app": "web"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "app", "image": "app:1"}]}}
    spec = {"selector": {"matchLabels": labels}, "template": template, "sise": 2}
    return DEPLOYMENTS, {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": "a"}, "spec": spec}


@pytest.mark.parametrize("kind", ["Widget", "Deployment"])
async def test_unknown_fields_are_refused_told_or_dropped_as_the_client_wants(ask: Client, kind: str) -> None:
    await ask("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition())
    path, body = with_a_typo(kind)

    strict = await ask("POST", f"{path}?fieldValidation=Strict", body)
    warned = await ask("POST", f"{path}?fieldValidation=Warn&dryRun=All", body)
    silent = await ask("POST", f"{path}?fieldValidation=Ignore", body)

    assert (strict.code, strict.body["reason"]) == (400, "BadRequest")
    assert 'strict decoding error: unknown field "spec.sise"' in strict.body["message"]
    assert warned.headers["Warning"] == '299 - "unknown field \\"spec.sise\\""'
    assert "sise" not in warned.body["spec"]
    assert silent.code == 201
    assert "Warning" not in silent.headers
    assert (await ask("POST", f"{path}?fieldValidation=Sometimes", body)).code == 400


async def test_a_rehearsal_is_checked_and_leaves_no_trace(ask: Client, store: Store) -> None:
    version = store.resource_version

    made = await ask("POST", f"{MAPS}?dryRun=All", {"metadata": {"generateName": "a-"}})
    refused = await ask("POST", f"{MAPS}?dryRun=All", {"metadata": {"name": "Not A Name"}})

    assert (made.code, refused.code) == (201, 422)
    assert made.body["metadata"]["name"].startswith("a-")
    assert store.resource_version == version


async def test_the_writer_is_named_by_its_option_or_its_user_agent(ask: Client) -> None:
    await ask("POST", f"{MAPS}?fieldManager=me", {"metadata": {"name": "a"}, "data": {"y": "1"}})
    answer = await ask("PATCH", f"{MAPS}/a", {"data": {"x": "1"}}, content_type=MERGE, user_agent="tool/1.0 (linux)")

    assert [entry["manager"] for entry in answer.body["metadata"]["managedFields"]] == ["me", "tool"]


async def test_bodies_may_be_yaml(ask: Client) -> None:
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {x: '1'}\n"

    assert (await ask("POST", MAPS, text, content_type="application/yaml")).body["data"] == {"x": "1"}
    assert (await ask("POST", MAPS, "a: [", content_type="application/yaml")).code == 400


async def test_server_side_apply_is_refused_with_what_to_do(ask: Client) -> None:
    answer = await ask("PATCH", f"{MAPS}/a?fieldManager=me", "{}", content_type="application/apply-patch+yaml")

    assert (answer.code, answer.body["reason"]) == (415, "UnsupportedMediaType")
    assert "kubectl apply without --server-side" in answer.body["message"]


async def test_what_is_too_large_is_not_read(ask: Client) -> None:
    answer = await ask("POST", MAPS, json.dumps({"metadata": {"name": "a"}, "data": {"x": "y" * MOST_BYTES}}))

    assert (answer.code, answer.body["reason"]) == (413, "RequestEntityTooLarge")


async def test_pods_have_no_logs_and_paths_no_other_verbs(ask: Client, store: Store) -> None:
    store.create(PODS, {"metadata": {"name": "a"}, "spec": {}}, namespace="shop")

    log = await ask("GET", "/api/v1/namespaces/shop/pods/a/log")

    assert (log.code, log.body["reason"]) == (405, "MethodNotAllowed")
    assert "simulated" in log.body["message"]
    for method, path in (("POST", f"{MAPS}/a"), ("PUT", MAPS), ("PATCH", MAPS), ("DELETE", f"{DEPLOYMENTS}/a/status")):
        assert (await ask(method, path, {})).code == 405


async def test_a_collection_can_be_rehearsed_and_selected(ask: Client, store: Store) -> None:
    for name in "abc":
        labels = {"keep": "no" if name != "c" else "yes"}
        store.create(CONFIG_MAPS, {"metadata": {"name": name, "labels": labels}}, namespace="shop")

    await ask("DELETE", f"{MAPS}?labelSelector=keep%3Dno", {"dryRun": ["All"]})
    before = len(store.scan(CONFIG_MAPS, "shop"))
    gone = await ask("DELETE", f"{MAPS}?labelSelector=keep%3Dno")

    assert before == 3
    assert [item["metadata"]["name"] for item in gone.body["items"]] == ["a", "b"]
    assert [body["metadata"]["name"] for body in store.scan(CONFIG_MAPS, "shop")] == ["c"]


@pytest.mark.parametrize(
    "options", [{"gracePeriodSeconds": "soon"}, {"dryRun": ["Half"]}, {"propagationPolicy": "Maybe"}]
)
async def test_options_of_a_deletion_that_make_no_sense_delete_nothing(
    ask: Client, store: Store, options: dict[str, Any]
) -> None:
    store.create(CONFIG_MAPS, {"metadata": {"name": "a"}}, namespace="shop")

    answer = await ask("DELETE", f"{MAPS}/a", options)

    assert answer.code in (400, 422)
    assert next(iter(options)) in answer.body["message"]
    assert store.peek(Ref(CONFIG_MAPS, "shop", "a")) is not None


async def test_a_fault_of_the_server_is_a_status_too(ask: Client, store: Store) -> None:
    def broken(_: object) -> None:
        raise ZeroDivisionError

    store.admission.append(broken)

    answer = await ask("POST", MAPS, {"metadata": {"name": "a"}})

    assert (answer.code, answer.body["reason"]) == (500, "InternalError")
    assert (await ask("GET", MAPS)).code == 200


async def test_a_custom_kind_is_scaled_where_its_definition_says(ask: Client) -> None:
    paths = {"specReplicasPath": ".spec.size", "statusReplicasPath": ".status.have", "labelSelectorPath": ".status.by"}
    body = definition(subresources={"status": {}, "scale": paths})
    body["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["status"]["properties"] = {
        "have": {"type": "integer"},
        "by": {"type": "string"},
    }
    made = await ask("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", body)
    assert made.code == 201, made.body
    widget = {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "a"}, "spec": {"size": 2}}
    await ask("POST", WIDGETS, widget)
    status = {"status": {"have": 1, "by": "app=a"}}
    told = await ask("PATCH", f"{WIDGETS}/a/status", status, content_type=MERGE)
    assert told.body["status"] == status["status"], told.body["message"]

    scale = (await ask("GET", f"{WIDGETS}/a/scale")).body
    scale["spec"]["replicas"] = 5
    await ask("PUT", f"{WIDGETS}/a/scale", scale)
    stale = await ask("PUT", f"{WIDGETS}/a/scale", scale)

    assert scale["status"] == {"replicas": 1, "selector": "app=a"}
    assert (await ask("GET", f"{WIDGETS}/a")).body["spec"]["size"] == 5
    assert (stale.code, stale.body["reason"]) == (409, "Conflict")


async def test_warnings_do_not_reach_the_next_request(ask: Client) -> None:
    await ask("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition())
    path, body = with_a_typo("Widget")
    await ask("POST", path, body)

    clean = await ask("PATCH", f"{path}/a", {"spec": {"size": 3}}, content_type=MERGE)

    assert "Warning" not in clean.headers


async def test_connections_are_kept_between_requests(ask: Client) -> None:
    async with aiohttp.ClientSession(ask.url, connector=aiohttp.TCPConnector(limit=1)) as session:
        again = Client(session, ask.url)
        codes = [(await again("GET", MAPS)).code for _ in range(3)]

    assert codes == [200, 200, 200]
