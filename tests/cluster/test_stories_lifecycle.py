"""Canaries that come and go on a real control plane: what was there before is there afterwards, to the letter."""

import copy
from typing import Any

import pytest

from delivery.cluster.errors import Gone
from delivery.cluster.objects import CANARIES, DEPLOYMENTS, DESTINATION_RULES, SERVICES, VIRTUAL_SERVICES, Kind, Object
from tests.cluster.harness.stage import PATIENCE, V2, Stage, canary
from tests.cluster.harness.telling import together
from tests.cluster.harness.waiting import until_gone

OURS: tuple[tuple[Kind, str], ...] = (
    (DEPLOYMENTS, "reviews-primary"),
    (SERVICES, "reviews-primary"),
    (SERVICES, "reviews-canary"),
    (DESTINATION_RULES, "reviews-primary"),
    (DESTINATION_RULES, "reviews-canary"),
)


async def revertible(stage: Stage, **spec: Any) -> None:
    """Version 1 under a Canary that is to leave nothing behind."""
    await stage.kubectl.apply(canary(spec={"revertOnDeletion": True, **spec}))
    await stage.phase("Initialized")


async def delete(stage: Stage) -> None:
    """`kubectl delete`, until the Canary is gone."""
    await stage.kubectl("delete", "canary/reviews", "--wait=false")
    await until_gone(stage.api, stage.ref(CANARIES), seconds=PATIENCE)


async def nothing_is_left(stage: Stage) -> None:
    """What was made for the Canary is gone."""
    for kind, name in OURS:
        with pytest.raises(Gone):
            await stage.api.get(stage.ref(kind, name))


def essence(body: Object) -> tuple[Any, ...]:
    """What people wrote into an object."""
    meta = body["metadata"]
    return (body["spec"], meta.get("labels"), meta.get("annotations"), meta.get("finalizers"))


@together
async def test_a_canary_that_is_reverted_leaves_everything_as_it_was(stage: Stage) -> None:
    await stage.deploy()
    service = essence(await stage.api.get(stage.ref(SERVICES)))
    await revertible(stage)
    await stage.release(V2)
    await stage.at_rest("Succeeded")
    await delete(stage)

    await nothing_is_left(stage)
    with pytest.raises(Gone):
        await stage.api.get(stage.ref(VIRTUAL_SERVICES))
    assert essence(await stage.api.get(stage.ref(SERVICES))) == service
    target = await stage.api.get(stage.ref(DEPLOYMENTS))
    assert (target["spec"]["replicas"], target["status"]["readyReplicas"]) == (2, 2)
    assert await stage.image("reviews") == V2
    await stage.event("Reverted")
    await stage.still_served()
    assert stage.lost() == 0


@together
async def test_a_route_and_a_primary_that_were_there_before_are_taken_over_and_given_back(stage: Stage) -> None:
    await stage.deploy()
    await stage.kubectl.apply(route_before())
    await stage.kubectl.apply(await primary_before(stage))
    await stage.kubectl("rollout", "status", "deployment/reviews-primary", "--timeout=60s")
    refs = [stage.ref(VIRTUAL_SERVICES), stage.ref(SERVICES)]
    before = [essence(await stage.api.get(ref)) for ref in refs]
    was = await stage.api.get(stage.ref(DEPLOYMENTS, "reviews-primary"))

    await revertible(stage)
    rules = (await stage.api.get(stage.ref(VIRTUAL_SERVICES)))["spec"]["http"]
    assert [rule["name"] for rule in rules] == ["mobile", "progressive-delivery", "all"]
    assert rules[1]["timeout"] == "3s"
    await stage.release(V2)
    await stage.at_rest("Succeeded")
    assert await stage.image("reviews-primary") == V2
    await delete(stage)

    assert [essence(await stage.api.get(ref)) for ref in refs] == before
    primary = await stage.api.get(stage.ref(DEPLOYMENTS, "reviews-primary"))
    assert primary["metadata"]["uid"] == was["metadata"]["uid"]
    assert primary["metadata"]["labels"] == was["metadata"]["labels"]
    await stage.still_served()
    assert stage.lost() == 0


def route_before() -> dict[str, Any]:
    """A VirtualService of the user's, with a rule for some and one for everybody."""
    to_apex = [{"destination": {"host": "reviews"}}]
    mobile = {"name": "mobile", "match": [{"headers": {"x-app": {"exact": "mobile"}}}], "route": to_apex}
    everybody = {"name": "all", "timeout": "3s", "retries": {"attempts": 2}, "route": to_apex}
    return {
        "apiVersion": VIRTUAL_SERVICES.api_version,
        "kind": "VirtualService",
        "metadata": {"name": "reviews", "labels": {"team": "books"}, "annotations": {"example.com/note": "hi"}},
        "spec": {"hosts": ["reviews"], "http": [mobile, everybody]},
    }


async def primary_before(stage: Stage) -> dict[str, Any]:
    """A primary that another controller left: it runs what the target runs, under labels of its own."""
    target = await stage.api.get(stage.ref(DEPLOYMENTS))
    template = copy.deepcopy(target["spec"]["template"])
    template["metadata"]["labels"]["app"] = "reviews-primary"
    return {
        "apiVersion": DEPLOYMENTS.api_version,
        "kind": "Deployment",
        "metadata": {"name": "reviews-primary", "labels": {"kept": "yes"}},
        "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "reviews-primary"}}, "template": template},
    }
