"""The primary's autoscaler is the target's under another name, all the time, and nothing else."""

import copy

import pytest

from delivery.cluster.errors import Fenced
from delivery.cluster.memory.patching import json_patch
from delivery.cluster.objects import HORIZONTAL_POD_AUTOSCALERS, SCALED_OBJECTS, Action
from delivery.workloads.autoscalers.copying import COPIED, bounds_problem, primary_change
from delivery.workloads.autoscalers.spec import AutoscalerSpec

HPA = AutoscalerSpec(kind="HorizontalPodAutoscaler", name="reviews")
KEDA = AutoscalerSpec(kind="ScaledObject", name="reviews")
OURS = {"app.kubernetes.io/managed-by": "progressive-delivery", "progressive.delivery/canary": "reviews"}


def made(spec, source, names, *, clone=None, floor=0, epoch=3):
    kind = SCALED_OBJECTS if spec.kind == "ScaledObject" else HORIZONTAL_POD_AUTOSCALERS
    change = primary_change(kind, spec, names, source=source, clone=clone, floor=floor, epoch=epoch)
    if change is None:
        return None
    return copy.deepcopy(change.body) if change.action is Action.CREATE else json_patch(clone, change.patch)


def test_a_copy_scales_the_primary_and_says_whose_it_is(hpa, names):
    clone = made(HPA, hpa, names)
    assert clone["metadata"]["name"] == "reviews-primary"
    assert clone["metadata"]["labels"] == {"app": "reviews-primary", "team": "books", **OURS}
    assert clone["metadata"]["annotations"]["note"] == "ours"
    assert clone["metadata"]["annotations"]["progressive.delivery/fence"] == "3"
    assert clone["spec"] == {
        **hpa["spec"],
        "scaleTargetRef": {**hpa["spec"]["scaleTargetRef"], "name": "reviews-primary"},
    }
    assert "ownerReferences" not in clone["metadata"]


def test_nothing_of_gitops_tools_or_kubectl_is_copied(hpa, names):
    meta = made(HPA, hpa, names)["metadata"]
    assert not any("fluxcd" in name for name in meta["labels"])
    assert set(meta["annotations"]) == {"note", COPIED, "progressive.delivery/fence"}


def test_nothing_is_written_when_nothing_differs(hpa, names):
    clone = made(HPA, hpa, names)
    assert made(HPA, hpa, names, clone=clone, epoch=9) is None


def test_an_edit_of_the_source_reaches_the_copy_at_any_time(hpa, names):
    clone = made(HPA, hpa, names)
    hpa["spec"] |= {"maxReplicas": 20, "behavior": {"scaleDown": {"selectPolicy": "Disabled"}}}
    hpa["metadata"]["labels"] = {"team": "shelves"}
    hpa["metadata"]["annotations"] = {}
    clone = made(HPA, hpa, names, clone=clone)
    assert clone["spec"]["maxReplicas"] == 20
    assert clone["spec"]["behavior"] == {"scaleDown": {"selectPolicy": "Disabled"}}
    assert clone["metadata"]["labels"] == {"team": "shelves", **OURS}
    assert "note" not in clone["metadata"]["annotations"]
    del hpa["spec"]["behavior"]
    assert "behavior" not in made(HPA, hpa, names, clone=clone)["spec"]


def test_what_others_added_to_the_copy_survives(hpa, names):
    clone = made(HPA, hpa, names)
    clone["metadata"]["labels"]["cost-centre"] = "7"
    clone["metadata"]["annotations"]["seen-by"] = "vpa"
    clone["spec"]["tuning"] = {"gain": 2}
    hpa["spec"]["minReplicas"] = 3
    after = made(HPA, hpa, names, clone=clone)
    assert after["metadata"]["labels"]["cost-centre"] == "7"
    assert after["metadata"]["annotations"]["seen-by"] == "vpa"
    assert after["spec"]["tuning"] == {"gain": 2}


