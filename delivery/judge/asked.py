"""What somebody wants to know of the past, as a value that is checked before anything is fetched."""

import json
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from math import ceil

from metrics import selectors
from metrics.counters import Counters, Part, Role
from metrics.judges.settings import CompareWithPrimary
from metrics.matchers import Matchers
from metrics.raw_queries import What
from metrics.spec import Subject

OPTIONS = {Part.REQUESTS: "--query", Part.FAILURES: "--failed"}
"""How the selectors are given that this knows of."""
MOST_WINDOWS = 100_000
"""How many windows one question is about at most: ten weeks of minutes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A fixed limit to compare with: roll back when `strikes` windows had a success rate (percent) below `minimum`."""

    minimum: float = 99.0
    strikes: int = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Which workloads, which piece of time, and how to judge. Raises ValueError for what cannot be answered.

    Windows are `window_seconds` long (at least a second); Prometheus is taken to scrape every `scrape_seconds`.
    """

    namespace: str
    primary: str
    canary: str
    begin: datetime
    end: datetime
    window_seconds: float = 60.0
    scrape_seconds: float = 15.0
    kinds: tuple[What, ...] = (What.REQUESTS, What.DURATIONS)
    settings: CompareWithPrimary = field(default_factory=CompareWithPrimary)
    rule: Rule = field(default_factory=Rule)
    matchers: Matchers = ()
    counters: Counters | None = None

    def __post_init__(self) -> None:
        if self.primary == self.canary:
            raise ValueError(f"canary: given {self.canary!r} for both workloads, two different ones are needed")
        if self.window_seconds < 1 or self.scrape_seconds < 1:
            given = f"{self.window_seconds:g} and {self.scrape_seconds:g}"
            raise ValueError(f"window, scrape interval: given {given} seconds, at least 1 is needed")
        if not self.begin < self.end:
            raise ValueError(f"time: given {self.begin.isoformat()} to {self.end.isoformat()}, it must end later")
        if (windows := ceil((self.end - self.begin).total_seconds() / self.window_seconds)) > MOST_WINDOWS:
            raise ValueError(f"time: given {windows:,} windows, allowed {MOST_WINDOWS:,}; ask for less or longer ones")
        if self.counters is not None and What.DURATIONS in self.kinds:
            raise ValueError("metric: counters of one's own tell failures only, durations need Istio's histograms")
        try:
            for role in Role:
                self.selectors(role)
        except selectors.SelectorError as error:
            given = f"{OPTIONS.get(Part(error.field), error.field)}: given {error.given}"
            raise ValueError(f"{given}, allowed {error.allowed}") from error

    @property
    def subject(self) -> Subject:
        """The two workloads in the words of the builtin queries, which need no Service for this."""
        return Subject(
            namespace=self.namespace,
            name=self.canary,
            target=self.canary,
            primary=self.primary,
            apex_service="",
            primary_service="",
            canary_service="",
            matchers=self.matchers,
        )

    def selectors(self, role: Role) -> dict[Part, str]:
        """Those of a role's series, where other counters than Istio's are asked for. Raises SelectorError."""
        if self.counters is None:
            return {}
        selectors.check(self.counters, {})
        return selectors.of(self.counters, role, self.subject, {})

    @property
    def fingerprint(self) -> str:
        """Says whether kept counts belong to this question; how they are judged and until when changes no counts."""
        counters = None if self.counters is None else (self.counters.requests, self.counters.failures)
        parts = [self.namespace, self.primary, self.canary, self.window_seconds, self.scrape_seconds]
        text = json.dumps([*parts, [each.value for each in self.kinds], self.matchers, counters])
        return sha256(text.encode()).hexdigest()[:16]
