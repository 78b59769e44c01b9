"""Webhooks from a real controller to a real HTTP server that behaves in every way, in one sandbox.

All at the same time, each in a namespace of its own. The server checks signatures and payloads of whatever it is sent.
"""

import asyncio
import hashlib
import hmac
import json
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio
from aiohttp import web

from delivery.cluster.kubernetes import KubernetesApi
from delivery.cluster.memory.resources import NAMESPACES
from delivery.cluster.objects import EVENTS, SECRETS, Ref
from delivery.listening import LOOPBACK, listening
from delivery.sandbox.settings import Settings
from delivery.sandbox.stage import open_sandbox
from tests.sandbox.stage.test_examples import BASE, HURRY, PATIENCE, Example, documents

KEY, TOKEN = "k3y", "t0ken"
FIELDS = {
    "name", "namespace", "phase", "checksum", "buildId", "type", "failedChecks", "canaryWeight", "iterations",
    "remainingTime", "metadata",
}  # fmt: skip
STORIES = {
    "quiet": ("pre-rollout", "rollout", "confirm-traffic-increase", "post-rollout", "event"),
    "slow": ("rollout",),
    "fails": ("rollout",),
    "reset": ("rollout",),
    "lured": ("rollout",),
    "huge": ("rollout",),
    "closed": ("confirm-promotion",),
    "stopped": ("confirm-promotion", "rollback"),
}
"""Which hooks each has; how they answer stands in the service."""


class Service:
    """Everybody's webhooks, by namespace and type."""

    def __init__(self):
        self.heard, self.wrong, self.says, self.url = [], [], {}, ""
        self.heard_of = asyncio.Event()
        self.end = asyncio.Event()

    async def handle(self, request):
        story, kind = request.match_info["story"], request.match_info["kind"]
        body = await request.read()
        self._check(story, kind, request.headers, body)
        self.heard.append((story, kind, json.loads(body), request.headers["Idempotency-Key"]))
        self.heard_of.set()
        return await self._answer(request, story, kind)

    def _check(self, story, kind, headers, body):
        signed = hmac.new(KEY.encode(), headers["X-Delivery-Timestamp"].encode() + b"." + body, hashlib.sha256)
        said = json.loads(body)
        right = (
            headers["X-Delivery-Signature"] == f"sha256={signed.hexdigest()}",
            headers["Authorization"] == f"Bearer {TOKEN}",
            set(said) == FIELDS,
            (said["name"], said["namespace"], said["type"]) == ("reviews", story, kind),
            said["metadata"]["team"] == "books",
        )
        if not all(right):
            self.wrong.append((story, kind, right, said))

    async def _answer(self, request, story, kind):
        if story == "slow":
            await self.end.wait()
        if story == "reset":
            request.transport.abort()
        if story == "lured":
            return web.Response(status=307, headers={"Location": "http://169.254.169.254/latest/meta-data/"})
        if story == "huge":
            return web.Response(body=b"x" * 5_000_000)
        default = {"quiet": 204, "fails": 500}.get(story, 403)
        return web.Response(status=self.says.get((story, kind), default))

    def of(self, story, kind):
        return [(said, key) for where, what, said, key in self.heard if (where, what) == (story, kind)]


@asynccontextmanager
async def serving():
    service = Service()
    app = web.Application()
    app.router.add_post("/{story}/{kind}", service.handle)
    async with listening(app, patience=0.1) as port:
        service.url = f"http://{LOOPBACK}:{port}"
        try:
            yield service
        finally:
            service.end.set()


class Story(Example):
    """A release with hooks."""

    def __init__(self, sandbox, api, name, service):
        super().__init__(sandbox, api, name)
        self.folder, self.service = BASE, service

    def canary(self):
        (body,) = documents(BASE / "canary.yaml")
        hooks = [
            {
                "name": kind,
                "type": kind,
                "url": f"{self.service.url}/{self.namespace}/{kind}",
                "timeout": "1s",
                "metadata": {"team": "books"},
                "secretRef": {"name": "hooks"},
            }
            for kind in STORIES[self.namespace]
        ]
        analysis = {"interval": "3s", "threshold": 2, "stepWeights": [20, 50], "webhooks": hooks, "metrics": []}
        metric = {"name": "request-success-rate", "interval": "3s", "warmupSeconds": 0, "thresholdRange": {"min": 90}}
        body["spec"] |= {"analysis": {**analysis, "metrics": [metric]}, "traffic": HURRY}
        return body

    async def begin(self):
        await self.api.create(Ref(NAMESPACES, "", self.namespace), {})
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "hooks"}}
        await self.api.create(
            Ref(SECRETS, self.namespace, "hooks"), {**secret, "stringData": {"token": TOKEN, "hmacKey": KEY}}
        )
        for body in documents(BASE / "reviews.yaml"):
            await self.apply(body)
        await self.until_served()
        await self.apply(self.canary())
        await self.until_status(lambda status: status.get("phase") == "Initialized")
        kind, name, ops = self.release()
        await self.api.patch(Ref(kind, self.namespace, name), ops)

    async def until_status(self, wanted):
        changed = asyncio.Event()
        self.store.observers.append(lambda _: changed.set())
        async with asyncio.timeout(PATIENCE):
            while not wanted(self.status()):
                changed.clear()
                await changed.wait()

    async def until_over(self, phase):
        await self.until_status(lambda status: status.get("phase") == phase and not status.get("stage"))

    def condition(self, kind):
        return next((each for each in self.status().get("conditions", ()) if each["type"] == kind), {})

    def told(self, reason):
        return [each for each in self.store.scan(EVENTS, self.namespace) if each["reason"] == reason]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stories():
    given = {
        "prometheus": "embedded",
        "controller": True,
        "bookinfo": False,
        "lag": "0.1-1",
        "requests_per_second": 20,
    }
    told = []
    async with (
        serving() as service,
        open_sandbox(Settings.parse(given), problem=told.append) as sandbox,
        KubernetesApi.connect(str(sandbox.kubeconfig)) as api,
    ):
        found = {name: Story(sandbox, api, name, service) for name in STORIES}
        await asyncio.gather(*(each.begin() for each in found.values()))
        yield found, service
    assert told == []
    assert service.wrong == []


