"""What is wrong is named with the way out, users stay served, and all recovers by itself when the cause goes."""

import pytest

from delivery.cluster.objects import DEPLOYMENTS, VIRTUAL_SERVICES
from tests.cluster.harness.kubectl import KubectlError
from tests.cluster.harness.stage import HOUR, PATIENCE, V2, Stage, canary, success_rate, weights
from tests.cluster.harness.telling import together
from tests.cluster.harness.waiting import until_gone

REFUSED = {
    "spec.analysis.stepWeights": canary(stepWeights=[10, 150]),
    "spec.analysis.interval": canary(interval="three seconds"),
    "spec.analysis.metrics.thresholdRange.min": canary(
        metrics=[{"name": "request-success-rate", "thresholdRange": {"min": "most"}}]
    ),
    "spec.service.port": canary(spec={"service": {"port": 70000}}),
    "spec.targetRef": canary(spec={"targetRef": None}),
    "spec.provider": canary(spec={"provider": "carrier-pigeon"}),
    "spec.traffic.settleSeconds": canary(spec={"traffic": {"settleSeconds": -1}}),
}


@together
async def test_the_api_server_refuses_what_the_schema_forbids_and_names_the_field(stage: Stage) -> None:
    for field, body in REFUSED.items():
        with pytest.raises(KubectlError) as refusal:
            await stage.kubectl.apply(body)
        assert field in str(refusal.value)


@together
async def test_what_the_schema_cannot_say_is_said_by_the_canary_until_it_is_corrected(stage: Stage) -> None:
    """API servers before 1.25 know no rules between fields."""
    await stage.deploy()
    await stage.kubectl.apply(canary(stepWeight=10))
    message = await stage.condition("Ready", "False", "InvalidSpec")
    assert "spec.analysis: given stepWeight and stepWeights, allowed at most one of" in message
    assert await stage.event("InvalidSpec") == message
    assert await _untouched(stage)

    await stage.edit({"analysis": {"stepWeight": None}})
    await stage.phase("Initialized")
    await stage.condition("Ready", "True", "Watching")
    assert stage.lost() == 0


@together
async def test_an_invalid_edit_in_the_middle_of_a_run_holds_the_weight(stage: Stage) -> None:
    await stage.initialised(interval="8s")
    await stage.release(V2)
    await stage.at_weight(20)
    async with stage.chronicle(VIRTUAL_SERVICES) as routes:
        await stage.edit({"analysis": {"stepWeight": 10}})
        message = await stage.condition("Ready", "False", "InvalidSpec")
        assert "spec.analysis" in message
        await stage.until(lambda one: one["status"]["checks"][0]["passes"] > 0, what="passed at 20 %")
        assert routes.each(weights) == [(80, 20)]

        await stage.edit({"analysis": {"stepWeight": None, "interval": "3s"}})
        await stage.at_rest("Succeeded")
    assert routes.each(weights) == [(80, 20), (50, 50), (100, 0)]
    assert stage.lost() == 0


@together
async def test_pods_still_roll_back_under_an_invalid_spec(stage: Stage) -> None:
    await stage.initialised(interval=HOUR)
    await stage.release(V2)
    await stage.at_weight(20)
    await stage.edit({"analysis": {"stepWeight": 10}})
    await stage.condition("Ready", "False", "InvalidSpec")

    await stage.kubectl("annotate", "pod", "-l", "app=reviews", "test/behaviour=oom")

    failed = await stage.until(lambda one: one["status"]["phase"] == "Failed", what="failed")
    assert failed["status"]["reason"] == "PodHealth"
    await stage.routed(0)


@together
async def test_a_second_canary_on_one_target_is_refused(stage: Stage) -> None:
    await stage.initialised()
    await stage.kubectl.apply(canary(name="rival"))

    message = await stage.condition("Ready", "False", "TargetConflict", name="rival")
    assert "Canary reviews already rolls out Deployment reviews; delete one of the two" in message
    assert await stage.event("TargetConflict", name="rival") == message

    await stage.release(V2)
    await stage.phase("Progressing")
    await stage.at_rest("Succeeded")
    assert stage.lost() == 0


