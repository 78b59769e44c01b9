"""The caches: right although watches drop, events come late, and objects vanish unseen."""

import itertools

import pytest

from delivery.cluster.errors import Expired, Unavailable
from delivery.cluster.indexes import CANARY_INDEX, LABEL_INDEX, OWNER_INDEX
from delivery.cluster.objects import DEPLOYMENTS, PODS, SERVICES, VIRTUAL_SERVICES, Ref


def at(kind, name):
    return Ref(kind, "shop", name)


def test_it_is_synced_when_every_kind_has_been_listed(scene):
    scene.server.write(SERVICES, "reviews", spec={"ports": []})
    reader = scene.read(SERVICES, PODS, start=False)
    assert not reader.synced
    scene.loop.spawn(reader.run())
    scene.run(reader.wait_synced())
    assert reader.synced
    assert reader.get(at(SERVICES, "reviews"))["spec"] == {"ports": []}
    assert scene.changes == [("Service", "reviews")]


def test_changes_arrive_by_the_watch_and_each_is_told_once(scene):
    reader = scene.read(SERVICES)
    scene.server.write(SERVICES, "reviews", spec={"a": 1})
    scene.server.write(SERVICES, "reviews", spec={"a": 2})
    scene.loop.advance(0)
    assert reader.get(at(SERVICES, "reviews"))["spec"] == {"a": 2}
    scene.server.erase(SERVICES, "reviews")
    scene.loop.advance(0)
    assert reader.get(at(SERVICES, "reviews")) is None
    assert len(scene.changes) == 3


def test_a_change_of_nothing_that_is_read_is_known_but_not_told(scene):
    reader = scene.read(SERVICES)
    scene.server.write(SERVICES, "reviews", spec={"a": 1}, status={"x": 1})
    scene.loop.advance(0)
    newest = scene.server.write(SERVICES, "reviews", status={"x": 2})
    scene.loop.advance(0)
    known = reader.get(at(SERVICES, "reviews"))
    assert known["metadata"]["resourceVersion"] == newest["metadata"]["resourceVersion"]
    assert len(scene.changes) == 1


def test_what_vanished_while_the_watch_was_down_is_found_missing(scene):
    for name in ("details", "reviews"):
        scene.server.write(SERVICES, name)
    reader = scene.read(SERVICES)
    scene.changes.clear()
    scene.server.unheard = True
    scene.server.drop()
    scene.server.erase(SERVICES, "details")
    scene.server.write(SERVICES, "ratings")
    scene.loop.advance(2)
    assert scene.names(SERVICES) == ["ratings", "reviews"]
    assert sorted(scene.changes) == [("Service", "details"), ("Service", "ratings")]
    assert reader.stale([SERVICES]) < 30


def test_a_watch_goes_on_from_the_last_event_or_bookmark_without_a_list(scene):
    scene.read(SERVICES)
    scene.server.write(PODS, "elsewhere")
    scene.server.bookmark(SERVICES)
    scene.loop.advance(200)
    assert scene.server.count("list") == 1
    versions = [int(what[1]) for verb, what in scene.server.requests if verb == "watch"]
    assert versions == [100, 101, 101, 101]


def test_an_expired_version_is_listed_again_at_once(scene):
    reader = scene.read(SERVICES)
    before = scene.clock.monotonic()
    scene.server.drop(Expired("too old"))
    scene.loop.run_until(lambda: scene.server.count("watch") == 2, max_time=10)
    assert scene.clock.monotonic() == before
    assert scene.server.count("list") == 2
    assert reader.synced


def test_a_server_that_calls_every_version_expired_is_not_asked_in_a_tight_loop(scene):
    scene.server.compacted = 10**9
    scene.read(SERVICES)
    scene.loop.advance(60)
    assert 3 <= scene.server.count("list") <= 12


def test_a_server_that_ends_every_watch_at_once_is_not_asked_in_a_tight_loop(scene):
    scene.read(SERVICES, watch_seconds=1e-6)
    scene.loop.advance(60)
    assert 3 <= scene.server.count("watch") <= 130


def test_failures_of_any_kind_are_survived_with_growing_pauses(scene):
    scene.server.fail["list"] = [Unavailable("down")] * 6 + [ValueError("a fault of our own")]
    scene.server.write(SERVICES, "reviews")
    reader = scene.read(SERVICES)
    times = []
    scene.server.on_request = lambda verb: times.append(scene.clock.monotonic())
    scene.loop.advance(200)
    assert reader.synced
    pauses = [later - earlier for earlier, later in itertools.pairwise(times)][:6]
    for pause, limit in zip(pauses, (2, 4, 8, 16, 30, 30), strict=True):
        assert limit / 2 <= pause <= limit or pause == 0
    assert scene.names(SERVICES) == ["reviews"]


