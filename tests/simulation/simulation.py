"""A cluster, its people and its controllers under one seeded scheduler.

Everything but the cluster is the product: caches, election, queue, loop and state machine run unmodified. A seed
decides the order of every await, all latencies and the story; the same seed tells the same story again.
"""

import asyncio
import copy
import random
from collections.abc import Callable
from typing import Any, Protocol

from delivery.cluster.errors import ClusterError
from delivery.cluster.memory import (
    Faults,
    MemoryApi,
    Request,
    Store,
    VirtualClock,
    VirtualLoop,
    VirtualTimers,
    custom_resource,
)
from delivery.cluster.memory.autoscalers import Load
from delivery.cluster.memory.workloads import World
from delivery.cluster.objects import CANARIES, DAEMON_SETS, DEPLOYMENTS, SCALED_OBJECTS, SERVICES, Kind, Object, Ref
from delivery.controller.core import Controller, LeadershipLostError, Surroundings
from delivery.controller.reading import Policy
from delivery.workloads.ownership import MANAGER
from delivery.workloads.revision import Scope, matches
from delivery.workloads.targets.registry import TARGET_KINDS
from strategies.status import Status
from tests.simulation import bookinfo
from tests.simulation.analyst import SimulatedAnalyst
from tests.simulation.callers import SimulatedCaller
from tests.simulation.invariants import APEX, CANARY, PRIMARY, ROUTE, TARGET, Invariants, at_rest
from tests.simulation.theirs import Theirs, theirs

SETTLE = 2.0
BEHAVIOUR = "sandbox.progressive.delivery/behaviour"


class Nobody:
    """Counts nothing."""

    def observe_status(
        self, namespace: str, name: str, target: str, status: Status, *, skipped: bool = False, primary: str = ""
    ) -> None:
        """Not here."""

    def observe_tick(self, namespace: str, target: str, seconds: float) -> None:
        """Not here."""

    def remove(self, namespace: str, name: str) -> None:
        """Not here."""


