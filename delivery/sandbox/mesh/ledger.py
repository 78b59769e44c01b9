"""The ledger: who was lost, who was served badly and by whom, and when.

It is kept apart from the metrics, which follow Istio and forget with their pods: what users met is judged by this.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from enum import StrEnum

LOST_FLAGS = frozenset({"UH", "NC", "UF", "UC", "NR"})
"""No healthy upstream, no cluster, connect failure, cut connection, no route: nobody answered."""


LONGEST = 512
"""Stretches of time that a tally keeps apart."""


class Fate(StrEnum):
    """What a user met. `unready`: an answer, but of a service without any ready pod: the next one gets none."""

    SERVED = "served"
    BAD = "bad"
    LOST = "lost"
    UNREADY = "unready"


@dataclass(frozen=True, slots=True)
class Meeting:
    """What is told apart. `service` is what was asked for, `destination` where the route led; both are names in
    `namespace`. `workload`, `version` and `image` are empty where no pod was met.
    """

    fate: Fate
    namespace: str
    service: str
    destination: str
    source: str
    flag: str = "-"
    code: int = 0
    workload: str = ""
    version: str = ""
    image: str = ""


FIELDS = tuple(each.name for each in fields(Meeting))


@dataclass(slots=True)
class _Stretch:
    start: float
    end: float
    amount: float


@dataclass(slots=True)
class Tally:
    """Requests of one meeting over time: a list of stretches, each with an even rate."""

    meeting: Meeting
    stretches: list[_Stretch] = field(default_factory=list)

    def add(self, start: float, end: float, amount: float) -> None:
        """So many requests from `start` to `end`, evenly."""
        last = self.stretches[-1] if self.stretches else None
        if last is not None and last.start == start and last.end == end:
            last.amount += amount  # another proxy's, at the same time
            return
        self.stretches.append(_Stretch(start, end, amount))
        if len(self.stretches) > LONGEST:
            self._compact()

    def _compact(self) -> None:
        """Make one of each two stretches: the times get coarser, the sum stays."""
        pairs = zip(self.stretches[::2], self.stretches[1::2], strict=False)
        rest = self.stretches[-1:] if len(self.stretches) % 2 else []
        self.stretches = [
            _Stretch(min(one.start, two.start), max(one.end, two.end), one.amount + two.amount) for one, two in pairs
        ] + rest

    def total(self, since: float) -> float:
        """Requests since then."""
        return sum(_after(each, since) for each in self.stretches)


def _after(stretch: _Stretch, since: float) -> float:
    if stretch.start >= since:
        return stretch.amount
    if stretch.end <= since:
        return 0.0
    return stretch.amount * (stretch.end - since) / (stretch.end - stretch.start)


class Ledger:
    """All tallies."""

    def __init__(self) -> None:
        self._tallies: dict[Meeting, Tally] = {}

    def tally(self, meeting: Meeting) -> Tally:
        """The tally of a meeting."""
        found = self._tallies.get(meeting)
        if found is None:
            found = self._tallies[meeting] = Tally(meeting)
        return found

    def total(self, *, since: float | None = None, **where: object) -> float:
        """Requests of all meetings whose fields are so (`fate`, `namespace`, `service`, `destination`, ...)."""
        return sum(amount for _, amount in self._found(since, where))

    def by(self, *names: str, since: float | None = None, **where: object) -> dict[tuple[object, ...], float]:
        """The same, apart for each value of these fields; what has none is left out."""
        _known(names)
        sums: dict[tuple[object, ...], float] = {}
        for meeting, amount in self._found(since, where):
            key = tuple(getattr(meeting, name) for name in names)
            sums[key] = sums.get(key, 0.0) + amount
        return sums

    def _found(self, since: float | None, where: dict[str, object]) -> Iterator[tuple[Meeting, float]]:
        _known(where)
        for meeting, tally in self._tallies.items():
            if all(getattr(meeting, name) == value for name, value in where.items()):
                amount = tally.total(float("-inf") if since is None else since)
                if amount > 0.0:
                    yield meeting, amount


def _known(names: object) -> None:
    unknown = set(names) - set(FIELDS)  # type: ignore[call-overload]
    if unknown:
        raise ValueError(f"{min(unknown)}: allowed are {', '.join(FIELDS)}")
