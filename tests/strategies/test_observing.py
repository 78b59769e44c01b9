"""Looking on: what we would have done with another controller's run, and what is said of it."""

from dataclasses import replace
from datetime import timedelta

from metrics.verdict import Outcome, Verdict
from strategies.gates import HookType
from strategies.questions import Ask
from strategies.rollout.size import size
from strategies.snapshot import Problem
from strategies.spec import HookSpec
from strategies.status import Result, Would
from tests.strategies.beside import at_rest, bad
from tests.strategies.world import V1, V2, V3, a_spec, saying, steps

STRICT = a_spec(observe=True, analysis=steps(10, 50, threshold=1))


def test_a_good_release_would_have_been_promoted_and_both_agree():
    world = at_rest().release()
    world.until(lambda each: each.status.run.observed.would is Would.PROMOTE)
    assert world.reasons() == ["RunObserved", "WouldAdvance", "WouldAdvance", "WouldPromote"]
    asked = len(world.asked)
    world.rest(120)
    assert len(world.asked) == asked  # what is decided is not asked about any more

    world.promote()

    past = world.status.history[-1]
    assert (past.result, past.reason) == (Result.OBSERVED_PROMOTION, "WouldPromote")
    assert world.status.run is None
    assert world.status.canary_weight == 0
    assert world.status.reason == "ObservedPromotion"
    words = world.said("ObservedPromotion")
    assert words.startswith("Flagger promoted at 12:")
    assert "would have promoted at 12:" in words
    assert "2 min 0 s sooner" in words
    assert not any(note.warning for note in world.status.outbox)


def test_a_bad_release_that_the_other_side_promotes_is_told_with_what_it_cost():
    world = at_rest(spec=STRICT, answerer=bad).release()
    world.until(lambda each: each.status.run.observed.would is Would.ROLL_BACK)
    assert world.said("WouldRollBack") == (
        "Would have rolled back at 10 %: 57 of 1,204 requests failed (4.7 %); success rate was 95.3 (min 99) "
        "(1 of 1 failed checks)"
    )
    told = len(world.told)
    world.rest(180)
    assert len(world.told) == told  # it is said once
    bad_by_then = world.status.run.observed.bad
    assert bad_by_then == 57 * 3

    world.promote()

    assert (world.status.history[-1].result, world.status.history[-1].reason) == (
        Result.OBSERVED_PROMOTION,
        "WouldRollBack",
    )
    words = world.said("ObservedPromotion")
    assert "Flagger promoted at" in words
    assert "would have rolled back at" in words
    assert "3 min 0 s sooner, about 171 bad requests of the canary earlier: 57 of 1,204" in words
    assert world.status.outbox[-1].warning
    assert world.status.message == words
    condition = world.status.condition("Observing")
    assert (condition.status, condition.reason, condition.message) == ("True", "ObservedPromotion", words)


def test_both_roll_back_and_it_is_said_who_was_sooner():
    world = at_rest(spec=STRICT, answerer=bad).release()
    world.until(lambda each: each.status.run.observed.would is Would.ROLL_BACK)

    world.rest(60).roll_back()

    assert world.status.history[-1].result is Result.OBSERVED_ROLLBACK
    assert "1 min 0 s sooner" in world.said("ObservedRollback")
    assert not world.status.outbox[-1].warning


def test_the_other_side_rolls_back_what_we_would_have_kept():
    world = at_rest().release().rest(60)

    world.roll_back()

    words = world.said("ObservedRollback")
    assert words.endswith("this Canary's checks would not have rolled back until then (step 1 of 2)")
    assert world.status.history[-1].reason == "Undecided"


def test_a_version_beside_the_users_is_judged_where_our_first_step_asks_for_none():
    spec = a_spec(observe=True, analysis=steps(iterations=3))
    world = at_rest(spec=spec)
    world.target.template(V2)
    world.target.scale(2)
    world.rest(60 * 3 + 60)

    assert world.status.run.step >= 1

    world.target.scale(0)
    world.rest(30)
    assert world.status.history[-1].result is Result.OBSERVED_ROLLBACK


