"""What becomes of requests that a proxy sends to a cluster: tries, retries and time limits, as shares of a whole.

Pods that answer alike form a group, so that the sum over all orders of tries stays short. A retry goes to a pod that
was not tried yet, as long as there is one (Istio's default, `previous_hosts`). Which failures are tried again is
Envoy's: "x-envoy-retry-on" and "x-envoy-retry-grpc-on".
"""

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from delivery.sandbox.mesh.behaviour import Answer, Moment
from delivery.sandbox.mesh.latency import Latency, mean_ms
from delivery.sandbox.mesh.routes import Retry

QUICK = Latency(1.0)
"""How long it takes to be refused."""

OK = Answer(200)
CONNECT_FAILURE = Answer(503, "UF")
TIMEOUT = Answer(504, "UT")
TOO_MUCH = Answer(503)
HUNG_UP = Answer(0, "DC")
"""What the pod's own proxy notes when the caller did not wait."""

GRPC_RETRIES = {
    "cancelled": 1, "deadline-exceeded": 4, "resource-exhausted": 8, "internal": 13, "unavailable": 14,
}  # fmt: skip

NEGLIGIBLE = 1e-12
"""A share of requests too small to go on with."""

Ending = tuple[int | None, Answer, Latency]
"""The group of the pod that answered (None: no pod), the answer, and how long it took."""


@dataclass(frozen=True, slots=True)
class Group:
    """`count` pods that are alike; `moment` None: they refuse connections."""

    moment: Moment | None
    overload: float
    count: int


@dataclass(slots=True)
class Shares:
    """`ends`: how requests end for the caller, summing to 1. `tries`: what pods see of them, one for each try."""

    ends: dict[Ending, float] = field(default_factory=lambda: defaultdict(float))
    tries: dict[Ending, float] = field(default_factory=lambda: defaultdict(float))


@dataclass(frozen=True, slots=True)
class _Try:
    share: float
    answer: Answer
    latency: Latency
    at_pod: Answer | None
    again: bool


@dataclass(slots=True)
class _Waiting:
    """Requests that have tried the same pods: their share, and what they have spent so far on average."""

    share: float = 0.0
    spent_ms: float = 0.0

    def join(self, share: float, spent_ms: float) -> None:
        """More of them."""
        total = self.share + share
        self.spent_ms = (self.spent_ms * self.share + spent_ms * share) / total
        self.share = total


def _coarse(milliseconds: float) -> float:
    """To two digits, so that ever new averages do not make ever new distributions."""
    return float(f"{milliseconds:.1e}")


class Attempts:
    """One cluster's groups under one rule's policy. Seconds for time limits."""

    def __init__(self, groups: Sequence[Group], retry: Retry, timeout_seconds: float | None) -> None:
        self._groups, self._retry = groups, retry
        self._limit_ms = math.inf if timeout_seconds is None else timeout_seconds * 1000
        self._per_try_ms = math.inf if retry.per_try_seconds is None else retry.per_try_seconds * 1000
        self._counts = tuple(group.count for group in groups)
        self._shares = Shares()

    def shares(self) -> Shares:
        """What becomes of one request, on average."""
        waiting: dict[tuple[int, ...], _Waiting] = {self._counts: _Waiting(1.0, 0.0)}
        for retries in range(self._retry.attempts, -1, -1):
            following: dict[tuple[int, ...], _Waiting] = {}
            for left, who in waiting.items():
                if who.share > NEGLIGIBLE:
                    self._spread(left if any(left) else self._counts, who, retries, following)
            waiting = following
        return self._shares

    def _spread(
        self, left: tuple[int, ...], who: _Waiting, retries: int, following: dict[tuple[int, ...], _Waiting]
    ) -> None:
        """One more try, at any of the pods that are left; who fails and may try again is `following`."""
        spent_ms = _coarse(who.spent_ms)
        for index, count in enumerate(left):
            share = who.share * count / sum(left)
            for one in self._outcomes(self._groups[index], spent_ms) if count else ():
                part = share * one.share
                if one.at_pod is not None:
                    self._shares.tries[index, one.at_pod, one.latency] += part
                spent = spent_ms + mean_ms(one.latency)
                if one.again and retries > 0 and spent < self._limit_ms and part > NEGLIGIBLE:
                    rest = (*left[:index], count - 1, *left[index + 1 :])
                    following.setdefault(rest, _Waiting()).join(part, spent)
                else:
                    latency = replace(one.latency, offset_ms=spent_ms) if spent_ms else one.latency
                    self._shares.ends[None if one.at_pod is None else index, one.answer, latency] += part

    def _outcomes(self, group: Group, spent_ms: float) -> Iterator[_Try]:
        """The ways in which one try can end."""
        moment = group.moment
        if moment is None:
            yield _Try(1.0, CONNECT_FAILURE, QUICK, None, self._again(CONNECT_FAILURE))
            return
        if group.overload:
            yield _Try(group.overload, TOO_MUCH, QUICK, TOO_MUCH, self._again(TOO_MUCH))
        taken = 1.0 - group.overload
        rest_ms = self._limit_ms - spent_ms
        limit = min(self._per_try_ms, rest_ms)
        late = moment.latency.beyond(limit)
        latency = moment.latency if limit == math.inf else replace(moment.latency, limit_ms=limit)
        if late:
            again = self._per_try_ms < rest_ms and self._again(TIMEOUT)
            yield _Try(taken * late, TIMEOUT, Latency(limit), HUNG_UP, again)
        if late < 1.0:
            answered = taken * (1.0 - late)
            if moment.error_share < 1.0:
                yield _Try(answered * (1.0 - moment.error_share), OK, latency, OK, again=False)
            if moment.error_share:
                error = moment.error
                yield _Try(answered * moment.error_share, error, latency, error, self._again(error))

    def _again(self, answer: Answer) -> bool:
        on = self._retry.on
        if not self._retry.attempts:
            return False
        if answer.flags in ("UF", "UT", "UC"):
            own = {"UF": "connect-failure", "UT": "reset", "UC": "reset"}[answer.flags]
            return own in on or "5xx" in on or "gateway-error" in on
        return (
            ("5xx" in on and answer.code >= 500)
            or ("gateway-error" in on and answer.code in (502, 503, 504))
            or ("retriable-4xx" in on and answer.code == 409)
            or str(answer.code) in on
            or (answer.grpc is not None and any(GRPC_RETRIES.get(name) == answer.grpc for name in on))
        )


def seen(answer: Answer, *, grpc: bool) -> Answer:
    """An answer as callers of this protocol get it.

    Envoy answers gRPC callers with 200 and a status of its own; to a plain HTTP caller a gRPC error is a 500.
    """
    if not grpc:
        return answer if answer.grpc is None else Answer(500, answer.flags)
    if answer.grpc is not None:
        return answer
    if answer.code == 0:
        return Answer(0, answer.flags)
    status = {200: 0, 400: 13, 401: 16, 403: 7, 404: 12, 429: 14, 502: 14, 503: 14, 504: 14}.get(answer.code, 2)
    return Answer(200, answer.flags, status)