@pytest.mark.asyncio(loop_scope="module")
async def test_hooks_that_agree_are_heard_once_each_and_nobody_is_lost(stories):
    found, service = stories
    story = found["quiet"]
    await story.until_over("Succeeded")

    def told():
        return " ".join(said["metadata"]["eventMessage"] for said, _ in service.of("quiet", "event"))

    async with asyncio.timeout(PATIENCE):
        while not (service.of("quiet", "post-rollout") and "serves all users" in told()):
            service.heard_of.clear()
            await service.heard_of.wait()
    for said, _ in service.of("quiet", "event"):
        assert {"eventMessage", "eventType", "timestamp", "team"} <= set(said["metadata"])
        assert said["metadata"]["eventType"] == "Normal"
    assert len({key for _, key in service.of("quiet", "pre-rollout")}) == 1
    assert [said["phase"] for said, _ in service.of("quiet", "post-rollout")] == ["Succeeded"]
    assert [said["canaryWeight"] for said, _ in service.of("quiet", "confirm-traffic-increase")] == [0, 20]
    assert story.lost("callers") == 0.0


@pytest.mark.parametrize(
    ("name", "says"), [("slow", "within 1 s"), ("reset", "cannot be reached"), ("lured", "link-local")]
)
@pytest.mark.asyncio(loop_scope="module")
async def test_a_service_without_an_answer_holds_the_release_and_is_told_once(stories, name, says):
    found, service = stories
    story = found[name]
    await story.until_status(lambda _: story.condition("AnalysisHealthy").get("reason") == "HooksUnavailable")
    heard = len(service.of(name, "rollout"))
    async with asyncio.timeout(PATIENCE):
        while len(service.of(name, "rollout")) < heard + 2:
            service.heard_of.clear()
            await service.heard_of.wait()
    assert says in story.condition("AnalysisHealthy")["message"]
    assert (story.status()["phase"], story.status()["failedChecks"]) == ("Progressing", 0)
    assert story.status()["canaryWeight"] == 20
    assert len(story.told("HooksUnavailable")) == 1


@pytest.mark.asyncio(loop_scope="module")
async def test_an_answer_that_says_no_rolls_back_at_the_threshold(stories):
    found, _ = stories
    story = found["fails"]
    await story.until_over("Failed")
    assert "HTTP 500 (2 of 2 failed checks)" in story.status()["message"]
    assert story.lost("callers") == 0.0


@pytest.mark.asyncio(loop_scope="module")
async def test_an_endless_answer_is_an_answer(stories):
    found, service = stories
    story = found["huge"]
    await story.until_over("Succeeded")
    assert service.of("huge", "rollout")
    assert story.lost("callers") == 0.0


@pytest.mark.asyncio(loop_scope="module")
async def test_a_promotion_waits_for_its_gate_and_follows_when_it_opens(stories):
    found, service = stories
    story = found["closed"]
    await story.until_status(lambda status: status.get("phase") == "WaitingPromotion")
    assert story.condition("GateClosed")["status"] == "True"
    service.says["closed", "confirm-promotion"] = 202
    await story.until_over("Succeeded")
    assert len(story.told("GateClosed")) == 1
    assert story.lost("callers") == 0.0


@pytest.mark.asyncio(loop_scope="module")
async def test_a_rollback_gate_ends_a_release_that_waits(stories):
    found, service = stories
    story = found["stopped"]
    await story.until_status(lambda status: status.get("phase") == "WaitingPromotion")
    service.says["stopped", "rollback"] = 200
    await story.until_over("Failed")
    assert story.status()["reason"] == "RollbackHook"
    assert story.lost("callers") == 0.0
