"""Runs of hundreds of checks, as `kubectl describe` and a chat show them: each reason is there, none drowns another.

Recorders of the client libraries let 25 Events of an object through and then one in five minutes, whatever they say.
"""

from collections import Counter

import pytest

from delivery.cluster.objects import CANARIES, EVENTS
from tests.simulation import bookinfo
from tests.simulation.alerted import ALERTS, with_slack
from tests.simulation.hooked import hook
from tests.simulation.scenes import asked, recovers, says, served
from tests.simulation.simulation import Simulation

SPAM_BURST, SPAM_SECONDS = 25, 300.0
"""Events of an object that client-go's EventSourceObjectSpamFilter lets through at once, and then one in so long."""


@pytest.fixture
def sim():
    with Simulation(61) as world:
        yield world


def reasons(sim: Simulation) -> Counter[str]:
    """How many Events there are of each reason, and each of them is there once."""
    found = sim.store.scan(EVENTS, bookinfo.NAMESPACE)
    assert {each["count"] for each in found} == {1}
    return Counter(each["reason"] for each in found)


def waits_for_a_gate(sim: Simulation, **analysis: object) -> str:
    """A run that nobody has confirmed yet."""
    sim.caller.says["/confirm-rollout"] = 403
    sim.set_up(webhooks=[hook("confirm-rollout")], **analysis)
    name = sim.start_controller()
    sim.until_phase("Initialized")
    sim.release("v2", quality="bad")
    says(sim, "GateClosed", "GateClosed", "webhook/confirm-rollout")
    sim.caller.says["/confirm-rollout"] = 200
    return name


@pytest.mark.parametrize("killed", [False, True], ids=["undisturbed", "killed"])
def test_a_run_of_hundreds_of_failed_checks_neither_floods_nor_loses_a_reason(sim, killed):
    name = waits_for_a_gate(sim, threshold=300)
    began = sim.loop.time()
    if killed:
        sim.until(lambda: sim.status.failed_checks >= 150, seconds=3000, what="half of them")
        sim.kill(name)
    sim.until(lambda: sim.status.phase.value == "Failed", seconds=6000, what="the roll-back")
    took = sim.loop.time() - began
    recovers(sim, "Failed")
    sim.release("v3")
    recovers(sim)
    sim.loop.advance(120)

    told = reasons(sim)
    assert {"GateClosed", "NewRevision", "Advanced", "CheckFailed", "RolledBack", "Promoting", "Promoted"} <= set(told)
    assert (told["RolledBack"], told["Promoted"], told["GateClosed"]) == (1, 1, 1)
    assert told["NewRevision"] == 2
    assert 10 <= told["CheckFailed"] <= SPAM_BURST + took / SPAM_SECONDS
    assert sim.status.outbox == ()
    served(sim)


def test_what_is_left_untold_is_said_by_the_next_that_is_told_and_by_the_status(sim):
    waits_for_a_gate(sim, threshold=1000)
    sim.until(lambda: sim.status.failed_checks >= 200, seconds=4000, what="many of them")
    found = [each["message"] for each in sim.store.scan(EVENTS, bookinfo.NAMESPACE) if each["reason"] == "CheckFailed"]
    numbers = sorted(int(each.partition(" of 1000 failed checks")[0].rpartition("(")[2]) for each in found)
    assert numbers[:10] == list(range(1, 11))
    assert 150 < numbers[-1] <= sim.status.failed_checks


def test_a_chat_of_a_long_run_can_be_read(sim):
    slack = with_slack(sim)
    sim.set_up(alerts=ALERTS, threshold=200)
    sim.start_controller()
    sim.until_phase("Initialized")
    sim.release("v2", quality="bad")
    sim.until(lambda: sim.status.phase.value == "Failed", seconds=6000, what="the roll-back")
    sim.loop.advance(120)
    assert slack.titles() == ["Initialized", "RolledBack"]
    assert slack.details().count("CheckFailed") <= SPAM_BURST
    assert slack.details()[-1] == "RolledBack"


def test_what_is_left_untold_costs_no_write_of_its_own(sim):
    """It leaves the outbox with the next write of the run: a window has two, of the metric and of the traffic."""
    waits_for_a_gate(sim, threshold=1000)
    sim.until(lambda: sim.status.failed_checks >= 100, seconds=4000, what="many of them")
    failed, since = sim.status.failed_checks, len(asked(sim))
    sim.loop.advance(300)
    writes = [each for each in asked(sim)[since:] if each.kind == CANARIES and each.verb == "patch"]
    assert sim.status.failed_checks - failed >= 25
    assert len(writes) <= 2 * (sim.status.failed_checks - failed)
    assert len(sim.status.outbox) <= 2
