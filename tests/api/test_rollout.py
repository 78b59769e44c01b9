"""From a Canary to what the state machine and the metrics room get of it."""

from typing import Any, get_args

import pytest
from pydantic import BaseModel

from delivery.api import acting
from delivery.api.acting import BLOCKING, NAMED
from delivery.api.canary import CanarySpec
from delivery.api.elsewhere import FIELDS
from delivery.api.parse import InvalidSpec, parse_canary
from delivery.api.rollout import metric_specs, rollout_spec
from metrics.spec import MetricSpec
from strategies.spec import Analysis, CheckSpec, Policy, RolloutSpec
from tests.api.everything import EVERYTHING

ACTED_ON = {
    "provider", "metricsServer", "targetRef.apiVersion", "targetRef.kind", "targetRef.name",
    "naming.primary", "naming.canary",
    "progressDeadlineSeconds", "skipAnalysis", "suspend", "revertOnDeletion", "mode",
    "autoscalerRef",
    "paused", "traffic.settleSeconds", "traffic.drainSeconds", "traffic.drainMaxSeconds", "traffic.capacityCheck",
    "preflight.acknowledge",
    "service.name", "service.port", "service.portName", "service.targetPort", "service.trafficPolicy", "service.apex",
    "service.primary", "service.canary", "service.trafficDistribution", "service.portDiscovery", "service.headless",
    "service.unmanagedMetadata", "service.timeout", "service.retries", "service.headers", "service.corsPolicy",
    "service.rewrite.uri", "service.rewrite.authority", "analysis.interval", "analysis.threshold", "analysis.maxWeight",
    "analysis.stepWeight", "analysis.stepWeights", "analysis.primaryReadyThreshold", "analysis.canaryReadyThreshold",
    "analysis.metrics[].name", "analysis.metrics[].interval", "analysis.metrics[].threshold",
    "analysis.metrics[].grpcFailureStatuses",
    "analysis.metrics[].thresholdRange", "analysis.metrics[].query", "analysis.metrics[].templateRef",
    "analysis.metrics[].templateVariables", "service.appProtocol", "service.gateways",
    "service.hosts", "service.delegation", "service.match", "analysis.iterations", "analysis.mirror",
    "analysis.mirrorWeight", "analysis.match", "analysis.sessionAffinity", "analysis.stepWeightPromotion",
    "analysis.testerMatch", "promotion.bakeSeconds", "analysis.checkIntervalSeconds", "analysis.onInconclusive",
    "analysis.maxDurationSeconds", "analysis.metrics[].failureLimit", "analysis.metrics[].consecutiveFailures",
    "analysis.metrics[].compareWithPrimary", "analysis.metrics[].minSamples", "analysis.webhooks", "analysis.alerts",
    "analysis.metrics[].errorLimit", "analysis.metrics[].onNoData", "analysis.metrics[].dryRun",
    "analysis.metrics[].initialDelaySeconds", "analysis.metrics[].warmupSeconds",
    "promotion.method", "promotion.keepPreviousSeconds", "routeRefs[].apiVersion", "routeRefs[].kind",
    "routeRefs[].name", "routeRefs[].namespace", "routeRefs[].routes", "subsetRef.name", "subsetRef.primarySubset",
    "subsetRef.canarySubset", "analysis.gates", "rolloutWindows",
}  # fmt: skip
"""The fields that do something today."""


def rollout(body: Any, *, scrape: float = 15.0) -> RolloutSpec:
    return rollout_spec(parse_canary(body), scrape_interval_seconds=scrape)


def test_ten_lines_make_a_whole_rollout(canary: Any) -> None:
    assert rollout(canary()) == RolloutSpec(
        name="reviews",
        namespace="bookinfo",
        generation=3,
        analysis=Analysis(interval_seconds=60.0, threshold=5, step_weights=(5, 10, 25, 50)),
        checks=(CheckSpec(name="request-success-rate", window_seconds=60.0, warmup_seconds=120.0),),
    )


def test_every_number_and_switch_arrives(canary: Any) -> None:
    body = canary(
        skipAnalysis=True,
        suspend=True,
        paused=True,
        progressDeadlineSeconds=61,
        traffic={"settleSeconds": 1, "drainSeconds": 2, "drainMaxSeconds": 3, "capacityCheck": False},
        analysis={
            "interval": "5s",
            "threshold": 4,
            "stepWeight": 20,
            "maxWeight": 60,
            "primaryReadyThreshold": 80,
            "canaryReadyThreshold": 70,
        },
    )

    assert rollout(body, scrape=1.0) == RolloutSpec(
        name="reviews",
        namespace="bookinfo",
        generation=3,
        analysis=Analysis(interval_seconds=5.0, threshold=4, step_weight=20, max_weight=60),
        skip_analysis=True,
        suspend=True,
        paused=True,
        progress_deadline_seconds=61.0,
        primary_ready_percent=80,
        canary_ready_percent=70,
        settle_seconds=1.0,
        drain_seconds=2.0,
        drain_max_seconds=3.0,
        capacity_check=False,
        scrape_interval_seconds=1.0,
    )


