"""From a Canary to what the state machine and the metrics room need of it."""

from delivery.api import comparing
from delivery.api.acting import blocking, not_acted_on
from delivery.api.analysis import Analysis
from delivery.api.canary import Canary, CanarySpec
from delivery.api.durations import seconds
from delivery.api.elsewhere import misplaced
from delivery.api.gates import Gate
from delivery.api.hooks import Webhook
from delivery.api.metrics import Metric
from metrics.spec import MetricSpec
from strategies import spec as strategies
from strategies.gates import GateKind, HookType
from strategies.permits import IGNORE_WINDOWS


def rollout_spec(canary: Canary, *, scrape_interval_seconds: float) -> strategies.RolloutSpec:
    """The Canary as the state machine sees it. `scrape_interval_seconds` is Prometheus', above 0."""
    spec, traffic, elsewhere = canary.spec, canary.spec.traffic, misplaced(canary)
    return strategies.RolloutSpec(
        name=canary.metadata.name,
        namespace=canary.metadata.namespace,
        generation=canary.metadata.generation,
        analysis=_analysis(spec),
        checks=_checks(spec.analysis),
        hooks=tuple(_hook(name, hook) for name, hook in named_hooks(canary).items()),
        skip_analysis=spec.skip_analysis,
        suspend=spec.suspend,
        paused=spec.paused,
        progress_deadline_seconds=float(spec.progress_deadline_seconds),
        primary_ready_percent=spec.analysis.primary_ready_threshold,
        canary_ready_percent=spec.analysis.canary_ready_threshold,
        settle_seconds=float(traffic.settle_seconds),
        drain_seconds=float(traffic.drain_seconds),
        drain_max_seconds=float(traffic.drain_max_seconds),
        capacity_check=traffic.capacity_check,
        scrape_interval_seconds=scrape_interval_seconds,
        everybody_routed=_everybody_routed(spec),
        bake_seconds=float(spec.promotion.bake_seconds),
        revert_on_deletion=spec.revert_on_deletion,
        observe=spec.mode == "observe",
        not_acted_on=not_acted_on(canary),
        blocking=blocking(canary),
        shares_pods=spec.target_ref.kind == "Service" or spec.promotion.method == "switch",
        versions_stay=spec.promotion.method == "switch",
        told_by_pods=spec.promotion.method == "switch" and spec.subset_ref is not None,
        keep_previous_seconds=_keep_previous(spec),
        misplaced=tuple(each.sentence for each in elsewhere),
        misplaced_blocking=tuple(each.sentence for each in elsewhere if each.blocks),
        gates=tuple(_gate(gate) for gate in spec.analysis.gates),
        windows=_windows(spec),
        ignore_windows=canary.metadata.annotations.get(IGNORE_WINDOWS, ""),
    )


def _gate(gate: Gate) -> strategies.GateSpec:
    return strategies.GateSpec(
        name=gate.name,
        before=GateKind(gate.before),
        timeout_seconds=None if gate.timeout_seconds is None else float(gate.timeout_seconds),
        on_timeout=strategies.Policy(gate.on_timeout),
    )


def _windows(spec: CanarySpec) -> strategies.WindowRules | None:
    windows = spec.rollout_windows
    if windows is None:
        return None
    return strategies.WindowRules(
        increases=windows.applies_to == "increase", on_close=strategies.Policy(windows.on_close)
    )


def metric_specs(canary: Canary) -> tuple[MetricSpec, ...]:
    """The metrics of the analysis, in its order, limits translated; those of templates without query and source."""
    analysis, namespace = canary.spec.analysis, canary.metadata.namespace
    return tuple(_metric(metric, analysis, namespace) for metric in analysis.metrics)


def named_hooks(canary: Canary) -> dict[str, Webhook]:
    """The webhooks by names that are theirs alone: one that is given again gets a number, as Flagger takes it twice."""
    named: dict[str, Webhook] = {}
    for hook in canary.spec.analysis.webhooks:
        name, number = hook.name, 1
        while name in named:
            number += 1
            name = f"{hook.name} ({number})"
        named[name] = hook
    return named