@together
async def test_a_missing_target_is_waited_for(stage: Stage) -> None:
    await stage.kubectl.apply(canary())
    message = await stage.condition("Ready", "False", "TargetNotFound")
    assert "create it or correct the name" in message

    await stage.deploy()
    await stage.phase("Initialized")
    assert stage.lost() == 0


@together
async def test_a_port_that_the_service_does_not_have_is_named(stage: Stage) -> None:
    await stage.deploy()
    await stage.kubectl.apply(canary(spec={"service": {"port": 8080}}))
    message = await stage.condition("Ready", "False", "PortNotInService")
    assert "spec.service.port: given 8080, but Service reviews has ports 9080" in message
    assert await _untouched(stage)

    await stage.edit({"service": {"port": 9080}})
    await stage.phase("Initialized")
    assert stage.lost() == 0


@together
async def test_another_virtual_service_on_the_host_is_a_reason_to_wait(stage: Stage) -> None:
    await stage.deploy()
    other = {
        "apiVersion": VIRTUAL_SERVICES.api_version,
        "kind": "VirtualService",
        "metadata": {"name": "books"},
        "spec": {"hosts": ["reviews"], "http": [{"route": [{"destination": {"host": "reviews"}}]}]},
    }
    await stage.kubectl.apply(other)
    await stage.kubectl.apply(canary())
    message = await stage.condition("Ready", "False", "HostConflict")
    assert f"VirtualService {stage.namespace}/books routes host reviews" in message
    assert await _untouched(stage)

    await stage.kubectl("delete", "virtualservice/books")
    await stage.phase("Initialized")
    assert stage.lost() == 0


@together
async def test_a_query_that_prometheus_refuses_holds_the_run_and_is_quoted(stage: Stage) -> None:
    refused = {"name": "mine", "interval": "3s", "warmupSeconds": 0, "query": "sum(rate(nothing[)"}
    await stage.initialised(metrics=[refused])
    await stage.release(V2)
    message = await stage.condition("AnalysisHealthy", "False", "MetricsUnavailable")
    assert message.startswith("mine could not be measured")
    assert "parse error" in message
    assert "correct the query" in message
    assert await stage.event("MetricsUnavailable") == message
    await stage.routed(20)

    await stage.edit({"analysis": {"metrics": [success_rate()]}})
    await stage.at_rest("Succeeded")
    assert stage.lost() == 0


@together
async def test_without_callers_the_run_waits_for_data(stage: Stage) -> None:
    await stage.initialised()
    stage.mesh.stop(stage.load)
    await stage.release(V2)
    assert "request-success-rate" in await stage.condition("AnalysisHealthy", "False", "NoData")
    async with stage.chronicle(VIRTUAL_SERVICES) as routes:
        await _windows(stage, 2)
        assert routes.each(weights) == [(80, 20)]

        stage.mesh.send(stage.load)
        await stage.at_rest("Succeeded")
    assert stage.lost() == 0


@together
async def test_a_target_deleted_in_the_middle_of_its_run_leaves_users_with_the_primary(stage: Stage) -> None:
    await stage.initialised(interval=HOUR)
    await stage.release(V2)
    await stage.at_weight(20)

    await stage.kubectl("delete", "deployment/reviews")

    failed = await stage.until(lambda one: one["status"]["phase"] == "Failed", what="failed")
    assert failed["status"]["reason"] == "TargetDeleted"
    await stage.routed(0)
    await until_gone(stage.api, stage.ref(DEPLOYMENTS), seconds=PATIENCE)
    await stage.still_served()
    assert await stage.image("reviews-primary") != V2


async def _untouched(stage: Stage) -> bool:
    """Whether nothing was made: no primary, no routes."""
    primary = await stage.kubectl("get", "deployment/reviews-primary", "--ignore-not-found")
    return not primary and not await stage.kubectl("get", "virtualservice/reviews", "--ignore-not-found")


async def _windows(stage: Stage, number: int) -> None:
    """Wait until so many windows have been judged."""
    await stage.until(lambda one: one["status"]["checks"][0]["window"] >= number, what=f"{number} windows judged")
