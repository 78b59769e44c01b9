"""A release of an autoscaled reviews on a real control plane, whose own autoscaler controller looks on.

Nothing measures there, so that autoscaler keeps what it finds within its bounds: the bounds are what is told.
"""

from delivery.cluster.objects import DEPLOYMENTS, Kind, Object
from delivery.controller.application import autoscaling_kind
from tests.cluster.harness.stage import FAILING, PATIENCE, V2, Stage, canary
from tests.cluster.harness.telling import together
from tests.cluster.harness.waiting import until


@together
async def test_a_promotion_holds_the_floors_and_gives_them_back(stage: Stage) -> None:
    kind = await _autoscaled(stage)
    await _released(stage, kind, V2, "Succeeded")
    assert await stage.image("reviews-primary") == V2


@together
async def test_a_rollback_gives_them_back_too(stage: Stage) -> None:
    kind = await _autoscaled(stage)
    await _released(stage, kind, FAILING, "Failed")


async def _autoscaled(stage: Stage) -> Kind:
    """Three pods of reviews, an autoscaler from 1 to 6, and a Canary at rest that names it."""
    kind, scaled = await autoscaling_kind(stage.api), {"apiVersion": "apps/v1", "kind": "Deployment", "name": "reviews"}
    await stage.deploy(replicas=3)
    await stage.api.create(stage.ref(kind), {"spec": {"scaleTargetRef": scaled, "minReplicas": 1, "maxReplicas": 6}})
    # Not the version that this server has: the Canary may name any.
    reference = {"apiVersion": "autoscaling/v2", "kind": kind.kind, "name": "reviews"}
    await stage.kubectl.apply(canary(spec={"autoscalerRef": reference}))
    await stage.at_rest("Initialized")
    await stage.rests()
    return kind


async def _released(stage: Stage, kind: Kind, image: str, end: str) -> None:
    """Release an image, watch the bounds, and see that nothing is left of it."""
    copied = stage.ref(kind, "reviews-primary")
    async with (
        stage.chronicle(kind) as own,
        stage.chronicle(kind, "reviews-primary") as primary,
        stage.chronicle(DEPLOYMENTS, "reviews-primary") as pods,
    ):
        await stage.release(image)
        await stage.until(lambda one: one["status"]["phase"] == end and not one["status"].get("stage"), what=end)
        await stage.rests()
        await until(stage.api, copied, lambda one: least(one) == 1, seconds=PATIENCE, what="as its source")
        await until(stage.api, stage.ref(kind), lambda one: least(one) == 1 and not marks(one), seconds=PATIENCE)
        await primary.until(lambda each: each(least)[-1] == 1, what="told of the copy's end")

    assert primary.each(least) == [1, 3, 1]
    assert own.each(least)[:2] == [1, 2], "half of three"
    assert set(pods.each(lambda one: one["spec"]["replicas"])) == {3}
    assert stage.lost() == 0


def least(autoscaler: Object) -> int:
    """The fewest pods that it leaves."""
    return int(autoscaler["spec"]["minReplicas"])


def marks(autoscaler: Object) -> list[str]:
    """What of ours stands on the user's autoscaler."""
    return [
        name for name in autoscaler["metadata"].get("annotations") or {} if name.startswith("progressive.delivery/")
    ]
