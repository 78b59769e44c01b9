"""The parts of a sandbox together, in the process of the test: real HTTP, a real mesh, real time."""

import asyncio
import os
import signal
import socket
from contextlib import asynccontextmanager

import aiohttp
import pytest
import yaml

from delivery.cluster.memory import MERGE_PATCH, ContentInvalidError
from delivery.cluster.memory.conditions import is_ready
from delivery.cluster.memory.resources import AUTOSCALERS, CONFIG_MAPS
from delivery.cluster.objects import CANARIES, DEPLOYMENTS, EVENTS, PODS, SERVICES, VIRTUAL_SERVICES, Ref
from delivery.sandbox.bookinfo import APPS
from delivery.sandbox.definitions import DefinitionsError, istio
from delivery.sandbox.settings import Settings, SettingsError
from delivery.sandbox.stage import controller_environment, open_sandbox
from delivery.sandbox.state import StateError
from delivery.sandbox.traffic import REQUESTS
from tests.sandbox.stage.processes import PATIENCE, files_in, gone, text_of, until_time

REVIEWS = Ref(DEPLOYMENTS, "default", "reviews")
QUIET = {"prometheus": "embedded", "controller": False, "lag": "0-0.01"}


@pytest.fixture
def problems():
    return []


@pytest.fixture
def opened(problems, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()

    @asynccontextmanager
    async def start(**given):
        async with open_sandbox(Settings.parse({**QUIET, **given}), problem=problems.append) as sandbox:
            yield sandbox
        assert files_in(tmp_path / "tmp") == []

    return start


async def until(sandbox, predicate):
    """Wait for the write after which something holds."""
    written = asyncio.Event()
    sandbox.store.observers.append(lambda _: written.set())
    async with asyncio.timeout(PATIENCE):
        while not predicate():
            written.clear()
            await written.wait()


async def get(url, **query):
    timeout = aiohttp.ClientTimeout(total=PATIENCE)
    async with aiohttp.ClientSession(timeout=timeout) as session, session.get(url, params=query) as answer:
        assert answer.status == 200, await answer.text()
        return await answer.json()


def ready(sandbox, app="reviews"):
    pods = [pod for pod in sandbox.store.scan(PODS) if pod["metadata"]["labels"].get("app") == app]
    return sum(map(is_ready, pods))


def canary(name="reviews", namespace="default", **spec):
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}
    whole = {"targetRef": target, "service": {"port": 9080}, "analysis": {}, **spec}
    return {"metadata": {"name": name, "namespace": namespace}, "spec": whole}


async def test_an_empty_cluster_holds_what_a_cluster_holds(opened):
    async with opened(bookinfo=False) as sandbox:
        namespaces = await get(f"{sandbox.url}/api/v1/namespaces")
        names = [each["metadata"]["name"] for each in namespaces["items"]]
        assert names == ["default", "istio-system", "kube-system"]
        groups = {each["name"] for each in (await get(f"{sandbox.url}/apis"))["groups"]}
        assert {"progressive.delivery", "networking.istio.io", "apps", "autoscaling"} <= groups
        for kind in (DEPLOYMENTS, PODS, SERVICES, VIRTUAL_SERVICES):
            assert sandbox.store.scan(kind) == []


async def test_users_reach_bookinfo_and_prometheus_sees_them(opened):
    async with opened(requests_per_second=200) as sandbox:
        await until(sandbox, lambda: all(ready(sandbox, app) == 2 for app in ("productpage", "reviews", "details")))
        answered = {"reporter": "destination", "destination_workload": "reviews", "response_code": "200"}
        await until_time(lambda: sandbox.traffic.scrape() and sandbox.mesh.requests(**answered) > 50)
        query = 'istio_requests_total{destination_workload="productpage",reporter="source"}'

        async def seen():
            return (await get(f"{sandbox.prometheus.url}/api/v1/query", query=query))["data"]["result"]

        async with asyncio.timeout(PATIENCE):
            while not (found := await seen()):
                pass
        assert found[0]["metric"]["source_workload"] == "istio-ingressgateway"


