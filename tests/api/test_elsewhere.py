"""Fields of other providers: named with a sentence, and in the way of a run where they decide about traffic."""

from typing import Any

import pytest

from delivery.api.elsewhere import FIELDS, SERVED, misplaced
from delivery.api.parse import parse_canary
from delivery.api.rollout import rollout_spec
from delivery.controller.application import advise
from delivery.routing.registry import ROUTERS
from tests.api.everything import EVERYTHING


def given(canary: Any, path: str, **spec: Any) -> Any:
    """A Canary with nothing out of the ordinary but the field at `path`."""
    at: Any = EVERYTHING
    for name in path.split("."):
        at = at[name]
    body = canary(**spec)
    *parents, last = path.split(".")
    inner = body["spec"]
    for name in parents:
        inner = inner.setdefault(name, {})
    inner[last] = at
    return body


def test_the_providers_that_are_served_have_routers() -> None:
    assert set(SERVED) == set(ROUTERS)


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.path)
@pytest.mark.parametrize("provider", [None, *SERVED])
def test_a_field_of_another_provider_is_named_with_whose_it_is_and_the_way_out(
    canary: Any, field: Any, provider: str | None
) -> None:
    if provider == "kubernetes" and "rewrite" in field.path:
        return  # refused altogether: there is nothing to rewrite with
    body = given(canary, field.path, **({"provider": provider} if provider else {}))
    if provider == "kubernetes":
        body["spec"]["analysis"] = {"iterations": 2}
    [found] = misplaced(parse_canary(body))
    assert found.path == field.path
    assert found.sentence.startswith(f"spec.{field.path}: only for provider {field.providers[0]}")
    assert field.advice in found.sentence
    spec = rollout_spec(parse_canary(body), scrape_interval_seconds=15.0)
    assert spec.misplaced == (found.sentence,)
    assert spec.misplaced_blocking == ((found.sentence,) if field.blocks else ())
    assert (spec.blocking, spec.not_acted_on) == ((), ())
    assert advise(body) == [found.sentence]


def test_what_decides_where_traffic_goes_stops_a_run() -> None:
    blocking = {field.path for field in FIELDS if field.blocks}
    assert blocking == {"ingressRef", "routeRef", "upstreamRef", "service.gatewayRefs"}


def test_a_provider_that_nobody_serves_is_named_before_its_fields(canary: Any) -> None:
    body = given(canary, "service.gatewayRefs", provider="gatewayapi:v1")
    [found] = misplaced(parse_canary(body))
    assert found.sentence == (
        "spec.provider: given gatewayapi:v1, which this version does not serve; use istio or kubernetes"
    )
    assert found.blocks
    both = misplaced(parse_canary(given(canary, "ingressRef", provider="gatewayapi:v1")))
    assert [each.path for each in both] == ["provider", "ingressRef"]


def test_a_target_of_another_system_is_named(canary: Any) -> None:
    body = canary(targetRef={"apiVersion": "serving.knative.dev/v1", "kind": "Service", "name": "reviews"})
    [found] = misplaced(parse_canary(body))
    assert found.sentence == "spec.targetRef.apiVersion: given serving.knative.dev/v1, a Service is of v1 or core/v1"
    assert found.blocks


@pytest.mark.parametrize("provider", [None, "istio"])
def test_an_ordinary_canary_is_left_in_peace(canary: Any, provider: str | None) -> None:
    body = canary(**({"provider": provider} if provider else {}))
    body["spec"]["service"]["rewrite"] = {"uri": "/"}
    assert misplaced(parse_canary(body)) == ()
    assert advise(body) == []


def test_alerts_have_an_effect_and_nothing_is_advised(canary: Any) -> None:
    body = canary()
    body["spec"]["analysis"]["alerts"] = EVERYTHING["analysis"]["alerts"]
    assert advise(body) == []
    assert advise({"kind": "MetricTemplate"}) == []
