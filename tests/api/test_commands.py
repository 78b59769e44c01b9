"""What stands in the annotation, whoever wrote it: a command, or one that is refused with the reason why."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from delivery.api.commands import COMMAND, command_of, is_urgent, written
from strategies.commands import Command, Verb


def body(text: str, **status: Any) -> dict[str, Any]:
    return {"metadata": {"name": "reviews", "annotations": {COMMAND: text}}, "status": status}


def given(**fields: Any) -> Command:
    command = command_of(body(json.dumps(fields)))
    assert command is not None
    return command


def test_a_command_is_read_as_it_was_written():
    command = Command(
        id="k3v9",
        verb=Verb.PROMOTE,
        of="5f6b7c-mabc",
        by="ann",
        at=datetime(2026, 3, 1, 12, 0, tzinfo=UTC),
        reason="signed off",
        full=True,
    )

    assert command_of(body(written(command))) == command


def test_little_is_enough_by_hand():
    assert given(id="1", verb="abort") == Command(id="1", verb=Verb.ABORT)


@pytest.mark.parametrize("annotations", [None, {}, {COMMAND: ""}, {COMMAND: " "}, {"other": "x"}])
def test_a_canary_without_a_command_has_none(annotations: dict[str, str] | None):
    assert command_of({"metadata": {"annotations": annotations}}) is None
    assert command_of({"metadata": {}}) is None


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"id": "1", "verb": "stop"}, "verb: 'stop' given, allowed: promote, abort, retry, restart, pause, resume"),
        ({"id": "1"}, "verb: allowed: promote, abort"),
        ({"verb": "abort"}, "id: 1 to 24 letters, digits and . _ -"),
        ({"id": "x" * 25, "verb": "abort"}, "given, 1 to 24 letters"),
        ({"id": 7, "verb": "abort"}, "id: 7 given, 1 to 24 letters"),
        ({"id": "a b", "verb": "abort"}, "id: 'a b' given"),
        ({"id": "1", "verb": "abort", "at": "soon"}, "at: 'soon' given"),
        ({"id": "1", "verb": "abort", "at": "2026-03-01T12:00:00"}, "at: '2026-03-01T12:00:00' given"),
        ({"id": "1", "verb": "abort", "arguments": {"force": True}}, "arguments.force: True given"),
        ({"id": "1", "verb": "abort", "arguments": {"full": True}}, "allowed with promote only"),
        ({"id": "1", "verb": "abort", "who": "ann"}, "who: 'ann' given"),
        ({"id": "1", "verb": "abort", "run": "x" * 200}, "run: "),
    ],
)
def test_what_is_wrong_is_named_with_what_is_allowed(fields: dict[str, Any], says: str):
    command = given(**fields)

    assert command.verb is None
    assert says in command.problem


@pytest.mark.parametrize("text", ["abort", "{", "[]", "null", '"abort"', "7", "{}", "[" * 500, '{"id": null}'])
def test_no_text_breaks_the_loop_and_each_has_an_id_of_its_own(text: str):
    command, other = command_of(body(text)), command_of(body(f"{text} "))

    assert command is not None
    assert other is not None
    assert command.verb is None
    assert command.problem
    assert command.id.startswith("unread-")
    assert command.id == command_of(body(text)).id != other.id


def test_the_id_of_a_command_with_a_mistake_stays_its_own():
    assert given(id="mine", verb="stop").id == "mine"


def test_long_words_are_cut():
    command = given(id="1", verb="abort", by="a" * 500, arguments={"reason": "line\nand line " + "b" * 500})

    assert (len(command.by), len(command.reason)) == (60, 80)
    assert command.reason.startswith("line and line b")


@pytest.mark.parametrize(
    ("text", "status", "urgent"),
    [
        ('{"id": "1", "verb": "abort"}', {}, True),
        ('{"id": "1", "verb": "abort"}', {"command": {"id": "0"}}, True),
        ('{"id": "1", "verb": "abort"}', {"command": {"id": "1"}}, False),
        ('{"id": "1", "verb": "pause"}', {}, False),
        ("abort", {}, False),
    ],
)
def test_an_abort_that_has_no_answer_is_urgent(text: str, status: dict[str, Any], urgent: bool):
    assert is_urgent(body(text, **status)) is urgent
    assert not is_urgent({"metadata": {}})
