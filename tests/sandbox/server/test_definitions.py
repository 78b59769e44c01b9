"""Definitions of custom kinds: they appear, change and leave while the server runs."""

import copy
from contextlib import aclosing
from typing import Any

import aiohttp
import pytest

from delivery.cluster.clock import SystemClock
from delivery.cluster.memory import Store, merge_patch
from delivery.cluster.memory.resources import NAMESPACES
from delivery.cluster.objects import VIRTUAL_SERVICES, Ref
from delivery.sandbox.server import ApiServer
from delivery.sandbox.server.builtin import CRDS
from tests.sandbox.server.conftest import Client, definition

DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
WIDGETS = "/apis/example.com/v1/namespaces/shop/widgets"
MERGE = "application/merge-patch+json"


def widget(name: str = "a", **spec: Any) -> dict[str, Any]:
    return {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": name}, "spec": spec}


async def test_a_definition_is_established_and_its_schema_enforced(ask: Client) -> None:
    created = (await ask("POST", DEFINITIONS, definition())).body

    conditions = {one["type"]: one["status"] for one in created["status"]["conditions"]}
    assert conditions == {"NamesAccepted": "True", "Established": "True"}
    assert created["status"]["acceptedNames"]["listKind"] == "WidgetList"
    assert created["status"]["storedVersions"] == ["v1"]
    assert (await ask("POST", WIDGETS, widget())).body["spec"] == {"size": 1}
    refused = await ask("POST", WIDGETS, widget("b", size=-1))
    assert (refused.code, refused.body["details"]["causes"][0]["field"]) == (422, "spec.size")


async def test_a_changed_definition_counts_at_once(ask: Client) -> None:
    await ask("POST", DEFINITIONS, definition())
    await ask("POST", WIDGETS, widget())
    changed = definition(additionalPrinterColumns=[{"name": "Size", "type": "integer", "jsonPath": ".spec.size"}])
    schema = changed["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    schema["properties"]["spec"]["properties"]["colour"] = {"type": "string"}

    answer = await ask("PATCH", f"{DEFINITIONS}/widgets.example.com", {"spec": changed["spec"]}, content_type=MERGE)

    assert answer.code == 200, answer.body
    assert (await ask("POST", WIDGETS, widget("b", colour="red"))).body["spec"]["colour"] == "red"
    table = (await ask("GET", WIDGETS, accept="application/json;as=Table;v=v1;g=meta.k8s.io")).body
    assert [column["name"] for column in table["columnDefinitions"]] == ["Name", "Size"]
    assert table["rows"][0]["cells"] == ["a", 1]


async def test_a_deleted_definition_takes_its_objects_and_waits_for_those_that_are_held(ask: Client) -> None:
    await ask("POST", DEFINITIONS, definition())
    await ask("POST", WIDGETS, widget("free"))
    held = widget("held")
    held["metadata"]["finalizers"] = ["test/held"]
    await ask("POST", WIDGETS, held)
    watch = ask.watch(f"{WIDGETS}?watch=true&resourceVersion=0&timeoutSeconds=8")
    async with aclosing(watch) as events:  # type: ignore[type-var]
        names = [(await anext(events))["object"]["metadata"]["name"] for _ in range(2)]

        leaving = await ask("DELETE", f"{DEFINITIONS}/widgets.example.com")

        gone = await anext(events)
        assert (gone["type"], gone["object"]["metadata"]["name"]) in {("DELETED", "free"), ("MODIFIED", "held")}
        late = await ask("POST", WIDGETS, widget("late"))
        assert (late.code, late.body["reason"]) == (405, "MethodNotAllowed")
        await ask("PATCH", f"{WIDGETS}/held", {"metadata": {"finalizers": None}}, content_type=MERGE)
        rest = [event async for event in events]  # ends by itself: the kind is gone

    assert names == ["free", "held"]
    assert "deletionTimestamp" in leaving.body["metadata"]
    assert (rest[-1]["type"], rest[-1]["object"]["metadata"]["name"]) == ("DELETED", "held")
    assert (await ask("GET", f"{DEFINITIONS}/widgets.example.com")).code == 404
    assert (await ask("GET", WIDGETS)).code == 404
    assert (await ask("POST", DEFINITIONS, definition())).code == 201
    assert (await ask("GET", WIDGETS)).body["items"] == []


async def test_the_versions_of_a_kind_show_the_same_objects(ask: Client) -> None:
    body = definition()
    older = {**body["spec"]["versions"][0], "name": "v1beta1", "storage": False}
    body["spec"]["versions"].append(older)
    await ask("POST", DEFINITIONS, body)
    old = WIDGETS.replace("v1", "v1beta1")
    await ask("POST", old, {**widget(size=3), "apiVersion": "example.com/v1beta1"})

    read = (await ask("GET", f"{WIDGETS}/a")).body
    patched = (
        await ask("PATCH", f"{old}/a", {"apiVersion": "example.com/v1beta1", "spec": {"size": 4}}, content_type=MERGE)
    ).body

    assert (read["apiVersion"], read["spec"]) == ("example.com/v1", {"size": 3})
    assert (patched["apiVersion"], patched["spec"]) == ("example.com/v1beta1", {"size": 4})
    assert (await ask("GET", old)).body["items"][0]["apiVersion"] == "example.com/v1beta1"
    assert (await ask("GET", "/apis/example.com")).body["preferredVersion"]["version"] == "v1"
    wrong = await ask("POST", WIDGETS, {**widget("b"), "apiVersion": "example.com/v1beta1"})
    assert wrong.code == 400


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"metadata": {"name": "other.example.com"}}, "metadata.name"),
        ({"spec": {"conversion": {"strategy": "Webhook"}}}, "spec.conversion.strategy"),
        ({"spec": {"versions": [{"name": "v1", "served": True, "storage": False}]}}, "spec.versions"),
        (
            {"spec": {"versions": [{"name": "v1", "served": True, "storage": True}]}},
            "spec.versions[0].schema.openAPIV3Schema",
        ),
    ],
)
async def test_a_definition_that_can_not_be_served_is_refused(ask: Client, change: Any, field: str) -> None:
    answer = await ask("POST", DEFINITIONS, merge_patch(definition(), change))

    assert answer.code == 422
    assert field in [cause["field"] for cause in answer.body["details"]["causes"]]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"scope": "Cluster"}, "spec.scope"),
        ({"names": {"kind": "Gadget"}}, "spec.names.kind"),
        ({"versions": [{**definition()["spec"]["versions"][0], "name": "v2"}]}, "status.storedVersions"),
    ],
)
async def test_an_update_makes_no_other_kind_of_it(ask: Client, change: Any, field: str) -> None:
    await ask("POST", DEFINITIONS, definition())
    await ask("POST", WIDGETS, widget())

    answer = await ask("PATCH", f"{DEFINITIONS}/widgets.example.com", {"spec": change}, content_type=MERGE)

    assert (answer.code, answer.body["details"]["causes"][0]["field"]) == (422, field)
    assert (await ask("GET", f"{WIDGETS}/a")).code == 200


