"""Every example is rolled out from its own files in one sandbox: a real controller over HTTP, late proxies, callers.

All of them at the same time, each in a namespace of its own and in a hurry: the files' minutes are seconds here.
"""

import asyncio
import copy
from pathlib import Path

import pytest
import pytest_asyncio
import yaml

from delivery.cluster.kubernetes import KubernetesApi
from delivery.cluster.memory.resources import NAMESPACES
from delivery.cluster.objects import (
    ALERT_PROVIDERS,
    APPROVALS,
    CANARIES,
    DAEMON_SETS,
    DEPLOYMENTS,
    DESTINATION_RULES,
    METRIC_TEMPLATES,
    PODS,
    SECRETS,
    SERVICES,
    VIRTUAL_SERVICES,
    Ref,
)
from delivery.gates import speaking
from delivery.gates.ledger import Ledger
from delivery.gates.server import GateServer, Token
from delivery.sandbox.settings import Settings
from delivery.sandbox.stage import open_sandbox
from delivery.workloads.health import is_ready

EXAMPLES = Path(__file__).parents[3] / "examples"
BASE = EXAMPLES / "reviews-canary"
NAMES = sorted(path.parent.name for path in EXAMPLES.glob("*/canary.yaml"))
APPLIED = (CANARIES, DAEMON_SETS, DEPLOYMENTS, DESTINATION_RULES, METRIC_TEMPLATES, SECRETS, SERVICES, VIRTUAL_SERVICES)
KINDS = {kind.kind: kind for kind in (*APPLIED, ALERT_PROVIDERS)}
HURRY = {"settleSeconds": 2, "drainSeconds": 2, "drainMaxSeconds": 10}
LAG = "0.1-1.5"
PATIENCE = 240.0
GATES = "http://gates.gates:8080"
IMAGE = yaml.safe_load((BASE / "reviews-v2.yaml").read_text())["spec"]["template"]["spec"]["containers"][0]["image"]
V2 = (
    {"op": "replace", "path": "/spec/template/metadata/labels/version", "value": "v2"},
    {"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": IMAGE},
)


def documents(path):
    return [body for body in yaml.safe_load_all(path.read_text()) if body["kind"] != "Namespace"]


def hurried(body):
    """The example's Canary, its durations cut; all else is as it stands there."""
    out = copy.deepcopy(body)
    analysis = out["spec"]["analysis"]
    if not analysis:  # then code fills it in, and its windows would last a minute
        analysis["stepWeights"] = [5, 50]
        analysis["metrics"] = [{"name": "request-success-rate", "thresholdRange": {"min": 99}}]
    analysis["interval"] = "3s"
    if "iterations" in analysis:
        analysis["iterations"] = 2
    for metric in analysis.get("metrics") or ():
        metric["interval"] = "3s"
        metric["warmupSeconds"] = 0
    if "promotion" in out["spec"] and "bakeSeconds" in out["spec"]["promotion"]:
        out["spec"]["promotion"]["bakeSeconds"] = 6
    out["spec"]["traffic"] = HURRY
    return out


