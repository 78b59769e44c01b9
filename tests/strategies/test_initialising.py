"""A Canary that is new to the cluster must not cost its users a request."""

from datetime import timedelta

import pytest

from strategies.snapshot import Problem
from strategies.status import Phase, Stage, Status
from strategies.traffic import Traffic
from tests.strategies.world import V1, V2, Pods, World, a_spec, initialised


def test_from_nothing_the_stages_follow_each_other_and_the_targets_pods_go_last():
    # given a Deployment that serves users, and a new Canary
    world = World()

    # when it is initialised
    stages: list[Stage] = []
    while world.status.phase is not Phase.INITIALIZED:
        if not world.tick():
            world.now = world.decision.wake_at
        if stages[-1:] != [world.status.stage]:
            stages.append(world.status.stage)
        # then the target keeps its pods all the way
        if world.status.phase is not Phase.INITIALIZED:
            assert world.target.ready == 3
    assert stages == [Stage.PRIMARY, Stage.ROUTES, Stage.APEX, Stage.DRAIN, Stage.NONE]

    # and they rest at the end
    world.until_quiet()
    assert world.target.replicas == 0
    assert (world.live, world.apex_moved, world.primary.revision) == (0, True, V1)
    assert world.told[-1] == "Initialized"
    assert world.condition("Ready") == ("True", "Watching")
    assert world.condition("Promoted") == ("True", "Initialized")


def test_there_are_no_routes_before_the_primary_is_ready():
    world = World()
    world.decide()
    world.converge()
    assert world.wish().traffic is None
    assert world.wish().destinations

    world.settle()
    assert world.wish().traffic == Traffic(100, 0)


def test_an_adopted_service_moves_settle_seconds_after_the_routes_were_confirmed():
    world = World(spec=a_spec(settle_seconds=25.0))
    world.settle()  # the primary is ready, the routes are written
    assert (world.status.stage, world.apex_moved) == (Stage.ROUTES, False)
    confirmed = world.status.stage_since

    world.until(lambda each: each.status.stage is not Stage.ROUTES)
    assert world.now == confirmed + timedelta(seconds=25)
    world.settle()
    assert world.apex_moved


def test_routes_that_were_not_confirmed_keep_the_service_where_it_is():
    world = World()
    world.writable = False
    world.rest(3600)

    assert (world.status.stage, world.apex_moved) == (Stage.ROUTES, False)
    assert world.target.ready == 3
    assert world.condition("Ready")[0] == "False"


def test_the_targets_pods_stay_until_those_who_know_them_have_gone():
    world = World(spec=a_spec(drain_seconds=45.0, scrape_interval_seconds=15.0))
    world.until(lambda each: each.status.stage is Stage.DRAIN)
    since = world.status.stage_since

    world.until_phase(Phase.INITIALIZED)

    assert world.now == since + timedelta(seconds=45 + 15)


def test_a_primary_that_never_becomes_ready_never_fails_and_users_stay_where_they_are():
    # given an image that cannot start
    world = World(target=Pods(V1, 3, 3, 3), primary=None)
    world.decide()
    world.converge()
    world.primary.healthy = False

    world.rest(24 * 3600)

    assert (world.status.phase, world.status.stage) == (Phase.INITIALIZING, Stage.PRIMARY)
    assert world.condition("Ready") == ("False", "PrimaryNotReady")
    assert world.live is None
    assert world.target.ready == 3

    # and it goes on by itself when the cause goes
    world.primary.healthy = True
    world.until_phase(Phase.INITIALIZED)


def test_while_nothing_leads_to_the_primary_it_follows_the_target():
    # given a primary that does not start
    world = World()
    world.decide()
    world.converge()
    world.primary.healthy = False
    world.settle()

    # when the target is fixed
    world.release(V2)
    world.settle()
    assert world.primary.revision == V2
    world.primary.healthy = True
    world.until_phase(Phase.INITIALIZED)

    assert (world.status.last_promoted_spec, world.status.history) == (V2, ())


def test_once_routes_lead_to_the_primary_a_newer_revision_waits_for_its_own_run():
    world = World()
    world.until(lambda each: each.live == 0)
    world.release(V2)
    world.until_phase(Phase.INITIALIZED)
    assert (world.primary.revision, world.status.last_promoted_spec) == (V1, V1)

    world.until_phase(Phase.PROGRESSING)
    assert world.status.run.revision == V2