def test_an_odd_event_breaks_the_watch_and_not_the_reader(scene):
    scene.read(SERVICES)
    scene.server.write(SERVICES, "reviews")
    scene.server.tell(SERVICES, "ADDED", {"metadata": None})
    scene.server.tell(SERVICES, "SURPRISE", {"metadata": {}})
    scene.loop.advance(10)
    assert scene.names(SERVICES) == ["reviews"]


def test_an_odd_event_lets_go_of_its_stream_before_the_next_is_opened(scene):
    scene.read(SERVICES)
    scene.server.tell(SERVICES, "SURPRISE", {"metadata": {}})
    scene.loop.run_until(lambda: scene.server.count("list") == 2, max_time=10)
    assert scene.server.watches == []


def test_pauses_are_short_again_after_a_quiet_watch_that_lasted(scene):
    scene.server.fail["list"] = [Unavailable("down")] * 5
    reader = scene.read(SERVICES)
    scene.run(reader.wait_synced())
    scene.loop.advance(30)
    scene.server.drop()
    scene.loop.advance(1)
    assert scene.server.count("list") == 7


def test_our_own_write_is_known_at_once_and_older_events_change_nothing(scene):
    older = scene.server.write(SERVICES, "reviews", spec={"a": 1})
    reader = scene.read(SERVICES)
    scene.server.unheard = True
    scene.server.write(SERVICES, "reviews", spec={"a": 2})
    ours = scene.server.write(SERVICES, "reviews", spec={"a": 3})
    reader.put(SERVICES, ours)
    assert reader.get(at(SERVICES, "reviews"))["spec"] == {"a": 3}
    seen = len(scene.changes)
    scene.server.tell(SERVICES, "MODIFIED", older)
    scene.server.tell(SERVICES, "DELETED", older)
    scene.loop.advance(0)
    assert reader.get(at(SERVICES, "reviews"))["spec"] == {"a": 3}
    assert len(scene.changes) == seen


def test_a_list_from_before_our_write_does_not_undo_it(scene):
    reader = scene.read(SERVICES)
    scene.server.unheard, scene.server.delay = True, 5.0
    scene.server.drop()
    scene.loop.run_until(lambda: scene.server.count("list") == 2, max_time=60)
    body = {"metadata": {"name": "new", "namespace": "shop", "uid": "u", "resourceVersion": "999"}}
    reader.put(SERVICES, body)
    scene.loop.advance(20)
    assert scene.names(SERVICES) == ["new"]


def test_a_deleted_object_is_not_brought_back_by_an_older_event(scene):
    alive = scene.server.write(SERVICES, "reviews")
    reader = scene.read(SERVICES)
    scene.server.erase(SERVICES, "reviews")
    scene.loop.advance(0)
    scene.server.tell(SERVICES, "MODIFIED", alive)
    reader.put(SERVICES, alive)
    scene.loop.advance(0)
    assert reader.get(at(SERVICES, "reviews")) is None
    scene.server.write(SERVICES, "reviews", spec={"again": True})
    scene.loop.advance(0)
    assert reader.get(at(SERVICES, "reviews"))["spec"] == {"again": True}


def test_what_a_get_found_absent_is_not_brought_back_by_events_that_lag(scene):
    scene.server.write(SERVICES, "reviews", spec={"a": 1})
    reader = scene.read(SERVICES)
    scene.server.unheard = True
    lagging = scene.server.write(SERVICES, "reviews", spec={"a": 2})
    scene.server.erase(SERVICES, "reviews")
    assert scene.run(reader.fetch(at(SERVICES, "reviews"))) is None
    scene.server.tell(SERVICES, "MODIFIED", lagging)
    scene.loop.advance(0)
    assert reader.get(at(SERVICES, "reviews")) is None


def test_a_get_that_was_overtaken_by_a_creation_does_not_hide_it(scene):
    reader = scene.read(SERVICES)
    scene.server.delay = 5.0
    body = {"metadata": {"name": "reviews", "namespace": "shop", "uid": "u", "resourceVersion": "999"}}
    scene.loop.call_later(4, reader.put, SERVICES, body)
    assert scene.run(reader.fetch(at(SERVICES, "reviews")))["metadata"]["uid"] == "u"


