"""What stops a run without ending it, and what goes on meanwhile."""

import pytest

from strategies.snapshot import Problem
from strategies.status import Phase, Stage
from tests.strategies.world import V1, V2, failing, initialised, progressing, promoting, steps

CRASH = Problem(reason="CrashLoopBackOff", message="pod reviews-1 crashes: exit code 1")
STALE = Problem(reason="StaleCache", message="the watch of pods has no connection; the weight does not rise")


# Paused


def test_paused_holds_the_weight_while_checks_go_on():
    world = progressing(1)
    world.edit(paused=True).rest(600)

    assert (world.status.phase, world.live, world.status.reason) == (Phase.PROGRESSING, 10, "Paused")
    assert world.status.checks[0].window > 5
    world.edit(paused=False)
    world.until_phase(Phase.SUCCEEDED)


def test_paused_rolls_back():
    world = progressing(1, analysis=steps(5, 10, threshold=2))
    world.edit(paused=True)
    world.answerer = failing
    world.until_phase(Phase.FAILED)
    world.settle()
    assert world.live == 0


def test_paused_at_the_start_waits_and_says_so():
    world = initialised(paused=True).release(V2)
    world.rest(600)

    assert (world.status.phase, world.status.reason, world.status.revision) == (Phase.WAITING, "Paused", V2)
    assert world.condition("Ready") == ("False", "Paused")
    assert world.told.count("Waiting") == 1
    assert world.target.replicas == 0

    world.edit(paused=False)
    world.until_phase(Phase.SUCCEEDED)


def test_waiting_ends_when_the_revision_is_taken_back():
    world = initialised(paused=True).release(V2)
    world.settle()
    world.release(V1).settle()

    assert (world.status.phase, world.status.reason) == (Phase.SUCCEEDED, "RevertedToPromoted")


# Suspended


def test_suspended_means_hands_off():
    # given a run at 10 %
    world = progressing(1)

    # when it is suspended and somebody changes everything
    world.edit(suspend=True).settle()
    world.by_hand(77)
    world.target.trouble = CRASH
    world.answerer = failing
    writes = len(world.journal)
    world.rest(3600)

    # then nothing is written, nothing is asked
    assert (world.live, world.status.phase, len(world.journal)) == (77, Phase.PROGRESSING, writes)
    assert (world.wish().hands_off, world.decision.questions, world.decision.wake_at) == (True, frozenset(), None)
    assert world.condition("Ready") == ("False", "Suspended")


def test_the_progress_deadline_stands_still_while_suspended():
    world = progressing(1, progress_deadline_seconds=100.0)
    world.target.healthy = False
    world.target.ready = world.target.updated = 0
    world.rest(60)
    world.edit(suspend=True).rest(3600)
    world.edit(suspend=False).rest(39)
    assert world.status.phase is Phase.PROGRESSING

    world.rest(2)
    assert world.status.reason == "ProgressDeadlineExceeded"


def test_a_rollback_that_was_recorded_is_finished_although_the_canary_is_suspended():
    world = progressing(1)
    world.target.trouble = CRASH
    world.decide()  # recorded, nothing written yet
    assert (world.status.phase, world.live) == (Phase.FAILED, 10)

    world.edit(suspend=True).rest(3600)

    assert (world.live, world.status.stage) == (0, Stage.NONE)
    assert world.wish().hands_off
    assert world.target.replicas == 3  # its pods are left where they are


def test_a_suspended_canary_says_that_it_measures_nothing():
    world = progressing(1)
    world.edit(suspend=True).settle()

    assert world.condition("AnalysisHealthy") == ("Unknown", "NoAnalysis")


# Held by what was observed


def test_a_stale_cache_never_raises_but_rolls_back():
    world = progressing(1, analysis=steps(5, 10, 50, threshold=1))
    world.hold = STALE
    world.rest(600)
    assert (world.live, world.status.reason) == (10, "StaleCache")
    assert world.condition("Ready") == ("False", "StaleCache")

    world.answerer = failing
    world.until_phase(Phase.FAILED)
    world.settle()
    assert world.live == 0


def test_a_weight_that_was_recorded_before_the_cache_became_stale_is_not_written():
    # given a step that is recorded and not yet written
    world = progressing(1)
    world.until(lambda each: each.decide().status.canary_weight == 25)
    assert world.live == 10

    # when the cache becomes stale
    world.hold = STALE
    world.settle()
    assert world.live == 10

    # then it is written when the cache is back
    world.hold = None
    world.settle()
    assert world.live == 25


def test_an_invalid_edit_mid_run_holds_the_weight_and_pod_health_still_rolls_back():
    world = progressing(1)
    world.hold = Problem(reason="InvalidSpec", message="spec.analysis.stepWeights: given [50, 10], must rise")
    world.rest(600)
    assert (world.status.phase, world.live) == (Phase.PROGRESSING, 10)

    world.target.trouble = CRASH
    world.settle()
    assert (world.status.phase, world.live) == (Phase.FAILED, 0)


@pytest.mark.parametrize("cause", ["hold", "refusal", "contested"])
def test_what_holds_a_run_goes_by_itself(cause):
    world = progressing(1)
    setattr(world, cause, Problem(reason="Because", message="of that"))
    world.rest(600)
    assert (world.live, world.status.reason) == (10, "Because")

    setattr(world, cause, None)
    world.until_phase(Phase.SUCCEEDED)


