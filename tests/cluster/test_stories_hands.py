"""People reach into a rollout: they edit its routes, pause it and delete it. Users are served throughout."""

from dataclasses import replace

from delivery.cluster.objects import CANARIES, DEPLOYMENTS, SERVICES, VIRTUAL_SERVICES, Object
from tests.cluster.harness.kinds import NAMESPACES
from tests.cluster.harness.stage import HOUR, PATIENCE, QUICK, V1, V2, Stage, weights
from tests.cluster.harness.telling import together
from tests.cluster.harness.waiting import until_gone


@together
async def test_less_for_the_canary_by_hand_is_held_until_somebody_pauses_and_goes_on(stage: Stage) -> None:
    await stage.initialised(interval=HOUR)
    await stage.release(V2)
    await stage.at_weight(20)
    async with stage.chronicle(VIRTUAL_SERVICES) as routes:
        await stage.route_by_hand(5)
        held = await stage.until(lambda one: one["status"]["reason"] == "ManualOverride", what="held")
        assert "set spec.paused and clear it to go on" in held["status"]["message"]
        assert "to 5 % by hand" in await stage.event("ManualOverride")
        await stage.edit(QUICK)
        window = await _window(stage, after=0)
        await _window(stage, after=window)  # the run is still watched
        assert routes.each(weights) == [(80, 20), (95, 5)]

        await stage.edit({"paused": True})
        await stage.until(lambda one: one["status"]["run"]["overridePaused"], what="paused")
        await stage.edit({"paused": False})
        await stage.at_rest("Succeeded")

    assert routes.each(weights) == [(80, 20), (95, 5), (80, 20), (50, 50), (100, 0)]
    assert stage.lost() == 0


@together
async def test_more_for_the_canary_by_hand_is_repaired_and_a_foreign_annotation_survives(stage: Stage) -> None:
    await stage.initialised(interval=HOUR)
    await stage.release(V2)
    await stage.at_weight(20)
    await stage.kubectl("annotate", "virtualservice/reviews", "example.com/owner=books")
    async with stage.chronicle(VIRTUAL_SERVICES) as routes:
        await stage.route_by_hand(90)
        await routes.until(lambda told: told(weights)[-2:] == [(10, 90), (80, 20)], what="repaired")

    assert routes.each(weights) == [(80, 20), (10, 90), (80, 20)]
    assert routes.each(lambda one: one["metadata"]["annotations"]["example.com/owner"]) == ["books"]
    body = await stage.api.get(stage.ref(CANARIES))
    assert body["status"]["canaryWeight"] == 20
    assert "override" not in body["status"]["run"]
    assert stage.lost() == 0


@together
async def test_a_paused_canary_holds_its_weight_and_a_new_revision_waits(stage: Stage) -> None:
    await stage.initialised(interval=HOUR)
    await stage.edit({"paused": True})
    await stage.release(V2)
    await stage.phase("Waiting")
    assert "spec.paused is set; clear it to start" in await stage.condition("Ready", "False", "Paused")
    assert "waits" in await stage.event("Waiting")

    await stage.edit({"paused": False})
    await stage.at_weight(20)
    async with stage.chronicle(VIRTUAL_SERVICES) as routes:
        await stage.edit({"paused": True, **QUICK})
        await stage.until(lambda one: one["status"]["reason"] == "Paused", what="paused")
        window = await _window(stage, after=0)
        await _window(stage, after=window + 1)
        assert routes.each(weights) == [(80, 20)]

        await stage.release(V1)  # back to what is promoted: nothing is left to try
        await stage.at_rest("Succeeded")
        assert routes.each(weights) == [(80, 20), (100, 0)]
    assert stage.lost() == 0


@together
async def test_an_idle_canary_is_deleted_and_all_that_serves_users_stays(stage: Stage) -> None:
    await stage.initialised()
    await stage.rests()

    await stage.kubectl("delete", "canary/reviews", "--timeout=60s")

    await _everything_stays(stage)
    await stage.still_served()
    assert stage.lost() == 0


@together
async def test_a_canary_deleted_in_the_middle_of_a_run_leaves_all_users_with_the_primary(stage: Stage) -> None:
    await stage.initialised(interval=HOUR)
    await stage.release(V2)
    body = await stage.at_weight(20)
    assert body["metadata"]["finalizers"] == ["progressive.delivery/rollout"]

    await stage.kubectl("delete", "canary/reviews", "--timeout=60s")

    assert weights(await stage.api.get(stage.ref(VIRTUAL_SERVICES))) == (100, 0)
    await _everything_stays(stage)
    await stage.still_served()
    assert stage.lost() == 0


@together
async def test_a_canary_made_anew_takes_up_the_primary_that_is_there(stage: Stage) -> None:
    await stage.initialised()
    await stage.rests()
    applied = await stage.kubectl("get", "canary/reviews", "-o", "jsonpath={.metadata.annotations.*}")
    await stage.kubectl("delete", "canary/reviews", "--timeout=60s")
    await stage.release(V2)

    await stage.kubectl("apply", "--validate=false", "-f", "-", stdin=applied)
    await stage.at_rest("Succeeded")

    assert await stage.image("reviews-primary") == V2
    assert stage.lost() == 0


@together
async def test_a_status_lost_in_the_middle_of_a_run_is_rebuilt_and_the_run_begins_again(stage: Stage) -> None:
    await stage.initialised()
    await stage.release(V2)
    await stage.at_weight(20)

    await stage.kubectl("patch", "canary/reviews", "--subresource=status", "--type=merge", "-p", '{"status": null}')

    await stage.until(lambda one: one["status"]["canaryWeight"] == 0, what="taken back")
    await stage.at_rest("Succeeded")
    assert await stage.image("reviews-primary") == V2
    assert stage.lost() == 0


@together
async def test_a_namespace_is_deleted_in_the_middle_of_a_run(stage: Stage) -> None:
    await stage.initialised(interval=HOUR)
    await stage.release(V2)
    await stage.at_weight(20)

    await stage.kubectl("delete", "namespace", stage.namespace, "--wait=false")

    await until_gone(stage.api, stage.ref(CANARIES), seconds=PATIENCE)
    await until_gone(stage.api, replace(stage.ref(NAMESPACES, stage.namespace), namespace=""), seconds=PATIENCE)


async def _window(stage: Stage, *, after: int) -> int:
    """Wait for a judged window with a higher number; answers its number."""
    body = await stage.until(lambda one: one["status"]["checks"][0]["window"] > after, what=f"window {after + 1}")
    return int(body["status"]["checks"][0]["window"])


async def _everything_stays(stage: Stage) -> None:
    """Primary, routes and Services, none of them marked to be deleted."""
    there: list[Object] = [
        await stage.api.get(stage.ref(DEPLOYMENTS, "reviews-primary")),
        await stage.api.get(stage.ref(VIRTUAL_SERVICES)),
        *[await stage.api.get(stage.ref(SERVICES, f"reviews{suffix}")) for suffix in ("", "-primary", "-canary")],
    ]
    for body in there:
        assert "deletionTimestamp" not in body["metadata"]
        assert not body["metadata"].get("ownerReferences")
