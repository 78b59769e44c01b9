"""Runs that are told of in Slack: one message each, whatever becomes of Slack, of the controller, of the provider."""

import random

import pytest

from delivery.cluster.objects import ALERT_PROVIDERS, CANARIES, EVENTS, SECRETS
from tests.simulation import bookinfo
from tests.simulation.alerted import ALERTS, provider, secret, with_slack
from tests.simulation.scenes import asked, at_weight, events, initialised, is_silent, recovers, says, served, version
from tests.simulation.simulation import Simulation


@pytest.fixture
def sim():
    with Simulation(47) as world:
        yield world


def test_a_run_is_one_message_that_ends_in_its_promotion(sim):
    slack = with_slack(sim)
    initialised(sim, alerts=ALERTS)
    sim.release("v2")
    recovers(sim)
    sim.loop.advance(120)

    assert slack.titles() == ["Initialized", "Promoted"]
    assert "chat.update" in slack.calls
    details = slack.details()
    assert details[0] == "Advanced"
    assert details[-1] == "Promoted"
    assert set(details) <= {"Advanced", "Promoting", "Promoted"}
    assert version(sim) == "v2"


def test_a_run_is_one_message_that_ends_in_its_roll_back_and_names_the_check(sim):
    slack = with_slack(sim)
    initialised(sim, alerts=ALERTS, threshold=3)
    sim.release("v2", quality="bad")
    recovers(sim, "Failed")
    sim.loop.advance(120)

    assert slack.titles() == ["Initialized", "RolledBack"]
    (_, last) = slack.messages.values()
    fields = {each["title"]: each["value"] for each in last["attachments"][0]["fields"]}
    assert fields["Failing check"] == "request-success-rate"
    assert fields["Limit"]


def test_a_new_controller_edits_the_message_of_the_one_before(sim):
    slack = with_slack(sim)
    name = at_weight(sim, 20, alerts=ALERTS, stepWeights=[10, 20, 30])
    sim.kill(name)
    recovers(sim)
    sim.loop.advance(120)

    assert slack.titles() == ["Initialized", "Promoted"]


def test_a_dead_slack_delays_no_run_and_costs_no_write(sim):
    """Flagger sends alerts within the tick, each for up to 5 s."""
    with_slack(sim, down=True)
    initialised(sim, alerts=ALERTS)
    before = sim.loop.time()
    sim.release("v2")
    recovers(sim)
    took = sim.loop.time() - before

    with Simulation(47) as other:
        initialised(other)
        before = other.loop.time()
        other.release("v2")
        recovers(other)
        assert abs(took - (other.loop.time() - before)) < 5
    assert events(sim, "Promoted")


def test_what_a_slack_missed_is_told_when_it_is_back(sim):
    slack = with_slack(sim, down=True)
    initialised(sim, alerts=ALERTS)
    sim.release("v2")
    recovers(sim)
    sim.loop.advance(600)
    assert slack.titles() == []
    assert len(sim.status.outbox) <= 8
    slack.down = False
    sim.loop.advance(200)

    assert "Promoted" in slack.titles()
    assert sim.status.outbox == ()


def test_a_slack_that_is_down_for_a_day_leaves_nothing_behind(sim):
    with_slack(sim, down=True)
    initialised(sim, alerts=ALERTS)
    sim.release("v2")
    recovers(sim)
    sim.loop.advance(2 * 3600)
    assert sim.status.outbox == ()
    since = len(asked(sim))
    sim.loop.advance(600)
    assert [each for each in asked(sim)[since:] if each.ref is not None and each.ref.kind == CANARIES] == []


def test_a_hanging_slack_holds_up_no_event(sim):
    with_slack(sim, hangs=True)
    initialised(sim, alerts=ALERTS)
    sim.release("v2", quality="bad")
    recovers(sim, "Failed")
    sim.loop.advance(5)
    assert events(sim, "RolledBack")


def test_a_provider_that_is_not_there_is_named_and_stops_no_run(sim):
    """Flagger logs it, and nobody hears of anything."""
    slack = with_slack(sim)
    initialised(sim, alerts=[{"name": "team", "providerRef": {"name": "nobody"}}])
    says(sim, "AlertsUnresolved", "ProviderNotFound", "AlertProvider shop/nobody does not exist; create it")
    sim.release("v2")
    recovers(sim)
    assert slack.calls == []
    body = provider()
    body["metadata"]["name"] = "nobody"
    sim.apply(ALERT_PROVIDERS, body)
    sim.until(lambda: is_silent(sim, "AlertsUnresolved", "ProviderNotFound"), seconds=60, what="nothing to complain of")
    sim.loop.advance(120)
    assert "Promoted" in slack.titles()


