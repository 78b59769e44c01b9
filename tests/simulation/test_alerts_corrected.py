"""Alerts that cannot be sent until somebody corrects a Secret: the release goes on, people are told what to correct,
and what was to be told is told when they have.
"""

import base64

import pytest

from delivery.cluster.errors import Denied
from delivery.cluster.memory import Request
from delivery.cluster.objects import CANARIES, SECRETS
from delivery.workloads.revision import Scope
from tests.simulation import bookinfo, wired
from tests.simulation.alerted import ALERTS, PROVIDER, SECRET, TOKEN, secret, with_slack
from tests.simulation.scenes import asked, at_weight, events, initialised, is_silent, recovers, says, served, version
from tests.simulation.simulation import Simulation


@pytest.fixture
def sim():
    with Simulation(53) as world:
        yield world


def holding(**data: str):
    """The Secret, with these keys."""
    return {**secret(), "data": {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}}


WRONG = {
    "missing": (None, "SecretNotFound", ("Secret shop/slack", "AlertProvider shop/slack", "does not exist; create it")),
    "empty": (holding(), "KeyNotFound", ("Secret shop/slack", "key token", "add it there")),
    "another key": (holding(tokn=TOKEN), "KeyNotFound", ("Secret shop/slack", "key token", "add it there")),
    "two lines": (holding(token=f"{TOKEN}\nmore"), "TokenInvalid", ("key token of Secret shop/slack", "correct it")),
    "no URL": (holding(address="slack.com/x"), "AddressInvalid", ("key address of Secret shop/slack", "correct it")),
    "refused": (holding(token="old"), "SlackRefused", ("AlertProvider shop/slack (Secret shop/slack)", "invalid_auth")),
}


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("quality", ["good", "bad"])
def test_a_run_ends_as_it_would_and_is_told_when_the_secret_is_right(sim, wrong, quality):
    body, reason, words = WRONG[wrong]
    slack = with_slack(sim)
    sim.store.delete(SECRET)
    if body is not None:
        sim.apply(SECRETS, body)
    initialised(sim, alerts=ALERTS, threshold=3)
    says(sim, "AlertsUnresolved", reason, *words)
    sim.release("v2", quality=quality)
    recovers(sim, "Succeeded" if quality == "good" else "Failed")
    assert slack.messages == {}
    assert version(sim) == ("v2" if quality == "good" else "v1")

    if body is not None:
        sim.store.delete(SECRET)  # another one takes its place, without the keys of the first
    sim.apply(SECRETS, secret())
    ending = "Promoted" if quality == "good" else "RolledBack"
    sim.until(lambda: ending in slack.titles(), seconds=20, what="the message, without waiting for the next minute")
    sim.until(lambda: is_silent(sim, "AlertsUnresolved", reason), seconds=60, what="nothing to complain of")
    sim.loop.advance(120)
    assert sim.status.outbox == ()
    assert events(sim, ending)
    served(sim)


def test_a_secret_that_is_taken_away_in_the_middle_of_a_run_costs_it_nothing(sim):
    slack = with_slack(sim)
    name = at_weight(sim, 20, alerts=ALERTS, stepWeights=[10, 20, 30])
    sim.store.delete(SECRET)
    says(sim, "AlertsUnresolved", "SecretNotFound", "Secret shop/slack", "create it")
    sim.kill(name)
    recovers(sim)
    sim.loop.advance(600)
    assert "Promoted" not in slack.titles()
    sim.apply(SECRETS, secret())
    sim.loop.advance(120)
    assert slack.titles()[-1] == "Promoted"
    served(sim)


@pytest.mark.parametrize("wrong", ["missing", "refused"])
def test_who_waits_for_a_secret_asks_once_a_minute_and_writes_nothing(sim, wrong):
    body, reason, words = WRONG[wrong]
    slack = with_slack(sim)
    sim.store.delete(SECRET)
    if body is not None:
        sim.apply(SECRETS, body)
    initialised(sim, alerts=ALERTS)
    says(sim, "AlertsUnresolved", reason, *words)
    sim.loop.advance(60)
    calls, since = len(slack.calls), len(asked(sim))
    sim.loop.advance(600)
    later = [each for each in asked(sim)[since:] if each.kind in (CANARIES, SECRETS) and each.verb != "watch"]
    assert {each.verb for each in later} <= {"get"}
    assert len(later) <= 13
    assert len(slack.calls) - calls <= 13


