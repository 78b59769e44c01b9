"""Counters of somebody's own, of both roles: which series count requests, and which of these went wrong.

A query gives one number, and nobody knows how many requests stand behind it. Whether two versions differ can only be
told from the counters themselves, as they were scraped of each pod. One text serves both roles: it has a placeholder
where the role's workload, pods or Service are named.
"""

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """Whose series are meant."""

    PRIMARY = "primary"
    CANARY = "canary"


class Part(StrEnum):
    """What a selector selects."""

    REQUESTS = "requests"
    FAILURES = "failures"
    SUCCESSES = "successes"
    BUCKETS = "buckets"


@dataclass(frozen=True, slots=True, kw_only=True)
class Counters:
    """PromQL selectors, with placeholders, of counters that only grow.

    Either `requests` with one of `failures` and `successes`, which are both among the requests; or `buckets`, the
    cumulative ones of a histogram of durations, whose `le` counts `bucket_ms` milliseconds each. `pod_label` is the
    label that says whose pod a series is about; "" is what Prometheus' own discovery calls it. `noun` is what is
    counted, in the plural, for people; "" is "requests". Raises ValueError for another choice of selectors.
    """

    requests: str = ""
    failures: str = ""
    successes: str = ""
    buckets: str = ""
    bucket_ms: float = 1000.0
    pod_label: str = ""
    noun: str = ""

    def __post_init__(self) -> None:
        if problem := chosen_wrongly({part for part in Part if self.text(part)}):
            raise ValueError(problem)

    def text(self, part: Part) -> str:
        """The selector of a part as it was written; "" for none."""
        texts = {
            Part.REQUESTS: self.requests,
            Part.FAILURES: self.failures,
            Part.SUCCESSES: self.successes,
            Part.BUCKETS: self.buckets,
        }
        return texts[part].strip()

    @property
    def parts(self) -> tuple[Part, ...]:
        """The selectors that there are."""
        return tuple(part for part in Part if self.text(part))


ALLOWED = "requests with one of failures and successes, or buckets alone"


def chosen_wrongly(given: set[Part]) -> str:
    """Why these selectors together count nothing that can be judged; "" if they do."""
    chosen = ({Part.REQUESTS, Part.FAILURES}, {Part.REQUESTS, Part.SUCCESSES}, {Part.BUCKETS})
    if given in chosen:
        return ""
    return f"given {' and '.join(part for part in Part if part in given) or 'none'}, allowed {ALLOWED}"