def test_contested_fields_get_a_condition():
    world = progressing(1)
    world.contested = Problem(reason="Contested", message="argocd-controller keeps taking spec.http")
    world.settle()
    assert world.condition("Contested") == ("True", "Contested")
    assert world.told.count("Contested") == 1

    world.contested = None
    world.settle()
    assert world.condition("Contested") == ("", "")


def test_a_field_that_is_not_acted_on_keeps_a_new_revision_waiting():
    world = initialised().edit(blocking=("analysis.webhooks",)).release(V2)
    world.rest(600)

    assert (world.status.phase, world.status.reason) == (Phase.WAITING, "NotYetActedOn")
    assert world.condition("Ready") == ("False", "NotYetActedOn")
    assert world.condition("NotYetActedOn") == ("True", "FieldsWithoutEffect")
    assert "analysis.webhooks" in world.status.message
    world.edit(blocking=())
    world.until_phase(Phase.SUCCEEDED)


def test_a_field_of_another_provider_that_decides_about_traffic_keeps_a_new_revision_waiting():
    sentence = "spec.ingressRef: only for provider nginx; take it out"
    world = initialised().edit(misplaced=(sentence,), misplaced_blocking=(sentence,)).release(V2)
    world.rest(600)

    assert (world.status.phase, world.status.reason) == (Phase.WAITING, "NotForThisProvider")
    assert world.condition("Ready") == ("False", "NotForThisProvider")
    assert world.condition("NotForThisProvider") == ("True", "FieldsOfOtherProviders")
    assert world.status.message == sentence
    world.edit(misplaced=(), misplaced_blocking=())
    world.until_phase(Phase.SUCCEEDED)


def test_a_field_of_another_provider_that_does_no_harm_is_named_and_stops_nothing():
    world = initialised(misplaced=("spec.service.meshName: only for provider appmesh; take it out",)).release(V2)
    world.until_phase(Phase.SUCCEEDED)

    assert world.condition("NotForThisProvider") == ("True", "FieldsOfOtherProviders")


def test_a_field_without_effect_that_does_no_harm_is_named_and_stops_nothing():
    world = initialised(not_acted_on=("revertOnDeletion",)).release(V2)
    world.until_phase(Phase.SUCCEEDED)

    assert world.condition("NotYetActedOn") == ("True", "FieldsWithoutEffect")


# Capacity


def test_the_next_weight_waits_for_the_pods_that_carry_it():
    # given a primary of 8, and a canary with enough pods for 25 % but not for 50 %
    world = initialised(analysis=steps(25, 50), canary_ready_percent=10)
    world.primary.scale(8)
    world.settle()
    world.release(V2, healthy=False).settle()
    world.target.ready, world.target.updated = 2, 8
    world.until(lambda each: each.live == 25)
    world.rest(300)
    assert (world.live, world.status.reason) == (25, "CanaryLacksCapacity")

    # when the pods come
    world.target.ready = 4
    world.settle()
    assert world.live == 50


def test_without_the_capacity_check_one_pod_is_enough():
    world = initialised(analysis=steps(25, 50), canary_ready_percent=10, capacity_check=False)
    world.primary.scale(8)
    world.settle()
    world.release(V2, healthy=False).settle()
    world.target.ready, world.target.updated = 1, 8
    world.until(lambda each: each.live == 50)


def test_a_promotion_waits_for_a_primary_that_carries_its_share():
    # given a run at its last step, while the primary lost two of its three pods
    world = progressing(1, analysis=steps(5, 10))
    world.primary.healthy = False
    world.primary.ready = world.primary.updated = 1
    world.rest(200)
    assert (world.status.phase, world.status.reason) == (Phase.WAITING_PROMOTION, "PrimaryLacksCapacity")
    assert world.told.count("WaitingPromotion") == 1
    assert world.primary.revision == V1

    # and checks go on while it waits
    window = world.status.checks[0].window
    world.rest(120)
    assert world.status.checks[0].window > window

    world.primary.healthy = True
    world.until_phase(Phase.SUCCEEDED)


def test_a_weight_that_was_recorded_is_not_written_when_the_pods_are_gone_meanwhile():
    # given the step to 100 %, recorded and not yet written
    world = progressing(0, analysis=steps(50, 100))
    world.until(lambda each: each.decide().status.canary_weight == 100)
    assert world.live == 50

    # when two of three pods die
    world.target.healthy = False
    world.target.ready = 1
    world.settle()

    assert world.live == 50


def test_a_step_back_to_the_primary_waits_for_the_pods_that_carry_it():
    # given a promotion that has recorded its last step and not yet written it
    world = promoting()
    world.converge()
    world.roll()
    world.decide()
    assert (world.status.phase, world.live) == (Phase.FINALISING, 50)

    # when two of the primary's three pods die
    world.primary.healthy = False
    world.primary.ready = 1
    world.settle()

    # then users stay where they are until the pods are back, and that is said
    assert world.live == 50
    assert world.condition("Ready") == ("False", "PrimaryLacksCapacity")
    world.primary.healthy = True
    world.until_phase(Phase.SUCCEEDED)
    assert world.live == 0


def test_a_step_back_that_waits_too_long_is_a_broken_promotion():
    world = promoting(progress_deadline_seconds=120.0)
    world.converge()
    world.roll()
    world.decide()
    world.primary.healthy = False
    world.primary.ready = 1
    world.rest(130)

    assert (world.status.phase, world.live) == (Phase.FAILED, 100)
