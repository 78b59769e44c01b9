"""Looking on: what is taken for another controller's run, and for its end."""

from dataclasses import replace

from strategies.snapshot import Mover, Problem
from strategies.status import Phase, Result
from tests.strategies.beside import Beside, at_rest
from tests.strategies.pods import Pods
from tests.strategies.world import V2, V3, a_spec


def test_at_first_sight_nothing_begins_and_nothing_is_written_again():
    world = Beside().settle()

    assert world.status.phase is Phase.OBSERVING
    assert world.status.run is None
    writes = world.writes
    world.rest(3600)
    assert world.writes == writes


def test_a_run_that_is_under_way_at_first_sight_is_looked_at():
    world = Beside(target=Pods(V2, 2, 2, 2), share=20).settle()

    assert world.status.run is not None
    assert world.status.canary_weight == 20


def test_who_serves_everybody_at_first_sight_is_tried_by_nobody():
    world = Beside(target=Pods(V2, 2, 2, 2), share=100).rest(600)

    assert world.status.run is None


def test_a_new_revision_waits_until_the_other_side_gives_it_pods():
    world = at_rest()
    world.target.template(V2)
    world.settle()
    assert world.status.run is None

    world.target.scale(2)
    world.settle()
    assert world.status.run is not None
    assert world.status.run.step == -1
    assert not world.asked  # nobody meets it yet: there is nothing to be measured


def test_users_who_are_gone_for_a_moment_end_nothing():
    world = at_rest().release().rest(60)
    run = world.status.run.id

    world.share = 0
    world.rest(world.spec.settle_seconds - 1)
    world.share = 20
    world.rest(60)

    assert world.status.run.id == run


def test_a_promotion_whose_weights_are_seen_before_its_template_is_no_rollback():
    """Two watches: the VirtualService's event may come before the Deployment's."""
    world = at_rest().release().rest(60)

    world.share = 0
    world.rest(2)
    world.promote()

    assert world.status.history[-1].result is Result.OBSERVED_PROMOTION


def test_routes_that_are_seen_before_the_pods_they_lead_to_begin_one_run_only():
    """Two watches again: who leads a Service to other pods may be seen to have given them users before."""
    world = at_rest()
    world.share = 50
    world.settle()
    world.rest(1)
    world.release(share=50)
    world.rest(60)

    assert world.status.run.revision == V2
    assert world.status.history == ()


def test_the_steps_back_after_a_promotion_begin_no_run():
    world = at_rest().release(share=100).rest(30)
    world.primary.template("v1-bbbbbbbbbbbb")
    world.settle()
    for share in (50, 20, 0):
        world.share = share
        world.rest(60)

    assert world.status.run is None
    assert len(world.status.history) == 1


def test_what_failed_there_is_not_looked_at_again_until_users_meet_it_again():
    world = at_rest().release().rest(30).roll_back()
    world.rest(600)
    assert world.status.run is None

    world.target.scale(2)
    world.share = 10
    world.settle()
    assert world.status.run is not None


def test_a_newer_revision_ends_the_run_and_begins_another():
    world = at_rest().release().rest(30)
    first = world.status.run.id

    world.release(V3)

    assert world.status.run.id != first
    assert world.status.history[-1].result is Result.OBSERVED_END
    assert "a newer revision came" in world.said("ObservedEnd")


def test_a_hand_that_leads_all_users_to_the_new_version_has_promoted_it():
    world = at_rest(mover=Mover(name="kubectl")).release().rest(60)

    world.share = 100
    world.settle()

    assert world.status.history[-1].result is Result.OBSERVED_PROMOTION
    assert world.said("ObservedPromotion").startswith("kubectl promoted")
    world.share = 0
    world.rest(60)
    world.share = 30
    world.settle()
    assert world.status.run is not None  # and the way back and forth is another one


def test_a_step_to_all_users_at_once_is_a_run_of_who_copies_and_a_promotion_by_hand():
    copies, hand = (at_rest(mover=Mover(copies=each)) for each in (True, False))
    for world in (copies, hand):
        world.target.template(V2)
        world.target.scale(2)
        world.share = 100
        world.settle()

    assert copies.status.run is not None
    assert hand.status.run is None


def test_all_users_of_who_copies_promotions_are_only_a_step():
    world = at_rest().release(share=100).rest(60)

    assert world.status.run is not None


def test_an_edit_of_the_primary_is_no_promotion():
    world = at_rest(alike=False).release().rest(30)
    world.primary.template("v1-cccccccccccc")
    world.settle()

    assert world.status.run is not None


def test_copies_of_requests_are_users_too():
    world = at_rest()
    world.target.template(V2)
    world.target.scale(2)
    world.mirror = 100
    world.rest(120)

    assert world.asked


def test_a_stale_cache_begins_and_ends_nothing():
    world = at_rest().release().rest(60)
    world.hold = Problem(reason="StaleCache", message="a watch is away")
    world.share = 0
    world.rest(600)

    assert world.status.run is not None
    assert world.status.condition("Ready").reason == "StaleCache"


def test_suspended_looks_at_nothing():
    world = at_rest(spec=replace(a_spec(observe=True), suspend=True)).release().rest(600)

    assert world.status.run is None


def test_a_deleted_target_ends_the_run():
    world = at_rest().release().rest(30)
    world.target = None
    world.settle()

    assert world.status.history[-1].result is Result.OBSERVED_END
    assert world.status.condition("Ready").reason == "TargetNotFound"
