"""Leader election: who leads, for how long, and never two at once."""

import random
from datetime import timedelta

import pytest

from delivery.cluster.elector import Elector
from delivery.cluster.errors import Denied, Invalid, Unavailable, Unknown
from delivery.cluster.lease import HIGHEST_FENCE, stamp
from delivery.cluster.memory import EPOCH
from delivery.cluster.objects import LEASES, Ref

LEASE = Ref(LEASES, "delivery", "delivery")


@pytest.fixture
def elector(scene):
    """Makes electors on the scene's server."""

    def make(identity, clock=None, api=None, **options):
        return Elector(
            api or scene.server,
            clock or scene.clock,
            namespace="delivery",
            name="delivery",
            identity=identity,
            rng=random.Random(identity),
            **options,
        )

    return make


def spec_of(scene):
    return scene.server.objects[LEASE]["spec"]


def lead(scene, elector):
    """Run an elector as a process would: acquire, then hold until lost."""

    async def life():
        await elector.acquire()
        await elector.hold()

    task = scene.loop.spawn(life(), instance=f"{id(elector)}")
    assert scene.loop.run_until(lambda: elector.remaining() > 0, max_time=60)
    return task


def test_the_first_one_creates_the_lease_and_renews_it(scene, elector):
    a = elector("a")
    assert (a.epoch, a.remaining()) == (0, 0.0)
    lead(scene, a)
    assert a.epoch == 1
    assert a.remaining() == 15
    assert spec_of(scene)["holderIdentity"] == "a"
    assert spec_of(scene)["leaseDurationSeconds"] == 15
    first = spec_of(scene)
    scene.loop.advance(100)
    assert a.remaining() > 12
    assert a.epoch == spec_of(scene)["leaseTransitions"] == 1
    assert spec_of(scene)["renewTime"] > first["renewTime"]
    assert spec_of(scene)["acquireTime"] == first["acquireTime"]


def test_times_have_six_digits_none_of_them_zero_and_differ_from_the_last():
    whole = EPOCH.replace(microsecond=0)
    assert stamp(whole) == "2026-01-01T00:00:00.000001Z"
    assert stamp(whole.astimezone(tz=None)) == "2026-01-01T00:00:00.000001Z"
    assert stamp(whole + timedelta(microseconds=120)) == "2026-01-01T00:00:00.000120Z"
    assert stamp(whole, unlike="2026-01-01T00:00:00.000001Z") == "2026-01-01T00:00:00.000002Z"


def test_a_wall_clock_that_stands_still_does_not_make_a_holder_look_silent(scene, elector):
    class Still:
        monotonic = scene.clock.monotonic

        def now(self):
            return EPOCH

    a, b = elector("a", Still()), elector("b")
    lead(scene, a)
    scene.loop.spawn(b.acquire())
    scene.loop.advance(120)
    assert a.remaining() > 12
    assert b.remaining() <= 0


def test_time_counts_from_before_the_renewal_was_sent(scene, elector):
    scene.server.delay = 1.5
    a = elector("a")
    scene.loop.spawn(a.acquire())
    scene.loop.run_until(lambda: a.epoch > 0, max_time=60)
    assert a.remaining() == pytest.approx(13.5)


def test_the_second_takes_over_after_15_seconds_of_silence_that_it_has_seen_itself(scene, elector):
    a, b = elector("a"), elector("b")
    lead(scene, a)
    scene.loop.spawn(b.acquire())
    scene.loop.advance(30)
    assert b.epoch == 0
    scene.loop.kill(f"{id(a)}")
    stopped = scene.clock.monotonic()
    assert scene.loop.run_until(lambda: b.remaining() > 0, max_time=60)
    assert 13 <= scene.clock.monotonic() - stopped <= 18
    assert a.remaining() <= 0
    assert b.epoch == spec_of(scene)["leaseTransitions"] == 2


def test_a_holder_whose_times_look_ages_old_is_not_robbed(scene, elector):
    class YearsBehind:
        monotonic = scene.clock.monotonic

        def now(self):
            return scene.clock.now() - timedelta(days=800)

    a, b = elector("a", YearsBehind()), elector("b")
    lead(scene, a)
    scene.loop.spawn(b.acquire())
    scene.loop.advance(120)
    assert a.remaining() > 12
    assert b.epoch == 0


