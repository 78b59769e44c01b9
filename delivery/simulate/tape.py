"""What really happened: the requests that each version got, piece by piece, and what became of them.

A piece of time has one share for the canary and one state of its pods. Pieces are cut where anything changes and where
somebody looks, so that disjoint windows add up to what happened and two questions about one window see the same
requests. Time is in seconds after the release.
"""

import math
from dataclasses import dataclass, field
from itertools import zip_longest

from delivery.simulate.draws import Draws
from delivery.simulate.latency import EDGES, shares
from delivery.simulate.scenario import Scenario

DAY = 86400.0
CLUSTER_SECONDS = 60.0
"""How long a pod keeps the share of failures that it drew, where failures come together."""


class DrawnAheadError(RuntimeError):
    """Requests were drawn for a time at which something else has happened since."""


@dataclass(slots=True)
class Piece:
    """What happened in [start, end]. `lost`: sent and never arrived. `buckets` are the canary's requests by how long
    they took, where anybody wants to know; `pods` requests and failures of each pod of a role, where failures come
    together in pods.
    """

    start: float
    end: float
    canary: int = 0
    failed: int = 0
    primary: int = 0
    primary_failed: int = 0
    lost: int = 0
    buckets: list[int] | None = None
    faulty: bool = False
    pods: dict[str, list[tuple[int, int]]] = field(default_factory=dict)

    def add(self, other: "Piece") -> None:
        """Count the other piece too."""
        self.canary += other.canary
        self.failed += other.failed
        self.primary += other.primary
        self.primary_failed += other.primary_failed
        self.lost += other.lost
        self.faulty = self.faulty or other.faulty
        for role, pods in other.pods.items():
            own = self.pods.get(role, [(0, 0)] * len(pods))
            self.pods[role] = [(a + c, b + d) for (a, b), (c, d) in zip_longest(own, pods, fillvalue=(0, 0))]
        if other.buckets is not None:
            known = self.buckets or [0] * len(EDGES)
            self.buckets = [a + b for a, b in zip(known, other.buckets, strict=True)]


@dataclass(slots=True)
class Share:
    """Where requests go from a moment on: the canary's share of users, and the share that is copied to it."""

    canary: float = 0.0
    copied: float = 0.0


