"""Promotions by hand where somebody else has a say, on a cluster: what is left out is never another person's word."""

import pytest

from delivery.cluster.objects import APPROVALS, CANARIES, FREEZES, Ref
from delivery.gates import speaking
from strategies.commands import Verb
from tests.simulation import bookinfo
from tests.simulation.asking import SIGN_OFF, at_gate, freeze, waits
from tests.simulation.commanded import Answers, answered, give
from tests.simulation.held import Held
from tests.simulation.invariants import CANARY
from tests.simulation.obeyed import Obeyed
from tests.simulation.scenes import at_weight, events, recovers, served, version
from tests.simulation.simulation import Simulation


@pytest.fixture
def sim():
    with Simulation(43) as world:
        world.watchers = Answers(world), Obeyed(world), Held(world)
        yield world


def approve(sim, gate="sign-off"):
    """`delivery approve`."""
    word = speaking.approval(
        sim.store.peek(CANARY), speaking.Saying(gate=gate, approves=True, reason="fine", user="jane")
    )
    sim.store.create(APPROVALS, word, namespace=bookinfo.NAMESPACE, manager="kubectl")


def test_promote_at_a_closed_gate_is_refused_by_its_name_and_the_gate_stays_closed(sim):
    at_gate(sim)
    for number, full in enumerate((False, True)):
        told = answered(sim, give(sim, Verb.PROMOTE, f"c-{number}", full=full))
        assert not told.accepted
        assert told.message == ("the analysis is over, but gates are closed, and promote opens none: approval/sign-off")
    sim.loop.advance(3600)
    assert (sim.status.phase.value, version(sim)) == ("WaitingPromotion", "v1")
    approve(sim)
    recovers(sim)
    assert "by hand" not in events(sim, "Promoted")[-1]


def test_whoever_may_command_but_not_approve_gets_no_version_past_a_gate(sim):
    at_gate(sim, before="traffic-increase")
    approve(sim)
    sim.until(lambda: sim.weight == 10, seconds=60, what="10 %")
    assert answered(sim, give(sim, Verb.PROMOTE, "go", full=True)).accepted
    for name in list(sim.alive):
        sim.kill(name)
    sim.loop.advance(3600)
    assert (sim.status.phase.value, sim.weight, version(sim)) == ("WaitingPromotion", 10, "v1")
    assert "kubectl delivery approve reviews -n shop --gate sign-off" in events(sim, "GateClosed")[-1]
    approve(sim)
    recovers(sim)
    assert version(sim) == "v2"
    assert "by hand" in events(sim, "Promoted")[-1]
    assert [record.by for record in sim.status.history[-1].gates] == ["jane (claimed)"]


def test_a_step_that_is_left_out_comes_to_the_gate_before_the_next_one(sim):
    at_gate(sim, **{**SIGN_OFF, "before": "traffic-increase"})
    approve(sim)
    sim.until(lambda: sim.weight == 10, seconds=60, what="10 %")
    assert answered(sim, give(sim, Verb.PROMOTE, "go")).accepted
    sim.until(lambda: waits(sim), seconds=10, what="a closed gate")
    sim.loop.advance(600)
    assert sim.weight == 10
    served(sim)


def test_a_promotion_by_hand_waits_for_the_end_of_a_freeze(sim):
    at_weight(sim, 10)
    freeze(sim, 86400)
    sim.until(lambda: sim.status.condition("Frozen") is not None, seconds=5, what="a word about it")
    assert answered(sim, give(sim, Verb.PROMOTE, "go", full=True)).accepted
    sim.loop.advance(3600)
    assert (sim.weight, version(sim)) == (10, "v1")
    sim.store.delete(Ref(FREEZES, bookinfo.NAMESPACE, "freeze"))
    recovers(sim)


def test_an_urgent_version_is_promoted_by_hand_outside_of_its_window_only_where_it_is_named(sim):
    at = sim.clock.now()
    closed = {"deny": [{"cron": f"{at.minute + 2} {at.hour} * * *", "durationSeconds": 7200}], "onClose": "hold"}
    at_weight(sim, 10, spec={"rolloutWindows": closed}, interval="10m")
    sim.loop.advance(180)
    assert answered(sim, give(sim, Verb.PROMOTE, "go", full=True)).accepted
    sim.loop.advance(600)
    assert (sim.weight, version(sim)) == (10, "v1")
    note = {"progressive.delivery/ignore-windows": sim.status.revision}
    sim.merge(Ref(CANARIES, bookinfo.NAMESPACE, bookinfo.NAME), {"metadata": {"annotations": note}})
    recovers(sim)
    assert version(sim) == "v2"
