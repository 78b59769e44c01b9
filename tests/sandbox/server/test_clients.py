"""Clients that people and operators use: kopf, the kubernetes package, and our own transport."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import kopf
import kubernetes
import pytest
import yaml

from delivery.cluster.kubernetes import KubernetesApi
from delivery.cluster.objects import DEPLOYMENTS
from delivery.sandbox.server import kubeconfig
from tests.sandbox.server.conftest import SECONDS, Client, definition

DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
WIDGETS = "/apis/example.com/v1/namespaces/shop/widgets"
MERGE = "application/merge-patch+json"


def widget(name: str = "a", **spec: Any) -> dict[str, Any]:
    return {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": name}, "spec": spec}


@pytest.fixture
def config(ask: Client, tmp_path: Path) -> Path:
    """A kubeconfig file."""
    file = tmp_path / "kubeconfig"
    file.write_text(kubeconfig(ask.url, namespace="shop"))
    return file


def noting(seen: "asyncio.Queue[tuple[str, Any]]") -> kopf.OperatorRegistry:
    """Handlers that note what has happened to which size of widget."""
    registry = kopf.OperatorRegistry()
    kopf.on.login(registry=registry)(kopf.login_with_kubeconfig)

    @kopf.on.create("example.com", "v1", "widgets", registry=registry)
    async def created(spec: kopf.Spec, **_: Any) -> None:
        seen.put_nowait(("create", spec["size"]))

    @kopf.on.update("example.com", "v1", "widgets", registry=registry)
    async def updated(spec: kopf.Spec, **_: Any) -> None:
        seen.put_nowait(("update", spec["size"]))

    @kopf.on.delete("example.com", "v1", "widgets", registry=registry)
    async def deleted(spec: kopf.Spec, **_: Any) -> None:
        seen.put_nowait(("delete", spec["size"]))

    return registry


@contextlib.asynccontextmanager
async def operating(registry: kopf.OperatorRegistry) -> AsyncIterator[asyncio.Event]:
    """kopf, while the block lasts; the event says that it is ready."""
    ready, stop = asyncio.Event(), asyncio.Event()
    settings = kopf.OperatorSettings()
    settings.networking.request_timeout = SECONDS
    operator = asyncio.create_task(
        kopf.operator(
            registry=registry, settings=settings, clusterwide=True, standalone=True, ready_flag=ready, stop_flag=stop
        )
    )
    try:
        yield ready
    finally:
        stop.set()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait_for(operator, SECONDS)


async def test_a_kopf_operator_sees_creations_updates_and_deletions(
    ask: Client, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With its own login, its annotations and its finalizer: the whole of what kopf does to a cluster."""
    monkeypatch.setenv("KUBECONFIG", str(config))
    seen: asyncio.Queue[tuple[str, Any]] = asyncio.Queue()
    await ask("POST", DEFINITIONS, definition())
    async with operating(noting(seen)) as ready, asyncio.timeout(2 * SECONDS):
        await ready.wait()
        await ask("POST", WIDGETS, widget(size=1))
        first = await seen.get()
        await ask("PATCH", f"{WIDGETS}/a", {"spec": {"size": 2}}, content_type=MERGE)
        second = await seen.get()
        held = (await ask("DELETE", f"{WIDGETS}/a")).body
        third = await seen.get()
        gone = [event["type"] async for event in _until_gone(ask)]

    assert [first, second, third] == [("create", 1), ("update", 2), ("delete", 2)]
    assert held["metadata"]["finalizers"]
    assert gone[-1:] in ([], ["DELETED"])


async def _until_gone(ask: Client) -> Any:
    listing = (await ask("GET", WIDGETS)).body
    if not listing["items"]:
        return
    version = listing["metadata"]["resourceVersion"]
    async for event in ask.watch(f"{WIDGETS}?watch=true&resourceVersion={version}&timeoutSeconds=8"):
        yield event
        if event["type"] == "DELETED":
            return


async def test_the_kubernetes_package_reads_writes_and_watches(ask: Client, config: Path) -> None:
    labels = {"app": "web"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "app", "image": "app:1"}]}}
    body = {"metadata": {"name": "web"}, "spec": {"selector": {"matchLabels": labels}, "template": template}}

    def story() -> tuple[Any, ...]:
        with kubernetes.config.new_client_from_config(str(config)) as client:
            apps = kubernetes.client.AppsV1Api(client)
            limits = {"_request_timeout": SECONDS}
            apps.create_namespaced_deployment("shop", body, **limits)
            patched = apps.patch_namespaced_deployment("web", "shop", {"spec": {"replicas": 3}}, **limits)
            watch = kubernetes.watch.Watch()
            events = list(watch.stream(apps.list_namespaced_deployment, "shop", timeout_seconds=1, **limits))
            with pytest.raises(kubernetes.client.ApiException) as missing:
                apps.read_namespaced_deployment("none", "shop", **limits)
            apps.delete_namespaced_deployment("web", "shop", **limits)
            left = apps.list_namespaced_deployment("shop", **limits).items
            return patched.spec.replicas, [event["type"] for event in events], missing.value.status, left

    assert await asyncio.to_thread(story) == (3, ["ADDED"], 404, [])


async def test_our_own_transport_needs_no_more_than_the_kubeconfig(ask: Client, config: Path) -> None:
    async with KubernetesApi.connect(str(config)) as api:
        kinds = await api.server_kinds("apps", "v1")
        listing = await api.list(DEPLOYMENTS)

    assert kinds["deployments"] == DEPLOYMENTS
    assert (listing.items, int(listing.resource_version) > 0) == ([], True)


async def test_the_kubeconfig_names_a_context_and_no_credentials(ask: Client) -> None:
    config = yaml.safe_load(kubeconfig(ask.url))

    context = next(one for one in config["contexts"] if one["name"] == config["current-context"])
    assert context["context"]["namespace"] == "default"
    assert config["clusters"][0]["cluster"] == {"server": ask.url}
    assert config["users"][0]["user"] == {}
