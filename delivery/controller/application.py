"""The process: the controller with a real cluster under it, and what keeps an eye on it around it."""

import asyncio
import os
import random
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from functools import partial
from typing import Protocol

import structlog

from delivery.api.acting import not_acted_on
from delivery.api.canary import Canary
from delivery.api.elsewhere import misplaced
from delivery.api.parse import (
    InvalidSpec,
    parse_alert_provider,
    parse_approval,
    parse_canary,
    parse_freeze,
    parse_metric_template,
)
from delivery.cluster.clock import SystemClock
from delivery.cluster.errors import ClusterError, Gone
from delivery.cluster.kubernetes import KubernetesApi
from delivery.cluster.objects import (
    ALERT_PROVIDERS,
    APPROVALS,
    AUTOSCALING_VERSIONS,
    CANARIES,
    FREEZES,
    METRIC_TEMPLATES,
    Kind,
    Object,
)
from delivery.cluster.protocols import Api
from delivery.cluster.timers import ApschedulerTimers
from delivery.controller.core import Controller, Surroundings
from delivery.controller.doorbell import Doorbell
from delivery.controller.reading import Policy
from delivery.controller.settings import Settings
from delivery.gates.calendar import problem as never_opens
from delivery.gates.seal import Seal
from delivery.gates.stamping import stamp
from delivery.observability.exporter import Exporter
from delivery.observability.http import ObservabilityServer, Probe
from delivery.outbound.api_server import Endpoints, hosts
from delivery.outbound.caller import HttpCaller
from delivery.outbound.guard import guard_for
from delivery.outbound.outgoing import Caller
from delivery.workloads.revision import Scope
from delivery.workloads.selectors import Labelling
from metrics.analysis import Analyst
from metrics.providers.registry import Providers

log = structlog.get_logger(__name__)

SCOPES = {"true": Scope.CONFIGS, "configmaps": Scope.CONFIG_MAPS, "false": Scope.TEMPLATE}
"""What each --config-tracking makes a revision of."""

PARSERS: Mapping[str, Callable[[Object], object]] = {
    METRIC_TEMPLATES.kind: parse_metric_template,
    APPROVALS.kind: parse_approval,
    FREEZES.kind: parse_freeze,
    ALERT_PROVIDERS.kind: parse_alert_provider,
}


def validate(body: Object, *, provider: str | None = None) -> list[str]:
    """What is wrong with one of our objects, a line a problem; empty if nothing is.

    `provider` is that of Canaries which name none.
    """
    kind = str(body.get("kind", ""))
    parse = partial(parse_canary, provider=provider) if kind == CANARIES.kind else PARSERS.get(kind)
    if parse is None:
        return []
    try:
        parsed = parse(body)
    except InvalidSpec as error:
        return str(error).splitlines()
    windows = parsed.spec.rollout_windows if isinstance(parsed, Canary) else None
    closed = never_opens(windows, datetime.now(UTC)) if windows is not None else None
    return [closed.message] if closed is not None else []


def advise(body: Object, *, provider: str | None = None) -> list[str]:
    """What the author of a valid object should know of it, a line a warning; `provider` as in `validate`."""
    if body.get("kind") != CANARIES.kind:
        return []
    canary = parse_canary(body, provider=provider)
    without_effect = [f"spec.{path}: accepted without effect by this version" for path in not_acted_on(canary)]
    return [*(each.sentence for each in misplaced(canary)), *without_effect]


async def run(settings: Settings) -> None:
    """Run until cancelled. Raises LeadershipLostError when the Lease is lost: the process must end then."""
    if settings.observe:
        log.info("observing", writes="the status of Canaries, Events and our Lease, and nothing else")
    clock, exporter, providers = SystemClock(), Exporter(), Providers()
    analyst = Analyst(providers.provider_for, source_for=providers.source_for, wait=settings.metrics_batch_seconds)
    async with AsyncExitStack() as stack:
        stack.callback(providers.close)
        stack.callback(analyst.close)
        api = await stack.enter_async_context(KubernetesApi.connect(settings.kubeconfig, context=settings.context))
        timers = ApschedulerTimers(clock)
        await timers.start()
        stack.push_async_callback(timers.stop)
        autoscaling = await autoscaling_kind(api)
        endpoints = Endpoints(api, clock)
        await endpoints.known()
        caller = await stack.enter_async_context(_caller(settings, api.server, endpoints))
        controller = Controller(_surroundings(settings, api, clock, timers, exporter, analyst, caller, autoscaling))
        doorbell = Doorbell(
            controller.queue.add,
            settings,
            validate=partial(validate, provider=settings.provider),
            advise=partial(advise, provider=settings.provider),
            stamp=partial(stamp, _seal(settings)),
            before_start=lambda: _crds_served(api, settings.namespace),
        )
        exporter.watch_queue(
            depth=lambda: float(controller.queue.depth), oldest_seconds=lambda: controller.queue.oldest_age()
        )
        exporter.watch_alerts(pending=lambda: float(controller.announcer.pending))
        exporter.watch_restarts("doorbell", lambda: float(doorbell.restarts))
        await stack.enter_async_context(_server(settings, controller, doorbell, exporter))
        await _supervise(controller, doorbell, exporter)


