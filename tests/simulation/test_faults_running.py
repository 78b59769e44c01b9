"""Faults while it runs: rivals, deaf watches, missing permissions, switches, versions that break. Each recovers."""

import pytest

from delivery.cluster.memory import Happened
from delivery.cluster.objects import (
    DESTINATION_RULES,
    PODS,
    VIRTUAL_SERVICES,
)
from strategies.status import Phase, Result
from tests.simulation.invariants import APEX, ROUTE, TARGET
from tests.simulation.scenes import (
    at_weight,
    deaf,
    denied,
    events,
    initialised,
    is_silent,
    recovers,
    says,
    served,
    set_weight,
    version,
)
from tests.simulation.simulation import Simulation


@pytest.fixture
def sim():
    with Simulation(11) as world:
        yield world


# -- who else writes


class Rival:
    """Something that sets the canary's weight back to its own, a moment after each write of ours."""

    def __init__(self, sim: Simulation, weight: int) -> None:
        self.on = True
        self.fought: list[float] = []
        self._sim, self._weight = sim, weight
        sim.store.observers.append(self._note)
        set_weight(sim, weight, manager="helm")

    def _note(self, event: Happened) -> None:
        if self.on and event.ref == ROUTE and self._sim.weight != self._weight:
            self.fought.append(self._sim.loop.time())
            self._sim.loop.call_later(1.5, self._write, context=self._sim.loop.world)

    def _write(self) -> None:
        if self.on and self._sim.weight != self._weight:
            set_weight(self._sim, self._weight, manager="helm")


def test_somebody_takes_the_weights_again_and_again(sim):
    at_weight(sim)
    rival = Rival(sim, 30)
    says(sim, "Contested", "Contested", "helm", "ignore them")
    assert 2 <= len(rival.fought) <= 4, rival.fought
    sim.loop.advance(45)
    assert len(rival.fought) <= 4, f"stepped back, yet fought at {rival.fought}"
    sim.loop.advance(600)
    assert sim.status.phase is Phase.PROGRESSING, "nobody can say what was measured"
    assert len(rival.fought) < 25, f"each time longer: {rival.fought}"

    rival.on = False
    recovers(sim)
    assert is_silent(sim, "Contested", "Contested")


def test_a_contested_canary_that_turns_bad_is_rolled_back_at_once(sim):
    at_weight(sim)
    rival = Rival(sim, 30)
    says(sim, "Contested", "Contested", "helm")
    sim.workloads.break_pods("app=reviews", "crash-loop")
    sim.until(lambda: sim.weight == 0, seconds=5, what="rollback")
    rival.on = False
    sim.until_phase("Failed")


def test_a_contest_that_ends_during_a_promotion_lets_it_go_on(sim):
    at_weight(sim, 50)
    sim.until(lambda: sim.status.phase is Phase.PROMOTING, seconds=120, what="promotion")
    rival = Rival(sim, 60)
    says(sim, "Contested", "Contested", "helm", seconds=10)
    rival.on = False
    set_weight(sim, 50, manager="helm")
    recovers(sim)


# -- what is not heard and not allowed


def test_stale_watches_hold_the_weight(sim):
    at_weight(sim, interval="60s")
    hear = deaf(sim, PODS)
    says(sim, "Ready", "StaleCache", "the weight does not rise", seconds=120)
    sim.loop.advance(600)
    assert (sim.weight, sim.status.phase) == (10, Phase.PROGRESSING)
    hear()
    recovers(sim)


def test_stale_watches_do_not_hinder_a_rollback(sim):
    at_weight(sim, quality="bad", threshold=30)
    deaf(sim, PODS)
    says(sim, "Ready", "StaleCache", seconds=120)
    sim.edit(analysis={"threshold": 1})
    sim.until(lambda: sim.weight == 0, seconds=60, what="rollback")
    assert sim.status.reason == "CheckFailed"


def test_watches_that_come_back_end_a_wait_by_themselves(sim):
    """In the middle of a promotion nothing else would call for another look."""
    at_weight(sim, 50)
    sim.until(lambda: sim.status.phase is Phase.PROMOTING, seconds=120, what="promotion")
    hear = deaf(sim)
    sim.loop.advance(100)
    hear()
    recovers(sim)


def test_a_write_that_is_denied(sim):
    at_weight(sim)
    with denied(sim, VIRTUAL_SERVICES):
        says(sim, "TrafficSynced", "WriteDenied", "grant", "VirtualService", seconds=120)
        sim.loop.advance(300)
        assert sim.weight == 10
    recovers(sim)
    assert is_silent(sim, "TrafficSynced", "WriteDenied")


def test_initialising_without_a_permission(sim):
    with denied(sim, DESTINATION_RULES):
        sim.set_up()
        sim.start_controller()
        says(sim, "TrafficSynced", "WriteDenied", "DestinationRule", seconds=120)
        assert sim.store.peek(APEX)["spec"]["selector"] == {"app": "reviews"}, "users are where they were"
        served(sim)
    recovers(sim, "Initialized")