def test_the_holder_s_longer_duration_is_respected(scene, elector):
    a, b = elector("a", lease_seconds=60), elector("b")
    lead(scene, a)
    scene.loop.spawn(b.acquire())
    scene.loop.kill(f"{id(a)}")
    scene.loop.advance(50)
    assert b.epoch == 0
    scene.loop.advance(20)
    assert b.remaining() > 0


def test_a_released_lease_is_taken_at_once_with_a_higher_epoch_even_by_the_one_who_released(scene, elector):
    a, b = elector("a"), elector("b")
    lead(scene, a)
    scene.run(a.release())
    assert a.remaining() == 0
    assert spec_of(scene)["holderIdentity"] == ""
    scene.run(a.acquire(), within=1)
    assert a.epoch == 2
    scene.run(a.release())
    scene.run(b.acquire(), within=1)
    assert b.epoch == 3


def test_a_release_ends_hold_and_survives_a_renewal_of_unknown_outcome(scene, elector):
    a = elector("a")
    task = lead(scene, a)
    scene.server.unanswered["patch"] = [Unknown("no answer")]
    scene.loop.run_until(lambda: not scene.server.unanswered["patch"], max_time=10)
    scene.run(a.release())
    scene.loop.advance(0)
    assert task.done()
    assert spec_of(scene)["holderIdentity"] == ""


def test_a_renewal_under_way_does_not_bring_leadership_back_after_a_release(scene, elector):
    a = elector("a")
    task = lead(scene, a)
    scene.server.delay = 1.0
    patches = scene.server.count("patch")
    scene.loop.run_until(lambda: scene.server.count("patch") > patches, max_time=10)
    scene.run(a.release())
    assert (a.epoch, a.remaining()) == (0, 0.0)
    assert task.done()
    assert spec_of(scene)["holderIdentity"] == ""


def test_who_has_led_waits_like_everybody_when_its_lease_disappears(scene, elector):
    a = elector("a")
    task = lead(scene, a)
    scene.server.fail.update(patch=[Unavailable("down")] * 99, get=[Unavailable("down")] * 99)
    assert scene.loop.run_until(task.done, max_time=20)
    scene.server.fail.clear()
    scene.server.erase(LEASES, "delivery", "delivery")
    scene.loop.spawn(a.acquire())
    scene.loop.advance(14)
    assert a.epoch == 0
    scene.loop.advance(4)
    assert a.epoch == 2


def test_a_release_that_fails_is_no_error(scene, elector):
    a = elector("a")
    lead(scene, a)
    scene.server.fail["patch"] = [Unavailable("down")]
    scene.run(a.release())
    assert a.remaining() == 0


def test_an_unreachable_server_ends_leadership_after_the_renew_deadline(scene, elector):
    a = elector("a")
    task = lead(scene, a)
    scene.loop.advance(20)
    scene.server.fail.update(patch=[Unavailable("down")] * 99, get=[Unavailable("down")] * 99)
    scene.loop.advance(6)
    assert a.remaining() > 0
    assert scene.loop.run_until(task.done, max_time=4.5)
    assert a.remaining() <= 0
    assert a.epoch == 0


def test_a_short_failure_is_survived(scene, elector):
    a = elector("a")
    task = lead(scene, a)
    scene.server.fail["patch"] = [Unavailable("down"), Denied("no"), Unknown("lost")]
    scene.loop.advance(30)
    assert not task.done()
    assert a.epoch == 1
    assert a.remaining() > 12


def test_a_request_that_never_ends_does_not_keep_a_lost_leader(scene, elector):
    a = elector("a")
    task = lead(scene, a)
    scene.server.delay = 10_000
    assert scene.loop.run_until(task.done, max_time=11)


def test_an_annotation_by_somebody_else_costs_no_leadership(scene, elector):
    a = elector("a")
    task = lead(scene, a)
    scene.server.write(LEASES, "delivery", "delivery", metadata={"annotations": {"by": "hand"}})
    scene.loop.advance(10)
    assert not task.done()
    assert (a.epoch, a.remaining() > 12) == (1, True)
    assert scene.server.objects[LEASE]["metadata"]["annotations"] == {"by": "hand"}


def test_a_leader_that_finds_another_s_name_stops_at_once(scene, elector):
    a = elector("a")
    task = lead(scene, a)
    scene.server.write(LEASES, "delivery", "delivery", spec={**spec_of(scene), "holderIdentity": "b"})
    assert scene.loop.run_until(task.done, max_time=2.1)
    assert a.remaining() == 0