def _hook(name: str, hook: Webhook) -> strategies.HookSpec:
    """The longest that one asking may take: every attempt, the pauses between them, and the reading of a Secret."""
    return strategies.HookSpec(
        name=name,
        type=HookType(hook.type or HookType.ROLLOUT),
        patience_seconds=seconds(hook.timeout) * (1 + hook.retries) + 30.0 * hook.retries + 10.0,
        muted=hook.mute_alert,
    )


def _metric(metric: Metric, analysis: Analysis, namespace: str) -> MetricSpec:
    minimum, maximum = metric.limits()
    ref = metric.template_ref
    return MetricSpec(
        name=metric.name,
        interval_seconds=_interval(metric, analysis),
        minimum=minimum,
        maximum=maximum,
        query=metric.query or "",
        grpc_failures=metric.grpc_failures,
        template=f"{ref.namespace or namespace}/{ref.name}" if ref is not None else "",
        variables=metric.template_variables,
        min_samples=metric.min_samples,
        compare=comparing.settings(metric, analysis),
    )


def _interval(metric: Metric, analysis: Analysis) -> float:
    return metric.interval_seconds(check_interval_seconds=analysis.check_interval_seconds)


def _checks(analysis: Analysis) -> tuple[strategies.CheckSpec, ...]:
    """The metrics with the length of their windows, the longer of the metric's and the analysis', and their rules."""
    return tuple(_check(metric, analysis) for metric in analysis.metrics)


def _check(metric: Metric, analysis: Analysis) -> strategies.CheckSpec:
    shortest = float(analysis.check_interval_seconds or analysis.interval_seconds)
    return strategies.CheckSpec(
        name=metric.name,
        window_seconds=max(shortest, _interval(metric, analysis)),
        judge=comparing.named(comparing.settings(metric, analysis)),
        failure_limit=metric.failure_limit,
        consecutive_failures=metric.consecutive_failures,
        error_limit=metric.error_limit,
        on_no_data=strategies.Policy(metric.on_no_data),
        dry_run=metric.dry_run,
        initial_delay_seconds=float(metric.initial_delay_seconds),
        warmup_seconds=float(metric.warmup_seconds),
    )


def _keep_previous(spec: CanarySpec) -> float:
    return float(spec.promotion.keep_previous_seconds) if spec.promotion.method == "switch" else 0.0


def _everybody_routed(spec: CanarySpec) -> bool:
    """May any request of the mesh meet the canary? Else its absence from the counts proves nothing; nor does it
    without a mesh, in which nobody counts.
    """
    service, analysis = spec.service, spec.analysis
    some = service.match or analysis.match or service.is_tcp
    elsewhere = service.delegation or (service.gateways and "mesh" not in service.gateways)
    if spec.route_refs:
        return False  # whom those are for, and what else leads to the roles, is the user's
    return spec.has_mesh and not some and not elsewhere and analysis.session_affinity is None


def _analysis(spec: CanarySpec) -> strategies.Analysis:
    analysis = spec.analysis
    return strategies.Analysis(
        interval_seconds=analysis.interval_seconds,
        check_interval_seconds=analysis.check_interval_seconds,
        on_inconclusive=strategies.Policy(analysis.on_inconclusive),
        max_duration_seconds=analysis.max_duration_seconds,
        threshold=analysis.threshold,
        step_weights=analysis.step_weights,
        step_weight=analysis.step_weight,
        max_weight=analysis.max_weight,
        step_weight_promotion=analysis.step_weight_promotion,
        iterations=analysis.iterations,
        mirror=(analysis.mirror_weight or 100) if analysis.mirror else 0,
        matched=bool(analysis.match),
        affinity=analysis.session_affinity is not None,
        testers=bool(analysis.tester_match),
        all_or_nothing=not spec.has_mesh,
    )
