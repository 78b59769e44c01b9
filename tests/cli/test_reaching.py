"""Commands find the cluster that kubectl would find, and say in one sentence why they cannot."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from aiohttp import web
from click.testing import CliRunner

from delivery.cli.reaching import (
    Cluster,
    DeniedError,
    MissingError,
    ReachError,
    UnreachableError,
    Where,
    connect,
    reach,
    reaching,
)
from delivery.cluster.errors import Conflict
from delivery.cluster.kubernetes.contexts import find_context
from delivery.cluster.objects import CANARIES, CONFIG_MAPS, PODS, Kind, Ref
from tests.cli.served import Served

WIDGETS = Kind("example.com", "v1", "Widget", "widgets")


def where(served: Served, **options: Any) -> Where:
    return Where(kubeconfig=str(served.kubeconfig), **options)


def config(folder: Path, url: str, name: str = "config", **contexts: str) -> str:
    """A kubeconfig whose contexts, by name, have these namespaces; the first is the current one."""
    body = {
        "clusters": [{"name": "c", "cluster": {"server": url}}],
        "users": [{"name": "ann", "user": {}}],
        "contexts": [
            {"name": each, "context": {"cluster": "c", "user": "ann", "namespace": namespace}}
            for each, namespace in contexts.items()
        ],
        "current-context": next(iter(contexts), ""),
    }
    (folder / name).write_text(yaml.safe_dump(body))
    return str(folder / name)


def test_the_namespace_is_that_of_the_context_unless_one_is_given(served: Served) -> None:
    async def namespace(cluster: Cluster) -> str | None:
        return cluster.namespace

    assert reach(where(served), namespace) == "default"
    assert reach(where(served, namespace="shop"), namespace) == "shop"
    assert reach(where(served, everywhere=True), namespace) is None


def test_the_context_is_found_as_kubectl_finds_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = config(tmp_path, "http://a", "first", test="one", live="two")
    second = config(tmp_path, "http://b", "second", other="three")
    monkeypatch.setenv("KUBECONFIG", second)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")

    assert (find_context().name, find_context().namespace, find_context().user) == ("other", "three", "ann")
    assert find_context(first).namespace == "one"
    assert find_context(first, "live").namespace == "two"
    assert find_context(f"{first}:{tmp_path / 'none'}", "live").namespace == "two"
    monkeypatch.delenv("KUBECONFIG")
    assert find_context().kubeconfig is None, "a Pod without a kubeconfig is in its own cluster"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"context": "prod"}, "has no context 'prod'; it has live, test"),
        ({"kubeconfig": "/nowhere/config"}, "there is no kubeconfig at /nowhere/config"),
    ],
)
def test_a_context_that_does_not_exist_is_answered_with_those_that_do(
    options: dict[str, str], says: str, tmp_path: Path
) -> None:
    given = {"kubeconfig": config(tmp_path, "http://a", test="one", live="two"), **options}

    with pytest.raises(ReachError) as refused:
        reach(Where(**given), _canaries)
    assert says in refused.value.message


def test_a_file_that_is_no_kubeconfig_is_named(tmp_path: Path) -> None:
    (tmp_path / "config").write_text("{")
    with pytest.raises(ReachError, match="config is no kubeconfig"):
        reach(Where(kubeconfig=str(tmp_path / "config")), _canaries)


def test_a_cluster_that_is_not_there_is_named_with_its_context(tmp_path: Path, served: Served) -> None:
    gone = config(tmp_path, "http://127.0.0.1:1", "gone", test="one")

    with pytest.raises(UnreachableError) as refused:
        reach(Where(kubeconfig=gone), _canaries)
    assert "no answer from the cluster at http://127.0.0.1:1 (context test)" in refused.value.message


async def _canaries(cluster: Cluster) -> list[Any]:
    return await cluster.list(CANARIES)


def test_objects_are_read_by_name_by_selector_and_in_all_namespaces(served: Served) -> None:
    served.canary("reviews", team="shop")
    served.canary("ratings", team="books")
    served.canary("cart", "shop", team="shop")

    async def names(cluster: Cluster) -> list[str]:
        return [each["metadata"]["name"] for each in await cluster.list(CANARIES, selector="team=shop")]

    assert reach(where(served), names) == ["reviews"]
    assert reach(where(served, everywhere=True), names) == ["reviews", "cart"]

    async def read(cluster: Cluster) -> Any:
        found = await cluster.canary("ratings")
        assert await cluster.find(CANARIES, "cart") is None
        assert (await cluster.get(CANARIES, "cart", namespace="shop"))["metadata"]["namespace"] == "shop"
        return found["metadata"]["labels"]

    assert reach(where(served), read) == {"team": "books"}


@pytest.mark.parametrize(
    ("name", "namespace", "says"),
    [
        ("review", "default", "there is no Canary 'review' in namespace default; did you mean reviews?"),
        ("x", "default", "there is no Canary 'x' in namespace default; there are ratings, reviews"),
        ("reviews", "shop", "there is no Canary 'reviews' in namespace shop, nor any other; -n names another"),
    ],
)
def test_an_unknown_canary_is_answered_with_the_names_near_it(
    served: Served, name: str, namespace: str, says: str
) -> None:
    served.canary("reviews")
    served.canary("ratings")

    with pytest.raises(MissingError) as refused:
        reach(where(served, namespace=namespace), lambda cluster: cluster.canary(name))
    assert says in refused.value.message


def test_a_kind_that_the_cluster_does_not_have_is_named(served: Served) -> None:
    with pytest.raises(MissingError, match="does not know widgets"):
        reach(where(served), lambda cluster: cluster.list(WIDGETS))
    assert reach(where(served), lambda cluster: cluster.find(WIDGETS, "x")) is None


def test_a_write_on_another_version_is_a_conflict_for_the_command_to_decide_anew(served: Served) -> None:
    served.canary("reviews")
    test = {"op": "test", "path": "/metadata/resourceVersion", "value": "0"}

    with pytest.raises(Conflict):
        reach(where(served), lambda cluster: cluster.patch(Ref(CANARIES, "default", "reviews"), [test]))


def test_what_a_command_writes_is_told_from_what_the_controller_writes(served: Served) -> None:
    body = {"metadata": {"name": "one"}, "data": {"a": "b"}}

    reach(where(served), lambda cluster: cluster.create(CONFIG_MAPS, body))

    (entry,) = served.get(CONFIG_MAPS, "one")["metadata"]["managedFields"]
    assert entry["manager"] == "delivery"


def test_a_watch_tells_what_is_there_and_then_what_changes(served: Served) -> None:
    served.canary("reviews")

    async def follow(cluster: Cluster) -> list[tuple[str, str]]:
        seen = []
        async with asyncio.timeout(10):
            async for event in cluster.watch(CANARIES):
                seen.append((event.type, event.object["metadata"]["name"]))
                if len(seen) == 1:
                    await asyncio.to_thread(served.canary, "ratings")
                if len(seen) == 2:
                    return seen
        return seen

    assert reach(where(served), follow) == [("ADDED", "reviews"), ("ADDED", "ratings")]


async def forbid(request: web.Request) -> web.Response:
    body = {"kind": "Status", "code": 403, "message": 'User "ann" cannot', "reason": "Forbidden"}
    return web.json_response(body, status=403)


@pytest.fixture
async def refusing() -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", forbid)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0]
    yield f"http://{host}:{port}"
    await runner.cleanup()


async def test_a_missing_permission_names_verb_and_resource(refusing: str, tmp_path: Path) -> None:
    async with connect(Where(kubeconfig=config(tmp_path, refusing, test="one"))) as cluster:
        with pytest.raises(DeniedError) as refused:
            await cluster.list(CANARIES)
        assert "no permission to list canaries.progressive.delivery in namespace one (context test)" in str(
            refused.value.message
        )
        assert 'User "ann" cannot' in refused.value.message
        with pytest.raises(DeniedError, match="no permission to get pods in namespace shop"):
            await cluster.get(PODS, "x", namespace="shop")
        with pytest.raises(DeniedError, match="no permission to patch canaries"):
            await cluster.patch(Ref(CANARIES, "one", "x"), [])


async def test_a_mistake_in_a_command_is_not_taken_for_a_wrong_kubeconfig(served: Served) -> None:
    with pytest.raises(ValueError, match="mine"):
        async with connect(where(served)):
            raise ValueError("mine")


def test_the_options_become_one_value() -> None:
    @click.command()
    @click.argument("name")
    @reaching(everywhere=True)
    def show(name: str, where: Where) -> None:
        click.echo(f"{name} {where}")

    run = CliRunner().invoke
    assert (
        Where(kubeconfig="f", context="c", namespace="n").__repr__()
        in run(show, ["x", "--kubeconfig", "f", "--context", "c", "-n", "n"]).output
    )
    assert Where(everywhere=True).__repr__() in run(show, ["x", "-A"]).output
    refused = run(show, ["x", "-A", "-n", "n"])
    assert (refused.exit_code, "both of -n and -A" in refused.output) == (2, True)