@pytest.mark.parametrize("tracking", [Scope.CONFIGS, Scope.TEMPLATE], ids=["watched", "unwatched"])
def test_a_secret_that_nobody_may_read_is_named_and_told_of_when_somebody_may(sim, tracking):
    slack = with_slack(sim)
    sim.tracking = tracking
    forbidden = True

    def refuse(request: Request) -> None:
        if forbidden and (request.verb, request.kind) == ("get", SECRETS):
            raise Denied("get secrets: not allowed")

    sim.before = refuse
    initialised(sim, alerts=ALERTS)
    says(sim, "AlertsUnresolved", "SecretUnreadable", "Secret shop/slack", "let the controller get secrets")
    sim.release("v2")
    recovers(sim)
    forbidden = False
    sim.loop.advance(120)
    assert slack.titles()[-1] == "Promoted"


HOOK = {"name": "bus", "type": "event", "url": "http://bus.shop/events", "secretRef": {"name": "hooks"}}


@pytest.mark.parametrize("wrong", ["missing", "no key", "two lines", "refused"])
def test_an_event_hook_waits_for_its_secret_in_the_same_way(sim, wrong):
    reason, words = {
        "missing": ("SecretNotFound", ("Secret shop/hooks", "create it")),
        "no key": ("KeyNotFound", ("Secret shop/hooks", "key token")),
        "two lines": ("TokenInvalid", ("Secret shop/hooks", "correct its key token")),
        "refused": ("TokenRefused", ("http://bus.shop", "401", "correct the token")),
    }[wrong]
    if wrong == "refused":
        sim.caller.says["/events"] = 401
    if wrong != "missing":
        held = {"no key": {}, "two lines": {"token": "a\nb"}}.get(wrong, {"token": "t-1"})
        sim.apply(SECRETS, wired.secret("hooks", held))
    initialised(sim, webhooks=[HOOK])
    says(sim, "AlertsUnresolved", reason, "webhook shop/reviews bus", *words)
    sim.release("v2")
    recovers(sim)
    sim.caller.says["/events"] = 200
    sim.apply(SECRETS, wired.secret("hooks", {"token": "t-1"}))
    sim.loop.advance(120)
    heard = [each.payload["metadata"]["eventReason"] for each in sim.caller.at("/events")]
    assert "Promoted" in heard
    assert is_silent(sim, "AlertsUnresolved", reason)
    assert sim.status.outbox == ()
    served(sim)


def test_no_secret_is_in_any_condition_or_event(sim):
    with_slack(sim)
    sim.apply(SECRETS, holding(token="t0p-s3cret\nline"))
    initialised(sim, alerts=ALERTS)
    says(sim, "AlertsUnresolved", "TokenInvalid", "key token")
    every = [sim.status.conditions, *sim.store.scan(CANARIES, bookinfo.NAMESPACE)]
    assert "s3cret" not in str(every)
    assert PROVIDER.name in str(every)


@pytest.mark.parametrize("seed", range(8))
def test_whenever_the_secret_comes_and_whoever_dies_the_end_is_told(seed: int) -> None:
    with Simulation(1700 + seed) as sim:
        slack = with_slack(sim)
        sim.store.delete(SECRET)
        name = initialised(sim, alerts=ALERTS, threshold=3)
        good = seed % 2 == 0
        sim.release("v2", quality="good" if good else "bad")
        sim.loop.advance(sim.rng.uniform(1, 90))
        if seed % 3 == 0:
            sim.kill(name)
        sim.apply(SECRETS, secret())
        recovers(sim, "Succeeded" if good else "Failed")
        sim.loop.advance(180)
        assert ("Promoted" if good else "RolledBack") in {*slack.titles(), *slack.details()}, sim.told()
        assert sim.status.outbox == ()
        served(sim)
