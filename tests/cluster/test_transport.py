"""The transport against a real API server: what is promised in delivery.cluster.protocols.Api."""

import json
import secrets
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import pytest

import delivery.cluster.kubernetes.api as transport
from delivery.cluster.errors import Conflict, Denied, Expired, Gone, Invalid
from delivery.cluster.kubernetes import KubernetesApi
from delivery.cluster.objects import DEPLOYMENTS, PODS, SERVICES, VIRTUAL_SERVICES, Kind, Ref, resource_version
from delivery.cluster.protocols import WatchEvent
from tests.cluster.harness.control_plane import ControlPlane
from tests.cluster.harness.kinds import CONFIG_MAPS, NAMESPACES
from tests.cluster.harness.processes import free_port

VIRTUAL_SERVICE = {"spec": {"hosts": ["reviews"], "http": [{"route": [{"destination": {"host": "reviews"}}]}]}}


@pytest.fixture
async def as_controller(control_plane: ControlPlane) -> AsyncIterator[KubernetesApi]:
    async with KubernetesApi.connect(str(control_plane.kubeconfig("controller"))) as api:
        yield api


@pytest.mark.usefixtures("crds")
@pytest.mark.parametrize("kind", [CONFIG_MAPS, VIRTUAL_SERVICES], ids=str)
async def test_an_object_is_created_read_patched_and_deleted(api: KubernetesApi, namespace: str, kind: Kind) -> None:
    ref = Ref(kind, namespace, "reviews")

    created = await api.create(ref, VIRTUAL_SERVICE if kind == VIRTUAL_SERVICES else {"data": {"a": "1"}})
    read = await api.get(ref)
    patched = await api.patch(ref, [{"op": "add", "path": "/metadata/labels", "value": {"app": "reviews"}}])
    listing = await api.list(kind, namespace, label_selector="app=reviews,other!=x")
    await api.delete(ref)

    assert read == created
    assert (read["apiVersion"], read["kind"]) == (kind.api_version, kind.kind)
    assert patched["metadata"]["labels"] == {"app": "reviews"}
    assert patched["metadata"]["resourceVersion"] != read["metadata"]["resourceVersion"]
    assert listing.items == [patched]  # an item of a list says its kind, as the object itself does
    with pytest.raises(Gone, match=r"get .*reviews.*not found"):
        await api.get(ref)


async def test_our_writes_carry_our_name_as_field_manager(api: KubernetesApi, namespace: str) -> None:
    created = await api.create(Ref(CONFIG_MAPS, namespace, "settings"), {"data": {"a": "1"}})

    assert [entry["manager"] for entry in created["metadata"]["managedFields"]] == ["progressive-delivery"]


async def test_a_status_is_patched_apart_from_the_spec(api: KubernetesApi, namespace: str) -> None:
    ref = Ref(PODS, namespace, "one")
    await api.create(ref, {"spec": {"containers": [{"name": "app", "image": "example/app:v1"}]}})

    ops = [{"op": "add", "path": "/status", "value": {"message": "hello"}}]
    patched = await api.patch(ref, ops, subresource="status")

    assert patched["status"]["message"] == "hello"
    assert patched["spec"]["containers"][0]["image"] == "example/app:v1"


async def test_creating_what_exists_is_a_conflict(api: KubernetesApi, namespace: str) -> None:
    ref = Ref(CONFIG_MAPS, namespace, "settings")
    await api.create(ref, {})

    with pytest.raises(Conflict, match=f"create ConfigMap {namespace}/settings: .*already exists"):
        await api.create(ref, {})


@pytest.mark.parametrize(
    "op",
    [
        {"op": "test", "path": "/metadata/resourceVersion", "value": "1"},
        {"op": "add", "path": "/metadata/annotations/missing~1parent", "value": "x"},
    ],
    ids=["failed test", "no such path"],
)
async def test_a_patch_decided_on_something_else_is_a_conflict_and_changes_nothing(
    api: KubernetesApi, namespace: str, op: dict[str, str]
) -> None:
    ref = Ref(CONFIG_MAPS, namespace, "settings")
    before = await api.create(ref, {"data": {"a": "1"}})

    with pytest.raises(Conflict):
        await api.patch(ref, [{"op": "replace", "path": "/data/a", "value": "2"}, op])

    assert await api.get(ref) == before


async def test_content_that_the_server_refuses_is_invalid_and_names_the_field(
    api: KubernetesApi, namespace: str
) -> None:
    ref = Ref(SERVICES, namespace, "reviews")
    await api.create(ref, {"spec": {"ports": [{"port": 80}]}})

    with pytest.raises(Invalid, match=r"spec\.ports\[0\]\.port"):
        await api.patch(ref, [{"op": "replace", "path": "/spec/ports/0/port", "value": 70000}])
    with pytest.raises(Invalid, match=r"spec\.ports"):
        await api.create(Ref(SERVICES, namespace, "other"), {"spec": {}})


@pytest.mark.usefixtures("crds")
async def test_a_custom_resource_against_its_schema_is_invalid(api: KubernetesApi, namespace: str) -> None:
    ref = Ref(VIRTUAL_SERVICES, namespace, "reviews")
    await api.create(ref, VIRTUAL_SERVICE)

    with pytest.raises(Invalid, match=r"spec\.hosts"):
        await api.patch(ref, [{"op": "replace", "path": "/spec/hosts", "value": "reviews"}])


