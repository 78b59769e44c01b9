"""Status is the write-ahead log: what is read back is what was written."""

import json
from dataclasses import fields
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from delivery.api import crd
from delivery.api.status import UnreadableStatus, dump, load, too_new
from delivery.api.status_schema import status_schema
from metrics.verdict import Outcome
from strategies.status import (
    STATUS_VERSION,
    Announcement,
    Check,
    Condition,
    Past,
    Phase,
    Run,
    Status,
)

NOON = datetime(2026, 1, 2, 12, 0, 0, 123456, tzinfo=UTC)

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
times = st.datetimes(datetime(2020, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - see timezones
numbers = st.floats(allow_nan=False, allow_infinity=False)


for plain, strategy in ((str, texts), (datetime, times), (float, numbers)):
    st.register_type_strategy(plain, strategy)


def whole(kind: Any) -> Any:
    """Any value of a dataclass, none of its fields left at its default on purpose."""
    return st.builds(kind, **dict.fromkeys((field.name for field in fields(kind)), ...))


@settings(max_examples=150, deadline=None)
@given(status=whole(Status))
def test_any_status_survives_json(status: Status) -> None:
    assert load(json.loads(json.dumps(dump(status), allow_nan=False))) == status


@settings(max_examples=50, deadline=None)
@given(status=whole(Status))
def test_any_status_fits_the_schema_of_the_definition(status: Status) -> None:
    jsonschema.validate(json.loads(json.dumps(dump(status))), status_schema())


def test_an_empty_status_says_only_what_is_printed() -> None:
    assert load(None) == load({}) == Status()
    assert dump(Status()) == {"version": 1, "canaryWeight": 0, "failedChecks": 0, "iterations": 0}


def test_times_are_utc_with_their_microseconds() -> None:
    elsewhere = NOON.astimezone(timezone(timedelta(hours=5, minutes=30)))

    written = dump(Status(stage_since=elsewhere))

    assert written["stageSince"] == "2026-01-02T12:00:00.123456Z"
    assert load(written).stage_since == NOON


def test_a_run_in_progress_reads_like_flaggers_with_more() -> None:
    status = Status(
        phase=Phase.PROGRESSING,
        canary_weight=10,
        seen_weight=9.5,
        step="2/4",
        run=Run(id="7", revision="v2", started=NOON, step=0, floor=0),
        checks=(Check(name="request-success-rate", window=1, end=NOON, outcome=Outcome.PASS, value=99.5),),
        conditions=(
            Condition(type="Ready", status="True", reason="Progressing", last_transition_time=NOON),
        ),
    )  # fmt: skip
    noon = "2026-01-02T12:00:00.123456Z"

    assert dump(status) == {
        "version": 1,
        "phase": "Progressing",
        "canaryWeight": 10,
        "seenWeight": 9.5,
        "step": "2/4",
        "failedChecks": 0,
        "iterations": 0,
        "run": {"id": "7", "revision": "v2", "started": noon, "step": 0, "floor": 0},
        "checks": [
            {"name": "request-success-rate", "window": 1, "end": noon, "outcome": "pass", "value": 99.5},
        ],
        "conditions": [{"type": "Ready", "status": "True", "reason": "Progressing", "lastTransitionTime": noon}],
    }


def test_what_json_cannot_say_is_left_out() -> None:
    check = Check(name="a", window=1, end=NOON, outcome=Outcome.ERROR, value=float("nan"))

    written = dump(Status(checks=(check,)))

    assert "value" not in written["checks"][0]
    json.dumps(written, allow_nan=False)


def test_flaggers_own_fields_are_passed_over_and_fit_the_schema() -> None:
    given = {
        "phase": "Succeeded",
        "trackedConfigs": {"configmap/a": "1"},
        "sessionAffinityCookie": "a",
        "conditions": [
            {
                "type": "Promoted",
                "status": "True",
                "reason": "Succeeded",
                "lastTransitionTime": "2026-01-02T12:00:00Z",
                "lastUpdateTime": "2026-01-02T12:00:00Z",
            }
        ],
    }

    jsonschema.validate(given, status_schema())
    assert load(given).phase is Phase.SUCCEEDED


def test_a_newer_status_is_read_as_far_as_it_goes_and_known_to_be_newer() -> None:
    newer = {
        "version": STATUS_VERSION + 1,
        "phase": "Teleporting",
        "canaryWeight": 30,
        "checks": [{"outcome": "maybe"}],
        "revision": "v2",
        "shiny": {"a": 1},
    }

    assert too_new(newer)
    status = load(newer)
    assert (status.version, status.canary_weight, status.revision) == (STATUS_VERSION + 1, 30, "v2")
    assert (status.phase, status.checks) == (Phase.NONE, ())


@pytest.mark.parametrize("status", [None, {}, {"version": STATUS_VERSION}])
def test_our_own_status_is_not_too_new(status: Any) -> None:
    assert not too_new(status)


def test_a_status_that_nobody_of_ours_wrote_is_named() -> None:
    with pytest.raises(UnreadableStatus, match=r"status\.canaryWeight: .*integer"):
        load({"canaryWeight": "much"})


def test_the_schema_of_the_status_describes_every_field() -> None:
    def undescribed(schema: Any, path: str) -> Any:
        for name, inner in schema.get("properties", {}).items():
            if not inner.get("description"):
                yield f"{path}.{name}"
            yield from undescribed(inner.get("items", inner), f"{path}.{name}")

    assert list(undescribed(status_schema(), "status")) == []
    assert "default" not in json.dumps(crd.object_schema(crd.RESOURCES[0])["properties"]["status"])


def test_the_schema_knows_every_value_that_is_written() -> None:
    kinds = {Run: "run", Check: "checks", Condition: "conditions", Past: "history", Announcement: "outbox"}
    properties = status_schema()["properties"]

    for kind, name in kinds.items():
        inner = properties[name].get("items", properties[name])["properties"]
        assert len(inner) >= len(fields(kind))
