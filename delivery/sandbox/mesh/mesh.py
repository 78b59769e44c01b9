"""The mesh: callers, proxies and pods on one clock that somebody else moves.

    mesh = Mesh(seed=7, loads=[Load("shop", "reviews", per_second=50)])
    mesh.apply(SERVICES, "ADDED", body)      # and so on, whenever something changes in the cluster
    mesh.advance(12.5)                       # the mesh's own seconds; they never go back
    mesh.exposition()                        # what Istio's proxies would show to Prometheus now
    mesh.lost()                              # requests that nobody answered

Pure and deterministic for a seed: no clock, no threads, no I/O. Traffic is a flow, accounted for exactly from change to
change, so a loss of a thousandth of a request is more than 0. Drivers: `on_store` and `on_api`.
"""

import math
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from delivery.cluster.objects import PODS, Kind, Object
from delivery.sandbox.mesh.application import Applications, text
from delivery.sandbox.mesh.attempts import QUICK
from delivery.sandbox.mesh.behaviour import Answer, Behaviour
from delivery.sandbox.mesh.census import Census
from delivery.sandbox.mesh.control_plane import ROUTES, ControlPlane, Delta
from delivery.sandbox.mesh.flows import Dependency, Plan, Planner, PodFlow, meeting_of
from delivery.sandbox.mesh.ledger import Fate, Ledger
from delivery.sandbox.mesh.load import Load
from delivery.sandbox.mesh.pods import Pod
from delivery.sandbox.mesh.proxies import Proxy, Pushes
from delivery.sandbox.mesh.routes import Rule
from delivery.sandbox.mesh.telemetry import Sample, Telemetry, exposition, samples

CUT = Answer(503, "UC")
ROUNDS = 20
"""How often pods that have too much to do and callers that try again are balanced against each other."""


@dataclass(slots=True, eq=False)
class _Unit:
    """One load at one proxy."""

    load: Load
    proxy: Proxy
    rate: float
    plan: Plan
    since: float
    stale: bool = True

    def settle(self, now: float) -> None:
        """Let the time up to now have happened."""
        seconds = now - self.since
        if seconds <= 0.0:
            return
        for series, latency, rate in self.plan.series:
            series.add(latency, rate * seconds)
        for tally, rate in self.plan.meetings:
            tally.add(self.since, now, rate * seconds)
        self.since = now


