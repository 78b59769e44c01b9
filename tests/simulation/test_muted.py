"""Gates that are nobody's business: `muteAlert` keeps them from alert services, and from nothing else."""

from dataclasses import dataclass
from typing import Any

import pytest

from delivery.outbound.outgoing import Caller, Outgoing, Reply
from tests.simulation.alerted import ALERTS, Slack, with_slack
from tests.simulation.hooked import hook
from tests.simulation.scenes import events, recovers, says, served
from tests.simulation.simulation import Simulation

BUS = {"name": "bus", "type": "event", "url": "http://bus.shop/events"}


@dataclass(slots=True)
class Both:
    """Slack, and whoever is called at other addresses."""

    slack: Slack
    hooks: Any

    async def send(self, outgoing: Outgoing) -> Reply:
        to: Caller = self.slack if "slack.com" in outgoing.url else self.hooks
        return await to.send(outgoing)


@pytest.fixture
def sim():
    with Simulation(67) as world:
        yield world


def told_of(sim: Simulation, *hooks: dict[str, Any]) -> tuple[list[str], list[str]]:
    """A run that waits at these gates for a while and is then promoted: what Slack and an event hook were told."""
    caller = sim.caller
    for each in hooks:
        caller.says[f"/{each['type']}"] = 403
    slack = with_slack(sim)
    sim.caller = Both(slack, caller)  # type: ignore[assignment]
    sim.set_up(alerts=ALERTS, webhooks=[*hooks, BUS])
    sim.start_controller()
    sim.until_phase("Initialized")
    sim.release("v2")
    says(sim, "GateClosed", "GateClosed", "webhook/")
    sim.loop.advance(60)
    for each in hooks:
        caller.says[f"/{each['type']}"] = 200
    recovers(sim)
    sim.loop.advance(120)
    heard = [each.payload["metadata"]["eventReason"] for each in caller.at("/events")]
    return [*slack.titles(), *slack.details()], heard


@pytest.mark.parametrize("kind", ["confirm-rollout", "confirm-traffic-increase", "confirm-promotion"])
@pytest.mark.parametrize("muted", [True, False], ids=["muted", "aloud"])
def test_a_muted_gate_is_an_event_and_no_alert(sim, kind, muted):
    slack, heard = told_of(sim, hook(kind, muteAlert=muted))
    assert ("GateClosed" in slack) is not muted
    assert "GateClosed" in heard
    assert events(sim, "GateClosed")
    assert "Promoted" in slack
    served(sim)


def test_a_gate_that_is_not_muted_is_told_although_another_one_is(sim):
    quiet = hook("confirm-rollout", muteAlert=True)
    loud = {**hook("confirm-rollout"), "name": "loud"}
    slack, heard = told_of(sim, quiet, loud)
    assert slack.count("GateClosed") == 1
    assert 1 <= heard.count("GateClosed") <= 2
