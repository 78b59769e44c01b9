"""Releases of Bookinfo's reviews, promoted and rolled back, with a real control plane and a real Prometheus.

The controller is a process of its own, as a user with the permissions of deploy/cluster-wide.
"""

import asyncio
import json
import re
from contextlib import aclosing

from delivery.cluster.objects import DEPLOYMENTS, VIRTUAL_SERVICES, Object
from tests.cluster.harness.prometheus import Prometheus
from tests.cluster.harness.stage import (
    FAILING,
    HOUR,
    PATIENCE,
    QUICK,
    SLOW,
    V1,
    V2,
    Stage,
    canary,
    duration,
    success_rate,
    weights,
)
from tests.cluster.harness.telling import together


@together
async def test_a_good_version_is_promoted_and_no_request_is_lost(stage: Stage) -> None:
    await stage.initialised(metrics=[success_rate(), duration()])
    before = await stage.image("reviews-primary")
    rows: list[str] = []

    async def watch() -> None:
        async with asyncio.timeout(PATIENCE), aclosing(stage.kubectl.follow("get", "pdc", "reviews", "--watch")) as out:
            async for line in out:
                rows.append(" ".join(line.split()))
                if "Succeeded" in line:
                    return

    async with stage.chronicle(VIRTUAL_SERVICES) as routes, asyncio.TaskGroup() as group:
        group.create_task(watch())
        await stage.release(V2)
        await stage.phase("Progressing")
        await stage.kubectl("wait", "canary/reviews", "--for=condition=promoted", "--timeout=90s", seconds=PATIENCE)
    body = await stage.at_rest("Succeeded")

    assert len(json.dumps(body["status"], separators=(",", ":"))) < 4096
    assert before == V1
    assert await stage.image("reviews-primary") == V2
    await stage.rests()
    assert routes.each(weights) == [(100, 0), (80, 20), (50, 50), (100, 0)]
    assert rows[0] == "NAME STATUS STEP WEIGHT SEEN REVISION REASON AGE"
    revision = body["status"]["revision"]
    for row in (  # SEEN is of the last window that was judged
        rf"reviews Progressing 1/2 20 {revision} Analysing",
        rf"reviews Progressing 2/2 50 [12]\d(\.\d)? {revision} Analysing",
        rf"reviews Promoting 2/2 50 [345]\d(\.\d)? {revision} Promoting",
        rf"reviews Finalising 2/2 0 \S+ {revision} Finalising",
        rf"reviews Succeeded 0 \S+ {revision} Promoted",
    ):
        assert any(re.match(row, each) for each in rows), f"{row} is not among {rows}"
    told = [await stage.event(reason) for reason in ("Initialized", "NewRevision", "Advanced", "Promoting", "Promoted")]
    assert "serves all users" in told[-1]
    assert stage.lost() == 0


@together
async def test_errors_roll_back_and_the_primary_is_left_alone(stage: Stage) -> None:
    await stage.initialised()
    await _rolled_back(
        stage,
        FAILING,
        reason="CheckFailed",
        says=r"\d+ of \d+ requests failed .* on the primary; request-success-rate [78]\d(\.\d+)? % is below the "
        r"minimum of 99 %; with \d+ failures fewer it would have gone on \(2 of 2 failed checks\)",
    )


@together
async def test_slow_answers_roll_back(stage: Stage) -> None:
    await stage.initialised(metrics=[duration()])
    await _rolled_back(
        stage,
        SLOW,
        reason="CheckFailed",
        says=r"request-duration \S+ ms is above the maximum of 500 ms \(2 of 2 failed checks\)",
    )


@together
async def test_crash_looping_pods_roll_back_without_waiting_for_a_metric(stage: Stage) -> None:
    await stage.initialised(interval=HOUR)
    await stage.release(V2)
    await stage.at_weight(20)

    async with stage.chronicle(DEPLOYMENTS, "reviews-primary") as primary:
        await stage.kubectl("annotate", "pod", "-l", "app=reviews", "test/behaviour=crash-loop")
        body = await stage.until(lambda one: one["status"]["phase"] == "Failed", what="failed")
        await stage.routed(0)
        await stage.rests()

    assert body["status"]["reason"] == "PodHealth"
    assert "CrashLoopBackOff" in body["status"]["message"]
    assert "Rolled back at 20 %" in await stage.event("RolledBack")
    assert primary.each(image_of) == [V1]


