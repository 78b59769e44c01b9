"""promotion.method switch: what may stand beside it, said twice, by the model and in the definition's own rules."""

import copy
from typing import Any

import pytest

from delivery.api import crd
from delivery.api.parse import parse_canary
from delivery.api.rollout import rollout_spec
from delivery.api.switching import RULES
from delivery.routing.route_spec import RouteSpec, Subsets

ROUTE = {"apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "name": "reviews"}


def canary(**spec: Any) -> dict[str, Any]:
    given = {
        "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "reviews-v1"},
        "service": {"name": "reviews", "port": 9080},
        "analysis": {},
        "promotion": {"method": "switch"},
        **spec,
    }
    return {"apiVersion": "progressive.delivery/v1beta1", "kind": "Canary", "metadata": {"name": "a"}, "spec": given}


def test_every_rule_stands_in_the_definition() -> None:
    rules = {each["message"]: each["rule"] for each in crd.spec_schema("Canary")["x-kubernetes-validations"]}
    assert {message: rule for rule, message in RULES}.items() <= rules.items()


@pytest.mark.parametrize("revert", [True, False])
def test_subsets_need_no_names_of_roles(revert: bool) -> None:
    body = canary(routeRefs=[ROUTE], subsetRef={"name": "reviews"}, revertOnDeletion=revert)
    read = parse_canary(copy.deepcopy(body))

    assert RouteSpec.of(read).subsets == Subsets("reviews", "", "", versions=True)
    spec = rollout_spec(read, scrape_interval_seconds=15.0)
    assert (spec.told_by_pods, spec.versions_stay, spec.revert_on_deletion) == (True, True, revert)


def test_without_subsets_counts_tell_versions_by_the_services_of_the_roles() -> None:
    spec = rollout_spec(parse_canary(canary()), scrape_interval_seconds=15.0)
    assert (spec.told_by_pods, spec.versions_stay, spec.shares_pods) == (False, True, True)
