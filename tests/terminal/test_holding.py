"""What people have said of a Canary and what holds it stands in every view: who, why, until when, and what then."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from delivery.terminal import look, rows
from delivery.terminal.changes import Changes
from delivery.terminal.seen import Hours, Rule
from strategies.gates import GateKind
from strategies.permits import Window
from strategies.status import Answered, Pause, Phase, Status, Waiting
from tests.terminal import snapshots
from tests.terminal.holding import CLOSED, DENIED, FROZEN, GATES, HELD, UNTIL, WINDOWS, asked, freeze, held
from tests.terminal.recorded import MOMENTS, NOW, PROGRESSING, RUN, SPEC, ago, canary, seen
from tests.terminal.shown import VIEWS, bodies, text

GRANTED = Answered(id="a2", at=ago(30), accepted=True, verb="abort", by="bob", message="the run has ended")

# Commands


@pytest.mark.parametrize("name", VIEWS)
def test_the_last_command_is_shown_with_who_gave_it_and_why_it_was_refused(name: str) -> None:
    found = text(name, HELD["frozen"])

    assert "promote by jane (claimed), 3m10s ago: refused: it is paused; `delivery resume reviews` first" in found


@pytest.mark.parametrize("name", VIEWS)
def test_an_accepted_command_says_what_it_did(name: str) -> None:
    assert "abort by bob, 30s ago: accepted: the run has ended" in text(
        name, held(replace(PROGRESSING, command=GRANTED))
    )


@pytest.mark.parametrize("name", VIEWS)
def test_a_command_without_an_answer_is_the_last_one_and_says_so(name: str) -> None:
    """The controller may be away: who looks has to see that somebody has said something."""
    body = asked(canary(replace(PROGRESSING, command=GRANTED)), id="b2", verb="pause", arguments={"reason": "hm"})

    assert "pause by somebody (hm): unanswered" in text(name, replace(seen(PROGRESSING), canary=body))


def test_an_answered_command_is_not_taken_for_a_new_one_and_keeps_its_reason() -> None:
    for id_, reason in (("a2", "errors"), ("a1", "")):
        answered = replace(PROGRESSING, command=replace(GRANTED, earlier=("a1",)))
        body = asked(canary(answered), id=id_, verb="abort", by="bob", arguments={"reason": "errors"})
        shown = look.look(replace(seen(PROGRESSING), canary=body), NOW).command
        assert shown is not None
        assert (shown.id, shown.state, shown.reason) == ("a2", "accepted", reason)


@pytest.mark.parametrize(
    ("by", "name", "claimed"), [("jane", "jane", False), ("jane (claimed)", "jane", True), ("", "", True)]
)
def test_a_command_s_author_is_a_claim_unless_the_controller_knows_better(by: str, name: str, claimed: bool) -> None:
    shown = look.look(held(replace(PROGRESSING, command=replace(GRANTED, by=by))), NOW).command

    assert shown is not None
    assert (shown.by, shown.claimed) == (name, claimed)


def test_a_command_is_no_news_in_a_list_for_ever() -> None:
    old = held(replace(PROGRESSING, command=replace(GRANTED, at=ago(3700))))

    assert "abort by bob" not in text("list", old)
    assert "abort by bob" in text("get", old)
    assert bodies(old)["list"]["command"]["verb"] == "abort"


def test_programs_are_told_of_the_command_as_fields() -> None:
    for name in ("get", "list"):
        assert bodies(HELD["frozen"])[name]["command"] == {
            "id": "a1",
            "verb": "promote",
            "by": "jane",
            "claimed": True,
            "state": "refused",
            "at": "2026-03-01T11:56:50Z",
            "reason": "",
            "message": "it is paused; `delivery resume reviews` first",
        }
    assert bodies(HELD["frozen"])["why"]["command"].startswith("promote by jane (claimed)")
    assert bodies(MOMENTS["progressing"])["get"]["command"] is None


# Freezes


@pytest.mark.parametrize("name", VIEWS)
def test_freezes_are_shown_with_until_when_by_whom_and_why(name: str) -> None:
    found = text(name, HELD["frozen"])

    assert "until 2026-03-04 08:00 UTC (in 2d20h) by ops: the big days (freeze-one in control: all Canaries)" in found
    assert "by jane (claimed): the big days (freeze-two in bookinfo: the Canaries of bookinfo)" in found
    assert "elsewhere" not in found, "a Freeze of another namespace holds other Canaries"
    assert "(over in" not in found, "one that has ended holds nobody"


def test_a_name_is_a_claim_until_the_controller_has_said_otherwise() -> None:
    """A signature is only letters to who has no key."""
    told = FROZEN.conditions[0]
    signed = freeze("one", "control", UNTIL, user="ops", signature="s")

    def claimed(body: dict[str, Any], message: str) -> bool:
        status = replace(FROZEN, conditions=(replace(told, message=message),))
        return look.look(held(status, freezes=(body,)), NOW).freezes[0].claimed

    assert not claimed(signed, told.message)
    assert claimed(signed, told.message.replace("by ops", "by ops (claimed)"))
    assert claimed(signed, told.message.replace("big days", "other days"))
    assert claimed(freeze("one", "control", UNTIL, user="ops"), told.message), "nobody has signed it"
    assert claimed(freeze("one", "control", UNTIL, user="eve", signature="s"), told.message)
    assert not claimed(signed, told.message[:-3] + "…"), "a long reason is cut"
    assert look.look(held(PROGRESSING, freezes=(signed,)), NOW).freezes[0].claimed, "the controller has said nothing"


def test_a_freeze_that_nobody_can_read_holds_nobody() -> None:
    odd = [{"metadata": {"namespace": "bookinfo", "name": "odd"}, "spec": {"until": each}} for each in ("soon", None)]
    odd.append({"metadata": {"namespace": "bookinfo", "name": "odd"}})

    assert look.look(held(PROGRESSING, freezes=tuple(odd)), NOW).freezes == ()


def test_who_may_not_read_freezes_sees_that_it_is_not_known_and_what_the_controller_says() -> None:
    note = "whether a Freeze holds rollouts is not known: no permission to list freezes"
    moment = replace(HELD["frozen"], freezes=(), freezes_known=False, notes=(note,))

    for name in ("get", "why"):
        found = text(name, moment)
        assert note in found
    assert "rollouts are frozen until 2026-03-04 08:00 UTC by ops: the big days" in text("get", moment)
    assert bodies(moment)["get"]["freezesKnown"] is False
    assert bodies(moment)["get"]["freezes"] == []
    waiting = replace(
        FROZEN,
        waiting=Waiting(
            before=GateKind.TRAFFIC_INCREASE,
            of=RUN.id,
            step=2,
            since=ago(60),
            gates=("freeze",),
            message="freeze: rollouts are frozen until 2026-03-04 08:00 UTC by ops: the big days",
        ),
    )
    for name in VIEWS:
        assert "frozen until 2026-03-04 08:00 UTC by ops" in text(name, held(waiting, freezes_known=False)), name


def test_a_run_goes_on_when_the_freeze_ends_and_not_before() -> None:
    shown = look.look(HELD["frozen"], NOW)

    assert shown.next.action == "step 3 of 4 (25 %) if all checks pass, when the freeze ends"
    assert shown.next.at == UNTIL
    assert [each.at for each in shown.timers if each.what == "the freeze ends"] == [UNTIL]


# Windows


@pytest.mark.parametrize("name", VIEWS)
def test_a_closed_window_is_shown_by_its_cron_with_when_it_opens_next(name: str) -> None:
    found = text(name, HELD["outside"])

    assert (
        'closed outside of allow "0 9 * * mon-thu" (7h), Europe/Berlin; opens 2026-03-02 08:00 UTC (in 20h); '
        "a new revision waits until it opens" in found
    )


@pytest.mark.parametrize(
    ("closing", "applies", "effect", "stops"),
    [
        ("proceed", "start", "now the run goes on to its end (onClose: proceed)", False),
        ("hold", "start", "increases and the promotion wait until it opens (onClose: hold)", True),
        ("proceed", "increase", "increases and the promotion wait until it opens (appliesTo: increase)", True),
        ("rollback", "start", "now the run is rolled back and begins anew when it opens (onClose: rollback)", False),
    ],
)
def test_what_becomes_of_a_run_outside_of_its_window_is_said(
    closing: str, applies: str, effect: str, stops: bool
) -> None:
    rules = {**WINDOWS, "onClose": closing, "appliesTo": applies}
    moment = held(PROGRESSING, canary=canary(PROGRESSING, rolloutWindows=rules), hours=CLOSED)
    shown = look.look(moment, NOW)

    assert shown.window is not None
    assert effect in shown.window.effect
    assert ("window" in shown.held) is stops
    assert ("when its rollout window opens" in shown.next.action) is stops
    assert (effect in text("list", moment)) is stops, "a closed window for which nothing waits is no news in a list"
    assert effect in text("get", moment)
    assert effect in text("why", moment)


def test_a_window_says_that_it_denies_that_it_may_stay_closed_and_that_it_never_opens() -> None:
    def said(window: Window, *rules: Rule) -> str:
        hours = Hours(window=window, closed_by=rules)
        return text("get", held(PROGRESSING, canary=canary(PROGRESSING, rolloutWindows=WINDOWS), hours=hours))

    denied = Rule(cron="0 0 20 12 *", seconds=1209600, denies=True)
    assert 'by deny "0 0 20 12 *" (14d), Europe/Berlin; opens 12:10:00 UTC (in 10m)' in said(
        Window(open=False, until=NOW + timedelta(minutes=10)), denied
    )
    assert "opens not before 12:10:00" in said(
        Window(open=False, until=NOW + timedelta(minutes=10), certain=False), denied
    )
    assert "it never opens; mend spec.rolloutWindows" in said(Window(open=False, until=None), denied)


def test_an_open_window_that_will_close_over_a_run_is_a_timer_and_no_more() -> None:
    hours = Hours(window=Window(open=True, until=NOW + timedelta(minutes=10)))
    rules = {**WINDOWS, "onClose": "rollback"}
    moment = held(PROGRESSING, canary=canary(PROGRESSING, rolloutWindows=rules), hours=hours)

    assert "Window" not in text("get", moment)
    assert "its rollout window closes: when it closes the run is rolled back" in text("get", moment)
    assert bodies(moment)["get"]["window"]["open"] is True

    unsure = replace(moment, hours=Hours(window=replace(hours.window, certain=False)))
    resting = replace(moment, canary=canary(DENIED, rolloutWindows=rules))
    for each in (unsure, resting):
        assert "rollout window" not in text("get", each), "nobody knows when, or there is no run to which it matters"


def test_the_revision_that_may_go_out_at_any_time_is_not_held_by_the_window() -> None:
    body = canary(PROGRESSING, rolloutWindows={**WINDOWS, "onClose": "hold"})
    body["metadata"]["annotations"] = {"progressive.delivery/ignore-windows": RUN.revision}
    shown = look.look(held(PROGRESSING, canary=body, hours=CLOSED), NOW)

    assert shown.window is not None
    assert shown.window.effect.startswith(f"revision {RUN.revision} may go out at any time")
    assert shown.held == ()


def test_programs_are_told_of_the_window_as_fields() -> None:
    for name in ("get", "list"):
        window = bodies(HELD["outside"])[name]["window"]
        assert window["closedBy"] == [{"cron": "0 9 * * mon-thu", "seconds": 25200, "denies": False}]
        assert (window["open"], window["until"], window["holds"]) == (False, "2026-03-02T08:00:00Z", True)
        assert (window["timeZone"], window["onClose"], window["appliesTo"]) == ("Europe/Berlin", "rollback", "start")


# All together


def test_what_holds_a_canary_is_named_in_few_words() -> None:
    assert look.look(HELD["frozen"], NOW).held == ("freeze",)
    assert look.look(HELD["outside"], NOW).held == ("window", "desk")
    assert look.look(HELD["people"], NOW).held == ("sign-off", "late", "qa")
    assert look.look(held(replace(PROGRESSING, paused=Pause(since=ago(5)))), NOW).held == ("pause",)
    assert look.look(held(PROGRESSING, canary=canary(PROGRESSING, paused=True)), NOW).held == ("pause",)


def test_a_freeze_that_holds_many_is_said_once_in_a_list() -> None:
    many = [HELD["frozen"], replace(HELD["frozen"], canary=canary(FROZEN, name="ratings"))]
    found = snapshots.text(rows.Rows(rows.rows(many, NOW), NOW, everywhere=False), 400)

    assert found.count("(freeze-one in control: all Canaries)") == 1


def test_a_pause_by_hand_is_what_the_next_step_waits_for() -> None:
    paused = look.look(held(replace(PROGRESSING, paused=Pause(since=ago(5)))), NOW)
    assert paused.next.action == "step 3 of 4 (25 %) after it is resumed (delivery resume); checks go on"

    before = Status(phase=Phase.WAITING, revision=RUN.revision, paused=Pause(since=ago(5)))
    assert look.look(held(before), NOW).next.action == "the run begins after it is resumed (delivery resume)"


def test_without_a_terminal_a_command_and_what_holds_it_are_lines_of_their_own() -> None:
    changes = Changes()
    assert not [each for each in changes.of(look.look(MOMENTS["progressing"], NOW)) if "held by" in each]

    news = list(changes.of(look.look(HELD["frozen"], NOW)))
    assert any("command promote by jane (claimed), 3m10s ago: refused" in each for each in news)
    assert any("; held by freeze; next: step 3" in each for each in news)
    assert list(changes.of(look.look(HELD["frozen"], NOW))) == []


@pytest.mark.parametrize("name", ["frozen", "outside", "people", "denied"])
@pytest.mark.parametrize("shows", list(snapshots.VIEWS))
def test_colours_say_nothing_that_words_do_not(name: str, shows: str) -> None:
    what = snapshots.VIEWS[shows](HELD[name])

    coloured = snapshots.text(what, 100, force_terminal=True, color_system=None, no_color=True)
    assert coloured == snapshots.text(what, 100)


def test_what_people_write_commands_no_terminal() -> None:
    evil = "\x1b]0;owned\x07\x1b[2J\r\nline"
    moment = held(
        replace(PROGRESSING, command=replace(GRANTED, by=evil, message=evil)),
        canary=asked(canary(PROGRESSING), id="c", verb="abort", by=evil, arguments={"reason": evil}),
        freezes=(freeze("one", "control", UNTIL, user=evil),),
    )
    gates = [{**each, "before": evil} for each in GATES]
    odd = replace(moment, canary=canary(PROGRESSING, analysis={**SPEC["analysis"], "gates": gates}))
    for each in (moment, odd):
        for name in VIEWS:
            assert "\x1b" not in text(name, each), name
            assert "\x07" not in text(name, each), name