@together
async def test_an_image_that_cannot_be_pulled_gets_no_request_and_a_fix_is_promoted(stage: Stage) -> None:
    await stage.initialised()
    broken = {"metadata": {"annotations": {"test/behaviour": "image-pull"}}}
    async with stage.chronicle(VIRTUAL_SERVICES) as routes:
        await stage.kubectl(
            "patch", "deployment/reviews", "--type=merge", "-p", json.dumps({"spec": {"template": broken}})
        )
        body = await stage.until(lambda one: one["status"]["phase"] == "Failed", what="failed")
        assert body["status"]["reason"] == "PodHealth"
        assert "ImagePullBackOff" in body["status"]["message"]
        assert routes.each(weights) == [(100, 0)]

        broken["metadata"]["annotations"]["test/behaviour"] = "ready"
        await stage.kubectl(
            "patch", "deployment/reviews", "--type=merge", "-p", json.dumps({"spec": {"template": broken}})
        )
        await stage.until(lambda one: one["status"]["phase"] == "Progressing", what="in a new run")
        await stage.at_rest("Succeeded")

    assert routes.each(weights) == [(100, 0), (80, 20), (50, 50), (100, 0)]
    assert stage.lost() == 0


@together
async def test_without_prometheus_the_weight_is_held_and_the_run_goes_on_when_it_is_back(stage: Stage) -> None:
    with Prometheus.start("prometheus", stage.folder, stage.mesh.target) as prometheus:
        await stage.deploy()
        await stage.kubectl.apply(canary(interval=HOUR, spec={"metricsServer": prometheus.url}))
        await stage.phase("Initialized")
        await stage.release(V2)
        await stage.at_weight(20)
        async with stage.chronicle(VIRTUAL_SERVICES) as routes:
            await asyncio.to_thread(prometheus.go_away)
            await stage.edit(QUICK)
            message = await stage.condition("AnalysisHealthy", "False", "MetricsUnavailable")
            assert prometheus.url in message
            assert "check that the metrics server is up and reachable" in message
            assert prometheus.url in await stage.event("MetricsUnavailable")
            await _another_window(stage)
            assert routes.each(weights) == [(80, 20)]

            await asyncio.to_thread(prometheus.come_back)
            await stage.at_rest("Succeeded")

        assert routes.each(weights) == [(80, 20), (50, 50), (100, 0)]
        assert await stage.image("reviews-primary") == V2
        assert stage.lost() == 0


@together
async def test_a_prometheus_that_hangs_holds_the_weight_too(stage: Stage) -> None:
    with Prometheus.start("prometheus", stage.folder, stage.mesh.target) as prometheus:
        await stage.deploy()
        await stage.kubectl.apply(canary(interval=HOUR, spec={"metricsServer": prometheus.url}))
        await stage.phase("Initialized")
        await stage.release(V2)
        await stage.at_weight(20)
        async with stage.chronicle(VIRTUAL_SERVICES) as routes:
            prometheus.hang()
            await stage.edit(QUICK)
            assert prometheus.url in await stage.condition("AnalysisHealthy", "False", "MetricsUnavailable")
            assert routes.each(weights) == [(80, 20)]
            prometheus.go_on()
            await stage.at_rest("Succeeded")

        assert routes.each(weights) == [(80, 20), (50, 50), (100, 0)]


async def _another_window(stage: Stage) -> None:
    """Wait until one more window could not be measured."""
    body = await stage.until(lambda one: one["status"]["checks"][0]["outcome"] == "error")
    window = body["status"]["checks"][0]["window"]
    await stage.until(lambda one: one["status"]["checks"][0]["window"] > window, what="a window later")


def image_of(deployment: Object) -> str:
    return str(deployment["spec"]["template"]["spec"]["containers"][0]["image"])


async def _rolled_back(stage: Stage, image: str, *, reason: str, says: str) -> None:
    """Release an image: it fails with this reason, the routes lead back, the primary was not touched."""
    async with stage.chronicle(DEPLOYMENTS, "reviews-primary") as primary:
        await stage.release(image)
        body = await stage.until(lambda one: one["status"]["phase"] == "Failed", what="failed")
        await stage.routed(0)
        await stage.rests()

    assert body["status"]["reason"] == reason
    told = await stage.event("RolledBack")
    assert re.fullmatch(says, body["status"]["message"]), body["status"]["message"]
    assert told == f"Rolled back at 20 %: {body['status']['message']}"
    assert primary.each(image_of) == [V1]
    assert await stage.condition("Promoted", "False", "Failed") == body["status"]["message"]
    assert stage.lost() == 0
