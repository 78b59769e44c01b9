"""What forbids a run: each is named with its way out."""

import copy

import pytest

from delivery.cluster.objects import HORIZONTAL_POD_AUTOSCALERS, SCALED_OBJECTS
from delivery.workloads.autoscalers import preflight
from delivery.workloads.autoscalers.spec import AutoscalerSpec

HPA = AutoscalerSpec(kind="HorizontalPodAutoscaler", name="reviews")
KEDA = AutoscalerSpec(kind="ScaledObject", name="reviews")


def problem(names, spec, source, *, served=True, on_target=(), on_primary=()):
    return preflight.problem(
        spec,
        names,
        target_kind="Deployment",
        source=source,
        served=served,
        on_target=on_target,
        on_primary=on_primary,
    )


def test_nothing_is_wrong_with_an_autoscaler_of_the_target(names, hpa, keda):
    del keda["metadata"]["annotations"]
    assert problem(names, HPA, hpa, on_target=[(HORIZONTAL_POD_AUTOSCALERS, hpa)]) is None
    assert problem(names, KEDA, keda, on_target=[(SCALED_OBJECTS, keda)]) is None
    assert problem(names, None, None) is None


@pytest.mark.parametrize("name", ["reviews-primary", "ratings"])
def test_an_autoscaler_of_another_target(names, hpa, name):
    hpa["spec"]["scaleTargetRef"]["name"] = name
    found = problem(names, HPA, hpa)
    assert found.reason == "AutoscalerOfAnotherTarget"
    assert name in found.message


def test_a_missing_autoscaler_and_a_kind_that_is_not_served(names):
    assert "does not exist; create it" in problem(names, HPA, None).message
    assert "does not serve" in problem(names, KEDA, None, served=False).message


def test_two_autoscalers_of_one_target(names, hpa):
    other = copy.deepcopy(hpa)
    other["metadata"]["name"] = "reviews-2"
    found = problem(names, HPA, hpa, on_target=[(HORIZONTAL_POD_AUTOSCALERS, each) for each in (hpa, other)])
    assert found.reason == "AutoscalerConflict"
    assert "HorizontalPodAutoscaler reviews-2" in found.message


def test_the_autoscaler_that_keda_makes_is_no_second_one(hpa):
    hpa["metadata"]["ownerReferences"] = [{"kind": "ScaledObject", "name": "reviews"}]
    assert preflight.scaling([(HORIZONTAL_POD_AUTOSCALERS, hpa)], "Deployment") == []


def test_a_workload_of_another_kind_with_the_same_name_is_another_one(hpa):
    found = [(HORIZONTAL_POD_AUTOSCALERS, hpa)]
    assert preflight.scaling(found, "Deployment") == found
    assert preflight.scaling(found, "DaemonSet") == []


def test_somebodys_autoscaler_of_the_primary(names, hpa):
    found = problem(names, None, None, on_primary=[(HORIZONTAL_POD_AUTOSCALERS, hpa)])
    assert found.reason == "AutoscalerConflict"
    assert "delete it" in found.message


def test_a_scaled_object_that_nobody_named_would_wake_a_target_at_rest(names, keda, hpa):
    assert "name it" in problem(names, None, None, on_target=[(SCALED_OBJECTS, keda)]).message
    assert problem(names, None, None, on_target=[(HORIZONTAL_POD_AUTOSCALERS, hpa)]) is None


def test_an_autoscaler_that_wakes_its_target_from_nothing(names, hpa):
    hpa["spec"]["minReplicas"] = 0
    assert "minReplicas 0" in problem(names, HPA, hpa).message


def test_a_scaled_object_that_is_paused_somewhere_else(names, keda):
    keda["metadata"]["annotations"]["autoscaling.keda.sh/paused-replicas"] = "3"
    assert "paused at 3 pods" in problem(names, KEDA, keda).message