def _caller(settings: Settings, server: str, endpoints: Endpoints) -> HttpCaller:
    """The way out to webhooks and alert services; none of them may be the API server."""
    known = hosts(server, cluster_domain=settings.cluster_domain, environment=os.environ)
    guard = guard_for(settings.webhook_allow, api_server=known)
    return HttpCaller(guard, rng=random.Random(), endpoints=endpoints)  # noqa: S311 - jitter, no secret


def _surroundings(
    settings: Settings,
    api: Api,
    clock: SystemClock,
    timers: ApschedulerTimers,
    exporter: Exporter,
    analyst: Analyst,
    caller: Caller,
    autoscaling: Kind,
) -> Surroundings:
    return Surroundings(
        api=api,
        clock=clock,
        timers=timers,
        rng=random.Random(),  # noqa: S311 - jitter, no secret
        analyst=analyst,
        caller=caller,
        alerts=settings.alerts,
        count_alert=exporter.count_alert,
        reporter=exporter,
        policy=Policy(
            metrics_server=settings.metrics_server,
            metrics_matchers=settings.metrics_matchers,
            provider=settings.provider,
            scrape_interval_seconds=settings.scrape_interval_seconds,
            cluster_domain=settings.cluster_domain,
            tracking=SCOPES[settings.config_tracking],
            labelling=Labelling(settings.selector_labels, settings.include_label_prefix),
            root_namespace=settings.istio_root_namespace,
            observe=settings.observe,
        ),
        observe=lambda verb, kind, outcome, _seconds: exporter.count_request(verb, kind, outcome),
        namespace=settings.namespace,
        autoscaling=autoscaling,
        workers=settings.workers,
        identity=settings.identity,
        lease_namespace=settings.lease_namespace,
        lease_name=settings.lease_name,
        seal=_seal(settings),
    )


def _seal(settings: Settings) -> Seal:
    return Seal(settings.admission.key if settings.admission is not None else None)


class Discovery(Protocol):
    """Who can say which kinds an API server has."""

    async def server_kinds(self, group: str, version: str, *, timeout: float = 10.0) -> Mapping[str, Kind]:
        """The kinds of a group and version by plural name; raises a ClusterError, Gone if there are none."""


async def autoscaling_kind(api: Discovery) -> Kind:
    """HorizontalPodAutoscalers in the best version that the API server has.

    One that cannot be asked now is taken for one of today.
    """
    for kind in AUTOSCALING_VERSIONS:
        try:
            if kind.plural in await api.server_kinds(kind.group, kind.version):
                return kind
        except Gone:
            continue
        except ClusterError as error:
            log.warning("discovery_failed", kind=kind.kind, version=kind.version, error=str(error))
            break
    return AUTOSCALING_VERSIONS[0]


async def _crds_served(api: Api, namespace: str | None) -> None:
    """Wait until the API server knows our three kinds."""
    for kind in (CANARIES, METRIC_TEMPLATES, ALERT_PROVIDERS):
        while True:
            try:
                await api.list(kind, namespace)
                break
            except ClusterError as error:
                log.info("kind_not_served", kind=kind.kind, error=str(error))
                await asyncio.sleep(5.0)


def _server(settings: Settings, controller: Controller, doorbell: Doorbell, exporter: Exporter) -> ObservabilityServer:
    health: dict[str, Probe] = {
        "doorbell": doorbell.probe,
        "queue": lambda: controller.queue.probe() if controller.leading else "",
    }
    readiness: dict[str, Probe] = {"caches": lambda: "" if controller.reader.synced else "not filled yet"}
    return ObservabilityServer(
        host=settings.listen_host,
        port=settings.listen_port,
        metrics=exporter.render,
        health=health,
        readiness=readiness,
    )


async def _supervise(controller: Controller, doorbell: Doorbell, exporter: Exporter) -> None:
    """The controller and the doorbell, until the controller ends; its end is the process's end."""
    controller.on_leading = exporter.set_leader
    bell = asyncio.create_task(doorbell.run(), name="doorbell")
    try:
        await controller.run()
    finally:
        bell.cancel()
        await asyncio.wait([bell])
