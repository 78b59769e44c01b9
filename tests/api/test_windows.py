"""What is said when a rollout window or a gate cannot be used."""

from typing import Any

import pytest

from delivery.api.parse import InvalidSpec, parse_approval, parse_canary, parse_freeze

OPEN = {"cron": "0 9 * * 1-5", "durationSeconds": 3600}
WRONG = [
    ({"allow": [{**OPEN, "cron": "0 9 * *"}]}, "spec.rolloutWindows.allow[0].cron: given "),
    ({"allow": [{**OPEN, "cron": "60 9 * * *"}]}, "(minute '60'), allowed 0 to 59"),
    ({"allow": [{**OPEN, "cron": "0 9 * * 1-8"}]}, "(weekday '8'), allowed 0 to 7, or sun to sat"),
    ({"allow": [{**OPEN, "cron": "0 9 * * fri-mon"}]}, "allowed a range that begins with its lower end"),
    ({"allow": [{**OPEN, "cron": "0 9 L * *"}]}, "(day 'l'), allowed 1 to 31"),
    ({"allow": [{**OPEN, "cron": "0 9 1#2 * *"}]}, "allowed *, numbers, lists"),
    ({"allow": [{**OPEN, "cron": "0 9 */0 * *"}]}, "allowed a step of 1 to 31"),
    ({"allow": [{**OPEN, "cron": "0 9 30 2 *"}]}, "allowed a date that there is"),
    ({"deny": [{**OPEN, "durationSeconds": 5}]}, "durationSeconds: given 5, allowed a whole number from 60"),
    (
        {"allow": [OPEN], "timeZone": "Europe/Berlino"},
        'given "Europe/Berlino", allowed a time zone of the IANA database',
    ),
    ({"allow": [OPEN], "timeZone": "../etc/passwd"}, "spec.rolloutWindows.timeZone: given "),
    ({"allow": [OPEN], "appliesTo": "all"}, "spec.rolloutWindows.appliesTo"),
    ({}, "spec.rolloutWindows: given neither, allowed at least one entry of allow or deny"),
]
GATE = {"name": "sign-off", "before": "promotion"}
WRONG_GATES = [
    ([{**GATE, "name": "Sign off"}], "spec.analysis.gates[0].name: given "),
    ([{**GATE, "before": "rollback"}], "spec.analysis.gates[0].before: given "),
    ([{**GATE, "timeoutSeconds": 0}], "spec.analysis.gates[0].timeoutSeconds: given 0"),
    ([GATE, GATE], "spec.analysis.gates: given sign-off more than once, allowed each name once"),
]


def refused(body: dict[str, Any]) -> str:
    with pytest.raises(InvalidSpec) as error:
        parse_canary(body)
    return str(error.value)


@pytest.mark.parametrize(("windows", "says"), WRONG)
def test_a_window_that_cannot_be_used_is_refused_with_field_given_and_allowed(
    canary: Any, windows: dict[str, Any], says: str
) -> None:
    assert says in refused(canary(rolloutWindows=windows))


@pytest.mark.parametrize(("gates", "says"), WRONG_GATES)
def test_a_gate_that_cannot_be_used_is_refused(canary: Any, gates: list[dict[str, Any]], says: str) -> None:
    assert says in refused(canary(analysis={"gates": gates}))


@pytest.mark.parametrize("text", ["2024-12-24", "2024-12-24T18:00", "tomorrow"])
def test_a_freeze_ends_at_a_moment_with_its_zone(text: str) -> None:
    body = {"metadata": {"name": "a"}, "spec": {"until": text, "reason": "because"}}
    with pytest.raises(InvalidSpec, match=r"spec\.until"):
        parse_freeze(body)


def test_a_word_names_what_it_is_about() -> None:
    with pytest.raises(InvalidSpec) as error:
        parse_approval({"metadata": {"name": "a"}, "spec": {"canary": "reviews", "decision": "approve"}})
    text = str(error.value)
    assert all(f"spec.{name}: given nothing" in text for name in ("run", "revision", "gate", "reason"))