@dataclass(slots=True)
class Tape:
    """The requests of one rollout, drawn as far as time has come. `hour`: the time of the day at 0.

    `users`: users' requests that were sent to the canary; `hit`: those that the fault or new pods spoilt, or that were
    lost.
    """

    scenario: Scenario
    draws: Draws
    hour: float = 0.0
    with_latency: bool = False
    now: float = 0.0
    share: Share = field(default_factory=Share)
    coming: list[tuple[float, Share]] = field(default_factory=list)
    canary_pods: list[float] = field(default_factory=list)
    primary_pods: list[float] = field(default_factory=list)
    pieces: list[Piece] = field(default_factory=list)
    first_request: float | None = None
    hit: int = 0
    users: int = 0
    _minute: int = -1
    _rates: dict[tuple[str, int, float], float] = field(default_factory=dict)

    def route(self, at: float, share: Share) -> None:
        """Requests follow a route written at `at` when the proxies know it. Raises DrawnAheadError."""
        self._to(at)
        self.coming.append((at + self.scenario.update_seconds, share))

    def pods(self, at: float, *, canary: list[float], primary: list[float]) -> None:
        """From `at` on these pods are ready, since when is said; a pod that was always there since -inf.

        Raises DrawnAheadError.
        """
        self._to(at)
        self.canary_pods, self.primary_pods = canary, primary

    def _to(self, at: float) -> None:
        if self.now > at:
            raise DrawnAheadError(f"drawn until {self.now}, changed at {at}")
        self.until(at)

    def until(self, end: float) -> None:
        """Let requests happen until `end`."""
        while self.now < end:
            while self.coming and self.coming[0][0] <= self.now:
                self.share = self.coming.pop(0)[1]
                if self.first_request is None and (self.share.canary > 0 or self.share.copied > 0):
                    self.first_request = self.now
            self._draw(min(end, self._next_change()))

    def between(self, start: float, end: float) -> Piece:
        """The sum of what happened in [start, end], to be read only."""
        self.until(start)
        self.until(end)
        self._cut(start)
        self._cut(end)
        last = self.pieces[-1] if self.pieces else None
        if last is not None and last.start == start and last.end == end:
            return last
        total = Piece(start, end)
        for piece in reversed(self.pieces):
            if piece.end <= start:
                break
            if piece.end <= end:
                total.add(piece)
        return total

    def _next_change(self) -> float:
        """When the next piece has to end at the latest."""
        scenario, now = self.scenario, self.now
        changes = [at for at, _ in self.coming]
        if not (changes or scenario.starts_after or scenario.warm_seconds or scenario.clustering):
            return math.inf
        if self.first_request is not None and scenario.starts_after:
            changes.append(self.first_request + scenario.starts_after)
        if scenario.warm_seconds:
            changes += [at + scenario.warm_seconds for at in (*self.canary_pods, *self.primary_pods)]
        if scenario.clustering:
            changes.append((now // CLUSTER_SECONDS + 1) * CLUSTER_SECONDS)
        return min((at for at in changes if at > now), default=math.inf)

    def _draw(self, end: float) -> None:
        scenario, share = self.scenario, self.share
        piece = Piece(self.now, end)
        sent = self._sent(self.now, end)
        arrives = bool(self.canary_pods) and not scenario.no_traffic
        users = self.draws.poisson(sent * share.canary)
        copies = self.draws.poisson(sent * share.copied) if arrives else 0
        piece.primary = self.draws.poisson(sent * (1 - share.canary))
        piece.primary_failed = self._fail(piece, piece.primary, scenario.error, role="primary")
        if arrives:
            piece.canary = users + copies
            self.hit += self._serve(piece, users)
        else:
            piece.lost = users
            self.hit += users
        self.users += users
        self.now = end
        self.pieces.append(piece)

    def _sent(self, start: float, end: float) -> float:
        """The expected number of requests in [start, end], with the time of the day."""
        scenario = self.scenario
        if not scenario.swing:
            return scenario.per_second * (end - start)
        turn = 2 * math.pi / DAY
        phase = (self.hour - scenario.peak_hour) * 3600.0
        wave = (math.sin(turn * (end + phase)) - math.sin(turn * (start + phase))) / turn
        return scenario.per_second * (end - start + scenario.swing * wave)

    def _serve(self, piece: Piece, users: int) -> int:
        """What becomes of the requests that reach the canary's pods; how many of those of `users` are spoilt."""
        scenario, draws = self.scenario, self.draws
        piece.faulty = faulty = self._faulty()
        young = self._young(self.canary_pods)
        base = scenario.error
        share = scenario.failing if faulty and scenario.failing is not None else base
        share = 1 - (1 - share) * (1 - young * scenario.warm_error)
        piece.failed = self._fail(piece, piece.canary, share, role="canary")
        spoilt = draws.binomial(piece.failed, 1 - base / share) if share > base else 0
        slow = self._slow(piece, young, faulty=faulty)
        hit = spoilt + draws.binomial(slow, 1 - spoilt / piece.canary) if piece.canary else 0
        return hit if users == piece.canary else draws.binomial(hit, users / piece.canary)

    def _slow(self, piece: Piece, young: float, *, faulty: bool) -> int:
        """How many requests took longer than they should; all by bucket, where anybody wants to know."""
        scenario, draws, number = self.scenario, self.draws, piece.canary
        part, factor = scenario.slow if faulty and scenario.slow is not None else (0.0, 1.0)
        cold = draws.binomial(number, young) if scenario.warm_slow > 1 else 0
        if not (part or cold or self.with_latency):
            return 0
        slow_cold, slow_warm = draws.binomial(cold, part), draws.binomial(number - cold, part)
        if self.with_latency:
            counts = (
                (number - cold - slow_warm, 1.0),
                (slow_warm, factor),
                (cold - slow_cold, scenario.warm_slow),
                (slow_cold, factor * scenario.warm_slow),
            )
            piece.buckets = [0] * len(EDGES)
            for count, times in counts:
                if count:
                    drawn = draws.spread(count, shares(scenario.log_median, scenario.log_sigma, times))
                    piece.buckets = [a + b for a, b in zip(piece.buckets, drawn, strict=True)]
        return (cold if factor >= 1 else 0) + (slow_warm if factor > 1 else 0)

    def _faulty(self) -> bool:
        """Does the fault show now?"""
        scenario, began = self.scenario, self.first_request
        late = began is not None and self.now >= began + scenario.starts_after
        return late and (not scenario.above or max(self.share.canary, self.share.copied) > scenario.above)

    def _young(self, pods: list[float]) -> float:
        """The share of pods that are still warming up."""
        warm = self.scenario.warm_seconds
        return sum(self.now < at + warm for at in pods) / len(pods) if warm and pods else 0.0

    def _fail(self, piece: Piece, number: int, share: float, *, role: str) -> int:
        """How many of so many requests fail; in clusters, each pod has its own share for a minute."""
        if not self.scenario.clustering:
            return self.draws.binomial(number, share)
        pods = max(1, len(self.canary_pods if role == "canary" else self.primary_pods))
        minute, every = int(self.now // CLUSTER_SECONDS), []
        for pod in range(pods):
            got = self.draws.binomial(number, 1 / (pods - pod))
            number -= got
            every.append((got, self.draws.binomial(got, self._rate(share, role=role, pod=pod, minute=minute))))
        piece.pods[role] = every
        return sum(failed for _, failed in every)

    def _rate(self, share: float, *, role: str, pod: int, minute: int) -> float:
        """The share of failures that a pod has in this minute."""
        if minute != self._minute:
            self._minute = minute
            self._rates.clear()
        key = (role, pod, share)
        if key not in self._rates:
            self._rates[key] = self.draws.rate(share, self.scenario.clustering)
        return self._rates[key]

    def _cut(self, at: float) -> None:
        """Make `at` a border of pieces. Requests of a piece are spread evenly over it, each with what became of it."""
        if not self.pieces or at <= self.pieces[0].start:
            return
        for index in range(len(self.pieces) - 1, -1, -1):
            piece = self.pieces[index]
            if piece.end <= at:
                return
            if piece.start < at:
                self.pieces[index : index + 1] = self._halves(piece, at)
                return

    def _halves(self, piece: Piece, at: float) -> list[Piece]:
        part, draws = (at - piece.start) / (piece.end - piece.start), self.draws
        first = Piece(piece.start, at, faulty=piece.faulty)
        first.failed = draws.binomial(piece.failed, part)
        first.canary = first.failed + draws.binomial(piece.canary - piece.failed, part)
        first.primary_failed = draws.binomial(piece.primary_failed, part)
        first.primary = first.primary_failed + draws.binomial(piece.primary - piece.primary_failed, part)
        first.lost = draws.binomial(piece.lost, part)
        second = Piece(at, piece.end, faulty=piece.faulty)
        second.failed, second.canary = piece.failed - first.failed, piece.canary - first.canary
        second.primary_failed = piece.primary_failed - first.primary_failed
        second.primary = piece.primary - first.primary
        second.lost = piece.lost - first.lost
        for role, pods in piece.pods.items():  # per pod only about, where a window begins in the middle of a minute
            first.pods[role] = [(round(got * part), round(failed * part)) for got, failed in pods]
            taken = zip(pods, first.pods[role], strict=True)
            second.pods[role] = [(got - a, failed - b) for (got, failed), (a, b) in taken]
        if piece.buckets is not None:
            first.buckets = [draws.binomial(count, part) for count in piece.buckets]
            second.buckets = [a - b for a, b in zip(piece.buckets, first.buckets, strict=True)]
        return [first, second]