def test_of_two_that_create_at_once_one_leads(scene, elector):
    scene.server.delay = 0.5
    a, b = elector("a"), elector("b")
    scene.loop.spawn(a.acquire())
    scene.loop.spawn(b.acquire())
    scene.loop.advance(5)
    assert sorted([a.epoch, b.epoch]) == [0, 1]


def test_a_lease_deleted_under_its_holder_is_made_again_higher(scene, elector):
    a, b = elector("a"), elector("b")
    task = lead(scene, a)
    scene.loop.spawn(b.acquire())
    scene.loop.advance(3)
    scene.server.erase(LEASES, "delivery", "delivery")
    scene.loop.advance(3)
    assert not task.done()
    assert a.epoch == spec_of(scene)["leaseTransitions"] == 2
    assert b.epoch == 0


def test_who_has_seen_a_holder_waits_when_the_lease_disappears(scene, elector):
    a, b = elector("a"), elector("b")
    lead(scene, a)
    scene.loop.spawn(b.acquire())
    scene.loop.advance(3)
    scene.loop.pause(f"{id(a)}")
    scene.server.erase(LEASES, "delivery", "delivery")
    scene.loop.run_until(lambda: b.remaining() > 0, max_time=60)
    assert a.remaining() <= 0
    assert b.epoch == 2


def test_an_acquisition_whose_answer_got_lost_waits_like_everybody(scene, elector):
    a = elector("a")
    scene.server.unanswered["create"] = [Unknown("no answer")]
    scene.loop.spawn(a.acquire())
    scene.loop.advance(14)
    assert a.epoch == 0
    scene.loop.advance(6)
    assert a.epoch == 2


def test_a_higher_fence_is_outranked_by_the_holder(scene, elector):
    a = elector("a")
    task = lead(scene, a)
    assert scene.run(a.outrank(41)) is True
    assert a.epoch == spec_of(scene)["leaseTransitions"] == 42
    gets = scene.server.count("get")
    assert scene.run(a.outrank(42)) is True
    assert scene.server.count("get") == gets
    scene.loop.advance(30)
    assert not task.done()
    assert a.epoch == 42


def test_an_unanswered_outranking_is_found_by_the_next_renewal(scene, elector):
    a = elector("a")
    lead(scene, a)
    scene.server.unanswered["patch"] = [Unknown("no answer")]
    with pytest.raises(Unknown):
        scene.run(a.outrank(41))
    scene.loop.advance(5)
    assert a.epoch == 42


def test_a_higher_fence_ends_a_leader_that_is_none_any_more(scene, elector):
    a = elector("a")
    task = lead(scene, a)
    scene.server.write(LEASES, "delivery", "delivery", spec={**spec_of(scene), "holderIdentity": "b"})
    assert scene.run(a.outrank(41)) is False
    assert a.remaining() == 0
    scene.loop.advance(0)
    assert task.done()
    assert spec_of(scene)["holderIdentity"] == "b"
    assert scene.run(a.outrank(41)) is False


def test_a_fence_met_after_the_lease_was_deleted_and_made_anew(scene, elector):
    a = elector("a")
    lead(scene, a)
    scene.server.erase(LEASES, "delivery", "delivery")
    assert scene.run(a.outrank(41)) is True
    assert a.epoch == spec_of(scene)["leaseTransitions"] == 42


def test_a_fence_that_no_leader_can_have_written_is_refused(scene, elector):
    a = elector("a")
    lead(scene, a)
    with pytest.raises(Invalid, match=f"fence: {2**31} was met, allowed is up to {HIGHEST_FENCE}"):
        scene.run(a.outrank(2**31))
    assert a.remaining() > 0


def test_fields_of_others_in_the_lease_stay(scene, elector):
    scene.server.write(LEASES, "delivery", "delivery", spec={"strategy": "OldestEmulationVersion"})
    lead(scene, elector("a"))
    assert spec_of(scene)["strategy"] == "OldestEmulationVersion"


def test_durations_that_can_not_work_are_refused(elector):
    with pytest.raises(ValueError, match="lease_seconds 10, renew_seconds 10, retry_seconds 2: each must be shorter"):
        elector("a", lease_seconds=10)
    with pytest.raises(ValueError, match="identity: is empty"):
        elector("")