class Signed(MemoryApi):
    """All processes write as the same field manager; who of them it was is noted for the story."""

    def __init__(self, promises: Invariants, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._promises = promises

    def _serve(self, request: Request, *args: Any) -> None:
        self._promises.writer = request.instance
        try:
            super()._serve(request, *args)
        finally:
            self._promises.writer = ""


class Unforgiving(Controller):
    """The controller, in which a look that fails by anything but the cluster is a mistake to be found."""

    def _on_error(self, key: str, error: Exception, delay: float) -> None:
        super()._on_error(key, error, delay)
        if not isinstance(error, ClusterError):
            asyncio.get_running_loop().call_exception_handler({"message": f"tick of {key}", "exception": error})


class Company(Protocol):
    """People who have a say in a random story, on top of what happens in it."""

    def asked_for(self, way: dict[str, Any]) -> dict[str, Any]:
        """How releases go out, with what these people want asked."""

    def deeds(self) -> list[tuple[float, Callable[..., None]]]:
        """What they do, and when."""

    def at_peace(self) -> None:
        """They hold nothing back any more."""

    def judge(self) -> None:
        """Has everything that they said been answered?"""


class Simulation:
    """One world. `load` gives the requests per second that a pod answers; with it, there are autoscalers.

    With `route` APEX there is no mesh to the controller: the Service leads users.
    """

    watched_by: type[Invariants] = Invariants
    reverts = True
    """May a Canary of this world be deleted so that nothing of it is left?"""
    hands: tuple[tuple[int, Callable[..., None]], ...] = ()
    """What can happen in a story of this world besides what can happen in each, and how likely it is."""

    def __init__(
        self,
        seed: int | None,
        *,
        patience: float = 3.0,
        kind: Kind = DEPLOYMENTS,
        load: Load | None = None,
        route: Ref = ROUTE,
    ) -> None:
        self.target = Ref(kind, TARGET.namespace, TARGET.name)
        self.primary = Ref(kind, PRIMARY.namespace, PRIMARY.name)
        self.tracking = Scope.CONFIGS
        self.observes = False
        self.loop = VirtualLoop(seed)
        self.clock = VirtualClock(self.loop)
        self.store = Store(self.clock, seed=seed)
        self.rng = random.Random(f"story/{seed}")
        self.faults = Faults()
        self.caller = SimulatedCaller()
        self.analyst = SimulatedAnalyst(self.store, random.Random(f"analyst/{seed}"))
        self.promises = self.watched_by(self.store, self.loop, patience=patience, settle=SETTLE, kind=kind)
        self.promises.route = route
        self.theirs = Theirs(self.store, self.promises, self.of_users)
        self.analyst.route_kind = route.kind
        if load is not None:
            self.store.register(custom_resource(SCALED_OBJECTS))
        self.workloads = World(self.store, self.loop, load=load)
        if kind == DAEMON_SETS:
            self.promises.most = lambda: len(self.workloads.nodes.names)
        self.apis: dict[str, MemoryApi] = {}
        self.controllers: dict[str, Controller] = {}
        self.restart_after: float | None = 2.0
        self.before: Callable[[Request], None] | None = None
        self.after: Callable[[Request], bool | None] | None = None
        self.deeds: set[str] = set()
        self.canary: dict[str, Any] = {}
        self.people: Company | None = None
        self.released: list[dict[str, Any]] = []
        """The target's template after each release, oldest first."""
        self._count = 0
        self._replicas = 2

    # -- processes

    def start_controller(self) -> str:
        """One more controller process."""
        self._count += 1
        name = f"delivery-{self._count}"
        rng = random.Random(f"{name}/{self.loop.seed}")
        api = Signed(self.promises, self.store, self.loop, rng=rng, faults=self.faults, manager=MANAGER)
        api.before, api.after = self.before, self.after
        self.apis[name] = api

        async def life() -> None:
            around = Surroundings(
                api=api,
                clock=self.clock,
                timers=VirtualTimers(self.loop),
                rng=random.Random(f"rng/{name}/{self.loop.seed}"),
                analyst=self.analyst,
                caller=self.caller,
                reporter=Nobody(),
                policy=Policy(
                    metrics_server="http://prometheus",
                    scrape_interval_seconds=1.0,
                    tracking=self.tracking,
                    observe=self.observes,
                ),
                observe=lambda *_: None,
                identity=name,
            )
            self.controllers[name] = Unforgiving(around)
            await self.controllers[name].run()

        self.loop.spawn(life(), instance=name, on_exit=lambda error: self._ended(name, error))
        self.promises.tell(f"{name} starts")
        return name

    def _ended(self, name: str, error: BaseException | None) -> None:
        """A process that lost its Lease ends and is started again, as a Deployment would do."""
        self.controllers.pop(name, None)
        self.promises.tell(f"{name} ended: {error!r}")
        if error is not None and not _lost_lease(error):
            raise error
        if self.restart_after is not None:
            self.loop.call_later(self.restart_after, self.start_controller, context=self.loop.world)

    def kill(self, name: str, *, restart: bool = True) -> None:
        """SIGKILL; a new process comes after a moment."""
        if self.loop.is_dead(name):
            return
        self.loop.kill(name)
        self.controllers.pop(name, None)
        self.promises.tell(f"{name} is killed")
        if restart and self.restart_after is not None:
            self.loop.call_later(self.restart_after, self.start_controller, context=self.loop.world)

    @property
    def alive(self) -> list[str]:
        """The processes that run, paused ones too."""
        return [name for name in self.controllers if not self.loop.is_dead(name)]

    # -- people

    def apply(self, kind: Kind, body: dict[str, Any]) -> None:
        """Create, or merge into what is there."""
        ref = Ref(kind, bookinfo.NAMESPACE, body["metadata"]["name"])
        if self.store.peek(ref) is None:
            self.store.create(kind, body, namespace=bookinfo.NAMESPACE, manager="kubectl")
        else:
            self.merge(ref, body)

    def merge(self, ref: Ref, patch: dict[str, Any], *, subresource: str = "", manager: str = "kubectl") -> None:
        """A merge patch by a person; on what is not there, nothing."""
        if self.store.peek(ref) is not None:
            kind = "application/merge-patch+json"
            self.store.patch(ref, patch, content_type=kind, subresource=subresource, manager=manager)

    def release(self, version: str, **options: Any) -> None:
        """A new version of the target; how many pods it has is left to the controller."""
        self.promises.tell(f"release {version} {options}")
        self.promises.released_at = self.loop.time()
        if self.target.kind == SERVICES:
            self.apply(DEPLOYMENTS, bookinfo.versioned(version, **{"replicas": self._replicas, **options}))
            self.apply(SERVICES, bookinfo.choosing(version))
            return
        body = self._workload(version, **options)
        template = body["spec"]["template"]
        known = self.store.peek(self.target)
        if known is None:
            self.apply(self.target.kind, body)
            self._remember()
            return
        template["metadata"]["annotations"].setdefault(BEHAVIOUR, "healthy")
        self.merge(self.target, {"spec": {"template": template}})
        self._remember()

    def _remember(self) -> None:
        body = self.store.peek(self.target)
        if body is not None:
            self.released.append(copy.deepcopy(dict(TARGET_KINDS[self.target.kind.kind].template_of(body))))

    def set_up(
        self,
        *,
        replicas: int = 2,
        autoscaler: dict[str, Any] | None = None,
        spec: dict[str, Any] | None = None,
        **analysis: Any,
    ) -> None:
        """Bookinfo as it runs before any Canary, then the Canary, with its autoscaler's name if it has one."""
        more = {**(spec or {}), **({"autoscalerRef": autoscaler} if autoscaler is not None else {})}
        if self.promises.route == APEX:
            more = {"provider": "kubernetes", **more}
            analysis = {"stepWeights": None, "iterations": 2, **analysis}
        self.canary = bookinfo.canary(self.target.kind.kind, spec=more, **analysis)
        self._replicas = replicas
        if self.target.kind == SERVICES:
            self.apply(DEPLOYMENTS, bookinfo.versioned("v1", replicas=replicas))
            self.apply(SERVICES, bookinfo.choosing("v1"))
        else:
            self.apply(self.target.kind, self._workload(replicas=replicas))
            self._remember()
            self.apply(SERVICES, bookinfo.service())
        self.loop.advance(10.0)
        self.promises.let_users_in()
        self._let_in(analysis)
        self.apply(CANARIES, self.canary)

    def _let_in(self, analysis: dict[str, Any]) -> None:
        """Users for whom the analysis has rules of their own."""
        if analysis.get("match"):
            self.promises.let_in("insiders", **{"x-insider": "yes"})
        if analysis.get("testerMatch"):
            self.promises.let_in("testers", **{"x-tester": "yes"})

    def _workload(self, *version: str, **options: Any) -> dict[str, Any]:
        """The target as its people apply it."""
        make = bookinfo.daemon_set if self.target.kind == DAEMON_SETS else bookinfo.deployment
        return make(*version, **options)

    def set_back(self) -> bool:
        """`kubectl rollout undo`: the target has the template that was promoted last. False when nobody knows it."""
        for template in self.released:
            if matches(self.status.last_promoted_spec, template) is True:
                self.promises.tell("the target is set back")
                template["metadata"]["annotations"].setdefault(BEHAVIOUR, None)
                self.merge(self.target, {"spec": {"template": template}})
                return True
        return False

    def at_peace(self) -> None:
        """People put in order what they have done to this world, besides what they do in each."""

    def clear_the_way(self) -> None:
        """People put out of the way what a Canary that has gone gave back and the next one could not take over."""

    def edit(self, **spec: Any) -> None:
        """Edit the Canary's spec."""
        self.promises.tell(f"edit {spec}")
        self.merge(CANARY, {"spec": spec})

    # -- what is to be seen

    @property
    def status(self) -> Status:
        """The recorded status."""
        return self.promises.status

    def of_users(self, ref: Ref, body: Object) -> dict[str, Any]:
        """What of a user's object may not be changed by us."""
        return theirs(ref, body)

    @property
    def workload(self) -> Ref:
        """What the people of the target edit and may delete."""
        return self.target

    @property
    def is_applied(self) -> bool:
        """Has the last release been taken up?"""
        target = self.store.peek(self.target)
        template = TARGET_KINDS[self.target.kind.kind].template_of(target) if target is not None else {}
        return matches(self.status.last_applied_spec, template) is True

    @property
    def weight(self) -> int | None:
        """The canary's weight in the live routes."""
        from tests.simulation.analyst import canary_weight

        return canary_weight(self.store.peek(self.promises.route))

    @property
    def serving(self) -> tuple[str, str]:
        """The version that the primary is at, and how good it is."""
        primary = self.store.peek(self.primary)
        assert primary is not None, self.told()
        if self.primary.kind == SERVICES:
            version = primary["spec"]["selector"]["version"]
            primary = self.store.peek(Ref(DEPLOYMENTS, bookinfo.NAMESPACE, f"{bookinfo.NAME}-{version}"))
            assert primary is not None, self.told()
        meta = primary["spec"]["template"]["metadata"]
        return meta["labels"]["version"], meta["annotations"]["sim/quality"]

    def until(self, predicate: Callable[[], bool], *, seconds: float, what: str) -> None:
        """Run until something holds."""
        if not self.loop.run_until(predicate, seconds):
            raise AssertionError(f"not within {seconds:g} s: {what}\n{self.told()}")

    def until_phase(self, *phases: str, seconds: float = 600.0) -> None:
        """Run until the status is in one of these phases, with nothing left to do in it."""
        self.until(
            lambda: self.status.phase.value in phases and at_rest(self.status), seconds=seconds, what=f"phase {phases}"
        )
        self.loop.advance(5.0)  # what a resting phase still writes

    def told(self) -> str:
        """The story so far."""
        status = self.status
        return "\n".join(
            [
                f"seed {self.loop.seed}",
                *self.promises.story,
                f"status: {status}",
                f"alive: {self.alive}",
                f"unserved: {self.promises.unserved}",
            ]
        )

    def requests(self) -> list[Request]:
        """Everything that any controller asked of the API server."""
        return [request for api in self.apis.values() for request in api.log]

    def close(self) -> None:
        """Let go of everything."""
        self.loop.close()

    def __enter__(self) -> "Simulation":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _lost_lease(error: BaseException) -> bool:
    if isinstance(error, BaseExceptionGroup):
        return all(_lost_lease(each) for each in error.exceptions)
    return isinstance(error, LeadershipLostError)


__all__ = ["CANARY", "PRIMARY", "ROUTE", "SETTLE", "TARGET", "Simulation", "at_rest"]