@pytest.mark.parametrize(("floor", "least"), [(0, 2), (1, 2), (4, 4), (9, 6)])
def test_the_floor_raises_the_least_up_to_the_most(hpa, names, floor, least):
    assert made(HPA, hpa, names, floor=floor)["spec"]["minReplicas"] == least


def test_the_floor_goes_without_anything_to_be_remembered(hpa, names):
    clone = made(HPA, hpa, names, floor=5)
    assert made(HPA, hpa, names, clone=clone)["spec"] == made(HPA, hpa, names)["spec"]


def test_the_primary_has_its_own_bounds_when_they_are_given(hpa, names):
    own = AutoscalerSpec(kind=HPA.kind, name="reviews", least=3, most=30)
    spec = made(own, hpa, names)["spec"]
    assert (spec["minReplicas"], spec["maxReplicas"]) == (3, 30)


def test_bounds_that_contradict_each_other_are_named(hpa):
    own = AutoscalerSpec(kind=HPA.kind, name="reviews", least=7)
    assert "maxReplicas" in bounds_problem(own, hpa).message
    assert bounds_problem(HPA, hpa) is None


def test_a_write_is_preconditioned_on_the_values_that_it_replaces_and_on_the_fence(hpa, names):
    clone = made(HPA, hpa, names)
    change = primary_change(HORIZONTAL_POD_AUTOSCALERS, HPA, names, source=hpa, clone=clone, floor=4, epoch=4)
    tests = {op["path"]: op["value"] for op in change.tests}
    assert tests["/spec/minReplicas"] == 2
    assert tests["/metadata/annotations/progressive.delivery~1fence"] == "3"
    assert "/metadata/resourceVersion" not in tests


def test_a_later_leaders_copy_is_not_written(hpa, names):
    clone = made(HPA, hpa, names, epoch=5)
    with pytest.raises(Fenced):
        made(HPA, hpa, names, clone=clone, floor=4, epoch=4)


def test_the_pause_of_the_target_never_reaches_the_primary(keda, names):
    annotations = made(KEDA, keda, names)["metadata"]["annotations"]
    assert not any("paused" in name for name in annotations if name != COPIED)
    assert annotations["x"] == "y"
    clone = made(KEDA, keda, names)
    keda["metadata"]["annotations"]["autoscaling.keda.sh/paused-scale-in"] = "true"
    assert made(KEDA, keda, names, clone=clone) is None


def test_a_scaled_objects_query_follows_the_copy_and_other_triggers_are_copied(keda, names):
    requests, cron = made(KEDA, keda, names)["spec"]["triggers"]
    assert requests["metadata"]["query"] == 'sum(rate(requests{app="reviews-primary"}[1m]))'
    assert requests["metadata"]["threshold"] == "5"
    assert cron == keda["spec"]["triggers"][1]


def test_a_query_that_the_canary_gives_is_asked_instead(keda, names):
    own = AutoscalerSpec(kind="ScaledObject", name="reviews", queries={"requests": "vector(1)"})
    assert made(own, keda, names)["spec"]["triggers"][0]["metadata"]["query"] == "vector(1)"


def test_a_scaled_objects_copy_makes_an_autoscaler_of_another_name(keda, names):
    advanced = made(KEDA, keda, names)["spec"]["advanced"]
    config = advanced["horizontalPodAutoscalerConfig"]
    assert config == {"name": "reviews-hpa-primary", "behavior": {"scaleDown": {}}}


def test_nothing_sends_the_primary_below_its_least(keda, names):
    spec = made(KEDA, keda, names, floor=4)["spec"]
    assert spec["minReplicaCount"] == 4
    assert "idleReplicaCount" not in spec
    assert "restoreToOriginalReplicaCount" not in spec["advanced"]
    keda["spec"]["minReplicaCount"] = 0
    assert made(KEDA, keda, names)["spec"]["minReplicaCount"] == 1, "a primary without pods serves nobody"


def test_the_label_that_keda_writes_itself_is_not_fought_over(keda, names):
    assert "scaledobject.keda.sh/name" not in made(KEDA, keda, names)["metadata"]["labels"]
