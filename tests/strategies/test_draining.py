"""While pods wait for the last requests, the status says so, how long at most, and when Prometheus cannot tell."""

from metrics.verdict import Outcome, Verdict
from strategies.status import Phase, Stage
from tests.strategies.world import V2, World, initialised, saying


def test_initialising_says_that_it_waits_for_the_target_s_last_requests_and_that_prometheus_cannot_tell():
    world = World(answerer=lambda question: Verdict(Outcome.ERROR, message="away"))
    world.until(lambda each: each.status.stage is Stage.DRAIN)
    world.rest(100)

    assert world.status.phase is Phase.INITIALIZING
    assert world.status.reason == "Draining"
    assert world.status.message.endswith("at most 300 s; Prometheus cannot tell")
    assert world.condition("Ready") == ("False", "Draining")
    assert "Draining" not in world.told

    world.until_phase(Phase.INITIALIZED)
    assert world.condition("Ready") == ("True", "Watching")


def test_a_promotion_says_that_it_waits_for_the_canary_s_last_requests():
    world = initialised()
    world.release(V2)
    world.until(lambda each: each.status.phase is Phase.FINALISING and each.status.stage is Stage.DRAIN)
    world.settle()

    assert world.status.reason == "Draining"
    assert "at most 300 s" in world.status.message


def test_a_failed_run_keeps_its_reason_while_it_drains():
    world = initialised()
    world.release(V2)
    world.until(lambda each: each.live > 0)
    world.answerer = saying(Outcome.FAIL, "too many errors")
    world.until(lambda each: each.status.phase is Phase.FAILED and each.status.stage is Stage.DRAIN)
    world.settle()

    assert world.status.reason == "CheckFailed"
