"""What may hold a release back, and never a rollback: gates, in words that services, people and calendars share.

A gate is asked at a point of a run: before it starts, before the canary gets more requests, before the promotion. What
keeps it closed (a webhook's answer, a missing approval, a rollout window) is not known here.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


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
    `ends_run`: nobody opened it in time and so it ends the run: back to the primary.
    """

    name: str
    message: str
    pending: bool = False
    muted: bool = False
    ends_run: bool = False