class Example:
    """One example in the sandbox, in its own namespace."""

    def __init__(self, sandbox, api, name):
        self.sandbox, self.api, self.store, self.namespace = sandbox, api, sandbox.store, name
        self.folder = EXAMPLES / name
        self.gates = GATES

    async def apply(self, body):
        text = yaml.safe_dump(body).replace("namespace: bookinfo", f"namespace: {self.namespace}")
        here = yaml.safe_load(text.replace(GATES, self.gates))
        await self.api.create(Ref(KINDS[here["kind"]], self.namespace, here["metadata"]["name"]), here)

    def peek(self, kind, name="reviews"):
        return self.store.peek(Ref(kind, self.namespace, name))

    def status(self):
        return (self.peek(CANARIES) or {}).get("status") or {}

    @property
    def target(self):
        """The kind of the target."""
        return KINDS[self._target_ref["kind"]]

    @property
    def _target_ref(self):
        (body,) = documents(self.folder / "canary.yaml")
        return body["spec"]["targetRef"]

    @property
    def observes(self):
        """Does it look on while somebody else releases?"""
        (body,) = documents(self.folder / "canary.yaml")
        return body["spec"].get("mode") == "observe"

    @property
    def switches(self):
        """Is there a Deployment for each version?"""
        (body,) = documents(self.folder / "canary.yaml")
        return body["spec"].get("promotion", {}).get("method") == "switch"

    def release(self):
        """Version 2: what is patched, by its kind and name, and the operations."""
        if self.switches:
            return CANARIES, "reviews", ({"op": "replace", "path": "/spec/targetRef/name", "value": "reviews-v2"},)
        name = self._target_ref["name"]
        if self.target != SERVICES:
            chosen = "version" in self.peek(self.target, name)["spec"]["selector"]["matchLabels"]
            return self.target, name, V2[1:] if chosen else V2
        version = yaml.safe_load((self.folder / "release.yaml").read_text())["spec"]["selector"]["version"]
        return SERVICES, name, ({"op": "replace", "path": "/spec/selector/version", "value": version},)

    def serves_v2(self):
        """Does the primary serve version 2?"""
        by_service = self.switches or self.target == SERVICES
        name = "reviews" if by_service else self._target_ref["name"]
        spec = self.peek(SERVICES if by_service else self.target, f"{name}-primary")["spec"]
        if by_service:
            return spec["selector"]["version"] == "v2"
        return "reviews-v2" in spec["template"]["spec"]["containers"][0]["image"]

    async def until_served(self):
        """Callers come with the Canary: by then its pods are ready, and each proxy knows them and their routes."""
        host = f"reviews.{self.namespace}.svc.cluster.local"
        async with asyncio.timeout(PATIENCE):
            while not self.all_ready() or self.sandbox.mesh.under_way(host):
                await self.sandbox.traffic.moved()

    def all_ready(self):
        """Has every workload here as many ready pods as it wants?"""
        found = [body for kind in (DEPLOYMENTS, DAEMON_SETS) for body in self.store.scan(kind, self.namespace)]
        pods = self.store.scan(PODS, self.namespace)
        wanted = sum(body["spec"].get("replicas", 1) for body in found)
        return len(pods) >= wanted and all(map(is_ready, pods))

    def lost(self, source):
        where = {"namespace": self.namespace, "source": source}
        return self.sandbox.mesh.lost(**where) + self.sandbox.mesh.unready(**where)

    async def until(self, phase):
        changed = asyncio.Event()
        self.store.observers.append(lambda _: changed.set())
        async with asyncio.timeout(PATIENCE):
            while self.status().get("phase") != phase or self.status().get("stage"):
                changed.clear()
                assert self.status().get("phase") != "Failed", self.status()
                await changed.wait()

    async def play(self):
        """As its README says: apply, wait, release, watch."""
        await self.api.create(Ref(NAMESPACES, "", self.namespace), {})
        base = self.folder / "reviews.yaml"
        for body in documents(base if base.exists() else BASE / "reviews.yaml"):
            await self.apply(body)
        for file in sorted(self.folder.glob("before-*.yaml")):
            for body in documents(file):
                await self.apply(body)
        await self.until_served()
        (canary,) = documents(self.folder / "canary.yaml")
        await self.apply(hurried(canary))
        if self.observes:
            await self.until("Observing")
            return
        await self.until("Initialized")
        if (self.folder / "root.yaml").exists():
            for body in documents(self.folder / "root.yaml"):
                await self.apply(body)
        kind, name, ops = self.release()
        await self.api.patch(Ref(kind, self.namespace, name), ops)
        for gate in canary["spec"]["analysis"].get("gates", ()):
            await self.sign_off(gate["name"])
        await self.until("Succeeded")

    async def sign_off(self, gate):
        """Somebody waits until a gate is closed, and opens it."""
        changed = asyncio.Event()
        self.store.observers.append(lambda _: changed.set())
        async with asyncio.timeout(PATIENCE):
            while f"approval/{gate}" not in (self.status().get("waiting") or {}).get("gates", ()):
                changed.clear()
                assert self.status().get("phase") != "Failed", self.status()
                await changed.wait()
        saying = speaking.Saying(gate=gate, approves=True, reason="numbers are fine", user="jane")
        word = speaking.approval(self.peek(CANARIES), saying)
        await self.api.create(Ref(APPROVALS, self.namespace, word["metadata"]["name"]), word)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def played(tmp_path_factory):
    """All examples, being played."""
    given = {
        "prometheus": "embedded",
        "controller": True,
        "bookinfo": False,
        "lag": LAG,
        "requests_per_second": 20,
    }
    told = []
    ledger = Ledger(tmp_path_factory.mktemp("gates") / "gates.json")
    ledger.put("gate/webhooks/reviews", is_open=True)
    async with (
        GateServer(ledger, Token(text="change-me"), host="127.0.0.1", port=0) as gates,
        open_sandbox(Settings.parse(given), problem=told.append) as sandbox,
        KubernetesApi.connect(str(sandbox.kubeconfig)) as api,
    ):
        examples = {name: Example(sandbox, api, name) for name in NAMES}
        for example in examples.values():
            example.gates = f"http://127.0.0.1:{gates.port}"
        tasks = {name: asyncio.create_task(each.play()) for name, each in examples.items()}
        try:
            yield examples, tasks
        finally:
            for task in tasks.values():
                task.cancel()
            await asyncio.gather(*tasks.values(), return_exceptions=True)
    assert told == []


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.asyncio(loop_scope="module")
async def test_an_example_is_promoted_and_no_request_is_lost(played, name):
    examples, tasks = played
    await tasks[name]
    example = examples[name]
    if example.observes:
        ours = {body["metadata"]["name"] for body in example.store.scan(SERVICES, example.namespace)} - {"reviews"}
        assert not {name for name in ours if name.startswith("reviews-")}
    else:
        assert example.serves_v2()
    callers = ("callers", "insiders", "testers")
    assert {source: example.lost(source) for source in callers} == dict.fromkeys(callers, 0.0)


