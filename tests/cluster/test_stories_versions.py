"""Bookinfo as it comes, on a real control plane and a real Prometheus: versions that stay, and subsets of its own."""

import asyncio
import json
from pathlib import Path
from typing import Any

from delivery.cluster.objects import CANARIES, DEPLOYMENTS, DESTINATION_RULES, SERVICES, VIRTUAL_SERVICES, Object
from tests.cluster.harness.manifests import documents
from tests.cluster.harness.stage import FAILING, PATIENCE, Stage, here, success_rate
from tests.cluster.harness.telling import together
from tests.cluster.harness.waiting import eventually

EXAMPLE = Path(__file__).parents[2] / "examples" / "switch-subsets"
JASON = {"headers": {"end-user": {"exact": "jason"}}}


async def initialised(stage: Stage, *, images: dict[str, str] | None = None, **spec: Any) -> None:
    """The example's own objects, with callers, and its Canary in a hurry."""
    for body in documents([EXAMPLE / "reviews.yaml", EXAMPLE / "before-routes.yaml"]):
        if body["kind"] == "Deployment" and (image := (images or {}).get(body["metadata"]["name"])):
            body["spec"]["template"]["spec"]["containers"][0]["image"] = image
        if body["kind"] != "Namespace":
            await stage.kubectl.apply(here(body))
    for version in ("v1", "v2", "v3"):
        await stage.kubectl("rollout", "status", f"deployment/reviews-{version}", "--timeout=60s")
    await stage.let_callers_in()
    (body,) = documents([EXAMPLE / "canary.yaml"])
    body = here(body)
    body["spec"]["analysis"] = {"interval": "3s", "threshold": 2, "stepWeights": [20, 50], "metrics": [success_rate()]}
    body["spec"]["traffic"] = {"settleSeconds": 1, "drainSeconds": 2, "drainMaxSeconds": 20}
    body["spec"].update(spec)
    await stage.kubectl.apply(body)
    await stage.phase("Initialized")


async def release(stage: Stage, version: str) -> None:
    await stage.edit({"targetRef": {"name": f"reviews-{version}"}})


def jason(body: Object) -> dict[str, Any]:
    """The user's own route of one user."""
    found = next(rule for rule in body["spec"]["http"] if rule.get("match"))
    return dict(found)


def shares(body: Object) -> dict[str, int]:
    """What each subset gets of the route for everybody else."""
    rule = next(each for each in body["spec"]["http"] if not each.get("match"))
    usual = 100 if len(rule["route"]) == 1 else 0
    given = {each["destination"]["subset"]: each.get("weight", usual) for each in rule["route"]}
    return {subset: weight for subset, weight in given.items() if weight}


async def spec(stage: Stage, kind: Any, name: str = "reviews") -> dict[str, Any]:
    body = await stage.api.get(stage.ref(kind, name))
    return dict(body["spec"])


@together
async def test_a_version_is_released_by_weights_between_subsets_and_going_back_is_instant(stage: Stage) -> None:
    await initialised(stage)
    rule, service = await spec(stage, DESTINATION_RULES), await spec(stage, SERVICES)
    pods = [await spec(stage, DEPLOYMENTS, f"reviews-{each}") for each in ("v1", "v2", "v3")]
    async with stage.chronicle(VIRTUAL_SERVICES) as routes, stage.chronicle(CANARIES):
        await release(stage, "v2")
        await stage.at_rest("Succeeded")
        await routes.until(lambda each: each(shares)[-1:] == [{"v2": 100}], what="all on v2")
    assert routes.each(shares) == [{"v1": 100}, {"v1": 80, "v2": 20}, {"v1": 50, "v2": 50}, {"v2": 100}]
    assert len(routes.each(jason)) == 1, "a route that leads to another version is left alone"

    await release(stage, "v1")

    async def back() -> bool:
        return shares(await stage.api.get(stage.ref(VIRTUAL_SERVICES))) == {"v1": 100}

    await eventually(back, seconds=PATIENCE, what="users back on v1")
    assert "without another analysis" in await stage.event("GoingBack")
    await stage.at_rest("Succeeded")
    assert (await spec(stage, DESTINATION_RULES), await spec(stage, SERVICES)) == (rule, service)
    assert [await spec(stage, DEPLOYMENTS, f"reviews-{each}") for each in ("v1", "v2", "v3")] == pods
    assert stage.lost() == 0


@together
async def test_a_failing_version_gives_its_users_back_to_the_one_that_serves(stage: Stage) -> None:
    """Counted by workloads, for all versions have one Service."""
    await initialised(stage, images={"reviews-v3": FAILING})
    async with stage.chronicle(VIRTUAL_SERVICES) as routes:
        await release(stage, "v3")
        await stage.until(lambda one: one["status"]["phase"] == "Failed", what="rolled back")
        await routes.until(lambda each: each(shares)[-1:] == [{"v1": 100}], what="all on v1")
    assert {"v1": 80, "v3": 20} in routes.each(shares)
    body = await stage.api.get(stage.ref(CANARIES))
    assert "request-success-rate" in json.dumps(body["status"])


@together
async def test_a_canary_that_is_deleted_leaves_users_with_the_promoted_version_and_no_mark(stage: Stage) -> None:
    await initialised(stage, revertOnDeletion=True)
    before = await spec(stage, SERVICES)
    await release(stage, "v2")
    await stage.at_rest("Succeeded")
    await stage.kubectl("delete", "canary/reviews", "--wait=true", "--timeout=60s")
    route = await stage.api.get(stage.ref(VIRTUAL_SERVICES))
    assert shares(route) == {"v2": 100}
    marks = {**(route["metadata"].get("annotations") or {}), **(route["metadata"].get("labels") or {})}
    assert not [key for key in marks if key.startswith("progressive.delivery/")]
    services = await stage.api.list(SERVICES, stage.namespace)
    assert [each["metadata"]["name"] for each in services.items] == ["reviews"]
    assert await spec(stage, SERVICES) == before
    await asyncio.wait_for(stage.still_served(), PATIENCE)
    assert stage.lost() == 0
