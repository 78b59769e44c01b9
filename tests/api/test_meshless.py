"""Provider kubernetes: what needs a mesh is refused with that reason, by the model and by the API server's rules."""

from typing import Any

import pytest

from delivery.api.acting import blocking
from delivery.api.canary import Canary, CanarySpec
from delivery.api.meshless import _NEEDS_A_MESH
from delivery.api.parse import InvalidSpec, parse_canary
from delivery.api.rollout import rollout_spec
from delivery.api.salvage import salvage_canary
from strategies.plan import plan_for
from tests.api.everything import EVERYTHING

ALLOWED = {
    "analysis.iterations", "analysis.interval", "analysis.threshold", "analysis.metrics", "service.port",
    "analysis.checkIntervalSeconds", "analysis.onInconclusive", "analysis.maxDurationSeconds",
    "service.portDiscovery", "service.trafficDistribution", "service.apex", "service.name",
}  # fmt: skip
GIVEN: dict[str, Any] = {"service.delegation": True, "analysis.stepWeight": 5, "analysis.stepWeights": [5, 10]}


def given(path: str) -> Any:
    part, name = path.split(".")
    return {
        part: {"port": 9080, name: GIVEN.get(path, EVERYTHING[part][name])}
        if part == "service"
        else {name: GIVEN.get(path, EVERYTHING[part][name])}
    }


@pytest.mark.parametrize("path", sorted(_NEEDS_A_MESH))
def test_what_needs_a_mesh_is_refused_with_that_reason(canary: Any, path: str) -> None:
    with pytest.raises(InvalidSpec) as caught:
        parse_canary(canary(provider="kubernetes", **given(path)))

    [line] = str(caught.value).splitlines()
    assert f'spec.provider: given "kubernetes" together with {path}' in line
    assert "a provider with a mesh" in line


@pytest.mark.parametrize("path", sorted(_NEEDS_A_MESH))
def test_the_controllers_own_default_provider_counts_too(canary: Any, path: str) -> None:
    body = canary(**given(path))

    parse_canary(body, provider="istio")
    with pytest.raises(InvalidSpec, match="together with"):
        parse_canary(body, provider="kubernetes")


def test_a_service_as_target_has_no_pods_to_tell_versions_by(canary: Any) -> None:
    target = {"apiVersion": "v1", "kind": "Service", "name": "reviews"}

    with pytest.raises(InvalidSpec, match=r"spec\.targetRef\.kind: given Service with provider kubernetes"):
        parse_canary(canary(provider="kubernetes", targetRef=target))


def test_what_a_service_can_do_is_allowed_and_acted_on(canary: Any) -> None:
    service = {"port": 9080, "name": "books", "portDiscovery": True, "trafficDistribution": "PreferClose"}
    analysis = {"iterations": 3, "interval": "30s", "metrics": [{"name": "request-success-rate"}]}

    read = parse_canary(canary(provider="kubernetes", service=service, analysis=analysis))

    assert blocking(read) == ()
    assert not read.spec.has_mesh


def test_without_a_strategy_it_is_ten_checks_and_then_everybody(canary: Any) -> None:
    read = parse_canary(canary(provider="kubernetes"))

    plan = plan_for(rollout(read))

    assert [(step.traffic.canary, step.checks) for step in plan.steps] == [(0, 10), (100, 1)]
    assert (read.spec.analysis.threshold, read.spec.analysis.step_weights) == (5, ())


def test_the_default_provider_gives_its_default_strategy_and_yields_to_the_canarys_own(canary: Any) -> None:
    default = parse_canary(canary(), provider="kubernetes")
    own = parse_canary(canary(provider="istio"), provider="kubernetes")

    assert default.spec.analysis.iterations == 10
    assert own.spec.analysis.step_weights == (5, 10, 25, 50)


def test_nobody_counts_requests_so_their_absence_proves_nothing(canary: Any) -> None:
    """Else a canary without traffic at weight 100 would be called unreachable."""
    assert not rollout(parse_canary(canary(provider="kubernetes"))).everybody_routed


def test_a_run_survives_an_edit_that_asks_for_a_mesh(canary: Any) -> None:
    body = canary(provider="kubernetes", analysis={"iterations": 3}, service={"port": 9080, "hosts": ["a.example.org"]})

    rest = salvage_canary(body)

    assert rest is not None
    assert (rest.spec.service.hosts, rest.spec.analysis.iterations) == ((), 3)


def rollout(read: Canary) -> Any:
    return rollout_spec(read, scrape_interval_seconds=15.0)


def test_every_field_of_service_and_analysis_was_thought_of() -> None:
    """Who adds a field that steers requests has to say whether it needs a mesh."""
    fields = {
        f"{part}.{field.alias}"
        for part, model in (
            ("service", CanarySpec.model_fields["service"]),
            ("analysis", CanarySpec.model_fields["analysis"]),
        )
        for field in model.annotation.model_fields.values()  # type: ignore[union-attr]
    }
    harmless = {
        "service.backendTimeout", "service.gatewayRefs", "service.mirror", "service.meshName", "service.backends",
        "service.targetPort", "service.portName", "service.appProtocol", "service.primary", "service.canary",
        "service.unmanagedMetadata", "analysis.maxWeight", "analysis.mirrorWeight", "analysis.primaryReadyThreshold",
        "analysis.canaryReadyThreshold", "analysis.webhooks", "analysis.alerts", "analysis.gates",
    }  # fmt: skip

    assert fields == {*_NEEDS_A_MESH, *ALLOWED, *harmless}
