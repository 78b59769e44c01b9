"""Which builtin metrics a Canary may name, and where."""

from typing import Any

import pytest

from delivery.api import crd
from delivery.api.countable import RULES
from delivery.api.parse import InvalidSpec, parse_canary
from metrics.spec import BUILTINS

SUBSETS = {
    "routeRefs": [{"apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "name": "reviews"}],
    "subsetRef": {"name": "reviews", "primarySubset": "v1", "canarySubset": "v2"},
}


@pytest.mark.parametrize("name", BUILTINS)
def test_every_builtin_metric_needs_only_its_name(canary: Any, name: str) -> None:
    [metric] = parse_canary(canary(analysis={"metrics": [{"name": name}]})).spec.analysis.metrics
    assert metric.name == name


def test_an_unknown_name_is_refused_with_the_known_ones(canary: Any) -> None:
    with pytest.raises(InvalidSpec, match=r'given "request-counts" alone.*request-reachability, request-count, or any'):
        parse_canary(canary(analysis={"metrics": [{"name": "request-counts"}]}))


@pytest.mark.parametrize(
    ("metric", "named"),
    [
        ({"name": "request-duration", "grpcFailureStatuses": [2]}, "request-duration"),
        ({"name": "request-success-rate", "query": "up", "grpcFailureStatuses": [2]}, "without query"),
        ({"name": "request-success-rate", "grpcFailureStatuses": [0]}, "grpcFailureStatuses"),
        ({"name": "request-success-rate", "grpcFailureStatuses": [17]}, "grpcFailureStatuses"),
    ],
)
def test_grpc_statuses_are_a_builtin_success_rates(canary: Any, metric: Any, named: str) -> None:
    with pytest.raises(InvalidSpec, match=named):
        parse_canary(canary(analysis={"metrics": [metric]}))


@pytest.mark.parametrize(
    ("spec", "metric", "named"),
    [
        ({"provider": "kubernetes"}, {"name": "request-reachability"}, "no proxy counts there"),
        (
            {"provider": "kubernetes"},
            {"name": "request-success-rate", "grpcFailureStatuses": [2]},
            "grpcFailureStatuses with provider",
        ),
        (SUBSETS, {"name": "request-reachability"}, "both roles have the same"),
    ],
)
def test_what_could_never_be_measured_is_refused(canary: Any, spec: Any, metric: Any, named: str) -> None:
    """Given a check that nobody could make, when it was taken, then the run would wait for ever."""
    with pytest.raises(InvalidSpec, match=named):
        parse_canary(canary(**spec, analysis={"metrics": [metric]}))
    own = {"name": metric["name"], "query": "up"}
    parse_canary(canary(**spec, analysis={"metrics": [own]}))


def test_the_same_rules_stand_in_the_definition_for_servers_that_know_them() -> None:
    rules = {each["message"]: each["rule"] for each in crd.spec_schema("Canary")["x-kubernetes-validations"]}
    assert {message: rule for rule, message in RULES}.items() <= rules.items()
    metrics = crd.spec_schema("Canary")["properties"]["analysis"]["properties"]["metrics"]
    told = [each["rule"] for each in metrics["items"]["x-kubernetes-validations"]]
    assert all(any(f"'{name}'" in rule for rule in told) for name in BUILTINS)
