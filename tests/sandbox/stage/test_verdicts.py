"""One story for each kind of verdict, told by a real controller with a real judge in one sandbox.

All at the same time, each in a namespace of its own: callers, late proxies, an embedded Prometheus, kubectl.
"""

import asyncio
import shutil
import subprocess
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio

from delivery.cluster.kubernetes import KubernetesApi
from delivery.cluster.memory.resources import NAMESPACES
from delivery.cluster.objects import Ref
from delivery.sandbox.settings import Settings
from delivery.sandbox.stage import open_sandbox
from tests.sandbox.stage.test_examples import BASE, HURRY, PATIENCE, Example, documents

SUCCESS_RATE = "request-success-rate"
LIMIT = {"name": SUCCESS_RATE, "interval": "3s", "warmupSeconds": 0, "thresholdRange": {"min": 99}}
SILENT = {"name": "silence", "interval": "3s", "warmupSeconds": 0, "query": "nobody_counts"}
LENIENT = {**LIMIT, "thresholdRange": {"min": 20}}
COMPARED = {**LENIENT, "compareWithPrimary": {}}
SHARE = "sandbox.progressive.delivery/error-share"

STORIES = {
    "passes": ({"metrics": [LIMIT]}, "0"),
    "breaks-its-limit": ({"metrics": [LIMIT]}, "0.2"),
    "is-worse": ({"metrics": [COMPARED], "threshold": 50}, "0.2"),
    "is-as-good": ({"metrics": [COMPARED]}, "0"),
    "too-few": ({"metrics": [{**LIMIT, "minSamples": 100000}], "onInconclusive": "rollback"}, "0"),
    "no-data": ({"metrics": [SILENT]}, "0"),
    "away": ({"metrics": [LIMIT]}, "0"),
    "dry": ({"metrics": [{**LIMIT, "dryRun": True}]}, "0.2"),
}
"""What is analysed, and which share of its requests the new version fails."""


class Story(Example):
    """A release under one analysis."""

    def __init__(self, sandbox, api, name):
        super().__init__(sandbox, api, name)
        self.folder = BASE
        self.analysis, self.fails = self.given()

    def given(self):
        """What is analysed, and the share of requests that the new version fails."""
        return STORIES[self.namespace]

    def beside(self):
        """What is applied with the target."""
        return ()

    def canary(self):
        (body,) = documents(BASE / "canary.yaml")
        body["spec"] |= {"analysis": {"interval": "3s", "threshold": 2, "stepWeights": [20, 50], **self.analysis}}
        body["spec"]["traffic"] = HURRY
        if self.namespace == "away":
            body["spec"]["metricsServer"] = "http://127.0.0.1:1"
        return body

    async def begin(self):
        await self.api.create(Ref(NAMESPACES, "", self.namespace), {})
        for body in (*documents(BASE / "reviews.yaml"), *self.beside()):
            await self.apply(body)
        await self.until_served()
        await self.apply(self.canary())
        await self.until_status(lambda status: status.get("phase") == "Initialized")
        kind, name, ops = self.release()
        more = {"op": "add", "path": "/spec/template/metadata/annotations", "value": {SHARE: self.fails}}
        await self.api.patch(Ref(kind, self.namespace, name), (*ops, more))

    async def until_status(self, wanted):
        changed = asyncio.Event()
        self.store.observers.append(lambda _: changed.set())
        async with asyncio.timeout(PATIENCE):
            while not wanted(self.status()):
                changed.clear()
                await changed.wait()

    def condition(self, kind):
        return next((each for each in self.status().get("conditions", ()) if each["type"] == kind), {})

    @property
    def check(self):
        return self.status()["checks"][0]


@asynccontextmanager
async def telling(stories, make):
    """Tells all of them at once; what comes back waits until one has begun."""
    given = {
        "prometheus": "embedded",
        "controller": True,
        "bookinfo": False,
        "lag": "0.1-1",
        "requests_per_second": 50,
    }
    async with (
        open_sandbox(Settings.parse(given), problem=lambda _: None) as sandbox,
        KubernetesApi.connect(str(sandbox.kubeconfig)) as api,
    ):
        begun = {name: make(sandbox, api, name) for name in stories}
        tasks = {name: asyncio.create_task(each.begin()) for name, each in begun.items()}

        async def story(name):
            await tasks[name]
            return begun[name]

        try:
            yield story
        finally:
            for task in tasks.values():
                task.cancel()
            await asyncio.gather(*tasks.values(), return_exceptions=True)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def told():
    async with telling(STORIES, Story) as story:
        yield story


module_loop = pytest.mark.asyncio(loop_scope="module")


@module_loop
@pytest.mark.parametrize("name", ["passes", "is-as-good", "dry"])
async def test_who_passes_is_promoted(told, name) -> None:
    story = await told(name)
    await story.until_status(lambda status: status.get("phase") == "Succeeded")
    assert story.serves_v2()


@module_loop
async def test_who_breaks_a_limit_is_rolled_back_with_the_numbers_of_both(told) -> None:
    story = await told("breaks-its-limit")
    await story.until_status(lambda status: status.get("phase") == "Failed")
    assert "requests failed (" in story.status()["message"]
    assert "on the primary" in story.status()["message"]
    assert not story.serves_v2()


@module_loop
async def test_who_is_worse_than_its_primary_is_rolled_back_though_it_keeps_its_limit(told) -> None:
    story = await told("is-worse")
    await story.until_status(lambda status: status.get("phase") == "Failed")
    assert story.check["outcome"] == "fail"
    assert story.check["evidence"]["strength"] >= story.check["evidence"]["needed"]
    assert "on the primary" in story.status()["message"]


@module_loop
async def test_describe_tells_a_rollback_in_numbers(told) -> None:
    story = await told("is-worse")
    await story.until_status(lambda status: status.get("phase") == "Failed" and not status.get("outbox"))
    kubectl = shutil.which("kubectl")
    assert kubectl is not None
    command = [kubectl, "--kubeconfig", str(story.sandbox.kubeconfig), "-n", "is-worse", "describe", "pdc", "reviews"]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=60, check=True)
    events = done.stdout.partition("Events:")[2]
    assert "RolledBack" in events
    assert "requests failed (" in events
    assert "on the primary" in events
    assert "Canary Requests:" in done.stdout


@module_loop
async def test_too_few_requests_decide_nothing_until_the_policy_does(told) -> None:
    story = await told("too-few")
    await story.until_status(lambda status: status.get("phase") == "Failed")
    assert "too few to tell" in story.status()["message"]


@module_loop
async def test_without_data_the_run_is_held_and_says_so(told) -> None:
    story = await told("no-data")
    await story.until_status(lambda _: story.condition("AnalysisHealthy").get("reason") == "NoData")
    assert story.status()["phase"] == "Progressing"
    assert story.status()["canaryWeight"] == 20


@module_loop
async def test_what_cannot_be_measured_holds_the_run_and_says_so(told) -> None:
    story = await told("away")
    await story.until_status(lambda _: story.condition("AnalysisHealthy").get("reason") == "MetricsUnavailable")
    assert story.status()["phase"] == "Progressing"
    assert "127.0.0.1:1" in story.condition("AnalysisHealthy")["message"]
