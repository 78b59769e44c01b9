"""Announcements as Kubernetes Events."""

import re
from datetime import UTC, datetime, timedelta, timezone

import pytest

from delivery.alerts.events import event, event_name
from strategies.status import Announcement

CANARY = {
    "apiVersion": "progressive.delivery/v1beta1",
    "kind": "Canary",
    "metadata": {"namespace": "shop", "name": "reviews", "uid": "u-1", "generation": 3},
    "spec": {},
}
NOW = datetime(2030, 1, 1, 12, 0, 0, 123456, tzinfo=timezone(timedelta(hours=1)))
SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")


def announcement(name: str = "r1-3", message: str = "5 % to the canary", **fields: object) -> Announcement:
    return Announcement(id=name, at=NOW, reason="WeightRaised", message=message, **fields)  # type: ignore[arg-type]


def test_an_event_tells_who_what_and_when() -> None:
    body = event(CANARY, announcement())
    assert body["metadata"] == {"namespace": "shop", "name": "reviews.r1-3"}
    assert body["involvedObject"] == {
        "apiVersion": "progressive.delivery/v1beta1",
        "kind": "Canary",
        "namespace": "shop",
        "name": "reviews",
        "uid": "u-1",
    }
    assert (body["reason"], body["message"], body["type"]) == ("WeightRaised", "5 % to the canary", "Normal")
    assert body["firstTimestamp"] == body["lastTimestamp"] == "2030-01-01T11:00:00Z"
    assert body["source"] == {"component": "progressive-delivery"}
    assert body["reportingComponent"] == "progressive-delivery"
    assert body["count"] == 1


def test_a_warning_is_a_warning() -> None:
    assert event(CANARY, announcement(warning=True))["type"] == "Warning"


def test_the_same_announcement_is_the_same_event_whoever_tells_it() -> None:
    assert event(CANARY, announcement()) == event(dict(CANARY), announcement())


def test_a_long_message_is_cut_to_what_the_server_takes() -> None:
    message = event(CANARY, announcement(message="é" * 2000))["message"]
    assert len(message.encode()) <= 1024
    assert message.endswith("é…")


@pytest.mark.parametrize(
    "name",
    ["R1-3", "r1/3", "r1_3", "r1..3", "-r1", "r1-", "r1.-3", "", "x" * 400, "r1 3", "Größe"],
)
def test_every_name_is_one_that_the_server_takes(name: str) -> None:
    made = event_name("reviews", name)
    assert SUBDOMAIN.fullmatch(made)
    assert len(made) <= 253
    assert made.startswith("reviews")


def test_names_that_had_to_be_changed_stay_different() -> None:
    names = ["r1/3", "r1_3", "r1 3", "r1-3", "x" * 400, "x" * 401]
    assert len({event_name("reviews", name) for name in names}) == len(names)
    assert event_name("reviews", "r1-3") == "reviews.r1-3"


def test_times_are_utc() -> None:
    told = Announcement(id="a", at=NOW.astimezone(UTC), reason="R", message="m")
    assert event(CANARY, told)["firstTimestamp"] == "2030-01-01T11:00:00Z"
