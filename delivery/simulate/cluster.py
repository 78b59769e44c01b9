"""What a rollout sees of a cluster and does to it: pods that take their time, routes, and nothing that decides."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from delivery.simulate.draws import Draws
from delivery.simulate.scenario import Scenario
from strategies.changing import altered
from strategies.decision import Wanted
from strategies.rollout import wanted
from strategies.snapshot import Routes, Snapshot, Workload
from strategies.spec import RolloutSpec
from strategies.status import Status
from strategies.traffic import Traffic

_NOTHING = Snapshot(epoch=1)


@dataclass(slots=True)
class Pods:
    """A role's workload. `since`: when each pod of the newest template is or becomes ready; `old` ready pods of the
    template before serve until as many new ones do.
    """

    revision: str
    replicas: int
    since: list[datetime] = field(default_factory=list)
    old: int = 0

    def scale(self, replicas: int, starts: list[datetime], now: datetime) -> None:
        """So many pods from now on; new ones become ready at `starts`."""
        replaced = len(self.ready_since(now)) == self.replicas
        self.since = sorted([*self.since, *starts])[:replicas]
        self.replicas, self.old = replicas, 0 if replaced else min(self.old, replicas)

    def template(self, revision: str, starts: list[datetime], now: datetime) -> None:
        """Another template; its pods become ready at `starts`."""
        self.old = self.observed(now).ready
        self.revision, self.since = revision, sorted(starts)

    def ready_since(self, now: datetime) -> list[datetime]:
        """Since when the ready pods of the newest template are ready."""
        return [at for at in self.since if at <= now]

    def next_change(self, now: datetime) -> datetime | None:
        """When the next pod becomes ready."""
        return next((at for at in self.since if at > now), None)

    def observed(self, now: datetime) -> Workload:
        """What a tick sees of it."""
        since = self.ready_since(now)
        new = len(since)
        return Workload(
            revision=self.revision,
            replicas=self.replicas,
            ready=min(self.replicas, new + self.old),
            updated=self.replicas,
            updated_ready=new,
            settled=new == self.replicas or not self.old,
            ready_since=tuple(since),
        )


@dataclass(slots=True)
class Cluster:
    """The cluster around one Canary, as far as advance() and wanted() know of it."""

    spec: RolloutSpec
    scenario: Scenario
    draws: Draws
    target: Pods
    primary: Pods | None = None
    written: Traffic | None = None
    in_sync: bool = False
    apex_moved: bool = False
    finalizer: bool = False
    delivered: frozenset[str] = frozenset()
    _seen: Snapshot | None = None
    _until: datetime | None = None

    def copy(self, draws: Draws) -> "Cluster":
        """The same cluster with a life of its own."""
        primary = self.primary
        return replace(
            self,
            draws=draws,
            target=replace(self.target, since=list(self.target.since)),
            primary=replace(primary, since=list(primary.since)) if primary is not None else None,
            _seen=None,
            _until=None,
        )

    def snapshot(self, now: datetime) -> Snapshot:
        """What a tick sees at `now`."""
        if self._seen is None or (self._until is not None and now >= self._until):
            self._seen = self._observe(now)
            self._until = self.next_change(now)
        return self._seen

    def _observe(self, now: datetime) -> Snapshot:
        traffic = self.written
        routes = Routes(
            canary_weight=traffic.canary if traffic is not None else None,
            everybody_weight=traffic.everybody if traffic is not None else None,
            mirror=traffic.mirror if traffic is not None else 0,
            testers=traffic is not None and traffic.testers,
            in_sync=self.in_sync,
            confirmed=self.in_sync,
            apex_moved=self.apex_moved,
        )
        seen = {
            "target": self.target.observed(now),
            "primary": self.primary.observed(now) if self.primary is not None else None,
            "routes": routes,
            "finalizer": self.finalizer,
            "delivered": self.delivered,
        }
        return altered(_NOTHING, seen)

    def next_change(self, now: datetime) -> datetime | None:
        """When pods change by themselves."""
        coming = [each.next_change(now) for each in (self.target, self.primary) if each is not None]
        return min((at for at in coming if at is not None), default=None)

    def release(self, revision: str, now: datetime) -> None:
        """Somebody sets another image."""
        self.target.template(revision, self._starts(self.target.replicas, now), now)
        self._seen = None

    def deliver(self, status: Status) -> None:
        """People are told at once what stands in the outbox."""
        ids = frozenset(note.id for note in status.outbox)
        if ids != self.delivered:
            self.delivered = ids
            if self._seen is not None:
                self._seen = altered(self._seen, {"delivered": ids})

    def converge(self, status: Status, now: datetime) -> bool:
        """Write what is wanted; True when that changed anything."""
        wish = wanted(self.spec, status, self.snapshot(now))
        if wish.hands_off:
            return False
        in_sync = wish.traffic is not None
        changed = self.in_sync != in_sync or (in_sync and wish.traffic != self.written)
        self.in_sync, self.written = in_sync, wish.traffic or self.written
        changed |= self._write_pods(wish, now)
        if wish.apex_to_primary and not self.apex_moved and self.written is not None:
            self.apex_moved = changed = True
        if wish.finalizer != self.finalizer:
            self.finalizer, changed = wish.finalizer, True
        if changed:
            self._seen = None
        return changed

    def _write_pods(self, wish: Wanted, now: datetime) -> bool:
        changed = self._write_primary(wish, now)
        number = self._canary_replicas(wish)
        if number is not None and number != self.target.replicas:
            self.target.scale(number, self._starts(number - self.target.replicas, now), now)
            return True
        return changed

    def _write_primary(self, wish: Wanted, now: datetime) -> bool:
        revision = wish.primary_revision
        if revision is None or (self.primary is not None and self.primary.revision == revision):
            return False
        if self.primary is None:
            number = self.scenario.primary_pods
            self.primary = Pods(revision, number, self._starts(number, now))
        else:
            self.primary.template(revision, self._starts(self.primary.replicas, now), now)
        return True

    def _canary_replicas(self, wish: Wanted) -> int | None:
        """How many pods the canary is to have; an autoscaler has its own number and keeps the least asked for."""
        if wish.canary_replicas is None or self.spec.shares_pods:
            return None
        if wish.canary_replicas == 0:
            return 0
        own = self.scenario.canary_pods
        least = wish.canary_replicas if own is None else max(own, wish.canary_min or 1)
        return max(least, self.target.replicas)

    def _starts(self, number: int, now: datetime) -> list[datetime]:
        """When so many pods that are created now become ready."""
        scenario, draw = self.scenario, self.draws.random
        return [
            now + timedelta(seconds=scenario.start_up + scenario.start_up_spread * draw())
            for _ in range(max(0, number))
        ]
