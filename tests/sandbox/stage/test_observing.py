"""examples/observe to its verdicts, in the sandbox: a real controller looks on while somebody else releases `reviews`.

Beside Flagger, people and Argo Rollouts, a good version and one that fails: all at once, each in its own namespace.
"""

import asyncio
import json

import pytest
import pytest_asyncio
import yaml

from delivery.cluster.memory.resources import NAMESPACES
from delivery.cluster.objects import (
    CANARIES,
    DEPLOYMENTS,
    DESTINATION_RULES,
    EVENTS,
    SERVICES,
    VIRTUAL_SERVICES,
    Ref,
)
from delivery.workloads.ownership import MANAGER
from tests.sandbox.stage.test_examples import BASE, EXAMPLES, IMAGE, KINDS, PATIENCE, Example, documents, hurried
from tests.sandbox.stage.test_verdicts import telling

OBSERVE = EXAMPLES / "observe"
SHARE = "sandbox.progressive.delivery/error-share"
OWNER = {"apiVersion": "flagger.app/v1beta1", "kind": "Canary", "name": "reviews", "uid": "f-1", "controller": True}
STORIES = ("flagger-good", "flagger-bad", "people-good", "people-bad", "argo-good", "argo-bad")
MERGE = "application/merge-patch+json"
WRITABLE = {(CANARIES.kind, "status"), (EVENTS.kind, "")}


class Other(Example):
    """Somebody else who releases; `mover` is the name under which they write."""

    mover = "kubectl"
    file = ""
    primary: dict
    canary: dict

    def __init__(self, sandbox, api, name):
        super().__init__(sandbox, api, name)
        self.fails = "1" if name.endswith("-bad") else "0"
        self.written = set()
        sandbox.store.admission.append(self._note)

    def _note(self, admission):
        """What the controller sends here."""
        if admission.manager == MANAGER and admission.ref.namespace == self.namespace:
            self.written.add((admission.ref.kind.kind, admission.subresource))

    @property
    def name(self):
        """The Canary's."""
        (body,) = documents(OBSERVE / self.file)
        return body["metadata"]["name"]

    def status(self):
        return (self.peek(CANARIES, self.name) or {}).get("status") or {}

    async def apply(self, body):
        """As people do, who are not the controller."""
        here = yaml.safe_load(yaml.safe_dump(body).replace("namespace: bookinfo", f"namespace: {self.namespace}"))
        self.store.create(KINDS[here["kind"]], here, namespace=self.namespace, manager="kubectl")

    def create(self, kind, name, spec, **metadata):
        body = {"metadata": {"name": name, **metadata}, "spec": spec}
        self.store.create(kind, body, namespace=self.namespace, manager=self.mover)

    def merge(self, kind, name, spec):
        ref = Ref(kind, self.namespace, name)
        self.store.patch(ref, {"spec": spec}, content_type=MERGE, manager=self.mover)

    def split(self, weight):
        return [
            {
                "route": [
                    {"destination": self.primary, "weight": 100 - weight},
                    {"destination": self.canary, "weight": weight},
                ]
            }
        ]

    def lead(self, weight):
        self.merge(VIRTUAL_SERVICES, "reviews", {"http": self.split(weight)})

    async def until_status(self, wanted):
        changed = asyncio.Event()
        self.store.observers.append(lambda _: changed.set())
        async with asyncio.timeout(PATIENCE):
            while not wanted(self.status()):
                changed.clear()
                await changed.wait()
        return self.status()

    def observed(self):
        return (self.status().get("run") or {}).get("observed") or {}

    def events(self, reason):
        found = self.store.scan(EVENTS, self.namespace)
        return [each["message"] for each in found if each["reason"] == reason]

    async def begin(self):
        """Everything as it stands before we come, then the file as it is, then a release that is looked at."""
        await self.api.create(Ref(NAMESPACES, "", self.namespace), {})
        await self.install()
        await self.until_served()
        (canary,) = documents(OBSERVE / self.file)
        await self.apply(hurried(canary))
        await self.until_status(lambda status: status.get("phase") == "Observing")
        await self.release()

    async def decided(self):
        """What would have been done."""
        await self.until_status(lambda _: self.observed().get("would"))
        return self.observed()["would"]


class Flagger(Other):
    """Flagger, which has initialised `reviews` and begins a run."""

    mover, file = "flagger", "canary.yaml"
    primary, canary = {"host": "reviews-primary"}, {"host": "reviews-canary"}

    async def install(self):
        (workload,) = (each for each in documents(BASE / "reviews.yaml") if each["kind"] == "Deployment")
        spec, owned = workload["spec"], {"ownerReferences": [OWNER]}
        self.create(DEPLOYMENTS, "reviews", {**spec, "replicas": 0})
        text = json.dumps({**spec, "replicas": 2}).replace('"app": "reviews"', '"app": "reviews-primary"')
        self.create(DEPLOYMENTS, "reviews-primary", json.loads(text), **owned)
        for name, app in (
            ("reviews", "reviews-primary"),
            ("reviews-primary", "reviews-primary"),
            ("reviews-canary", "reviews"),
        ):
            ports = [{"name": "http", "port": 9080, "targetPort": 9080}]
            self.create(SERVICES, name, {"selector": {"app": app}, "ports": ports}, **owned)
        for host in ("reviews-primary", "reviews-canary"):
            self.create(DESTINATION_RULES, host, {"host": host}, **owned)
        self.create(VIRTUAL_SERVICES, "reviews", {"hosts": ["reviews"], "http": self.split(0)}, **owned)

    async def release(self):
        container = {**self.peek(DEPLOYMENTS)["spec"]["template"]["spec"]["containers"][0], "image": IMAGE}
        template = {
            "metadata": {"labels": {"version": "v2"}, "annotations": {SHARE: self.fails}},
            "spec": {"containers": [container]},
        }
        self.merge(DEPLOYMENTS, "reviews", {"template": template, "replicas": 2})
        await self.until_served()
        self.lead(50)

    def promote(self):
        template = self.peek(DEPLOYMENTS)["spec"]["template"]
        copied = {
            "metadata": {"labels": {**template["metadata"]["labels"], "app": "reviews-primary"}},
            "spec": template["spec"],
        }
        self.merge(DEPLOYMENTS, "reviews-primary", {"template": copied})
        self.roll_back()

    def roll_back(self):
        self.lead(0)
        self.merge(DEPLOYMENTS, "reviews", {"replicas": 0})