async def test_a_kind_that_the_store_knows_already_keeps_its_stored_version() -> None:
    """The simulated world and the mesh read VirtualServices in one version, whatever a definition prefers."""
    clock = SystemClock()
    store = Store(clock)
    store.create(NAMESPACES, {"metadata": {"name": "shop"}})
    body = copy.deepcopy(definition("virtualservices"))
    body["metadata"]["name"] = "virtualservices.networking.istio.io"
    body["spec"]["group"] = "networking.istio.io"
    body["spec"]["names"]["kind"] = "VirtualService"
    body["spec"]["versions"].append({**body["spec"]["versions"][0], "name": "v1beta1", "storage": False})
    server = ApiServer(store, clock=clock)
    store.create(CRDS, body)

    async with server.serve() as url, aiohttp.ClientSession(url) as session:
        ask = Client(session, url)
        home = "/apis/networking.istio.io/v1/namespaces/shop/virtualservices"
        created = await ask(
            "POST",
            home,
            {"apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": {"name": "reviews"}},
        )

    assert created.body["apiVersion"] == "networking.istio.io/v1"
    assert store.get(Ref(VIRTUAL_SERVICES, "shop", "reviews"))["apiVersion"] == "networking.istio.io/v1beta1"


async def test_definitions_of_an_earlier_life_are_served_again(store: Store) -> None:
    clock = SystemClock()
    ApiServer(store, clock=clock)
    store.create(CRDS, definition())

    again = ApiServer(store, clock=clock)

    async with again.serve() as url, aiohttp.ClientSession(url) as session:
        assert (await Client(session, url)("GET", WIDGETS)).code == 200