def test_windows_go_on_while_the_other_side_moves_its_weights_faster_than_they_last():
    world = at_rest(spec=a_spec(observe=True, analysis=steps(10)))
    world.release(share=5)
    for share in (10, 15, 20, 25, 30, 35):
        world.share = share
        world.rest(20)

    assert world.status.run.observed.would is Would.PROMOTE


def test_broken_pods_would_have_been_rolled_back_without_prometheus():
    world = at_rest().release(share=0)
    world.target.trouble = Problem(reason="CrashLoopBackOff", message="container app of pod reviews-x crash-loops")
    world.settle()

    assert world.status.run.observed.would is Would.ROLL_BACK
    assert "crash-loops" in world.said("WouldRollBack")


def test_pods_that_never_come_would_have_been_rolled_back_at_the_deadline():
    world = at_rest()
    world.target.healthy = False
    world.release(share=0)
    world.rest(world.spec.progress_deadline_seconds + 1)

    assert "no progress in 600 s" in world.said("WouldRollBack")


def test_prometheus_away_decides_nothing():
    world = at_rest(answerer=saying(Outcome.ERROR, "connection refused")).release().rest(900)

    assert world.status.run.observed.would is None
    assert world.status.condition("AnalysisHealthy").reason == "MetricsUnavailable"


def test_paused_takes_no_step():
    world = at_rest(spec=replace(a_spec(observe=True, analysis=steps(10, 50)), paused=True)).release().rest(600)

    assert "WouldAdvance" not in world.reasons()


def test_without_analysis_it_would_have_been_promoted_when_its_pods_were_ready():
    world = at_rest(spec=a_spec(observe=True, skip_analysis=True)).release().rest(1)

    assert world.status.run.observed.would is Would.PROMOTE


def test_the_failing_checks_say_that_nothing_is_held():
    world = at_rest(answerer=bad).release().rest(100)

    assert world.said("CheckFailed").endswith("this Canary only looks on")


def test_killed_at_any_moment_the_verdict_is_the_same():
    """All that a run needs stands in the status; answers and memory are lost with the process."""

    def told(forgets: bool) -> list[tuple[str, str]]:
        world = at_rest(spec=STRICT, answerer=bad).release()
        for _ in range(300):
            if forgets:
                world.answers.clear()
            world.rest(1)
        world.promote()
        return world.told

    assert told(forgets=True) == told(forgets=False)


def test_the_status_stays_small():
    checks = tuple(replace(STRICT.checks[0], name=f"{name}-{'x' * 50}", judge="e") for name in "abcd")
    world = at_rest(spec=replace(STRICT, checks=checks), answerer=bad)
    for revision in (V2, V3, V1, V2, V3, V1):
        world.release(revision).rest(90)

    assert size(world.status) < 4096


def test_what_was_looked_at_before_the_first_verdict_is_in_the_message():
    world = at_rest().release().rest(30)

    assert world.status.message == "at 10 % by Flagger; this Canary would be at step 1 of 2"
    assert world.status.step == "1/2"


def test_traffic_windows_count_seen_weight_and_unreachable_canaries():
    def silent(question):
        from metrics.verdict import Counts

        if question.kind is Ask.TRAFFIC:
            return Verdict(Outcome.PASS, counts=Counts(canary=0, primary=1000, expected=1000))
        return Verdict(Outcome.INCONCLUSIVE, message="no data")

    world = at_rest(answerer=silent).release(share=20).rest(400)

    assert "none of about" in world.said("WouldRollBack")
    assert world.now - world.status.run.started >= timedelta(seconds=180)


def test_whoever_looks_on_calls_no_webhook():
    """They are the other controller's to call: a load test must not run twice."""
    hooks = tuple(HookSpec(name=kind.value, type=kind) for kind in HookType)
    world = at_rest(spec=replace(STRICT, hooks=hooks)).release()
    world.until(lambda each: each.status.run.observed.would is Would.PROMOTE)
    assert not [each for each in world.asked if each.kind is Ask.HOOK]
