"""Writes: under the Lease, on what was decided on, known at once, and with their true outcome."""

import pytest

from delivery.cluster.errors import Conflict, Denied, Gone, Invalid, NotLeader, Unavailable, Unknown
from delivery.cluster.objects import EVENTS, SERVICES, Action, Change, Ref
from delivery.cluster.writer import Writer

REVIEWS = Ref(SERVICES, "shop", "reviews")


class Lease:
    """Leadership of a length that the test sets."""

    epoch = 1

    def __init__(self, seconds=15.0):
        self.seconds = seconds

    def remaining(self):
        return self.seconds

    async def outrank(self, fence):
        return True


@pytest.fixture
def lease():
    return Lease()


@pytest.fixture
def counted():
    return []


@pytest.fixture
def writer(scene, lease, counted):
    scene.server.write(SERVICES, "reviews", spec={"weight": 0})
    reader = scene.read(SERVICES)
    scene.server.unheard = True  # what the caches know from here on they know from the writer

    def observe(verb, kind, outcome, seconds):
        counted.append((verb, kind, outcome))

    return Writer(scene.server, reader, lease, scene.clock, observe=observe)


def weight(value, *, version=None, path="/spec/weight"):
    tests = ({"op": "test", "path": "/metadata/resourceVersion", "value": version},) if version else ()
    return Change(ref=REVIEWS, tests=tests, ops=({"op": "replace", "path": path, "value": value},))


def known(scene):
    body = scene.reader.get(REVIEWS)
    return body and body["spec"]["weight"]


def test_a_write_is_known_at_once(scene, writer, counted):
    stored = scene.run(writer.write(weight(5, version="101")))
    assert stored["spec"] == {"weight": 5}
    assert known(scene) == 5
    assert scene.server.count("get") == 0
    assert counted == [("patch", "Service", "success")]


def test_a_creation_and_a_deletion_are_known_at_once(scene, writer):
    ref = Ref(SERVICES, "shop", "ratings")
    body = {"metadata": {"name": "ratings", "namespace": "shop"}, "spec": {"weight": 1}}
    scene.run(writer.write(Change(ref=ref, action=Action.CREATE, body=body)))
    assert scene.reader.get(ref)["spec"] == {"weight": 1}
    gone = scene.run(writer.write(Change(ref=ref, action=Action.DELETE)))
    assert gone["spec"] == {"weight": 1}
    assert scene.reader.get(ref) is None


def test_a_deletion_that_a_finalizer_delays_does_not_hide_the_object(scene, writer):
    scene.server.write(SERVICES, "reviews", metadata={"finalizers": ["somebody/else"]})
    scene.run(scene.reader.fetch(REVIEWS))
    scene.run(writer.write(Change(ref=REVIEWS, action=Action.DELETE)))
    assert "deletionTimestamp" in scene.reader.get(REVIEWS)["metadata"]


@pytest.mark.parametrize("seconds", [0.0, -5.0, 1.9])
def test_without_enough_of_the_lease_nothing_is_sent(scene, writer, lease, counted, seconds):
    lease.seconds = seconds
    with pytest.raises(NotLeader, match=r"patch Service shop/reviews: not sent"):
        scene.run(writer.write(weight(5)))
    assert scene.server.count("patch") == 0
    assert counted == []


def test_a_write_is_over_before_the_lease(scene, writer, lease, counted):
    lease.seconds = 4.0
    scene.server.delay = 1000
    before = scene.clock.monotonic()
    writing = scene.loop.spawn(writer.write(weight(5)), on_exit=lambda error: None)
    scene.loop.run_until(lambda: bool(counted), max_time=10)
    assert scene.clock.monotonic() - before < 4.0
    assert counted == [("patch", "Service", "unknown")]
    writing.cancel()


