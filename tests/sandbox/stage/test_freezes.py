"""A freeze in the sandbox, given and lifted from a terminal while rollouts are under way."""

import asyncio
import json

import pytest

from tests.sandbox.stage.test_commands import SECONDS, delivery

TRAFFIC = {"settleSeconds": 1, "drainSeconds": 1, "drainMaxSeconds": 3}
SHARE = "sandbox.progressive.delivery/error-share"
RATE = {"name": "request-success-rate", "interval": "2s", "warmupSeconds": 0, "thresholdRange": {"min": 99}}
HOME = "--controller-namespace=default"


def canary(name, **analysis):
    """A Canary for one of the applications that are there."""
    spec = {
        "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
        "service": {"port": 9080},
        "traffic": TRAFFIC,
        "analysis": {"interval": "2s", "stepWeights": [20, 50], "metrics": [RATE], **analysis},
    }
    return {
        "apiVersion": "progressive.delivery/v1beta1",
        "kind": "Canary",
        "metadata": {"name": name, "namespace": "default"},
        "spec": spec,
    }


class Cluster:
    """What people see of it, and what they do."""

    def __init__(self, one):
        self.one = one

    async def status(self, name):
        return json.loads(await self.one.kubectl("get", f"canary/{name}", "-o", "json")).get("status") or {}

    async def until(self, name, what):
        """A Canary's status, once something is so."""
        async with asyncio.timeout(SECONDS):
            while not what(status := await self.status(name)):
                pass
        return status

    async def release(self, name, fails="0"):
        template = {"metadata": {"annotations": {SHARE: fails, "example.com/release": "2"}}}
        await self.patch(f"deployment/{name}", {"spec": {"template": template}})

    async def patch(self, what, body):
        await self.one.kubectl("patch", what, "--type=merge", "-p", json.dumps(body))

    async def events(self, reason):
        found = json.loads(await self.one.kubectl("get", "events", "-o", "json"))["items"]
        return [(each["involvedObject"]["name"], each["message"]) for each in found if each["reason"] == reason]


def condition(status, kind):
    return next((each for each in status.get("conditions", ()) if each["type"] == kind), {})


def is_frozen(status):
    return condition(status, "Frozen").get("status") == "True"


def waits(status):
    return (status.get("waiting") or {}).get("gates") == ["freeze"]


@pytest.fixture
def canaries():
    """One whose run will be under way for long, one that rests, and one that minds nothing so far."""
    return [canary("reviews", stepWeights=[*range(5, 100, 5)]), canary("ratings"), canary("details", threshold=1000)]


async def test_a_freeze_holds_starts_and_increases_and_no_rollback_until_it_is_lifted(sandbox, canaries):
    async with sandbox("--prometheus=embedded") as one:
        cluster = Cluster(one)
        await one.kubectl("apply", "-f", "-", stdin={"apiVersion": "v1", "kind": "List", "items": canaries})
        for name in ("reviews", "ratings", "details"):
            await cluster.until(name, lambda status: status.get("phase") == "Initialized")
        await cluster.release("details", fails="1")
        await cluster.until("details", lambda status: status.get("failedChecks", 0) > 0)
        await cluster.release("reviews")
        await cluster.until("reviews", lambda status: status.get("canaryWeight", 0) > 0)

        code, said = await delivery(one, "freeze", "--until", "2h", "--reason", "the big days", HOME)
        assert (code, said.startswith("frozen until ")) == (0, True), said

        for name in ("reviews", "ratings", "details"):
            found = condition(await cluster.until(name, is_frozen), "Frozen")
            assert found["message"].startswith("rollouts are frozen until ")
            assert found["message"].endswith(": the big days")

        # an increase that is due is held
        held = await cluster.until("reviews", waits)
        weight = held["canaryWeight"]
        assert (held["phase"], held["reason"]) == ("Progressing", "GateClosed")
        assert 0 < weight < 95
        code, said = await delivery(one, "why", "reviews")
        assert (code, "frozen until" in said) == (0, True), said

        # a start is held
        await cluster.release("ratings")
        held = await cluster.until("ratings", waits)
        assert (held["phase"], held.get("run")) == ("Waiting", None)
        assert json.loads(await one.kubectl("get", "deployment/ratings", "-o", "json"))["spec"]["replicas"] == 0

        # a rollback is not
        assert (await cluster.status("details"))["canaryWeight"] > 0
        await cluster.patch("canary/details", {"spec": {"analysis": {"threshold": 1}}})
        back = await cluster.until("details", lambda status: status["phase"] == "Failed")
        assert (back["reason"], back["canaryWeight"], is_frozen(back)) == ("CheckFailed", 0, True)

        # the others are where they were, and one Event each has said so
        assert (await cluster.status("reviews"))["canaryWeight"] == weight
        assert sorted(name for name, _ in await cluster.events("Frozen")) == ["details", "reviews"]

        assert await delivery(one, "unfreeze", HOME) == (0, "1 freeze ended in default\n")
        await cluster.until("reviews", lambda status: status["canaryWeight"] > weight)
        assert (await delivery(one, "promote", "reviews", "--full"))[0] == 0
        for name in ("reviews", "ratings"):
            done = await cluster.until(name, lambda status: status["phase"] == "Succeeded")
            assert (done["reason"], is_frozen(done)) == ("Promoted", False)
        assert not is_frozen(await cluster.until("details", lambda status: not is_frozen(status)))
