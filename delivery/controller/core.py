"""The controller without a process around it: caches, leadership, queue and loop, put together once.

The same composition runs on a real API server and in the simulation; what differs is handed in.
"""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from delivery.alerts.announcer import Announcer, OnDelivered
from delivery.alerts.carrier import Carrier, Count
from delivery.alerts.repeats import Repeats
from delivery.alerts.telling import Telling
from delivery.api.commands import is_urgent
from delivery.cluster.contents import Contents
from delivery.cluster.elector import Elector
from delivery.cluster.errors import NotLeader
from delivery.cluster.objects import (
    ALERT_PROVIDERS,
    APPROVALS,
    CANARIES,
    DAEMON_SETS,
    DEPLOYMENTS,
    FREEZES,
    HORIZONTAL_POD_AUTOSCALERS,
    METRIC_TEMPLATES,
    PODS,
    REPLICA_SETS,
    SCALED_OBJECTS,
    SERVICES,
    Kind,
    Object,
)
from delivery.cluster.policies import GUARDED, OTHER_VERSIONS
from delivery.cluster.projections import PROJECTIONS
from delivery.cluster.protocols import Api, Clock, Timers
from delivery.cluster.reader import Reader
from delivery.cluster.status_only import StatusOnly
from delivery.cluster.writer import Observe, Writer
from delivery.controller.alert_settings import AlertSettings
from delivery.controller.alerting import Alerting
from delivery.controller.asker import Analyst, Asker
from delivery.controller.event_hooks import EventHooks
from delivery.controller.queue import WorkQueue
from delivery.controller.reading import Policy
from delivery.controller.reconciler import Reconciler
from delivery.controller.seams import Reporter
from delivery.controller.templates import Templates
from delivery.gates.people import People
from delivery.gates.seal import Seal
from delivery.gates.webhooks import Webhooks
from delivery.outbound.outgoing import Caller, Nowhere
from delivery.routing.registry import KINDS

log = structlog.get_logger(__name__)

OURS_BESIDES = (METRIC_TEMPLATES, ALERT_PROVIDERS, APPROVALS, FREEZES)
"""Kinds of ours that need not be installed."""

WATCHED = (CANARIES, DEPLOYMENTS, DAEMON_SETS, REPLICA_SETS, PODS, SERVICES, SCALED_OBJECTS, *OURS_BESIDES)


class LeadershipLostError(Exception):
    """The Lease is gone: the process must end, somebody else may be writing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What the controller is given: the cluster, time, chance, people who answer, a way out to those
    who are called, and people who count.

    `namespace` None: all namespaces. `autoscaling`: HorizontalPodAutoscalers in the version that the API server
    offers. `observe` is told of each write: verb, kind, outcome, seconds. `seal` tells whose word an Approval is.
    `alerts`: who is told of Canaries that name nobody. `count_alert` is told of each alert: service, outcome.
    """

    api: Api
    clock: Clock
    timers: Timers
    rng: random.Random
    analyst: Analyst
    reporter: Reporter
    policy: Policy
    observe: Observe
    namespace: str | None = None
    autoscaling: Kind = HORIZONTAL_POD_AUTOSCALERS
    workers: int = 8
    identity: str = "delivery"
    lease_namespace: str = "default"
    lease_name: str = "progressive-delivery"
    seal: Seal = field(default_factory=Seal)
    caller: Caller = field(default_factory=Nowhere)
    alerts: AlertSettings = field(default_factory=AlertSettings)
    count_alert: Count = lambda _service, _outcome: None


def _watched(around: Surroundings) -> tuple[Kind, ...]:
    """The kinds that are watched. Who only looks on copies no autoscaler and asks neither policies nor people."""
    configs = around.policy.tracking.kinds
    if around.policy.observe:
        unasked = (SCALED_OBJECTS, APPROVALS, FREEZES)
        return (*(kind for kind in WATCHED if kind not in unasked), *KINDS, *configs)
    return (*WATCHED, around.autoscaling, *KINDS, *GUARDED, *configs)


def _reader(around: Surroundings, on_change: Callable[[Kind, Object], None]) -> Reader:
    """The caches; kinds that a cluster may lack are optional."""
    configs = around.policy.tracking.kinds
    return Reader(
        around.api,
        around.clock,
        kinds={kind: PROJECTIONS[kind] for kind in _watched(around)},
        namespace=around.namespace,
        on_change=on_change,
        rng=around.rng,
        optional={
            **dict.fromkeys((around.autoscaling, SCALED_OBJECTS, *OURS_BESIDES, *configs), ()),
            **{kind: OTHER_VERSIONS.get(kind, ()) for kind in GUARDED},
        },
    )