async def test_the_service_of_a_canary_gets_callers_and_an_annotation_says_how_many(opened, problems):
    async with opened(bookinfo=False, requests_per_second=7) as sandbox:
        store = sandbox.store
        service = Ref(SERVICES, "default", "web")
        store.create(SERVICES, {"metadata": {"name": "web"}, "spec": {"ports": [{"port": 80}]}}, namespace="default")

        def sent():
            return [(load.service, load.per_second) for load in sandbox.mesh.loads]

        assert sent() == []
        store.create(CANARIES, canary("web"), namespace="default")
        assert sent() == [("web", 7.0)]
        annotated = "/metadata/annotations"
        store.patch(service, [{"op": "add", "path": annotated, "value": {REQUESTS: "12.5"}}])
        assert sent() == [("web", 12.5)]
        store.patch(service, [{"op": "add", "path": annotated, "value": {REQUESTS: "many"}}])
        assert sent() == [("web", 7.0)]
        assert problems == [
            f"Service default/web, annotation {REQUESTS}: 'many'; requests per second, 0 to 10000; 7 are sent"
        ]
        store.patch(service, [{"op": "add", "path": annotated, "value": {REQUESTS: "0"}}])
        assert sent() == []
        store.patch(service, [{"op": "remove", "path": annotated}])
        store.delete(Ref(CANARIES, "default", "web"))
        assert sent() == []


async def test_what_the_mesh_does_not_understand_is_said(opened, problems):
    async with opened(bookinfo=False) as sandbox:
        body = {"metadata": {"name": "odd"}, "spec": {"hosts": ["a"], "http": [{"teleport": {}}]}}
        sandbox.store.create(VIRTUAL_SERVICES, body, namespace="default")
        await until_time(lambda: problems)
        assert "teleport" in problems[0]
        (event,) = (each for each in sandbox.store.scan(EVENTS) if each["involvedObject"]["name"] == "odd")
        assert (event["type"], event["reason"], event["message"]) == ("Warning", "NotUnderstood", problems[0])


async def test_autoscalers_follow_the_users_of_the_mesh(opened):
    async with opened(requests_per_second=400) as sandbox:
        await until(sandbox, lambda: ready(sandbox) == 2)
        await until_time(lambda: sandbox.traffic.scrape() and sandbox.mesh.rate("default", _pod(sandbox)) > 150)
        target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "reviews"}
        resource = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}}
        spec = {"scaleTargetRef": target, "maxReplicas": 9, "metrics": [{"type": "Resource", "resource": resource}]}
        sandbox.store.create(AUTOSCALERS, {"metadata": {"name": "reviews"}, "spec": spec}, namespace="default")
        await until(sandbox, lambda: sandbox.store.peek(REVIEWS)["spec"]["replicas"] > 3)


def _pod(sandbox):
    return next(
        pod["metadata"]["name"]
        for pod in sandbox.store.scan(PODS)
        if pod["metadata"]["labels"]["app"] == "reviews" and is_ready(pod)
    )


async def test_a_canary_that_breaks_a_rule_is_refused_with_the_field(opened):
    async with opened(bookinfo=False) as sandbox:
        wrong = canary(analysis={"stepWeight": 10, "stepWeights": [1, 2]})
        with pytest.raises(ContentInvalidError, match="stepWeight"):
            sandbox.store.create(CANARIES, wrong, namespace="default")
        sandbox.store.create(CANARIES, canary(), namespace="default")
        ref = Ref(CANARIES, "default", "reviews")
        both = {"stepWeight": 10, "iterations": 3}
        with pytest.raises(ContentInvalidError, match=r"spec\.analysis"):
            sandbox.store.patch(ref, {"spec": {"analysis": both}}, content_type=MERGE_PATCH)
        sandbox.store.patch(ref, {"metadata": {"labels": {"a": "b"}}}, content_type=MERGE_PATCH)


async def test_the_state_survives_a_restart(opened, tmp_path):
    state = tmp_path / "state.json"
    custom = tmp_path / "crd.yaml"
    custom.write_text(ROCKETS)
    async with opened(state=state, crds=[str(custom)]) as sandbox:
        await until(sandbox, lambda: all(ready(sandbox, app) == 2 for app in APPS))
        sandbox.store.create(CONFIG_MAPS, {"metadata": {"name": "mine"}}, namespace="default")
        before = await get(f"{sandbox.url}/api/v1/namespaces/default/configmaps/mine")
        sandbox.store.delete(Ref(DEPLOYMENTS, "default", "ratings"))
        await until(sandbox, lambda: not ready(sandbox, "ratings"))
        pods = {pod["metadata"]["uid"] for pod in sandbox.store.scan(PODS) if is_ready(pod)}
        with pytest.raises(StateError, match="in use by another sandbox"):
            async with opened(state=state):
                pass
    async with opened(state=state) as sandbox:
        assert await get(f"{sandbox.url}/api/v1/namespaces/default/configmaps/mine") == before
        assert {pod["metadata"]["uid"] for pod in sandbox.store.scan(PODS) if is_ready(pod)} == pods
        assert sandbox.store.peek(Ref(DEPLOYMENTS, "default", "ratings")) is None
        assert (await get(f"{sandbox.url}/apis/example.com/v1/rockets"))["items"] == []
    assert oct(state.stat().st_mode)[-3:] == "600"


