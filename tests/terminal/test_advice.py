"""No reason leaves people alone: each has its advice, says the way out itself, or needs nobody."""

import re
import shlex
from dataclasses import replace
from typing import get_args

import click
import pytest

from delivery.cli import main
from delivery.terminal import advice, why
from delivery.terminal.advice import ADVICE, NEEDS_NONE, TOLD, Place
from strategies.reasons import GROUPS, REASONS
from strategies.rollout.conditions import ORDER
from strategies.status import Answered, Condition
from tests.terminal.holding import FROZEN, HELD, OUTSIDE, held
from tests.terminal.recorded import FAILED, MOMENTS, NOW, PROGRESSING, ago, canary

PLACE = Place(name="reviews", namespace="bookinfo", target="deployment/reviews")
COMMAND = re.compile(r"`([^`]+)`")


def test_every_reason_has_its_advice_or_a_ground_to_need_none_and_not_both() -> None:
    """The type checker holds that no other reason is set, see strategies.reasons."""
    places = (set(ADVICE), set(NEEDS_NONE), set(TOLD))

    assert REASONS - set().union(*places) == set(), "give these an advice"
    assert set().union(*places) - REASONS == set(), "nobody sets these"
    assert sum(map(len, places)) == len(REASONS), "one place each"
    assert all(NEEDS_NONE.values())


def test_a_reason_is_in_one_group() -> None:
    assert sum(len(get_args(group)) for group in GROUPS) == len(REASONS)
    assert all(each.isalpha() and each[0].isupper() for each in REASONS)


@pytest.mark.parametrize("reason", sorted(ADVICE))
def test_an_advice_is_one_sentence_and_its_commands_can_be_called(reason: str) -> None:
    text = advice.advice(reason, "what happened", PLACE)

    assert "\n" not in text
    assert not text.endswith(".")
    assert "{" not in text, "every name is filled in"
    for command in COMMAND.findall(text):
        words = shlex.split(command)
        assert words[0] == "kubectl"
        if words[1] == "delivery":
            parsed(words[2:])
        else:
            assert words[1:3] == ["-n", "bookinfo"], command


def parsed(words: list[str]) -> None:
    """Click takes it, and it names this Canary or its namespace."""
    context = click.Context(main)
    found = main.get_command(context, words[0])
    assert found is not None, f"there is no command {words[0]}"
    found.make_context(words[0], words[1:], parent=context)
    assert words[0] == "unfreeze" or "reviews" in words
    assert words == ["unfreeze"] or words[words.index("-n") + 1] == "bookinfo"


@pytest.mark.parametrize(
    ("reason", "command"),
    [
        ("PausedByHand", "kubectl delivery resume reviews -n bookinfo"),
        ("ManualOverride", "kubectl delivery resume reviews -n bookinfo"),
        ("CheckFailed", "kubectl delivery retry reviews -n bookinfo"),
        ("GateDenied", "kubectl delivery retry reviews -n bookinfo"),
        ("GateTimedOut", "kubectl delivery retry reviews -n bookinfo"),
        ("Aborted", "kubectl delivery retry reviews -n bookinfo"),
        ("HooksUnavailable", "kubectl delivery abort reviews -n bookinfo"),
        ("PrimaryUnknown", "kubectl -n bookinfo rollout undo deployment/reviews"),
        ("PodsUnknown", "kubectl -n bookinfo edit pdc reviews"),
        ("CanaryNotReady", "kubectl -n bookinfo describe deployment/reviews"),
    ],
)
def test_where_a_command_helps_it_is_said_in_full(reason: str, command: str) -> None:
    status = replace(PROGRESSING, reason=reason, message="why")
    told = why.why(held(status), NOW)

    assert any(each.startswith(f"{reason}: ") and f"`{command}`" in each for each in told.to_do)


def test_a_daemon_set_is_named_as_kubectl_names_it() -> None:
    body = canary(replace(PROGRESSING, reason="CanaryNotReady"), targetRef={"kind": "DaemonSet", "name": "agent"})

    assert "describe daemonset/agent" in why.why(held(PROGRESSING, canary=body), NOW).to_do[0]


def test_what_says_its_way_out_itself_is_said_as_it_is() -> None:
    missing = Condition(
        type="AlertsUnresolved",
        status="True",
        reason="ProviderNotFound",
        message="AlertProvider bookinfo/chat does not exist; create it, or correct alerts.providerRef",
        last_transition_time=ago(5),
    )
    told = why.why(held(replace(PROGRESSING, conditions=(missing,))), NOW)

    assert f"ProviderNotFound: {missing.message}" in told.to_do


@pytest.mark.parametrize("kind", [each for each in ORDER if each not in ("Promoted", "GateClosed", "Observing")])
def test_a_condition_that_is_not_as_it_should_be_says_what_to_do(kind: str) -> None:
    """Whatever its type, its reason leads to the advice."""
    bad = Condition(
        type=kind,
        status="False" if kind in ("Ready", "TrafficSynced", "AnalysisHealthy") else "True",
        reason="StaleCache",
        message="the cache is old",
        last_transition_time=ago(5),
    )
    told = why.why(held(replace(PROGRESSING, conditions=(bad,))), NOW)

    assert any(each.startswith("StaleCache: see whether the controller can reach") for each in told.to_do)


def test_nobody_is_told_to_open_a_gate_that_opens_by_the_clock() -> None:
    assert any(each.startswith("GateClosed: ") for each in why.why(MOMENTS["gated"], NOW).to_do)
    assert any(each.startswith("GateClosed: ") for each in why.why(HELD["outside"], NOW).to_do), (
        "the desk is closed too"
    )
    for gates in (("window",), ("freeze",), ("freeze", "window")):
        assert OUTSIDE.waiting is not None
        waiting = replace(OUTSIDE.waiting, gates=gates)
        told = why.why(held(replace(OUTSIDE, waiting=waiting)), NOW)
        assert not [each for each in told.to_do if each.startswith("GateClosed")], gates
    assert any("kubectl delivery unfreeze" in each for each in why.why(held(FROZEN), NOW).to_do)


def test_a_refused_command_and_one_that_nobody_has_read_say_what_to_do() -> None:
    told = why.why(HELD["frozen"], NOW).to_do[-1]
    assert told.startswith("command promote: when what its answer says is mended")
    assert "`kubectl delivery promote reviews -n bookinfo`" in told

    assert why.why(HELD["people"], NOW).to_do[-1].startswith("command promote --full: see whether the controller")
    unread = Answered(id="a", at=ago(5), accepted=False, verb="", message="verb: allowed: pause")
    assert (
        "`kubectl delivery VERB reviews -n bookinfo`" in why.why(held(replace(FAILED, command=unread)), NOW).to_do[-1]
    )
    old = replace(unread, at=ago(3700))
    assert not [each for each in why.why(held(replace(FAILED, command=old)), NOW).to_do if "command" in each]
    fine = replace(unread, verb="pause", accepted=True)
    assert not [each for each in why.why(held(replace(FAILED, command=fine)), NOW).to_do if "command" in each]


def test_a_reason_of_a_later_program_has_no_advice_and_fails_nothing() -> None:
    assert advice.advice("SomethingNew", "words", PLACE) == ""