@pytest.mark.parametrize(
    ("metric", "seconds"),
    [
        ({"name": "request-duration", "interval": "10s"}, 30),
        ({"name": "request-duration", "interval": "2m"}, 120),
        ({"name": "request-duration"}, 60),
    ],
)
def test_a_window_is_the_longer_of_both_intervals(canary: Any, metric: Any, seconds: float) -> None:
    spec = rollout(canary(analysis={"interval": "30s", "stepWeight": 5, "metrics": [metric]}))

    assert spec.checks == (CheckSpec(name="request-duration", window_seconds=seconds, warmup_seconds=120.0),)


def test_every_rule_of_a_verdict_arrives(canary: Any) -> None:
    metric = {
        "name": "request-duration",
        "failureLimit": 2,
        "consecutiveFailures": 3,
        "errorLimit": 4,
        "onNoData": "proceed",
        "dryRun": True,
        "initialDelaySeconds": 30,
        "warmupSeconds": 60,
    }
    analysis = {
        "interval": "60s",
        "checkIntervalSeconds": 10,
        "onInconclusive": "hold",
        "maxDurationSeconds": 7200,
        "metrics": [metric],
    }

    spec = rollout(canary(analysis=analysis))

    assert spec.checks == (
        CheckSpec(
            name="request-duration",
            window_seconds=10.0,
            failure_limit=2,
            consecutive_failures=3,
            error_limit=4,
            on_no_data=Policy.PROCEED,
            dry_run=True,
            initial_delay_seconds=30.0,
            warmup_seconds=60.0,
        ),
    )
    assert (spec.analysis.interval_seconds, spec.analysis.window_seconds) == (60.0, 10.0)
    assert (spec.analysis.on_inconclusive, spec.analysis.max_duration_seconds) == (Policy.HOLD, 7200)


@pytest.mark.parametrize(("interval", "seconds"), [({}, 10), ({"interval": "30s"}, 30), ({"interval": "5s"}, 10)])
def test_a_metric_follows_the_check_interval_unless_its_own_is_longer(
    canary: Any, interval: Any, seconds: float
) -> None:
    metric = {"name": "request-success-rate", **interval}
    spec = rollout(canary(analysis={"interval": "60s", "checkIntervalSeconds": 10, "metrics": [metric]}))

    assert [check.window_seconds for check in spec.checks] == [seconds]


def test_a_check_interval_longer_than_the_step_is_refused(canary: Any) -> None:
    with pytest.raises(InvalidSpec) as caught:
        parse_canary(canary(analysis={"interval": "30s", "checkIntervalSeconds": 31}))

    assert "checkIntervalSeconds: given 31, with interval 30s, allowed at most the interval" in str(caught.value)


def test_a_template_without_an_interval_has_a_minute_and_not_an_empty_one(canary: Any) -> None:
    metric = {"name": "errors", "templateRef": {"name": "errors"}}
    body = canary(analysis={"interval": "7s", "metrics": [metric]})

    assert [spec.interval_seconds for spec in metric_specs(parse_canary(body))] == [60.0]
    assert rollout(body).checks == (CheckSpec(name="errors", window_seconds=60.0, warmup_seconds=120.0),)


@pytest.mark.parametrize(
    ("metric", "minimum", "maximum"),
    [
        ({"name": "request-success-rate", "threshold": 99}, 99, None),
        ({"name": "request-success-rate"}, None, None),
        ({"name": "request-duration", "threshold": 500}, None, 500),
        ({"name": "request-duration"}, None, 0),
        ({"name": "queue", "query": "q", "threshold": 3.5}, None, 3.5),
        ({"name": "request-duration", "threshold": 1, "thresholdRange": {"min": 2}}, 2, None),
        ({"name": "request-success-rate", "thresholdRange": {"min": 90, "max": 100}}, 90, 100),
        ({"name": "request-success-rate", "threshold": 0}, 0, None),
        ({"name": "request-reachability", "threshold": 99}, 99, None),
        ({"name": "request-count"}, None, None),
        ({"name": "request-count", "query": "q", "threshold": 3}, None, 3),
    ],
)
def test_old_and_new_limits_are_one(canary: Any, metric: Any, minimum: Any, maximum: Any) -> None:
    read = parse_canary(canary(analysis={"metrics": [{**metric, "interval": "90s"}]}))

    assert metric_specs(read) == (
        MetricSpec(
            name=metric["name"],
            interval_seconds=90.0,
            minimum=minimum,
            maximum=maximum,
            query=metric.get("query", ""),
        ),
    )
    assert [spec.problem for spec in metric_specs(read)] == [""]