ROCKETS = """\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: rockets.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {kind: Rocket, plural: rockets}
  versions:
    - name: v1
      served: true
      storage: true
      schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
"""


async def test_definitions_that_cannot_be_used_are_named(opened, tmp_path):
    for text, why in (
        ("a: [", "crd.yaml"),
        ("{kind: CustomResourceDefinition}", r"metadata\.name: a name is missing"),
        ("{kind: CustomResourceDefinition, metadata: {name: a.b}}", r"definition a\.b"),
        ("- 1", "an object is needed"),
        (ROCKETS.replace("rockets.", "x."), "metadata.name"),
    ):
        file = tmp_path / "crd.yaml"
        file.write_text(text)
        with pytest.raises(DefinitionsError, match=why):
            async with opened(crds=[str(file)]):
                pass


async def test_a_kubeconfig_where_one_was_wanted_and_nothing_else_is_overwritten(opened, tmp_path):
    path = tmp_path / "config"
    path.write_text("apiVersion: v1\nkind: Config\nclusters: []\n")
    with pytest.raises(SettingsError, match="a new file, or the kubeconfig of an earlier sandbox"):
        async with opened(kubeconfig=path):
            pass
    assert text_of(path) == "apiVersion: v1\nkind: Config\nclusters: []\n"
    path.unlink()
    async with opened(kubeconfig=path) as sandbox:
        assert sandbox.url in text_of(path)
        assert oct(path.stat().st_mode)[-3:] == "600"
    assert not path.exists()


async def test_a_port_that_is_taken_is_named(opened):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError, match=f"--port: {port} given, allowed: a port that is free"):
            async with opened(port=str(port)):
                pass


async def test_a_controller_that_dies_is_started_again_and_that_is_said(opened, problems):
    async with opened(bookinfo=False, controller=True) as sandbox:
        first = sandbox.controller.pid
        os.kill(first, signal.SIGKILL)
        await until_time(lambda: sandbox.controller.pid not in (None, first))
        assert problems[0].startswith("the controller ended with code -9, it is started again; its log is")
        second = sandbox.controller.pid
    await gone({first, second})


async def test_one_that_shall_not_be_started_again_is_not(opened, problems):
    async with opened(bookinfo=False, controller=True, restart_controller=False) as sandbox:
        os.kill(sandbox.controller.pid, signal.SIGKILL)
        await until_time(lambda: problems)
        assert "started again" not in problems[0]
        assert sandbox.controller.pid is None


def test_the_controller_hears_of_no_other_cluster():
    ours = {"KUBECONFIG": "x", "DELIVERY_NAMESPACE": "y", "https_proxy": "z", "PATH": "p"}
    assert controller_environment(ours) == {"PATH": "p"}


async def test_bookinfo_runs_on_definitions_that_store_another_version(opened, tmp_path):
    """Given definitions of Istio's that keep v1, as its newer ones do."""
    theirs = istio()
    for body in theirs:
        for version in body["spec"]["versions"]:
            version["storage"] = version["name"] == "v1"
    custom = tmp_path / "crd.yaml"
    custom.write_text(yaml.safe_dump_all(theirs))
    async with opened(crds=[str(custom)]) as sandbox:
        gateways = await get(f"{sandbox.url}/apis/networking.istio.io/v1beta1/gateways")
        assert [each["metadata"]["name"] for each in gateways["items"]] == ["bookinfo-gateway"]


async def test_definitions_given_once_are_kept_with_the_state(opened, tmp_path):
    """Given Istio's definitions replaced by others in an earlier life, then they are not replaced again."""
    (theirs,) = (body for body in istio() if body["spec"]["names"]["kind"] == "VirtualService")
    theirs["spec"]["names"]["shortNames"] = ["routes"]
    custom = tmp_path / "crd.yaml"
    custom.write_text(yaml.safe_dump(theirs))
    state = tmp_path / "state.json"
    async with opened(state=state, bookinfo=False, crds=[str(custom)]):
        pass
    async with opened(state=state, bookinfo=False) as sandbox:
        served = await get(f"{sandbox.url}/apis/networking.istio.io/v1")
        names = {each["name"]: each.get("shortNames") for each in served["resources"]}
        assert names["virtualservices"] == ["routes"]
        assert names["destinationrules"] == ["dr"]