def _alerting(around: Surroundings, reader: Reader, contents: Contents, webhooks: Webhooks) -> Alerting:
    """Who is told, by chat services and by `event` webhooks."""
    return Alerting(
        reader,
        around.caller,
        contents,
        around.alerts,
        hooks=EventHooks(webhooks, around.caller, around.alerts.event_webhook),
        provider=around.policy.provider,
    )


def _elector(around: Surroundings) -> Elector:
    """Who asks for the Lease under this controller's name."""
    return Elector(
        around.api,
        around.clock,
        namespace=around.lease_namespace,
        name=around.lease_name,
        identity=around.identity,
        rng=around.rng,
    )


def _telling(around: Surroundings, writer: Writer, alerting: Alerting, on_told: OnDelivered) -> Telling:
    """What carries announcements: as Events, and as alerts beside them."""
    clock, rng = around.clock, around.rng
    carrier = Carrier(
        alerting.destinations, clock, rng, on_told, cluster=around.alerts.cluster, count=around.count_alert
    )
    return Telling(Announcer(writer, clock, rng, on_told), carrier, Repeats(clock, on_told))


class Controller:
    """One controller. `leading` says whether it works; `on_leading` is told when that changes.

    `run` leads when it can and raises LeadershipLostError when it no longer does.
    """

    def __init__(self, around: Surroundings) -> None:
        clock, rng = around.clock, around.rng
        self.leading, self.observes = False, around.policy.observe
        self.on_leading: Callable[[bool], None] = lambda _: None
        self.queue = WorkQueue(self._tick, workers=around.workers, clock=clock, rng=rng, on_error=self._on_error)
        self.reader = _reader(around, self._on_change)
        self.elector = _elector(around)
        onlooker = StatusOnly(around.api, self.reader, self.elector, clock, observe=around.observe)
        writer: Writer = onlooker
        if not around.policy.observe:
            writer = Writer(around.api, self.reader, self.elector, clock, observe=around.observe)
        contents = Contents(self.reader)
        templates = Templates(self.reader, contents)
        webhooks = Webhooks(around.caller, contents, clock)
        self.asker = Asker(
            around.analyst,
            on_answer=lambda key, urgent: self.queue.add(key, urgent=urgent),
            templates=templates,
            hooks=webhooks,
        )
        alerting = _alerting(around, self.reader, contents, webhooks)
        self.announcer = _telling(around, writer, alerting, self._on_told)
        self.reconciler = Reconciler(
            reader=self.reader,
            writer=writer,
            onlooker=onlooker,
            leadership=self.elector,
            clock=clock,
            timers=around.timers,
            asker=self.asker,
            announcer=self.announcer,
            reporter=around.reporter,
            policy=around.policy,
            templates=templates,
            alerting=alerting,
            people=People(self.reader, around.seal, around.lease_namespace),
            enqueue=self.queue.add,
        )

    async def run(self) -> None:
        """Keep the caches, wait for the Lease, then work until it is lost. Cancelling gives the Lease back."""
        async with asyncio.TaskGroup() as group:
            caches = group.create_task(self.reader.run(), name="caches")
            try:
                await self.elector.acquire()
                await self._lead()
            finally:
                caches.cancel()
                self.asker.close()
                await self.elector.release()

    async def _lead(self) -> None:
        """Everything that only the leader does, until the Lease is lost."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._hold(), name="lease")
                group.create_task(self._work(), name="queue")
                group.create_task(self.announcer.run(), name="announcer")
        except* (LeadershipLostError, NotLeader) as lost:
            raise LeadershipLostError(str(lost.exceptions[0])) from None

    async def _hold(self) -> None:
        await self.elector.hold()
        raise LeadershipLostError("the Lease was lost")

    async def _work(self) -> None:
        """No tick before every cache is there: half a picture is worse than none."""
        await self.reader.wait_synced()
        log.info("leading", epoch=self.elector.epoch, observes=self.observes)
        for body in self.reader.list(CANARIES):
            self._on_change(CANARIES, body)
        self._note_leading(True)
        try:
            await self.queue.run()
        finally:
            self._note_leading(False)

    def _note_leading(self, leading: bool) -> None:
        self.leading = leading
        self.on_leading(leading)

    def _on_told(self, key: str, _: str) -> None:
        self.queue.add(key)

    async def _tick(self, key: str) -> None:
        await self.reconciler.tick(key)

    def _on_change(self, kind: Kind, body: Object) -> None:
        urgent = kind == CANARIES and is_urgent(body)
        for key in self.reconciler.interested(kind, body):
            self.queue.add(key, urgent=urgent)

    def _on_error(self, key: str, error: Exception, delay: float) -> None:
        log.warning("tick_failed", canary=key, error=str(error), kind=type(error).__name__, retry_in=round(delay, 1))
