"""The strategies on a real control plane and a real Prometheus, with the controller as a process of its own."""

from typing import Any

from delivery.cluster.objects import CANARIES, VIRTUAL_SERVICES, Object
from delivery.sandbox.mesh import Load
from tests.cluster.harness.stage import FAILING, PATIENCE, V1, V2, Stage
from tests.cluster.harness.telling import together
from tests.cluster.harness.waiting import eventually

INSIDER = {"headers": {"x-insider": {"exact": "yes"}}}
TESTER = {"headers": {"x-tester": {"exact": "yes"}}}


def send(stage: Stage, source: str, **headers: str) -> None:
    """Some more users, who bring these headers."""
    stage.mesh.send(Load(stage.namespace, "reviews", per_second=20, source=source, headers=headers))


def met(stage: Stage, source: str, workload: str) -> int:
    """How many requests of these users a workload has answered."""
    return stage.mesh.requests(
        reporter="source",
        source_workload=source,
        source_workload_namespace=stage.namespace,
        destination_workload=workload,
    )


def rules(body: Object) -> list[str]:
    return [rule["name"] for rule in body["spec"]["http"]]


def split(body: Object) -> list[int]:
    """The weights of the rule for everybody."""
    rule = next(each for each in body["spec"]["http"] if each["name"] == "progressive-delivery")
    return [each["weight"] for each in rule["route"]]


@together
async def test_an_ab_test_is_met_by_those_who_match_and_promoted(stage: Stage) -> None:
    await stage.initialised(stepWeights=None, iterations=2, match=[INSIDER])
    send(stage, "insiders", **{"x-insider": "yes"})
    async with stage.chronicle(VIRTUAL_SERVICES) as routes, stage.chronicle(CANARIES) as canary:
        await stage.release(V2)
        await stage.at_rest("Succeeded")
    assert await stage.image("reviews-primary") == V2
    assert routes.each(split) == [[100, 0]]
    assert routes.each(rules) == [
        ["progressive-delivery"],
        ["progressive-delivery-matched", "progressive-delivery"],
        ["progressive-delivery"],
    ]
    assert {"0/1", "1/1 (0/2)", "1/1 (1/2)"} <= set(canary.each(lambda body: body["status"]["step"]))
    assert stage.lost() == 0


@together
async def test_an_ab_test_that_fails_gives_those_who_match_back(stage: Stage) -> None:
    await stage.initialised(stepWeights=None, iterations=4, match=[INSIDER])
    send(stage, "insiders", **{"x-insider": "yes"})
    await stage.release(FAILING)
    body = await stage.until(lambda one: one["status"]["phase"] == "Failed", what="failed")
    assert body["status"]["reason"] == "CheckFailed"
    await stage.rests()
    assert await stage.image("reviews-primary") == V1
    assert stage.lost() == 0


@together
async def test_blue_green_is_judged_by_copies_and_switched_at_once(stage: Stage) -> None:
    await stage.initialised(stepWeights=None, iterations=2, mirror=True)
    async with stage.chronicle(VIRTUAL_SERVICES) as routes:
        await stage.release(V2)
        await stage.at_rest("Succeeded")
    assert routes.each(split) == [[100, 0], [0, 100], [100, 0]]
    mirrors = routes.each(lambda body: body["spec"]["http"][-1].get("mirrorPercentage"))
    assert mirrors == [None, {"value": 100}, None]
    assert await stage.image("reviews-primary") == V2
    assert stage.lost() == 0


@together
async def test_a_bad_copy_is_turned_away_before_any_user_meets_it(stage: Stage) -> None:
    await stage.initialised(mirror=True)
    async with stage.chronicle(VIRTUAL_SERVICES) as routes:
        await stage.release(FAILING)
        await stage.until(lambda one: one["status"]["phase"] == "Failed", what="failed")
        await stage.rests()
    assert routes.each(split) == [[100, 0]]
    assert stage.lost() == 0


@together
async def test_testers_meet_the_new_version_before_any_user(stage: Stage) -> None:
    # given a rollout that can not get on by itself
    await stage.initialised(interval="1h", stepWeights=None, iterations=1, testerMatch=[TESTER])
    send(stage, "testers", **{"x-tester": "yes"})
    await stage.release(V2)

    async def they_do() -> bool:
        return met(stage, "testers", "reviews") > 20

    await eventually(they_do, seconds=PATIENCE, what="testers on the new version")
    body = await stage.api.get(stage.ref(CANARIES))
    assert body["status"]["canaryWeight"] == 0
    assert stage.lost() == 0


@together
async def test_whoever_met_the_canary_stays_there_until_the_run_is_over(stage: Stage) -> None:
    await stage.initialised(interval="1h", sessionAffinity={"cookieName": "version", "maxAge": 60})
    await stage.release(V2)
    body = await stage.until(lambda one: one["status"]["canaryWeight"] == 20, what="at 20 %")
    cookie = body["status"]["sessionAffinityCookie"]
    send(stage, "faithful", cookie=f"theme=dark; version={cookie}")

    async def they_stay() -> bool:
        before = met(stage, "faithful", "reviews-primary"), met(stage, "faithful", "reviews")
        if before[1] == 0:
            return False
        await stage.still_served()
        after = met(stage, "faithful", "reviews-primary"), met(stage, "faithful", "reviews")
        return after[0] == before[0] and after[1] > before[1]

    await eventually(they_stay, seconds=PATIENCE, what="faithful users on the canary only")
    await stage.release(V1)
    await stage.at_rest("Succeeded")
    route = await stage.api.get(stage.ref(VIRTUAL_SERVICES))
    assert rules(route) == ["progressive-delivery-expired-cookie", "progressive-delivery"]
    taken = route["spec"]["http"][0]["route"][0]["headers"]["response"]["add"]["Set-Cookie"]
    assert taken == f"version={cookie}; Max-Age=-1"
    assert stage.lost() == 0


@together
async def test_a_bake_that_fails_returns_everybody_without_a_rollout(stage: Stage) -> None:
    bake: dict[str, Any] = {"promotion": {"bakeSeconds": 600}}
    await stage.initialised(stepWeights=[20], spec=bake)
    await stage.release(V2)
    await stage.until(lambda one: one["status"]["canaryWeight"] == 100, what="everybody on the new version")
    assert await stage.image("reviews-primary") == V1
    await stage.edit({"analysis": {"threshold": 1, "metrics": [{**_impossible(), "interval": "3s"}]}})
    body = await stage.until(lambda one: one["status"]["phase"] == "Failed", what="failed")
    assert body["status"]["reason"] == "CheckFailed"
    await stage.rests()
    assert await stage.image("reviews-primary") == V1
    assert stage.lost() == 0


def _impossible() -> dict[str, Any]:
    """A limit that no version keeps."""
    return {"name": "request-duration", "thresholdRange": {"max": 0}, "warmupSeconds": 0}


@together
async def test_users_return_to_the_promoted_primary_in_steps(stage: Stage) -> None:
    await stage.initialised(stepWeights=[50], stepWeightPromotion=20)
    async with stage.chronicle(VIRTUAL_SERVICES) as routes:
        await stage.release(V2)
        await stage.at_rest("Succeeded")
    assert routes.each(split) == [[100, 0], [50, 50], [70, 30], [90, 10], [100, 0]]
    assert stage.lost() == 0
