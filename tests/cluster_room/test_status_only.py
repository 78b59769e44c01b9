"""The second lock of who only looks on: a write that is no status and no Event does not leave the process."""

import pytest

from delivery.cluster.objects import CANARIES, DEPLOYMENTS, EVENTS, SERVICES, VIRTUAL_SERVICES, Action, Change, Ref
from delivery.cluster.status_only import RefusedWriteError, StatusOnly

CANARY = Ref(CANARIES, "shop", "reviews")


class Lease:
    """Held for long."""

    epoch = 1

    def remaining(self):
        return 15.0

    async def outrank(self, fence):
        return True


@pytest.fixture
def writer(scene):
    scene.server.write(SERVICES, "reviews", spec={"weight": 0})
    return StatusOnly(scene.server, scene.read(SERVICES), Lease(), scene.clock)


def patch(ref, path, subresource=""):
    return Change(ref=ref, ops=({"op": "add", "path": path, "value": {}},), subresource=subresource)


@pytest.mark.parametrize(
    "change",
    [
        patch(Ref(SERVICES, "shop", "reviews"), "/spec/weight"),
        patch(Ref(VIRTUAL_SERVICES, "shop", "reviews"), "/spec"),
        patch(Ref(DEPLOYMENTS, "shop", "reviews"), "/status", "status"),
        patch(CANARY, "/metadata/finalizers"),
        patch(CANARY, "/spec", "status"),
        patch(CANARY, "/status"),
        patch(CANARY, "/statuses", "status"),
        Change(ref=CANARY, action=Action.DELETE),
        Change(ref=Ref(SERVICES, "shop", "other"), action=Action.CREATE, body={"metadata": {"name": "other"}}),
        Change(ref=Ref(EVENTS, "shop", "told"), action=Action.DELETE),
        patch(Ref(EVENTS, "shop", "told"), "/message"),
    ],
    ids=lambda change: f"{change.action} {change.ref.kind}",
)
def test_everything_else_is_refused_unsent(scene, writer, change):
    before = list(scene.server.requests)

    with pytest.raises(RefusedWriteError, match="only looks on"):
        scene.run(writer.write(change))

    assert scene.server.requests == before
    assert scene.reader.get(Ref(SERVICES, "shop", "reviews"))["spec"]["weight"] == 0


def test_a_status_and_an_event_are_sent(scene, writer):
    scene.server.write(CANARIES, "reviews", spec={})
    scene.run(writer.write(patch(CANARY, "/status", "status")))
    body = {"metadata": {"name": "told", "namespace": "shop"}, "reason": "WouldRollBack"}
    scene.run(writer.write(Change(ref=Ref(EVENTS, "shop", "told"), action=Action.CREATE, body=body)))

    assert [verb for verb, _ in scene.server.requests if verb not in ("list", "watch")] == ["patch", "create"]
    assert scene.server.objects[CANARY]["status"] == {}