def test_a_get_tells_what_no_event_has_told(scene):
    reader = scene.read(SERVICES)
    scene.server.unheard = True
    scene.server.write(SERVICES, "reviews", spec={"a": 1}, status={"dropped": 1})
    assert reader.get(at(SERVICES, "reviews")) is None
    found = scene.run(reader.fetch(at(SERVICES, "reviews")))
    assert found == reader.get(at(SERVICES, "reviews"))
    assert "status" not in found
    assert scene.changes == [("Service", "reviews")]


def test_what_we_deleted_is_forgotten_until_it_is_there_anew(scene):
    body = scene.server.write(SERVICES, "reviews")
    reader = scene.read(SERVICES)
    reader.forget(at(SERVICES, "reviews"), body["metadata"]["resourceVersion"])
    scene.server.tell(SERVICES, "MODIFIED", body)
    scene.loop.advance(0)
    assert reader.get(at(SERVICES, "reviews")) is None
    scene.server.write(SERVICES, "reviews", metadata={"deletionTimestamp": "x"})
    scene.loop.advance(0)
    assert reader.get(at(SERVICES, "reviews")) is not None


def test_a_server_set_back_to_a_backup_is_believed(scene):
    scene.server.write(SERVICES, "details", spec={"a": 1})
    scene.server.write(SERVICES, "reviews")
    reader = scene.read(SERVICES)
    scene.server.objects.clear()
    scene.server.events.clear()
    scene.server.version = 50
    scene.server.write(SERVICES, "details", spec={"a": 0})
    scene.server.drop()
    scene.loop.advance(5)
    assert scene.names(SERVICES) == ["details"]
    assert reader.get(at(SERVICES, "details"))["spec"] == {"a": 0}
    scene.server.write(SERVICES, "reviews")
    scene.loop.advance(0)
    assert scene.names(SERVICES) == ["details", "reviews"]


def test_a_kind_that_is_not_installed_holds_nobody_up_and_is_found_when_it_is(scene):
    scene.server.unknown.add(VIRTUAL_SERVICES)
    reader = scene.read(VIRTUAL_SERVICES, SERVICES)
    assert reader.synced
    assert reader.missing(VIRTUAL_SERVICES)
    assert not reader.missing(SERVICES)
    scene.loop.advance(100)
    assert reader.stale([VIRTUAL_SERVICES]) >= 30
    assert reader.stale([SERVICES]) == 0
    scene.server.unknown.clear()
    scene.server.write(VIRTUAL_SERVICES, "reviews")
    scene.loop.advance(60)
    assert not reader.missing(VIRTUAL_SERVICES)
    assert scene.names(VIRTUAL_SERVICES) == ["reviews"]
    assert reader.stale([VIRTUAL_SERVICES]) == 0


def test_what_was_known_of_a_kind_stays_when_the_server_denies_the_kind_for_a_moment(scene):
    scene.server.write(VIRTUAL_SERVICES, "reviews")
    reader = scene.read(VIRTUAL_SERVICES)
    scene.server.unknown.add(VIRTUAL_SERVICES)
    scene.server.drop()
    scene.loop.advance(5)
    assert reader.missing(VIRTUAL_SERVICES)
    assert scene.names(VIRTUAL_SERVICES) == ["reviews"]


def test_a_quiet_kind_is_not_stale_and_an_unreachable_server_is_after_30_seconds(scene):
    reader = scene.read(SERVICES)
    for _ in range(40):
        scene.loop.advance(7.3)
        assert reader.stale([SERVICES]) <= 10
    scene.server.fail.update(watch=[Unavailable("refused")] * 99, list=[Unavailable("refused")] * 99)
    scene.server.drop()
    scene.loop.advance(29)
    assert 0 < reader.stale([SERVICES]) < 30
    scene.loop.advance(1)
    assert reader.stale([SERVICES]) >= 30
    scene.server.fail.clear()
    scene.server.write(SERVICES, "reviews")
    scene.loop.advance(60)
    assert reader.stale([SERVICES]) == 0
    assert reader.stale([]) == 0


def test_lists_that_are_answered_do_not_count_as_an_open_watch(scene):
    scene.server.fail["watch"] = [Unavailable("no watches today")] * 99
    reader = scene.read(SERVICES)
    scene.loop.advance(40)
    assert scene.server.count("list") > 3
    assert reader.stale([SERVICES]) >= 30


