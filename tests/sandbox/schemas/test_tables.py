"""Rows, ages and paths. tests/cluster/schemas compares columns and cells with those of a real API server."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from delivery.cluster import objects
from delivery.cluster.memory.resources import AUTOSCALERS
from delivery.sandbox.schemas import tables
from delivery.sandbox.schemas.ages import age, human_duration
from delivery.sandbox.schemas.jsonpath import find

NOW = datetime(2026, 1, 2, tzinfo=UTC)
YESTERDAY = "2026-01-01T00:00:00Z"
META = {"name": "x", "creationTimestamp": YESTERDAY}


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (-2, "<invalid>"), (-1, "0s"), (0, "0s"), (119, "119s"), (120, "2m"), (125, "2m5s"), (599, "9m59s"),
        (600, "10m"), (10799, "179m"), (10800, "3h"), (12_600, "3h30m"), (28_800, "8h"), (172_799, "47h"),
        (172_800, "2d"), (180_000, "2d2h"), (691_200, "8d"), (63_071_999, "729d"), (63_072_000, "2y"),
        (63_244_800, "2y2d"), (252_288_000, "8y"),
    ],
)  # fmt: skip
def test_a_duration_is_shown_as_kubectl_shows_it(seconds: int, shown: str) -> None:
    assert human_duration(timedelta(seconds=seconds)) == shown


def test_an_age_without_a_time_is_unknown() -> None:
    assert age(None, NOW) == "<unknown>"
    assert age("yesterday", NOW) == "<invalid>"
    assert age(YESTERDAY, NOW) == "24h"


@pytest.mark.parametrize(
    ("path", "found"),
    [
        (".a.b", [1]),
        ("{.a.b}", [1]),
        (".a['x.y/z']", [2]),
        (r".a.x\.y/z", [2]),
        (".list[0].k", ["p"]),
        (".list[-1].k", ["q"]),
        (".list[*].k", ["p", "q"]),
        ('.list[?(@.k=="q")].v', [True]),
        (".list[?(@.k!='q')].v", [3]),
        (".list[9].k", []),
        (".missing.b", []),
    ],
)
def test_a_path_leads_to_what_it_names(path: str, found: list[Any]) -> None:
    document = {"a": {"b": 1, "x.y/z": 2}, "list": [{"k": "p", "v": 3}, {"k": "q", "v": True}]}

    assert find(path, document) == found


@pytest.mark.parametrize("path", ["a", ".a[", ".a..b", ".a[?(@.b>1)]", ".a[1:2]"])
def test_a_path_beyond_the_subset_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match=r"jsonPath: .* allowed are"):
        find(path, {})


@pytest.mark.parametrize(
    ("type_", "value", "cell"),
    [
        ("string", "a", "a"),
        ("string", 5, "5"),
        ("string", ["a", 1], '["a",1]'),
        ("string", None, "<nil>"),
        ("integer", 5, 5),
        ("integer", 5.9, 5),
        ("integer", "5", None),
        ("number", 24.5, 24.5),
        ("boolean", True, True),
        ("boolean", "true", None),
        ("date", YESTERDAY, "24h"),
        ("date", "soon", "<invalid>"),
        ("date", 5, None),
    ],
)
def test_a_column_shows_what_is_of_its_type(type_: str, value: Any, cell: Any) -> None:
    columns = [{"name": "F", "type": type_, "jsonPath": ".status.f"}]

    assert tables.row(objects.CANARIES, {"metadata": META, "status": {"f": value}}, NOW, columns) == ["x", cell]


def test_a_column_without_a_value_is_empty() -> None:
    columns = [{"name": "F", "type": "string", "jsonPath": ".status.f"}]

    assert tables.row(objects.CANARIES, {"metadata": META}, NOW, columns) == ["x", None]


def test_a_custom_kind_without_columns_shows_its_age() -> None:
    assert [column["name"] for column in tables.columns_of(objects.CANARIES)] == ["Name", "Age"]
    assert tables.row(objects.CANARIES, {"metadata": META}, NOW) == ["x", "24h"]


def test_a_row_carries_what_was_asked_for() -> None:
    body = {"metadata": META, "data": {}}

    def carried(include: str) -> Any:
        return tables.table(objects.PODS, [body], NOW, include)["rows"][0].get("object")

    assert carried("None") is None
    assert carried("Object") == body
    assert carried("Metadata") == {
        "kind": "PartialObjectMetadata",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": META,
    }
    with pytest.raises(ValueError, match="one of None, Metadata, Object"):
        carried("All")


def test_restarts_say_when_the_last_one_was() -> None:
    status = {"restartCount": 3, "lastState": {"terminated": {"finishedAt": "2026-01-01T23:55:00Z"}}}
    body = {"metadata": META, "spec": {"containers": [{}]}, "status": {"containerStatuses": [status]}}

    assert tables.row(objects.PODS, body, NOW)[3] == "3 (5m ago)"


def test_a_pod_being_deleted_is_terminating_whatever_else_it_is() -> None:
    waiting = {"state": {"waiting": {"reason": "CrashLoopBackOff"}}}
    meta = {**META, "deletionTimestamp": YESTERDAY}
    body = {"metadata": meta, "spec": {}, "status": {"phase": "Running", "containerStatuses": [waiting]}}

    assert tables.row(objects.PODS, body, NOW)[2] == "Terminating"


def test_an_autoscaler_shows_what_is_measured_beside_what_is_wanted() -> None:
    metric = {"type": "Resource", "resource": {"name": "cpu", "target": {"averageUtilization": 80}}}
    measured = {"type": "Resource", "resource": {"name": "cpu", "current": {"averageUtilization": 35}}}
    body: dict[str, Any] = {
        "metadata": META,
        "spec": {"scaleTargetRef": {"kind": "Deployment", "name": "d"}, "maxReplicas": 4, "metrics": [metric]},
    }

    assert tables.row(AUTOSCALERS, body, NOW)[1:4] == ["Deployment/d", "cpu: <unknown>/80%", "<unset>"]
    body["status"] = {"currentMetrics": [measured], "currentReplicas": 2}
    assert tables.row(AUTOSCALERS, body, NOW)[2] == "cpu: 35%/80%"