def test_a_provider_of_no_known_type_is_named(sim):
    with_slack(sim)
    sim.apply(ALERT_PROVIDERS, provider(type="pager"))
    initialised(sim, alerts=ALERTS)
    says(sim, "AlertsUnresolved", "ProviderInvalid", "spec.type", "pager")
    sim.release("v2")
    recovers(sim)


def test_a_token_that_slack_refuses_is_named_until_the_secret_is_corrected(sim):
    slack = with_slack(sim)
    sim.apply(SECRETS, secret("wrong"))
    initialised(sim, alerts=ALERTS)
    says(sim, "AlertsUnresolved", "SlackRefused", "invalid_auth", "correct the token")
    assert "wrong" not in str([each["message"] for each in sim.store.scan(EVENTS, bookinfo.NAMESPACE)])
    sim.apply(SECRETS, secret())
    sim.until(lambda: is_silent(sim, "AlertsUnresolved", "SlackRefused"), seconds=120, what="a token that is right")
    sim.loop.advance(120)
    assert slack.titles()[0] == "Initialized"


def test_an_idle_canary_with_alerts_asks_nothing_of_anybody(sim):
    slack = with_slack(sim)
    initialised(sim, alerts=ALERTS)
    sim.loop.advance(300)
    calls, since = len(slack.calls), len(asked(sim))
    sim.loop.advance(600)
    assert len(slack.calls) == calls
    assert [each for each in asked(sim)[since:] if each.ref is not None and each.ref.kind in (CANARIES, SECRETS)] == []


@pytest.mark.parametrize("seed", range(8))
def test_whatever_slack_does_a_run_ends_as_it_would_and_is_told(seed: int) -> None:
    """A misbehaving service, and controllers that die: everything arrives at least once, and users notice nothing."""
    with Simulation(900 + seed) as sim:
        slack = with_slack(sim, mood=0.5, rng=random.Random(seed))
        name = initialised(sim, alerts=ALERTS)
        good = seed % 2 == 0
        sim.release("v2", quality="good" if good else "bad")
        sim.loop.advance(sim.rng.uniform(5, 40))
        sim.kill(name)
        recovers(sim, "Succeeded" if good else "Failed")
        slack.mood = 0.0
        sim.loop.advance(900)
        assert ("Promoted" if good else "RolledBack") in {*slack.titles(), *slack.details()}, sim.told()
        assert sim.status.outbox == ()
        served(sim)


MINE = {"team": "a", "eventType": "x"}
EVENT_HOOK = {"name": "bus", "type": "event", "url": "http://bus.shop/events", "metadata": MINE}


def test_a_webhook_of_type_event_hears_every_event_with_flaggers_payload(sim):
    initialised(sim, webhooks=[EVENT_HOOK])
    sim.release("v2")
    recovers(sim)
    sim.loop.advance(120)

    heard = sim.caller.at("/events")
    every = [each["message"] for each in sim.store.scan(EVENTS, bookinfo.NAMESPACE)]
    assert sorted(each.payload["metadata"]["eventMessage"] for each in heard) == sorted(every)
    assert len(sim.caller.keys("/events")) == len(every)
    last = heard[-1].payload
    assert {"name", "namespace", "phase", "checksum"} <= last.keys()
    assert (last["name"], last["phase"]) == ("reviews", "Succeeded")
    assert (last["metadata"]["team"], last["metadata"]["eventType"]) == ("a", "Normal")
    assert last["metadata"]["timestamp"].isdecimal()


def test_an_event_hook_that_is_away_holds_nothing_up_and_hears_it_later(sim):
    """Flagger calls it within the tick, and what it misses is lost."""
    sim.caller.says["/events"] = None
    initialised(sim, webhooks=[EVENT_HOOK])
    sim.release("v2", quality="bad")
    recovers(sim, "Failed")
    assert events(sim, "RolledBack")
    sim.caller.says["/events"] = 200
    sim.loop.advance(300)
    assert [each for each in sim.caller.at("/events") if each.payload["metadata"]["eventType"] == "Warning"]
    assert sim.status.outbox == ()