def test_a_primary_lost_while_initialising_gives_users_back_to_the_target():
    # given a target whose pods still run
    world = World()
    world.until(lambda each: each.status.stage is Stage.DRAIN)

    # when every pod of the primary dies
    world.primary.ready = world.primary.updated = 0
    world.primary.healthy = False
    world.settle()

    # then users are with the target, until the primary is back
    assert world.live == 100
    assert world.condition("Ready") == ("False", "PrimaryNotReady")
    world.primary.healthy = True
    world.until_phase(Phase.INITIALIZED)
    assert world.live == 0


@pytest.mark.parametrize(
    ("obstacle", "reason"),
    [
        ({"blocking": ("analysis.webhooks",)}, "NotYetActedOn"),
        ({}, "TargetNotFound"),
    ],
)
def test_an_obstacle_stops_the_start_names_itself_and_goes_by_itself(obstacle, reason):
    world = World(spec=a_spec(**obstacle), target=None if reason == "TargetNotFound" else Pods(V1, 3, 3, 3))
    world.rest(3600)

    assert world.condition("Ready") == ("False", reason)
    assert world.wish().hands_off
    assert world.told.count(reason) == 1

    world.edit(blocking=())
    world.target = Pods(V1, 3, 3, 3)
    world.until_phase(Phase.INITIALIZED)


def test_a_refusal_stops_the_start():
    world = World(refusal=Problem(reason="HostTaken", message="VirtualService other has the host reviews; remove it"))
    world.settle()

    assert world.condition("Ready") == ("False", "HostTaken")
    assert world.primary is None


# The status was lost


def lost(world: World) -> World:
    """Somebody deletes the Canary with --cascade=orphan and applies it again."""
    world.status = Status()
    world.answers.clear()
    world.journal.clear()
    return world


def test_a_lost_status_is_rebuilt_from_the_primary():
    world = lost(initialised())
    world.until_quiet()

    assert (world.status.phase, world.status.last_promoted_spec, world.live) == (Phase.INITIALIZED, V1, 0)
    assert world.primary.revision == V1
    assert world.primary.ready == 3


def test_a_lost_status_mid_run_starts_the_run_again_and_users_stay_served():
    world = initialised().release(V2)
    world.until(lambda each: each.live == 25)
    lost(world)
    world.until_phase(Phase.INITIALIZED)
    assert (world.live, world.primary.revision) == (0, V1)

    world.until_phase(Phase.SUCCEEDED)
    assert (world.status.last_promoted_spec, world.primary.revision) == (V2, V2)
    assert world.weights() == [25, 0, 5, 10, 25, 50, 0]


def test_a_lost_status_with_the_primary_down_keeps_users_on_the_canary():
    # given a run at 25 % whose primary died together with the status
    world = initialised().release(V2)
    world.until(lambda each: each.live == 25)
    world.primary.ready = world.primary.updated = 0
    world.primary.healthy = False
    lost(world).settle()

    assert (world.live, world.status.phase) == (100, Phase.INITIALIZING)
    assert world.condition("Ready") == ("False", "PrimaryNotReady")
    assert world.primary.revision == V1

    world.primary.healthy = True
    world.until_phase(Phase.INITIALIZED)
    assert world.live == 0


def test_a_lost_status_with_the_routes_gone_never_overwrites_the_primary_that_users_meet_through_the_service():
    # given a new revision that nobody has analysed, and neither status nor routes
    world = initialised().release(V2)
    world.live = world.confirmed = None
    lost(world)
    world.primary.healthy = False
    world.primary.ready = 1
    world.settle()

    assert world.primary.revision == V1
    assert world.status.last_promoted_spec == V1


def test_a_lost_status_during_the_promotion_ends_with_the_copied_revision():
    world = initialised().release(V2)
    world.until_phase(Phase.PROMOTING)
    world.converge()
    assert world.primary.revision == V2
    lost(world).until_quiet()

    assert (world.status.phase, world.status.last_promoted_spec, world.live) == (Phase.INITIALIZED, V2, 0)
