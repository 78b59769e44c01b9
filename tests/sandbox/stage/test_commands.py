"""A rollout in the sandbox that a person ends from a terminal, and tries again."""

import asyncio
import json

from tests.cluster.harness import terminal

CANARY = {
    "apiVersion": "progressive.delivery/v1beta1",
    "kind": "Canary",
    "metadata": {"name": "reviews", "namespace": "default"},
    "spec": {
        "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "reviews"},
        "service": {"port": 9080},
        "traffic": {"settleSeconds": 2, "drainSeconds": 2, "drainMaxSeconds": 4},
        "analysis": {"interval": "1h", "stepWeights": [20, 50]},
    },
}
SECONDS = 120.0


async def delivery(one, *arguments):
    """`delivery ARGUMENTS` with the sandbox's kubeconfig: its exit code and what it said."""
    return await terminal.delivery(*arguments, kubeconfig=one.kubeconfig)


async def until(one, what):
    """The Canary's status, once something is so."""
    async with asyncio.timeout(SECONDS):
        while True:
            status = json.loads(await one.kubectl("get", "canary/reviews", "-o", "json")).get("status") or {}
            if what(status):
                return status


async def test_a_release_is_aborted_retried_and_promoted_from_a_terminal(sandbox):
    async with sandbox("--prometheus=embedded") as one:
        await one.kubectl("apply", "-f", "-", stdin=CANARY)
        await until(one, lambda status: status.get("phase") == "Initialized")
        await one.kubectl("set", "env", "deployment/reviews", "RELEASE=2")
        await until(one, lambda status: status.get("canaryWeight") == 20)
        assert await delivery(one, "abort", "reviews", "--reason", "no") == (
            0,
            "reviews: the run has ended and users go to the primary; the revision counts as failed\n",
        )
        failed = await until(one, lambda status: status["phase"] == "Failed")
        assert (failed["reason"], failed["canaryWeight"]) == ("Aborted", 0)
        code, said = await delivery(one, "retry", "reviews")
        assert (code, "is tried again" in said) == (0, True)
        await until(one, lambda status: status.get("canaryWeight") == 20)
        assert (await delivery(one, "promote", "--all", "--full"))[0] == 0
        promoted = await until(one, lambda status: status["phase"] == "Succeeded")
        assert "promoted by hand" in promoted["message"]
        code, said = await delivery(one, "undo", "reviews")
        assert (code, "goes back to" in said) == (0, True), said
        await until(one, lambda status: status["phase"] == "Progressing")