def test_a_conflict_brings_the_fresh_object(scene, writer, counted):
    scene.server.write(SERVICES, "reviews", spec={"weight": 7})
    with pytest.raises(Conflict):
        scene.run(writer.write(weight(5, version="101")))
    assert known(scene) == 7
    assert scene.server.count("get") == 1
    assert counted == [("patch", "Service", "conflict")]


def test_the_third_conflict_in_a_row_on_fresh_reads_is_a_wrong_patch(scene, writer):
    wrong = weight(5, path="/spec/no/such/path")
    for _ in range(2):
        with pytest.raises(Conflict):
            scene.run(writer.write(wrong))
    with pytest.raises(Invalid, match=r"3 times in a row.*a path of the patch may not exist"):
        scene.run(writer.write(wrong))
    with pytest.raises(Conflict):
        scene.run(writer.write(wrong))


def test_a_success_in_between_or_a_read_that_failed_does_not_count(scene, writer):
    wrong = weight(5, path="/spec/no/such/path")
    for _ in range(3):
        with pytest.raises(Conflict):
            scene.run(writer.write(wrong))
        with pytest.raises(Conflict):
            scene.run(writer.write(wrong))
        scene.run(writer.write(weight(1)))
    for _ in range(5):
        scene.server.fail["get"] = [Unavailable("down")]
        with pytest.raises(Conflict):
            scene.run(writer.write(wrong))


def test_creating_what_exists_stays_a_conflict_however_often(scene, writer):
    body = {"metadata": {"name": "reviews", "namespace": "shop"}}
    for _ in range(5):
        with pytest.raises(Conflict, match="already exists"):
            scene.run(writer.write(Change(ref=REVIEWS, action=Action.CREATE, body=body)))


def test_a_repeated_event_costs_no_read(scene, writer):
    event = Change(ref=Ref(EVENTS, "shop", "run-1"), action=Action.CREATE, body={"metadata": {"name": "run-1"}})
    scene.run(writer.write(event))
    with pytest.raises(Conflict):
        scene.run(writer.write(event))
    assert scene.server.count("get") == 0


def test_after_an_unknown_outcome_the_cache_says_what_came_of_it(scene, writer, counted):
    scene.server.unanswered["patch"] = [Unknown("no answer")]
    with pytest.raises(Unknown):
        scene.run(writer.write(weight(5)))
    assert known(scene) == 5
    assert scene.server.count("patch") == 1
    assert counted == [("patch", "Service", "unknown")]


def test_an_unknown_outcome_stays_one_when_the_read_fails_too(scene, writer):
    scene.server.fail.update(patch=[Unknown("no answer")], get=[Unavailable("down")])
    with pytest.raises(Unknown):
        scene.run(writer.write(weight(5)))


def test_what_is_not_there_any_more_is_known_to_be_gone(scene, writer):
    scene.server.erase(SERVICES, "reviews")
    with pytest.raises(Gone):
        scene.run(writer.write(weight(5)))
    assert scene.reader.get(REVIEWS) is None


@pytest.mark.parametrize("error", [Denied("no"), Invalid("bad"), Unavailable("down")])
def test_other_errors_reach_the_caller_without_a_read_or_a_retry(scene, writer, counted, error):
    scene.server.fail["patch"] = [error]
    with pytest.raises(type(error)):
        scene.run(writer.write(weight(5)))
    assert (scene.server.count("patch"), scene.server.count("get")) == (1, 0)
    assert counted[0][2] == type(error).__name__.lower()


def test_a_status_write_goes_to_the_subresource(scene, writer):
    sent = []

    async def patch(ref, ops, *, subresource="", timeout=10.0):
        sent.append((subresource, ops))
        return scene.server.objects[ref]

    scene.server.patch = patch
    test = {"op": "test", "path": "/metadata/resourceVersion", "value": "101"}
    ops = {"op": "add", "path": "/status", "value": {}}
    scene.run(writer.write(Change(ref=REVIEWS, tests=(test,), ops=(ops,), subresource="status")))
    assert sent == [("status", [test, ops])]
