"""What a Canary starts from that has lost its status, and what takes the place of a primary that cannot come."""

from dataclasses import replace
from datetime import timedelta

import pytest

from strategies.rollout.advance import advance
from strategies.snapshot import Problem, Routes, Snapshot, Workload
from strategies.status import Phase, Status
from tests.strategies.world import V1, V2, V3, Pods, World, a_spec, initialised

CRASHES = Problem(reason="CrashLoopBackOff", message="pod x: CrashLoopBackOff")


def lost(world: World) -> World:
    """The status is gone, and with it all answers."""
    world.status = Status()
    world.answers.clear()
    return world


def crashing(world: World, *, old: int) -> World:
    """The primary's newest template does not come up; `old` pods of the one before serve on."""
    primary = world.primary
    primary.template(V2)
    primary.healthy, primary.ready, primary.updated, primary.trouble = False, old, 0, CRASHES
    return world


def _heals(world: World) -> None:
    """The pods of a new template come up."""
    world.primary.healthy = True
    world.until_phase(Phase.INITIALIZED)
    assert (world.primary.revision, world.status.last_promoted_spec) == (V3, V3)
    assert world.told.count("HealedWithoutAnalysis") == 1


@pytest.mark.parametrize("old", [0, 2])
def test_a_target_that_works_heals_a_primary_to_which_the_service_leads_and_whose_template_crashes(old):
    # given a status that is lost with the routes, while a promotion breaks the primary
    world = crashing(initialised(), old=old)
    world.live = world.confirmed = world.written = None
    lost(world).settle()
    assert world.primary.revision == V2
    assert world.condition("Ready") == ("False", "PrimaryNotReady")

    # when a fix comes
    world.release(V3)
    world.target.scale(3)
    world.target.roll()
    world.settle()

    # then it goes to the primary, and is not called analysed
    assert world.primary.revision == V3
    _heals(world)


def test_a_status_that_is_lost_beside_a_primary_that_serves_alarms_nobody():
    world = lost(initialised())
    world.told.clear()
    world.until_phase(Phase.INITIALIZED)

    assert "PrimaryNotReady" not in world.told
    assert world.told.count("Initialized") == 1


def test_a_target_that_does_not_work_itself_heals_nothing():
    world = crashing(initialised(), old=0)
    world.live = world.confirmed = world.written = None
    lost(world)
    world.release(V3, healthy=False)
    world.target.scale(0)
    world.rest(3600)
    assert world.primary.revision == V2
    assert "HealedWithoutAnalysis" not in world.told


def test_behind_routes_a_primary_without_any_pod_is_healed_at_once():
    world = lost(crashing(initialised(), old=0))
    world.release(V3)
    world.target.scale(3)
    world.target.roll()
    world.settle()
    assert world.primary.revision == V3
    _heals(world)


def test_old_pods_that_serve_everybody_are_enough_to_go_on_with_an_analysis():
    """Else no fix could arrive: the primary would wait for its newest pods for ever, and the fix for the primary."""
    world = lost(crashing(initialised(), old=2))
    world.release(V3)
    world.until_phase(Phase.PROGRESSING)
    assert (world.primary.revision, world.live) == (V2, 0)
    assert "HealedWithoutAnalysis" not in world.told


def test_a_share_that_was_left_with_the_canary_goes_back_to_old_pods_when_the_new_ones_had_their_time():
    # given a run at 25 % whose status is lost, while the primary's newest template cannot come up
    world = initialised().release(V3)
    world.until(lambda each: each.live == 25)
    lost(crashing(world, old=2)).settle()
    assert world.live == 25

    # when nothing has come of it for the deadline, then the old pods have everybody, and the run begins again
    world.until_phase(Phase.PROGRESSING)
    assert (world.live, world.primary.ready) == (0, 2)


def test_a_primary_that_nobody_sees_broken_has_its_deadline_before_another_takes_its_place():
    # given a primary without pods, of which nothing tells why
    world = initialised(progress_deadline_seconds=300.0)
    world.primary.ready = world.primary.updated = 0
    world.primary.healthy = False
    world.release(V3)
    world.target.scale(3)
    world.target.roll()
    lost(world).settle()
    since = world.now
    assert world.primary.revision == V1

    world.until(lambda each: each.primary.revision == V3)

    assert world.now == since + timedelta(seconds=300)
    _heals(world)


# -- without a primary


def seen(**changes: object) -> Snapshot:
    """Routes that lead to a primary which is gone, beside a target that nobody has tried."""
    bare = Snapshot(
        target=Workload(revision=V2, replicas=2, ready=2, updated=2, updated_ready=2, settled=True),
        routes=Routes(canary_weight=0, apex_moved=True),
    )
    return replace(bare, **changes)


def test_what_is_remembered_beside_a_lost_primary_serves_again_and_not_the_target():
    world = World(target=Pods(V2, 2, 2, 2))
    status = advance(a_spec(), Status(), seen(recalled=V1), {}, world.now).status
    assert (status.last_promoted_spec, status.reason) == (V1, "Rebuilding")
    assert [note.reason for note in status.outbox] == ["PrimaryNotReady"], "users are led to it"


def test_where_nothing_tells_who_served_the_target_is_taken_and_people_hear_of_it():
    world = World()
    status = advance(a_spec(), Status(), seen(), {}, world.now).status
    assert (status.last_promoted_spec, status.reason) == (V2, "PrimaryUnknown")
    note = status.outbox[0]
    assert (note.reason, note.warning) == ("PrimaryUnknown", True)
    assert "release the right one" in note.message
    ready = status.condition("Ready")
    assert ready.reason == "PrimaryNotReady"
    assert "A target that works replaces it without analysis" in ready.message