@pytest.mark.asyncio(loop_scope="module")
async def test_what_the_service_asks_for_is_on_every_rule_and_every_service_after_a_run(played):
    examples, tasks = played
    await tasks["service-fields"]
    example = examples["service-fields"]
    (asked,) = documents(example.folder / "canary.yaml")
    service = asked["spec"]["service"]
    route = example.peek(VIRTUAL_SERVICES)["spec"]
    assert set(route["gateways"]) == set(service["gateways"])
    assert set(service["hosts"]) <= set(route["hosts"])
    for rule in route["http"]:
        for carried in ("timeout", "retries", "rewrite", "headers", "corsPolicy"):
            assert rule[carried].items() >= service[carried].items() if carried != "timeout" else rule[carried] == "10s"
    for role in ("primary", "canary"):
        policy = example.peek(DESTINATION_RULES, f"reviews-{role}")["spec"]["trafficPolicy"]
        assert policy["portLevelSettings"] == service["trafficPolicy"]["portLevelSettings"]
        assert policy["connectionPool"] == service["trafficPolicy"]["connectionPool"]
        noted = example.peek(SERVICES, f"reviews-{role}")["metadata"]["annotations"]
        assert noted["books.example.com/role"] == role
    assert example.peek(SERVICES)["metadata"]["labels"]["team"] == "books"


def test_there_is_one_for_each_strategy():
    assert {
        "ab-testing",
        "blue-green",
        "mirroring",
        "session-affinity",
        "testers",
        "baking",
        "tcp",
        "delegation",
    } <= set(NAMES)
