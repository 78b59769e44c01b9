"""What is made cheap is the same as what the standard library makes."""

import json
from dataclasses import fields, is_dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.verdict import Evidence, Outcome
from strategies.changing import changed
from strategies.json_names import camel
from strategies.rollout.size import size
from strategies.status import Announcement, Check, Condition, Past, Phase, Posted, Result, Run, Status
from strategies.traffic import Traffic
from tests.strategies.world import START, progressing

MOMENT = datetime(2024, 3, 1, 12, 0, 0, 250, tzinfo=UTC)
TEXT = st.text(max_size=30)
NUMBER = st.floats(allow_nan=False, allow_infinity=False)


def plain(value: Any) -> Any:
    """What the status's JSON would be made of: no defaults, camelCase names."""
    if is_dataclass(value):
        known = [(each, getattr(value, each.name)) for each in fields(value)]
        return {camel(each.name): plain(inner) for each, inner in known if inner != each.default}
    if isinstance(value, tuple):
        return [plain(each) for each in value]
    return value.isoformat().replace("+00:00", "Z") if isinstance(value, datetime) else value


def bytes_of(status: Status) -> int:
    return len(json.dumps(plain(status), separators=(",", ":"), ensure_ascii=False).encode())


@given(message=TEXT, reason=TEXT, number=NUMBER, count=st.integers(0, 10**6), flag=st.booleans())
def test_a_size_is_that_of_the_json(message: str, reason: str, number: float, count: int, flag: bool) -> None:
    status = Status(
        phase=Phase.PROGRESSING,
        message=message,
        seen_weight=number,
        failed_checks=count,
        run=Run(id=reason, revision=message, started=MOMENT, floor=count, spent_seconds=number, healing=flag),
        checks=(
            Check(
                name=reason,
                window=count,
                end=START,
                outcome=Outcome.FAIL,
                value=number,
                message=message,
                evidence=Evidence(
                    canary_requests=number, canary_bad=1, primary_requests=2.0, primary_bad=0, strength=1e22, needed=3
                ),
            ),
        ),
        conditions=(
            Condition(type="Ready", status="True", reason=reason, message=message, last_transition_time=MOMENT),
        )
        * (count % 3),
        history=(Past(id="a", revision=message, started=START, ended=MOMENT, result=Result.PROMOTED, reason=reason),),
        outbox=(Announcement(id="a", at=MOMENT, reason=reason, message=message, warning=flag),),
        posted=(Posted(to="a", run="b", word=message),) * (count % 2),
    )

    assert size(status) == bytes_of(status)
    assert size(Status()) == bytes_of(Status()) == 2


def test_every_status_of_a_run_is_measured_right() -> None:
    world = progressing(1)
    world.until_quiet()

    assert len(world.journal) >= 8
    assert [size(each) for each in world.journal] == [bytes_of(each) for each in world.journal]


def test_a_changed_copy_is_what_replace_makes() -> None:
    status = progressing(1).status
    changes = {"canary_weight": 7, "message": "x", "run": None}

    assert changed(status, changes) == replace(status, **changes)
    assert status.run is not None
    assert changed(status.run, {"floor": 9}) == replace(status.run, floor=9)


def test_no_change_is_the_same_value() -> None:
    status = progressing(1).status

    assert changed(status, {"canary_weight": status.canary_weight, "run": status.run}) is status
    assert changed(status, {}) is status


def test_a_field_that_does_not_exist_and_a_value_that_checks_itself_are_refused() -> None:
    with pytest.raises(TypeError, match="Status has no field 'colour'"):
        changed(Status(), {"colour": 1})
    with pytest.raises(TypeError, match="Traffic checks its values"):
        changed(Traffic.to_canary(5), {"canary": 50})