class People(Other):
    """People who move users between the subsets of Bookinfo as it comes."""

    file = "bookinfo.yaml"
    primary, canary = ({"host": "reviews", "subset": each} for each in ("v1", "v2"))

    async def install(self):
        base = EXAMPLES / "switch-subsets"
        for body in (*documents(base / "reviews.yaml"), *documents(base / "before-routes.yaml")):
            await self.apply(body)
        template = {"metadata": {"annotations": {SHARE: self.fails}}}
        self.merge(DEPLOYMENTS, "reviews-v2", {"template": template})
        self.lead(0)

    async def release(self):
        self.lead(50)

    def promote(self):
        self.lead(100)

    def roll_back(self):
        self.lead(0)


class Argo(Other):
    """Argo Rollouts, which leads two Services to the ReplicaSets of a Rollout; here those are Deployments."""

    mover, file = "rollouts-controller", "argo-rollouts.yaml"
    primary, canary = {"host": "reviews-stable"}, {"host": "reviews-next"}

    async def install(self):
        for body in documents(EXAMPLES / "switch-subsets" / "reviews.yaml"):
            await self.apply(body)
        self.merge(DEPLOYMENTS, "reviews-v2", {"template": {"metadata": {"annotations": {SHARE: self.fails}}}})
        noted = {"annotations": {"argo-rollouts.argoproj.io/managed-by-rollouts": "reviews"}}
        for name in ("reviews-stable", "reviews-next"):
            self.create(SERVICES, name, {**self.selector("v1"), "ports": [{"name": "http", "port": 9080}]}, **noted)
        self.create(VIRTUAL_SERVICES, "reviews", {"hosts": ["reviews"], "http": self.split(0)})

    def selector(self, version):
        return {"selector": {"app": "reviews", "version": version}}

    async def release(self):
        self.merge(SERVICES, "reviews-next", self.selector("v2"))
        await self.until_served()
        self.lead(50)

    def promote(self):
        self.lead(100)
        self.merge(SERVICES, "reviews-stable", self.selector("v2"))
        self.lead(0)

    def roll_back(self):
        self.lead(0)
        self.merge(SERVICES, "reviews-next", self.selector("v1"))


MOVERS = {"flagger": Flagger, "people": People, "argo": Argo}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def told():
    def make(sandbox, api, name):
        return MOVERS[name.partition("-")[0]](sandbox, api, name)

    async with telling(STORIES, make) as story:
        yield story


def left_alone(story):
    """Nothing has been written but what is said, and nothing of ours stands on anything of theirs."""
    assert story.written == WRITABLE
    for kind in (DEPLOYMENTS, SERVICES, VIRTUAL_SERVICES, DESTINATION_RULES):
        for body in story.store.scan(kind, story.namespace):
            assert "progressive.delivery/" not in yaml.safe_dump(body["metadata"])
            assert not body["metadata"]["name"].endswith(("-primary", "-canary")) or story.mover == "flagger"
    canary = story.peek(CANARIES, story.name)
    assert "finalizers" not in canary["metadata"]
    assert canary["spec"]["mode"] == "observe"


@pytest.mark.parametrize("who", MOVERS)
@pytest.mark.asyncio(loop_scope="module")
async def test_a_good_version_would_have_been_promoted_and_nothing_is_written(told, who):
    story = await told(f"{who}-good")
    assert await story.decided() == "WouldPromote"
    left_alone(story)
    story.promote()
    status = await story.until_status(lambda status: status.get("history"))
    assert (status["history"][-1]["result"], status["history"][-1]["reason"]) == ("ObservedPromotion", "WouldPromote")
    await story.until_status(lambda _: story.events("ObservedPromotion"))
    assert "this Canary's checks would have promoted at" in story.events("ObservedPromotion")[0]
    assert story.events("WouldRollBack") == []
    left_alone(story)


@pytest.mark.parametrize("who", MOVERS)
@pytest.mark.asyncio(loop_scope="module")
async def test_a_bad_version_would_have_been_rolled_back_and_nothing_is_written(told, who):
    story = await told(f"{who}-bad")
    assert await story.decided() == "WouldRollBack"
    left_alone(story)
    weights = [each["weight"] for each in story.peek(VIRTUAL_SERVICES)["spec"]["http"][0]["route"]]
    assert weights == [50, 50], "whose routes they are, theirs they stay"
    story.roll_back()
    status = await story.until_status(lambda status: status.get("history"))
    assert (status["history"][-1]["result"], status["history"][-1]["reason"]) == ("ObservedRollback", "WouldRollBack")
    await story.until_status(lambda _: story.events("ObservedRollback"))
    words = story.events("ObservedRollback")[0]
    assert "this Canary's checks would have rolled back at" in words
    assert "requests failed (" in words
    assert story.events("WouldPromote") == []
    left_alone(story)