async def test_what_is_not_there_is_gone(api: KubernetesApi, namespace: str) -> None:
    ref = Ref(CONFIG_MAPS, namespace, "settings")

    with pytest.raises(Gone):
        await api.patch(ref, [{"op": "add", "path": "/data", "value": {}}])
    with pytest.raises(Gone):
        await api.delete(ref)
    with pytest.raises(Gone):
        await api.list(Kind("example.com", "v1", "Thing", "things"))
    with pytest.raises(Gone):
        await api.create(Ref(CONFIG_MAPS, "no-such-namespace", "settings"), {})


async def test_a_reference_without_a_name_never_means_all_objects(api: KubernetesApi, namespace: str) -> None:
    kept = Ref(CONFIG_MAPS, namespace, "kept")
    await api.create(kept, {})

    with pytest.raises(Invalid, match=r"metadata\.name"):
        await api.delete(Ref(CONFIG_MAPS, namespace, ""))
    with pytest.raises(Invalid, match=r"metadata\.namespace"):
        await api.delete(Ref(CONFIG_MAPS, "", "kept"))

    assert (await api.get(kept))["metadata"]["name"] == "kept"


async def test_a_user_without_the_right_is_denied(as_controller: KubernetesApi, namespace: str) -> None:
    with pytest.raises(Denied, match='User "controller" cannot list resource "deployments"'):
        await as_controller.list(DEPLOYMENTS, namespace)
    with pytest.raises(Denied):
        await as_controller.create(Ref(CONFIG_MAPS, namespace, "settings"), {})
    with pytest.raises(Denied):
        await anext(as_controller.watch(DEPLOYMENTS, namespace, resource_version="1", timeout=5))


async def test_nothing_is_created_in_a_namespace_that_is_being_deleted(api: KubernetesApi) -> None:
    """No matter of permissions, although the server says 403."""
    leaving = Ref(NAMESPACES, "", f"leaving-{secrets.token_hex(4)}")
    held = Ref(CONFIG_MAPS, leaving.name, "held")
    await api.create(leaving, {})
    await api.create(held, {"metadata": {"finalizers": ["test/held"]}})
    await api.delete(leaving)

    with pytest.raises(Gone, match="it is being terminated"):
        await api.create(Ref(CONFIG_MAPS, leaving.name, "late"), {})

    await api.patch(held, [{"op": "remove", "path": "/metadata/finalizers"}])


async def test_an_unknown_token_is_denied(control_plane: ControlPlane, namespace: str, tmp_path: Path) -> None:
    kubeconfig = json.loads(control_plane.kubeconfig().read_text())
    kubeconfig["users"][0]["user"]["token"] = "wrong"
    (tmp_path / "config").write_text(json.dumps(kubeconfig))

    async with KubernetesApi.connect(str(tmp_path / "config")) as api:
        with pytest.raises(Denied, match="401"):
            await api.list(PODS, namespace)


async def test_a_long_list_is_read_in_pages(
    api: KubernetesApi, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"settings-{number}" for number in range(5)]
    for name in names:
        await api.create(Ref(CONFIG_MAPS, namespace, name), {})
    monkeypatch.setattr(transport, "PAGE", 2)

    listing = await api.list(CONFIG_MAPS, namespace)

    found = [item["metadata"]["name"] for item in listing.items]
    assert [name for name in found if name in names] == names
    async with aclosing(api.watch(CONFIG_MAPS, namespace, resource_version=listing.resource_version)) as events:
        await api.delete(Ref(CONFIG_MAPS, namespace, names[0]))
        assert (await anext(events)).type == "DELETED"  # nothing before the list comes again


async def test_a_watch_tells_what_happens_then_a_bookmark_and_ends(api: KubernetesApi, namespace: str) -> None:
    ref = Ref(CONFIG_MAPS, namespace, "settings")
    start = (await api.list(CONFIG_MAPS, namespace)).resource_version
    await api.create(ref, {})

    events: list[WatchEvent] = []
    async for event in api.watch(CONFIG_MAPS, namespace, resource_version=start, timeout=5):
        events.append(event)
        if event.type == "ADDED" and event.object["metadata"]["name"] == ref.name:
            await api.patch(ref, [{"op": "add", "path": "/data", "value": {"a": "1"}}])
            await api.delete(ref)

    ours = [event for event in events if event.object["metadata"].get("name") == ref.name]
    assert [event.type for event in ours] == ["ADDED", "MODIFIED", "DELETED"]
    assert events[-1].type == "BOOKMARK"
    assert resource_version(events[-1].object) >= resource_version(ours[-1].object)


@pytest.mark.usefixtures("crds")
async def test_a_watch_from_too_long_ago_has_expired(api: KubernetesApi, namespace: str) -> None:
    with pytest.raises(Expired, match="too old resource version"):
        await anext(api.watch(VIRTUAL_SERVICES, namespace, resource_version="1", timeout=5))


@pytest.mark.usefixtures("crds")
async def test_the_server_says_which_kinds_it_has(api: KubernetesApi) -> None:
    istio = await api.server_kinds("networking.istio.io", "v1beta1")

    assert istio["virtualservices"] == VIRTUAL_SERVICES
    assert "deployments/status" not in await api.server_kinds("apps", "v1")
    assert (await api.server_kinds("", "v1"))["pods"] == PODS
    with pytest.raises(Gone):
        await api.server_kinds("example.com", "v1")


async def test_a_proxy_in_the_environment_is_not_for_loopback(
    control_plane: ControlPlane, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)

    async with KubernetesApi.connect(str(control_plane.kubeconfig())) as api:
        listing = await api.list(PODS, namespace)

    assert listing.items == []
