"""What may hold a release back, and never a rollback: gates, in words that services, people and calendars share.

A gate is asked at a point of a run: before it starts, before the canary gets more requests, before the promotion. What
keeps it closed (a webhook's answer, a missing approval, a rollout window) is not known here.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from strategies.json_names import JSON_NAMES
from strategies.reasons import Reason


class GateKind(StrEnum):
    """What a gate stands before."""

    ROLLOUT = "rollout"  # a run: the canary's pods come after it
    TRAFFIC_INCREASE = "traffic-increase"  # a step that gives the canary more requests
    PROMOTION = "promotion"  # the primary gets the new version
    ROLLBACK = "rollback"  # the other way round: an open one ends the run


class HookType(StrEnum):
    """When a webhook is called; Flagger's names."""

    CONFIRM_ROLLOUT = "confirm-rollout"
    PRE_ROLLOUT = "pre-rollout"
    ROLLOUT = "rollout"
    CONFIRM_TRAFFIC_INCREASE = "confirm-traffic-increase"
    CONFIRM_PROMOTION = "confirm-promotion"
    POST_ROLLOUT = "post-rollout"
    ROLLBACK = "rollback"
    EVENT = "event"


CONFIRMS = {
    HookType.CONFIRM_ROLLOUT: GateKind.ROLLOUT,
    HookType.CONFIRM_TRAFFIC_INCREASE: GateKind.TRAFFIC_INCREASE,
    HookType.CONFIRM_PROMOTION: GateKind.PROMOTION,
}
"""The webhooks that are gates."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """Where a run stands still: before what, and since when.

    `of` is the run's id, or before a run its revision; `step` the index of the step to come, the plan's length for the
    promotion, -1 for the start. `since` is when everything else had come so far for the first time: timeouts count from
    it. It is recorded (`status.waiting`) as soon as a gate is not open.
    """

    kinds: tuple[GateKind, ...]
    of: str
    step: int
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """One gate that is not open.

    `name` is short and unique among the gates of a point ("webhook/qa", "window"); `message` says what it waits for and
    what to do. `pending`: it is being asked, which is no news. `muted`: alert services are not told of it.
    `ends_run`: it was refused, or nobody opened it in time, and so it ends the run: back to the primary, `reason` why.
    """

    name: str
    message: str
    pending: bool = False
    muted: bool = False
    ends_run: bool = False
    reason: Reason = "GateClosed"


class Word(StrEnum):
    """What became of a gate that people open."""

    APPROVED = "approved"
    DENIED = "denied"
    PROCEEDED = "proceeded"  # nobody came in time, and it opened by itself
    OVERDUE = "overdue"  # nobody came in time, and it goes on waiting
    EXPIRED = "expired"  # nobody came in time, and the run was ended

    @property
    def opens(self) -> bool:
        """Is the gate open by it?"""
        return self in (Word.APPROVED, Word.PROCEEDED)


@dataclass(frozen=True, slots=True, kw_only=True)
class GateRecord:
    """What somebody said of a gate, as the run remembers it.

    `of` is the run ("": the open one, or the one in whose history it stands), or the ticket of a revision that waited
    for one. `step` is the increase it is about, from 1; None: all of them. `approval` is the object in which it was
    said; "" where nobody said anything.
    """

    __pydantic_config__ = JSON_NAMES

    gate: str
    word: Word
    at: datetime | None = None
    of: str = ""
    by: str = ""
    reason: str = ""
    step: int | None = None
    approval: str = ""

    def is_of(self, run: str) -> bool:
        """Is it about this run, or this attempt at a revision?"""
        return self.of in ("", run)


_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def base36(number: int) -> str:
    """A number, 0 or more, in few characters that may stand in an object's name."""
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = _DIGITS[digit] + digits
    return digits or "0"


def attempt(revision: str, at: datetime) -> str:
    """A name for one attempt at a revision, which no other attempt has."""
    return f"{revision.rpartition('-')[2][:6]}-{base36(int(at.timestamp() * 1000))}"


def ticket(point: Point) -> str:
    """What a word on a gate of this point has to name, so that it is good for nothing else: the run or, where there is
    none yet, the attempt at the revision since it waits.
    """
    return point.of if point.step >= 0 else attempt(point.of, point.since)
