"""Who answers the controller's questions in the simulation: a Prometheus that knows how good each version is."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from math import ceil
from typing import Any, NamedTuple

from delivery.cluster.memory import Store
from delivery.cluster.objects import DAEMON_SETS, DEPLOYMENTS, SERVICES, VIRTUAL_SERVICES, Ref
from metrics import comparison
from metrics.judges.comparison import compare
from metrics.judges.counts import PodCounts, RoleCounts, WindowCounts
from metrics.spec import Counted, MetricSpec, Subject, Window
from metrics.verdict import Counts, Outcome, Verdict


class SimulatedAnalyst:
    """Answers by the quality that the target's template is annotated with, after a while, and not at all when away.

    `good` versions always pass and `bad` ones always fail, so that the right outcome of every story is known.
    """

    def __init__(self, store: Store, rng: random.Random) -> None:
        self.away = False
        self.complaint = "Prometheus is away"
        self.quiet = False
        self.turned = ""
        """How good every version is from now on, whatever its template says."""
        self.bad_with_users = False
        """Versions are bad as soon as the routes give them anything."""
        self.slow = 0.5
        self.route_kind = VIRTUAL_SERVICES
        self.routed: Callable[[], int | None] | None = None
        """What the routes give to the canary, where they are the user's."""
        self.fails: Counter[str] = Counter()
        self.failed_at: list[float] = []
        self._store = store
        self._rng = rng

    async def metric(self, spec: MetricSpec, subject: Subject, window: Window, *, server: str) -> Verdict:
        await self._think()
        if self.away:
            return Verdict(Outcome.ERROR, limit=spec.limit, message=self.complaint)
        if self.quiet or self.quality(subject) == "unreachable":
            return Verdict(Outcome.INCONCLUSIVE, limit=spec.limit, message="no requests in this window")
        if self.quality(subject) == "bad" or (self.bad_with_users and self.weight(subject) > 0):
            self.fails[subject.target] += 1
            self.failed_at.append(asyncio.get_running_loop().time())
            return Verdict(Outcome.FAIL, value=90.0, limit=spec.limit, message="90 % is below the minimum of 99 %")
        return Verdict(Outcome.PASS, value=99.9, limit=spec.limit)

    async def compared(
        self, spec: MetricSpec, subject: Subject, window: Window, *, number: int, memory: str, server: str
    ) -> Verdict:
        """By the limits, and by what 100 requests a second would tell: a bad version fails one of twenty."""
        limits = await self.metric(spec, subject, window, server=server)
        if spec.compare is None or self.away:
            return limits
        requests = 100.0 * window.seconds
        canary = 0.0 if limits.outcome is Outcome.INCONCLUSIVE else requests * self.weight(subject) / 100
        fails = 0.05 if limits.outcome is Outcome.FAIL else 0.002
        counts = WindowCounts(number, primary=_served(requests - canary, 0.002), canary=_served(canary, fails))
        kept = limits._replace(outcome=self._by_limits(limits))
        return comparison.together(kept, compare(counts, memory, spec.compare))

    def _by_limits(self, limits: Verdict) -> Outcome:
        """Where versions are compared, limits are what even a bad one keeps."""
        return Outcome.PASS if limits.outcome is Outcome.FAIL else limits.outcome

    async def traffic(self, subject: Subject, window: Window, *, server: str) -> Verdict:
        await self._think()
        if self.away:
            return Verdict(Outcome.ERROR, message=self.complaint)
        if subject.counted is Counted.BY_APPLICATION:
            return Verdict(Outcome.INCONCLUSIVE)
        if self.quiet:
            return Verdict(Outcome.INCONCLUSIVE, counts=Counts(0, 0, 0))
        weight = self.weight(subject)
        canary = 0 if self.quality(subject) == "unreachable" else weight
        return Verdict(Outcome.PASS, counts=Counts(canary=canary, primary=100 - weight, expected=100))

    async def drained(self, subject: Subject, window: Window, *, server: str) -> Verdict:
        await self._think()
        if self.away:
            return Verdict(Outcome.ERROR, message=self.complaint)
        if subject.counted is Counted.BY_APPLICATION:
            return Verdict(Outcome.INCONCLUSIVE)
        return Verdict(Outcome.PASS if self.weight(subject) == 0 else Outcome.FAIL, value=float(self.weight(subject)))

    def quality(self, subject: Subject) -> str:
        """How good the target's present version is."""
        found = (self._store.peek(Ref(kind, subject.namespace, subject.target)) for kind in (DEPLOYMENTS, DAEMON_SETS))
        behind = self._store.peek(Ref(SERVICES, subject.namespace, subject.canary_service))
        if subject.by_service and behind is not None:
            name = f"{subject.apex_service}-{(behind['spec'].get('selector') or {}).get('version')}"
            found = iter([self._store.peek(Ref(DEPLOYMENTS, subject.namespace, name))])
        body = next((each for each in found if each is not None), None)
        annotations = (body or {}).get("spec", {}).get("template", {}).get("metadata", {}).get("annotations", {})
        return self.turned or str(annotations.get("sim/quality", "good"))

    def weight(self, subject: Subject) -> int:
        """About what the live routes give to the canary; of those who match there are few."""
        if self.routed is not None:
            return self.routed() or 0
        found = shares_of(self._store.peek(Ref(self.route_kind, subject.namespace, subject.apex_service)))
        return 0 if found is None else max(found.everybody, ceil(found.matched * FEW), int(found.special))

    async def _think(self) -> None:
        await asyncio.sleep(self._rng.uniform(0.0, self.slow))


def _served(requests: float, share: float) -> RoleCounts:
    """Requests to the two pods of a role, a share of which failed."""
    if requests <= 0:
        return RoleCounts.of(())
    return RoleCounts.of([PodCounts(f"pod-{n}", requests / 2, (requests / 2 * share,)) for n in (1, 2)])


FEW = 0.1
"""The part of all users who match."""


class Shares(NamedTuple):
    """The canary's weights in our rules, and whether a rule leads some users to it whatever the weights are."""

    everybody: int
    matched: int
    special: bool = False


def shares_of(route: object) -> Shares | None:
    """What our rules of a VirtualService give to the canary; None without one for everybody.

    Without a mesh it is the apex Service that gives, as soon as it was taken over.
    """
    if not isinstance(route, dict):
        return None
    spec = route.get("spec", {})
    if route.get("kind") == "Service":
        return _selected(route)
    ours = {str(rule.get("name")): rule for rule in spec.get("http") or ()}
    if tcp := spec.get("tcp"):
        return Shares(_share(tcp[0]), _share(tcp[0]))
    if "progressive-delivery" not in ours:
        return None
    everybody = _share(ours["progressive-delivery"])
    matched = ours.get("progressive-delivery-matched")
    special = any(f"progressive-delivery-{name}" in ours for name in ("testers", "canary-cookie"))
    return Shares(everybody, everybody if matched is None else _share(matched), special)


def _selected(apex: dict[str, Any]) -> Shares | None:
    weights = {"reviews": 100, "reviews-primary": 0}
    weight = weights.get(str(apex["spec"].get("selector", {}).get("app")))
    ours = "progressive.delivery/applied" in (apex["metadata"].get("annotations") or {})
    return Shares(weight, weight) if ours and weight is not None else None


def canary_weight(route: object) -> int | None:
    """The canary's weight in our rule for everybody; None without one."""
    found = shares_of(route)
    return None if found is None else found.everybody


def _share(rule: dict[str, Any]) -> int:
    weights = {each["destination"]["host"].split(".")[0]: each.get("weight", 100) for each in rule["route"]}
    return int(weights.get("reviews-canary", 0))