def test_a_stream_that_hangs_past_its_end_is_given_up(scene):
    reader = scene.read(SERVICES)
    scene.loop.advance(50)
    scene.server.hang = True
    scene.loop.advance(200)
    assert scene.server.count("list") >= 3
    scene.server.hang = False
    scene.loop.advance(100)
    assert reader.stale([SERVICES]) == 0
    assert len(scene.server.watches) == 1


def test_indexes_find_by_canary_owner_and_label_and_follow_changes(scene):
    labels = {"app": "reviews", "progressive.delivery/canary": "reviews"}
    owner = {"ownerReferences": [{"uid": "rs-1"}]}
    scene.server.write(PODS, "b", metadata={"labels": labels, **owner})
    scene.server.write(PODS, "a", metadata={"labels": labels, **owner})
    scene.server.write(PODS, "a", "other", metadata={"labels": labels})
    reader = scene.read(PODS, DEPLOYMENTS)

    def found(index, value):
        return [body["metadata"]["name"] for body in reader.indexed(PODS, index, value)]

    assert found(CANARY_INDEX, "shop/reviews") == ["a", "b"]
    assert found(OWNER_INDEX, "rs-1") == ["a", "b"]
    assert found(LABEL_INDEX, "other/app=reviews") == ["a"]
    scene.server.write(PODS, "a", metadata={"labels": {"app": "ratings"}})
    scene.server.erase(PODS, "b")
    scene.loop.advance(0)
    assert found(CANARY_INDEX, "shop/reviews") == []
    assert found(LABEL_INDEX, "shop/app=ratings") == ["a"]
    with pytest.raises(KeyError, match="no index 'label'; there are: canary"):
        reader.indexed(DEPLOYMENTS, LABEL_INDEX, "x")


def test_a_listener_that_fails_does_not_stop_the_news(scene):
    def fail(kind, body):
        raise RuntimeError("listener")

    scene.read(SERVICES, on_change=fail)
    scene.server.write(SERVICES, "details")
    scene.server.write(SERVICES, "reviews")
    scene.loop.advance(0)
    assert scene.names(SERVICES) == ["details", "reviews"]
    assert scene.server.count("list") == 1


def test_it_stops_when_cancelled_and_lets_go_of_its_watches(scene):
    scene.read(SERVICES, PODS)
    scene.loop.advance(1)
    assert len(scene.server.watches) == 2
    scene.task.cancel()
    scene.loop.advance(1)
    assert scene.task.done()
    assert scene.server.watches == []


def test_a_kind_that_is_not_watched_is_named(scene):
    reader = scene.read(SERVICES)
    with pytest.raises(KeyError, match="pods are not watched; watched are: services"):
        reader.get(at(PODS, "a"))
    with pytest.raises(KeyError, match="pods are not watched"):
        reader.stale([PODS])
    scene.server.write(PODS, "a", spec={"whole": True})
    assert scene.run(reader.fetch(at(PODS, "a")))["spec"] == {"whole": True}
    assert scene.run(reader.fetch(at(PODS, "b"))) is None


def test_a_watch_longer_than_the_loop_may_trust_is_refused(scene):
    with pytest.raises(ValueError, match=r"watch_seconds: 300; allowed: above 0, up to 120"):
        scene.read(SERVICES, watch_seconds=300)


def test_who_looked_where_an_object_was_is_told_of_it_as_it_was(scene):
    """Else nobody would look again after a route has left a host, or a policy somebody's pods."""
    seen = []
    scene.read(VIRTUAL_SERVICES, on_change=lambda kind, body: seen.append(body["spec"]["hosts"]))
    scene.server.write(VIRTUAL_SERVICES, "theirs", spec={"hosts": ["reviews"]})
    scene.loop.advance(0)
    scene.server.write(VIRTUAL_SERVICES, "theirs", spec={"hosts": ["ratings"]})
    scene.loop.advance(0)
    assert seen == [["reviews"], ["reviews"], ["ratings"]]


def test_changes_of_some_kinds_are_counted_for_those_who_ask(scene):
    reader = scene.read(SERVICES, PODS, start=False)
    tally = reader.tally([SERVICES])
    scene.loop.spawn(reader.run())
    scene.loop.advance(0)
    scene.server.write(PODS, "p")
    scene.loop.advance(0)
    assert tally.count == 0
    scene.server.write(SERVICES, "reviews", spec={"a": 1})
    scene.server.write(SERVICES, "reviews", spec={"a": 2})
    scene.server.write(SERVICES, "reviews", status={"nobody": "reads it"})
    scene.server.erase(SERVICES, "reviews")
    scene.loop.advance(0)
    assert tally.count == 3
