"""Each gate that people open is shown with its state: who said what and why, or how long somebody is waited for."""

from dataclasses import replace

import pytest

from delivery.terminal import look, runs
from delivery.terminal.shape import listed
from strategies.gates import GateKind, GateRecord, Word
from strategies.status import Phase, Status, Waiting
from tests.terminal import snapshots
from tests.terminal.holding import DENIED, HELD, held
from tests.terminal.recorded import GATED, NOW, PROGRESSING, RUN, SPEC, ago, canary
from tests.terminal.shown import VIEWS, bodies, text


def states(status: Status) -> dict[str, str]:
    return {each.name: each.state for each in look.look(held(status), NOW).approvals}


def test_each_gate_has_a_state() -> None:
    assert states(PROGRESSING) == {"desk": "passed", **dict.fromkeys(("each", "sign-off", "late"), "not-reached")}
    assert {each.name: each.state for each in look.look(HELD["people"], NOW).approvals} == {
        "desk": "approved",
        "each": "approved",
        "sign-off": "waiting",
        "late": "overdue",
    }
    assert states(DENIED) == {
        "desk": "proceeded",
        "each": "not-reached",
        "sign-off": "denied",
        "late": "not-reached",
    }
    promoting = replace(PROGRESSING, phase=Phase.PROMOTING)
    assert set(states(promoting).values()) == {"passed"}
    assert set(states(Status()).values()) == {"not-reached"}


@pytest.mark.parametrize("name", ["get", "why"])
def test_who_opened_or_refused_a_gate_is_shown_with_the_reason(name: str) -> None:
    assert "by jane (claimed), 7m ago: as agreed" in text(name, HELD["people"])
    assert "step 4 by bob, 5m ago: looks fine" in text(name, HELD["people"])
    assert "by jane, 11m40s ago, run r1f2: wrong copy on the page" in text(name, HELD["denied"])


@pytest.mark.parametrize("name", VIEWS)
def test_a_gate_says_how_long_it_waits_still_what_comes_then_and_the_command(name: str) -> None:
    found = text(name, HELD["people"])

    assert (
        "until 12:57:50 UTC (in 57m50s); then the run is rolled back (onTimeout: rollback); kubectl delivery approve "
        "reviews -n bookinfo --gate sign-off --reason TEXT (or deny)" in found
    )
    assert "nobody came within 30s, and it goes on waiting" in found


@pytest.mark.parametrize(
    ("before", "policy", "then"),
    [
        ("rollout", "rollback", "the revision is not released (onTimeout: rollback)"),
        ("promotion", "proceed", "it goes on without (onTimeout: proceed)"),
        ("promotion", "hold", "it goes on waiting (onTimeout: hold)"),
    ],
)
def test_what_a_timeout_does_is_what_on_timeout_says(before: str, policy: str, then: str) -> None:
    gate = {"name": "sign-off", "before": before, "timeoutSeconds": 3600, "onTimeout": policy}
    body = canary(GATED, analysis={**SPEC["analysis"], "gates": [gate]})
    moment = held(GATED, canary=body)

    assert then in text("get", moment)
    assert f"gate sign-off, if nobody comes: {then}" in [each.what for each in look.look(moment, NOW).timers]


def test_a_gate_without_a_limit_has_no_timer() -> None:
    body = canary(GATED, analysis={**SPEC["analysis"], "gates": [{"name": "sign-off", "before": "promotion"}]})
    shown = look.look(held(GATED, canary=body), NOW)

    assert shown.approvals[0].timeout_at is None
    assert "without a time limit; kubectl delivery approve" in text("get", held(GATED, canary=body))


def test_of_many_closed_gates_those_that_the_status_only_counts_are_found() -> None:
    many = Waiting(
        before=GateKind.PROMOTION, of=RUN.id, step=4, since=ago(130), gates=("freeze", "window", "and 2 more")
    )
    word = GateRecord(gate="each", of=RUN.id, word=Word.APPROVED, at=ago(9), by="bob", step=4)

    found = states(replace(GATED, waiting=many, gates=(word,)))
    assert found == {"desk": "passed", "each": "approved", "sign-off": "waiting", "late": "overdue"}


def test_words_on_a_gate_of_another_attempt_are_not_this_ones() -> None:
    other = GateRecord(gate="desk", of="fbc021-old", word=Word.APPROVED, at=ago(9), by="bob")
    waiting = Waiting(before=GateKind.ROLLOUT, of=RUN.revision, step=-1, since=ago(5), gates=("webhook/qa",))
    status = Status(phase=Phase.WAITING, revision=RUN.revision, waiting=waiting, gates=(other,))

    assert states(status)["desk"] == "not-reached"


def test_what_is_said_of_a_gate_is_whole_whatever_signs_are_in_it() -> None:
    """The message of a closed window has the way out behind a semicolon and a colon."""
    said = {each.name: each.message for each in look.look(HELD["outside"], NOW).gates}

    assert said["window"].endswith("; at once: kubectl annotate pdc reviews")
    assert said["approval/desk"].startswith("kubectl delivery approve")


def test_the_past_keeps_who_opened_and_refused_gates() -> None:
    moment = HELD["denied"]
    found = runs.runs(moment.status, moment.events, NOW)

    said = " ".join(snapshots.text(runs.view(found), 400).split())
    assert "gate desk proceeded; gate sign-off denied by jane: wrong copy on the page" in said
    words = listed("Run", found)["items"][0]["gates"]
    assert [(each["gate"], each["word"], each["by"], each["claimed"]) for each in words] == [
        ("desk", "proceeded", "", False),
        ("sign-off", "denied", "jane", False),
    ]


def test_programs_are_told_of_gates_as_fields() -> None:
    for name in ("get", "list"):
        gate = next(each for each in bodies(HELD["people"])[name]["approvals"] if each["name"] == "sign-off")
        assert (gate["state"], gate["timeoutAt"], gate["onTimeout"]) == ("waiting", "2026-03-01T12:57:50Z", "rollback")
        assert gate["since"] == "2026-03-01T11:57:50Z"
        assert [each["name"] for each in bodies(HELD["people"])[name]["gates"]][-1] == "webhook/qa"