@pytest.mark.parametrize(("given", "read"), [(None, (2, 4, 13, 14, 15)), ([14, 2, 14], (2, 14)), ([], ())])
def test_which_grpc_statuses_are_failures_is_said_per_metric(canary: Any, given: Any, read: Any) -> None:
    metric = {"name": "request-success-rate", **({} if given is None else {"grpcFailureStatuses": given})}
    [spec] = metric_specs(parse_canary(canary(analysis={"metrics": [metric]})))
    assert spec.grpc_failures == read


def test_a_metric_of_a_template_names_it_and_has_its_variables(canary: Any) -> None:
    metrics = [
        {"name": "request-duration"},
        {"name": "errors", "templateRef": {"name": "errors"}},
        {"name": "lag", "templateRef": {"name": "lag", "namespace": "shared"}, "templateVariables": {"topic": "a"}},
    ]
    body = canary(analysis={"metrics": metrics})

    told = [(spec.name, spec.template, spec.variables) for spec in metric_specs(parse_canary(body))]
    assert told == [
        ("request-duration", "", {}),
        ("errors", "bookinfo/errors", {}),
        ("lag", "shared/lag", {"topic": "a"}),
    ]
    assert [check.name for check in rollout(body).checks] == ["request-duration", "errors", "lag"]
    assert rollout(body).blocking == ()


def test_what_is_not_set_or_set_to_its_default_is_not_named(canary: Any) -> None:
    body = canary(
        provider="istio",
        revertOnDeletion=False,
        service={"port": 80, "gateways": ["mesh"], "hosts": [], "appProtocol": "http", "headless": False},
        analysis={"iterations": 0, "mirror": False, "webhooks": [], "stepWeightPromotion": 0},
    )

    assert (rollout(body).not_acted_on, rollout(body).blocking) == ((), ())


def test_all_requests_are_copied_unless_a_share_is_given(canary: Any) -> None:
    """Flagger's default; a mirrorWeight without mirror copies nothing."""
    asked = ({"mirror": True}, {"mirror": True, "mirrorWeight": 30}, {"mirrorWeight": 30})
    assert [rollout(canary(analysis=each)).analysis.mirror for each in asked] == [100, 30, 0]


def _path(path: str, value: Any) -> Any:
    """A spec's part with nothing but `value` at `path`."""
    for name in reversed(path.split(".")):
        value = {name.removesuffix("[]"): [value] if name.endswith("[]") else value}
    return value


def _given(path: str) -> Any:
    at: Any = EVERYTHING
    for name in path.split("."):
        at = at[name.removesuffix("[]")]
        at = at[0] if name.endswith("[]") else at
    return at


SPECIAL = {
    "service.appProtocol": "TCP",
    "service.delegation": True,
    "analysis.iterations": 2,
}


@pytest.mark.parametrize("path", [*BLOCKING, *NAMED, "analysis.webhooks", "analysis.alerts"])
def test_a_field_that_does_nothing_yet_is_named_and_blocks_if_it_decides_about_traffic(
    canary: Any, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last two have an effect by now; what would be said of fields like them stays tried out by them."""
    monkeypatch.setattr(acting, "BLOCKING", (*BLOCKING, "analysis.webhooks"))
    monkeypatch.setattr(acting, "NAMED", (*NAMED, "analysis.alerts"))
    part = _path(path, SPECIAL[path] if path in SPECIAL else _given(path))
    body = canary()
    for name, value in part.items():
        body["spec"][name] = {**body["spec"].get(name, {}), **value} if isinstance(value, dict) else value
    if "metrics[]" in path:
        body["spec"]["analysis"]["metrics"][0] |= {"name": "errors", "query": "up"}

    spec = rollout(body)

    assert spec.not_acted_on == (path,)
    assert spec.blocking == ((path,) if path in acting.BLOCKING else ())


@pytest.mark.parametrize(
    "analysis", [{"match": [{"headers": {"x": {"exact": "1"}}}]}, {"sessionAffinity": {"cookieName": "c"}}]
)
def test_when_not_everybody_can_meet_the_canary_its_absence_proves_nothing(canary: Any, analysis: Any) -> None:
    assert rollout(canary()).everybody_routed
    assert not rollout(canary(analysis=analysis)).everybody_routed


def test_every_field_of_the_spec_is_acted_on_or_named() -> None:
    """Nobody can add a field that is ignored in silence."""
    named = {*BLOCKING, *NAMED, *(field.path for field in FIELDS)}
    unaccounted = list(_leaves(CanarySpec, "", ACTED_ON | named))

    assert unaccounted == []
    assert not ACTED_ON & named


def _leaves(model: type[BaseModel], prefix: str, known: set[str]) -> Any:
    for field in model.model_fields.values():
        path = f"{prefix}{field.alias}"
        if path in known:
            continue
        annotation = field.annotation
        inner = [each for each in (annotation, *get_args(annotation)) if isinstance(each, type)]
        pieces = [each for each in inner if issubclass(each, BaseModel)]
        if not pieces:
            yield path
            continue
        many = "[]" if "tuple" in str(annotation) else ""
        yield from _leaves(pieces[0], f"{path}{many}.", known)
