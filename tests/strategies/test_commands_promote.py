"""A person promotes: a step or the rest of the analysis is skipped, and never the pods or what others hold."""

from datetime import timedelta

import pytest

from strategies.commands import Verb
from strategies.status import Phase, Skip
from tests.strategies.commanded import answer, hold, refused
from tests.strategies.world import V2, failing, initialised, progressing, steps


def test_promote_skips_the_rest_of_a_step_and_no_more():
    world = progressing(1)
    world.give(Verb.PROMOTE).tick()
    assert (world.status.run.step, world.status.canary_weight) == (2, 25)
    assert answer(world) == (True, "the rest of step 2 is skipped; pods and gates still count")
    assert world.status.run.skip is Skip.NONE
    since = world.now
    world.until(lambda each: each.status.run.step == 3)

    assert world.now - since >= timedelta(seconds=60)


def test_promote_full_goes_straight_to_the_promotion():
    world = progressing(0, analysis=steps(5, 50, 90))
    world.give(Verb.PROMOTE, full=True)
    world.until_phase(Phase.SUCCEEDED)

    assert world.weights() == [0, 5, 0]
    assert world.primary.revision == V2
    assert world.status.message.endswith("; it was promoted by hand, before the end of its analysis")


def test_what_is_promoted_by_hand_is_said_not_to_have_passed():
    world = progressing(0)
    world.give(Verb.PROMOTE, full=True).tick()

    assert [note.message for note in world.status.outbox if note.reason == "Promoting"] == [
        f"{V2} is promoted by hand, before the end of its analysis, and is copied to the primary"
    ]


def test_promote_full_waits_for_pods():
    world = initialised().release(V2, healthy=False)
    world.until(lambda each: each.status.run is not None)
    world.settle()
    world.give(Verb.PROMOTE, full=True).rest(60)
    assert answer(world)[0]
    assert (world.status.phase, world.status.run.skip) == (Phase.PROGRESSING, Skip.REST)
    world.target.healthy = True

    world.until_phase(Phase.SUCCEEDED)
    assert world.primary.revision == V2


def test_promote_full_waits_for_the_capacity_of_the_primary():
    world = progressing(0)
    world.primary.ready = 1
    world.primary.healthy = False
    world.give(Verb.PROMOTE, full=True).rest(60)
    assert (world.status.phase, world.status.reason) == (Phase.WAITING_PROMOTION, "PrimaryLacksCapacity")
    world.primary.healthy = True

    world.until_phase(Phase.SUCCEEDED)


def test_a_promotion_by_hand_that_waits_is_still_rolled_back_by_a_failing_check():
    world = progressing(0, analysis=steps(5, 50, threshold=1))
    world.primary.ready = 1
    world.primary.healthy = False
    world.give(Verb.PROMOTE, full=True).settle()
    world.answerer = failing
    world.until_phase(Phase.FAILED)

    assert world.status.reason == "CheckFailed"


def test_where_versions_lead_a_promotion_by_hand_waits_until_the_canary_can_carry_everybody():
    world = progressing(0, analysis=steps(10, 50), shares_pods=True, versions_stay=True)
    world.target.replicas = world.target.ready = world.target.updated = 1
    world.give(Verb.PROMOTE, full=True).settle()

    assert (world.status.phase, world.status.reason) == (Phase.PROGRESSING, "CanaryLacksCapacity")
    assert world.wish().canary_min == 3


def test_a_word_given_before_the_canary_lost_its_pods_is_not_kept():
    world = progressing(1)
    world.primary.ready = 1
    world.give(Verb.PROMOTE, full=True).decide()
    world.target.ready = 0
    world.decide()

    assert (world.status.run.step, world.status.run.skip) == (-1, Skip.NONE)


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ("paused", "spec.paused is set; clear it first"),
        ("paused by hand", "it is paused; `delivery resume reviews` first"),
        ("set by hand", "the weight is held at 3 % by hand; `delivery resume reviews` first"),
    ],
)
def test_promote_does_not_end_what_other_people_hold(how: str, says: str):
    world = progressing(2)
    hold(world, how)
    world.settle()
    world.give(Verb.PROMOTE).settle()

    assert refused(world) == says


def test_there_is_nothing_to_skip_before_the_first_step():
    world = initialised().release(V2, healthy=False)
    world.until(lambda each: each.status.run is not None)
    world.give(Verb.PROMOTE).settle()

    assert refused(world) == "no step has begun that could be skipped: the canary's pods are being made ready"