# -- people's switches


def test_suspend_is_hands_off(sim):
    at_weight(sim)
    sim.edit(suspend=True)
    sim.loop.advance(5)
    assert sim.status.condition("Ready").reason == "Suspended"
    set_weight(sim, 40)
    sim.loop.advance(300)
    assert (sim.weight, sim.status.phase) == (40, Phase.PROGRESSING), "nothing is repaired"

    sim.edit(suspend=False)
    recovers(sim)


def test_paused_at_the_start(sim):
    initialised(sim)
    sim.edit(paused=True)
    sim.release("v2")
    says(sim, "Ready", "Paused", "clear it", event=False)
    assert (sim.status.phase, sim.weight) == (Phase.WAITING, 0)
    assert "spec.paused" in events(sim, "Waiting")[-1]
    assert sim.store.peek(TARGET)["spec"]["replicas"] == 0

    sim.edit(paused=False)
    recovers(sim)


def test_paused_in_the_middle_checks_go_on(sim):
    at_weight(sim, quality="bad", threshold=3)
    sim.edit(paused=True)
    sim.until_phase("Failed", seconds=120)
    assert sim.weight == 0


def test_without_analysis(sim):
    initialised(sim)
    sim.edit(skipAnalysis=True)
    sim.analyst.away = True
    sim.release("v2", quality="good")
    recovers(sim)
    assert version(sim) == "v2"
    weights = [line for line in sim.promises.story if "route: canary 0 -> 10" in line]
    assert not weights, "there is no step"


def test_without_analysis_pods_that_never_are_ready_are_not_promoted(sim):
    initialised(sim)
    sim.edit(skipAnalysis=True)
    sim.release("v2", behaviour="never-ready")
    sim.until_phase("Failed")
    assert (sim.status.reason, version(sim)) == ("ProgressDeadlineExceeded", "v1")
    served(sim)


# -- what the new version does


def test_a_promotion_that_breaks_the_primary_keeps_users_on_the_canary(sim):
    at_weight(sim, 50)
    sim.workloads.break_pods("app=reviews-primary,version=v2", "crash-loop")
    sim.until(lambda: sim.status.phase is Phase.FAILED and sim.weight == 100, seconds=300, what="users on the canary")
    assert sim.status.reason == "PromotionFailed"
    says(sim, "Ready", "PromotionFailed", "CrashLoopBackOff", event=False)
    assert "heals it" in events(sim, "PromotionFailed")[-1]
    served(sim)

    sim.release("v3")
    recovers(sim)
    assert (version(sim), sim.status.reason) == ("v3", "HealedWithoutAnalysis")
    assert "without having been analysed" in events(sim, "HealedWithoutAnalysis")[-1]
    assert sim.status.history[-1].result is Result.PROMOTED


def test_a_primary_that_recovers_ends_a_broken_promotion(sim):
    at_weight(sim, 50)
    sim.workloads.break_pods("app=reviews-primary,version=v2", "never-ready")
    sim.until(lambda: sim.status.reason == "PromotionFailed", seconds=300, what="a broken promotion")
    sim.workloads.heal_pods("app=reviews-primary,version=v2")
    recovers(sim)
    assert version(sim) == "v2"


@pytest.mark.parametrize("behaviour", ["never-ready", "crash-loop", "image-pull", "oom"])
def test_pods_that_do_not_start(sim, behaviour):
    initialised(sim)
    sim.release("v2", behaviour=behaviour)
    sim.until_phase("Failed")
    assert sim.status.reason == ("ProgressDeadlineExceeded" if behaviour == "never-ready" else "PodHealth")
    assert (version(sim), sim.weight) == ("v1", 0)
    assert events(sim, "RolledBack")
    served(sim)

    sim.release("v3")
    recovers(sim)


def test_a_canary_that_nobody_can_reach(sim):
    initialised(sim)
    sim.release("v2", quality="unreachable")
    sim.until_phase("Failed")
    assert sim.status.reason == "CanaryUnreachable"
    assert "sidecar" in events(sim, "RolledBack")[-1]


# -- what breaks in ourselves


def test_a_judge_that_breaks_holds_the_run_and_says_whose_mistake_it_is(sim, monkeypatch):
    initialised(sim)

    async def broken(*_args, **_given):
        raise TypeError("no answer from https://me:hunter2@metrics")

    with monkeypatch.context() as patch:
        patch.setattr(sim.analyst, "metric", broken)
        sim.release("v2")
        says(sim, "AnalysisHealthy", "MetricsUnavailable", "TypeError", "mistake in the controller")
        assert "hunter2" not in str(sim.status), "everybody may read a status"
        assert sim.status.phase is Phase.PROGRESSING
    recovers(sim)
