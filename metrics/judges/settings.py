"""What a comparison with the primary may be told: how much worse is too much, and how often it may be wrong."""

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class CompareWithPrimary:
    """Settings of one comparison. Raises ValueError for values out of range.

    `max_increase_percent` (0..1000): the canary may have this much more bad requests for each one than the primary.
    `false_alarm_percent` (above 0, up to 50): in how many of 100 runs a canary within that margin may fail, over all
    windows and all comparisons of the run together; `share` (above 0, up to 1) is the part of it that this comparison
    has. `ignore_below_percent` (0..100): with at most this share of bad requests a canary does not fail, however good
    the primary is. `max_load_ratio` (at least 1): if the roles' requests per pod are further apart than that, the
    difference in load may be the cause of what is seen.
    """

    max_increase_percent: float = 25.0
    false_alarm_percent: float = 1.0
    ignore_below_percent: float = 0.1
    share: float = 1.0
    max_load_ratio: float = 1.5

    def __post_init__(self) -> None:
        for field, value, low, high, open_at_low in (
            ("max_increase_percent", self.max_increase_percent, 0.0, 1000.0, False),
            ("false_alarm_percent", self.false_alarm_percent, 0.0, 50.0, True),
            ("ignore_below_percent", self.ignore_below_percent, 0.0, 100.0, False),
            ("share", self.share, 0.0, 1.0, True),
            ("max_load_ratio", self.max_load_ratio, 1.0, math.inf, False),
        ):
            if not low <= value <= high or (open_at_low and value == low):
                bracket = "(" if open_at_low else "["
                raise ValueError(f"{field}: given {value}, allowed {bracket}{low:g}, {high:g}]")

    @property
    def margin(self) -> float:
        """How many times the primary's share of bad requests the canary may have, at least 1."""
        return 1.0 + self.max_increase_percent / 100.0

    @property
    def alpha(self) -> float:
        """The probability of a false alarm that this comparison has for the whole run."""
        return self.false_alarm_percent / 100.0 * self.share

    def part(self, comparisons: int) -> "CompareWithPrimary":
        """These settings for one of so many comparisons of a run, which share the budget evenly."""
        return CompareWithPrimary(
            max_increase_percent=self.max_increase_percent,
            false_alarm_percent=self.false_alarm_percent,
            ignore_below_percent=self.ignore_below_percent,
            share=self.share / comparisons,
            max_load_ratio=self.max_load_ratio,
        )