class Mesh:
    """`proxies` sidecars share the callers evenly, beside one ingress gateway.

    Each push takes from `lag[0]` to `lag[1]` seconds (of endpoints: `endpoint_lag`, if given); `slow`: to the last
    sidecar always so many. A pod serves for
    `shutdown_seconds` after its deletion was asked for. `by_image`: how images behave without an annotation.
    """

    def __init__(
        self,
        *,
        seed: int | str = 0,
        loads: Iterable[Load] = (),
        proxies: int = 5,
        lag: tuple[float, float] = (0.1, 10.0),
        endpoint_lag: tuple[float, float] | None = None,
        slow: float | None = None,
        shutdown_seconds: float = 15.0,
        by_image: Mapping[str, Behaviour] | None = None,
        domain: str = "cluster.local",
        now: float = 0.0,
    ) -> None:
        if proxies < 1:
            raise ValueError(f"proxies: {proxies}; allowed is 1 or more")
        self.now = now
        self._control, self._telemetry, self._ledger = ControlPlane(domain), Telemetry(domain), Ledger()
        self._applications = Applications()
        self._sidecars = [Proxy(number) for number in range(1, proxies + 1)]
        self._gateway = Proxy(0, is_gateway=True)
        rng = random.Random(f"mesh/{seed}")  # noqa: S311 - no secret
        self._pushes = Pushes([self._gateway, *self._sidecars], rng, lag=lag, endpoint_lag=endpoint_lag, slow=slow)
        self._census = Census(
            self._control,
            by_image=by_image or {},
            shutdown_seconds=shutdown_seconds,
            changes=self._changed,
            ends=self._end,
        )
        self._pods = self._census.pods
        self._planner = Planner(self._control, self._telemetry, self._ledger, self._pods, now)
        self._units: dict[Load, list[_Unit]] = {}
        self._index: dict[Dependency, dict[_Unit, None]] = {}  # no sets: their order is no seed's
        self._stale: list[_Unit] = []
        for load in loads:
            self.send(load)

    # -- callers

    @property
    def loads(self) -> list[Load]:
        """What is being sent."""
        return list(self._units)

    def send(self, load: Load) -> None:
        """Begin to send these requests as well. ValueError if they are being sent already."""
        if load in self._units:
            raise ValueError(f"{load}: is being sent already; allowed is another source, say")
        proxies = [self._gateway] if load.gateway else self._sidecars
        rate = load.per_second / len(proxies)
        self._units[load] = [_Unit(load, proxy, rate, Plan(), self.now) for proxy in proxies]
        self._stale += self._units[load]

    def stop(self, load: Load) -> None:
        """Send these requests no more. ValueError if they are not being sent."""
        if load not in self._units:
            raise ValueError(f"{load}: is not being sent")
        for unit in self._units.pop(load):
            unit.settle(self.now)
            self._replace(unit, Plan())
            unit.stale = False

    # -- the cluster

    def apply(self, kind: Kind, event_type: str, body: Object, *, at_once: bool = False) -> None:
        """Something changed in the cluster, now. `at_once`: proxies know it already (what was there before them)."""
        deleted = event_type == "DELETED"
        if event_type == "BOOKMARK":
            return
        if kind == PODS:
            deltas = self._census.see(body, self.now, deleted=deleted)
        else:
            deltas = self._control.apply(kind, body, deleted=deleted)
        if not deltas:
            return
        self._touch([("truth", delta.key[0]) for delta in deltas if delta.sort != ROUTES])
        if at_once:
            for proxy in (self._gateway, *self._sidecars):
                self._adopt(proxy, [each for each in deltas if proxy.wants(each)])
        else:
            self._pushes.send(deltas, self.now)

    @property
    def problems(self) -> dict[tuple[str, str, str], str]:
        """What the mesh did not understand, by kind, namespace and name; what it knew before stays in force."""
        return {**self._control.problems, **self._census.problems}

    @property
    def notices(self) -> dict[tuple[str, str, str], tuple[str, ...]]:
        """Fields that are fine and have no effect in this mesh, by kind, namespace and name."""
        return dict(self._control.notices)

    # -- time

    def advance(self, now: float) -> None:
        """Let time pass up to `now`, through every push and change on the way. Earlier than before: nothing."""
        while (due := self.next_change()) is not None and due <= now:
            self._move(due)
            self._pushes.arrive(due, self._adopt)
            self._census.pass_time(due)
        self._move(now)

    def next_change(self) -> float | None:
        """When something happens by itself: a push arrives, a pod ends or changes. None: nothing will."""
        due = (self._pushes.next_at(), self._census.next_at())
        return min((each for each in due if each is not None), default=None)

    def _move(self, now: float) -> None:
        if now > self.now:
            self._work_out()
            self.now = self._planner.now = now

    # -- what is to be seen (all of it up to the last `advance`)

    def exposition(self) -> str:
        """Prometheus' text format."""
        self._settle()
        return exposition(self._telemetry.all()) + text(self._counted_by_applications())

    def samples(self) -> list[Sample]:
        """The same without text."""
        self._settle()
        return [*samples(self._telemetry.all()), *self._counted_by_applications()]

    def _counted_by_applications(self) -> Iterator[Sample]:
        return self._applications.samples(self._pods.values(), self._telemetry.received)

    def requests(self, **labels: str) -> int:
        """Whole requests in all series with these labels; `reporter` should be one of them."""
        self._settle()
        wanted = set(labels.items())
        return sum(series.requests for series in self._telemetry.all() if wanted <= set(series.labels))

    def lost(self, *, since: float | None = None, **where: object) -> float:
        """Requests that nobody answered. `where`: namespace, service, destination, flag, source (ledger.Meeting)."""
        return self.met(Fate.LOST, since=since, **where)

    def bad(self, *, since: float | None = None, **where: object) -> float:
        """Requests that ended with an error that a pod (`workload`, `version`, `image`) or a time limit made."""
        return self.met(Fate.BAD, since=since, **where)

    def unready(self, *, since: float | None = None, **where: object) -> float:
        """Requests that were answered, but by a service without any ready pod."""
        return self.met(Fate.UNREADY, since=since, **where)

    def met(self, fate: Fate, *, since: float | None = None, **where: object) -> float:
        """Requests with this fate, since a moment of the mesh's time."""
        self._settle()
        return self._ledger.total(since=since, fate=fate, **where)

    def by(self, *names: str, since: float | None = None, **where: object) -> dict[tuple[object, ...], float]:
        """Requests for each value of these fields of the ledger, such as ("fate", "version") or ("flag",)."""
        self._settle()
        return self._ledger.by(*names, since=since, **where)

    def under_way(self, host: str) -> int:
        """Pushes about a fully qualified host that have not arrived yet. 0: every proxy knows all that there is."""
        return self._pushes.about(host)

    def rate(self, namespace: str, pod: str) -> float:
        """Requests per second that reach a pod now; autoscalers live by it."""
        self._work_out()
        return sum(each.rate for each in self._pods.values() if (each.namespace, each.name) == (namespace, pod))

    def decide(self, load: Load, *, proxy: int = 1) -> Rule | None:
        """The rule that a load's requests meet at a proxy (0: the gateway); None: no route."""
        return self._planner.decide(load, self._gateway if proxy == 0 else self._sidecars[proxy - 1])

    def _settle(self) -> None:
        self._work_out()
        for units in self._units.values():
            for unit in units:
                unit.settle(self.now)

    # -- plans

    def _touch(self, keys: Iterable[Dependency]) -> None:
        """These have changed: what was so up to now has happened, and the rest is worked out anew."""
        for key in keys:
            for unit in self._index.get(key, ()):
                if not unit.stale:
                    unit.settle(self.now)
                    unit.stale = True
                    self._stale.append(unit)

    def _work_out(self) -> None:
        """Work out what has become stale; pods that have too much to do make more so, until all is in balance."""
        for turn in range(ROUNDS):
            if not self._stale:
                return
            stale, self._stale = self._stale, []
            crowded: dict[str, None] = {}
            for unit in stale:
                if unit.stale:
                    unit.stale = False
                    crowded |= dict.fromkeys(unit.plan.pods)
                    self._replace(unit, self._planner.plan(unit.load, unit.proxy, unit.rate))
                    crowded |= dict.fromkeys(unit.plan.pods)
            for uid in crowded:
                self._balance(uid, halfway=turn > 1)  # it must not swing
        for unit in self._stale:  # nearly in balance: what is left of the difference stays
            unit.stale = False
        self._stale.clear()

    def _replace(self, unit: _Unit, plan: Plan) -> None:
        old, unit.plan = unit.plan, plan
        for flows, sign in ((old.pods, -1.0), (plan.pods, 1.0)):
            for uid, flow in flows.items():
                if (pod := self._pods.get(uid)) is not None:
                    pod.rate += sign * flow.rate
        for key in old.needs - plan.needs:
            units = self._index[key]
            units.pop(unit, None)
            if not units:
                del self._index[key]
        for key in plan.needs - old.needs:
            self._index.setdefault(key, {})[unit] = None

    def _balance(self, uid: str, *, halfway: bool) -> None:
        pod = self._pods.get(uid)
        if pod is None or (pod.behaviour.capacity == math.inf and not pod.overload):
            return
        overload = max(0.0, 1.0 - pod.behaviour.capacity / pod.rate) if pod.rate > 0.0 else 0.0
        if abs(overload - pod.overload) > 1e-4:
            pod.overload = (pod.overload + overload) / 2 if halfway else overload
            self._touch([("pod", uid)])

    # -- what happens

    def _adopt(self, proxy: Proxy, deltas: Sequence[Delta]) -> None:
        for delta in deltas:
            if delta.sort != ROUTES:
                self._touch([(delta.sort, proxy.number, delta.key[0])])
            elif delta.key[1].startswith("*"):
                self._touch([key for key in self._index if key[:2] == (ROUTES, proxy.number)])
            else:
                self._touch([(ROUTES, proxy.number, delta.key[1])])
        proxy.adopt(deltas)

    def _end(self, pod: Pod) -> None:
        """The pod ends. What it was busy with is cut off, and its numbers go with it."""
        units = list(self._index.get(("pod", pod.uid), ()))
        self._changed(pod)
        for unit in units:
            flow = unit.plan.pods.get(pod.uid)
            if flow is not None and flow.rate and pod.serves:
                self._cut(unit, flow)
        self._telemetry.forget(pod.uid)

    def _changed(self, pod: Pod) -> None:
        self._touch([("pod", pod.uid)])

    def _cut(self, unit: _Unit, flow: PodFlow) -> None:
        """Requests under way, by Little's law: their rate times how long each stays."""
        amount = flow.rate * flow.mean_ms / 1000.0
        self._telemetry.at_caller(unit.load, None, flow.to, CUT).add(QUICK, amount)
        meeting = meeting_of(unit.load, unit.load.service, Fate.LOST, None, flow.to, CUT)
        self._ledger.tally(meeting).add(self.now, self.now, amount)
