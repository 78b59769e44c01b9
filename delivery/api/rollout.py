"""From a Canary to what the state machine and the metrics room need of it."""

from delivery.api.acting import blocking, not_acted_on
from delivery.api.analysis import Analysis
from delivery.api.canary import Canary, CanarySpec
from delivery.api.elsewhere import misplaced
from delivery.api.metrics import Metric
from metrics.spec import MetricSpec
from strategies import spec as strategies


def rollout_spec(canary: Canary, *, scrape_interval_seconds: float) -> strategies.RolloutSpec:
    """The Canary as the state machine sees it. `scrape_interval_seconds` is Prometheus', above 0."""
    spec, traffic, elsewhere = canary.spec, canary.spec.traffic, misplaced(canary)
    return strategies.RolloutSpec(
        name=canary.metadata.name,
        namespace=canary.metadata.namespace,
        generation=canary.metadata.generation,
        analysis=_analysis(spec),
        checks=_checks(spec.analysis),
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
        not_acted_on=not_acted_on(canary),
        blocking=blocking(canary),
        shares_pods=spec.target_ref.kind == "Service" or spec.promotion.method == "switch",
        versions_stay=spec.promotion.method == "switch",
        told_by_pods=spec.promotion.method == "switch" and spec.subset_ref is not None,
        keep_previous_seconds=_keep_previous(spec),
        misplaced=tuple(each.sentence for each in elsewhere),
        misplaced_blocking=tuple(each.sentence for each in elsewhere if each.blocks),
    )


def metric_specs(canary: Canary) -> tuple[MetricSpec, ...]:
    """The metrics of the analysis, in its order, limits translated; those of templates without query and source."""
    return tuple(_metric(metric, canary.metadata.namespace) for metric in canary.spec.analysis.metrics)


def _metric(metric: Metric, namespace: str) -> MetricSpec:
    minimum, maximum = metric.limits()
    ref = metric.template_ref
    return MetricSpec(
        name=metric.name,
        interval_seconds=metric.interval_seconds(),
        minimum=minimum,
        maximum=maximum,
        query=metric.query or "",
        grpc_failures=metric.grpc_failures,
        template=f"{ref.namespace or namespace}/{ref.name}" if ref is not None else "",
        variables=metric.template_variables,
    )


def _checks(analysis: Analysis) -> tuple[strategies.CheckSpec, ...]:
    """The metrics with the length of their windows: the longer of the metric's and the analysis' interval."""
    shortest = analysis.interval_seconds
    return tuple(
        strategies.CheckSpec(name=metric.name, window_seconds=max(shortest, metric.interval_seconds()))
        for metric in analysis.metrics
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
