"""What the state machine asks the world, as values.

A question names a fixed piece of time, so that asking it again after a crash gives the same answer. Questions are
keys: the one who asks keeps exactly the decision's questions alive and hands the answers back under them.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from metrics.verdict import Verdict


class Ask(StrEnum):
    """The kinds of questions."""

    METRIC = "metric"  # a metric of the analysis over [start, end]
    LIMITS = "limits"  # the same by its limits alone: of the whole step, or where there is nobody to compare with
    TRAFFIC = "traffic"  # how many requests each role got over [start, end]: Verdict.counts
    DRAINED = "drained"  # does nobody send requests to the canary any more? pass = drained
    HOOK = "hook"  # what does a webhook say? pass = 2xx, fail = any other answer, error = none; `at` is when it is due


class Question(NamedTuple):
    """One question. `at` is when it may be evaluated at the earliest, and the time that it is evaluated for.

    `memory` is what the status holds of the judge's memory of the check (see Verdict.memory), so that asking again
    gives the same answer; `judge` is the judge with its settings, in words of CheckSpec, that the memory belongs to.
    """

    run: str
    step: int
    kind: Ask
    name: str
    window: int
    start: datetime
    end: datetime
    at: datetime
    judge: str = ""
    memory: str = ""

    def __hash__(self) -> int:
        """Of what nearly always differs: questions are looked up many times, and all fields take ten times as long."""
        return hash((self.name, self.window, self.end))


Answers = Mapping[Question, Verdict]
