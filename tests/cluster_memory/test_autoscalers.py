"""Autoscalers follow the requests that pods answer, in the way and at the pace of the real controller."""

import pytest

from delivery.cluster.memory import MERGE_PATCH, World
from delivery.cluster.memory.behaviours import FULL_CPU, READY_AFTER
from delivery.cluster.memory.conditions import find, is_ready
from delivery.cluster.memory.resources import AUTOSCALERS
from delivery.cluster.objects import DEPLOYMENTS, EVENTS, PODS, Ref

HPA = Ref(AUTOSCALERS, "shop", "reviews")


class Users:
    """So many requests per second, shared evenly by the pods that are ready."""

    def __init__(self, store):
        self.store, self.per_second = store, 0.0

    def load(self, pod):
        ready = [each for each in self.store.scan(PODS) if is_ready(each)]
        return self.per_second / len(ready) if is_ready(pod) else 0.0


def cpu_target(**target):
    return {"type": "Resource", "resource": {"name": "cpu", "target": target}}


@pytest.fixture
def users(store):
    return Users(store)


@pytest.fixture
def world(store, loop, users):
    return World(store, loop, events=True, load=users.load)


@pytest.fixture
def reviews_at(loop, store, world, deployment, users, reviews):
    """A Deployment whose pods are full at 50 requests/s, with an autoscaler that wants them half full."""

    def start(*, replicas=2, cpu="100m", annotations=None, **spec):
        body = deployment(replicas=replicas, annotations={FULL_CPU: "50", **(annotations or {})})
        if cpu:
            body["spec"]["template"]["spec"]["containers"][0]["resources"] = {"requests": {"cpu": cpu}}
        store.create(DEPLOYMENTS, body)
        loop.advance(5)
        store.create(AUTOSCALERS, {"metadata": {"name": "reviews", "namespace": "shop"}, "spec": hpa(**spec)})
        return reviews

    return start


def hpa(**spec):
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "reviews"}
    metric = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}}
    plain = {"minReplicas": 2, "maxReplicas": 10, "metrics": [{"type": "Resource", "resource": metric}]}
    return {"scaleTargetRef": target, **plain, **spec}


def replicas(store):
    return store.peek(Ref(DEPLOYMENTS, "shop", "reviews"))["spec"]["replicas"]


def said(store, type_):
    found = find(store.peek(HPA)["status"], type_)
    return found.get("status"), found.get("reason")


def test_more_requests_bring_more_pods(loop, store, users, reviews_at):
    users.per_second = 150
    reviews_at()
    loop.advance(60)
    assert replicas(store) == 6  # 25 requests/s each
    status = store.peek(HPA)["status"]
    assert status["currentMetrics"][0]["resource"]["current"] == {"averageValue": "50m", "averageUtilization": 50}
    assert (status["currentReplicas"], status["desiredReplicas"]) == (6, 6)
    assert status["lastScaleTime"]
    assert said(store, "AbleToScale") == ("True", "ReadyForNewScale")
    assert said(store, "ScalingActive") == ("True", "ValidMetricFound")
    assert said(store, "ScalingLimited") == ("False", "DesiredWithinRange")
    (event,) = (each for each in store.scan(EVENTS) if each["reason"] == "SuccessfulRescale")
    assert event["message"].startswith("New size: 6; reason: cpu resource utilization")


def test_within_ten_percent_nothing_is_done(loop, store, users, reviews_at):
    users.per_second = 54
    reviews_at()
    loop.advance(120)
    assert replicas(store) == 2


def test_never_more_than_the_maximum_and_that_is_said(loop, store, users, reviews_at):
    users.per_second = 5000
    reviews_at(maxReplicas=5)
    loop.advance(120)
    assert replicas(store) == 5
    assert said(store, "ScalingLimited") == ("True", "TooManyReplicas")


def test_a_raise_doubles_at_most_or_adds_four_each_fifteen_seconds(loop, store, users, reviews_at):
    users.per_second = 10_000
    reviews_at(maxReplicas=100)
    loop.advance(1)
    assert replicas(store) == 6
    loop.advance(16)
    assert replicas(store) == 12


@pytest.mark.parametrize(("seconds", "behavior"), [(300, {}), (60, {"stabilizationWindowSeconds": 60})])
def test_pods_are_kept_for_the_stabilisation_window(loop, store, users, reviews_at, seconds, behavior):
    users.per_second = 150
    reviews_at(behavior={"scaleDown": behavior})
    loop.advance(60)
    users.per_second = 10
    loop.advance(seconds - 30)
    assert replicas(store) == 6
    assert said(store, "AbleToScale") == ("True", "ScaleDownStabilized")
    loop.advance(60)
    assert replicas(store) == 2
    assert said(store, "ScalingLimited") == ("True", "TooFewReplicas")


def test_policies_of_the_spec_bound_the_speed(loop, store, users, reviews_at):
    users.per_second = 10_000
    slow = {"policies": [{"type": "Pods", "value": 1, "periodSeconds": 60}]}
    reviews_at(behavior={"scaleUp": slow})
    loop.advance(50)
    assert replicas(store) == 3
    loop.advance(60)
    assert replicas(store) == 4
    store.patch(HPA, {"spec": {"behavior": {"scaleUp": {"selectPolicy": "Disabled"}}}}, content_type=MERGE_PATCH)
    loop.advance(300)
    assert replicas(store) == 4


def test_zero_replicas_switch_it_off(loop, store, users, reviews_at):
    users.per_second = 500
    reviews = reviews_at()
    store.patch(reviews, [{"op": "replace", "path": "/spec/replicas", "value": 0}])
    loop.advance(120)
    assert replicas(store) == 0
    assert said(store, "ScalingActive") == ("False", "ScalingDisabled")
    store.patch(reviews, [{"op": "replace", "path": "/spec/replicas", "value": 1}])
    loop.advance(60)
    assert replicas(store) > 1


def test_a_raised_minimum_is_followed_at_once(loop, store, users, reviews_at):
    reviews_at()
    loop.advance(5)
    store.patch(HPA, {"spec": {"minReplicas": 4}}, content_type=MERGE_PATCH)
    loop.advance(1)
    assert replicas(store) == 4


def test_pods_that_are_not_ready_yet_hold_a_raise_back(loop, store, users, reviews_at):
    """Given pods that start for an hour, four that are ready at full use ask for eight in all and no more."""
    users.per_second = 200
    reviews = reviews_at(replicas=4, maxReplicas=50)
    store.patch(reviews, [{"op": "add", "path": "/spec/template/metadata/annotations", "value": {READY_AFTER: "3600"}}])
    loop.advance(300)
    assert replicas(store) < 12


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cpu": ""}, "missing request for cpu"),
        ({"annotations": {FULL_CPU: "lots"}}, f"annotation {FULL_CPU}: 'lots'; requests per second, more than 0"),
        ({"metrics": [cpu_target(type="Utilization")]}, "target.averageUtilization: None; more than 0"),
        ({"metrics": [cpu_target(type="AverageValue", averageValue="0")]}, "target.averageValue: '0'; more than 0"),
        ({"metrics": [cpu_target(type="Value", value="1")]}, "target.type: 'Value'; Utilization or AverageValue"),
        ({"metrics": [{"type": "Pods", "pods": {}}]}, "spec.metrics[0]: 'Pods'; supported is type Resource, for cpu"),
    ],
)
def test_what_cannot_be_measured_is_said_and_nothing_is_done(loop, store, users, reviews_at, options, message):
    users.per_second = 500
    reviews_at(**options)
    loop.advance(60)
    assert replicas(store) == 2
    assert said(store, "ScalingActive") == ("False", "FailedGetResourceMetric")
    assert message in find(store.peek(HPA)["status"], "ScalingActive")["message"]


def test_a_missing_target_is_said(loop, store, world):
    store.create(AUTOSCALERS, {"metadata": {"name": "reviews", "namespace": "shop"}, "spec": hpa()})
    loop.advance(5)
    assert said(store, "AbleToScale") == ("False", "FailedGetScale")
    assert 'Deployment "reviews" not found' in find(store.peek(HPA)["status"], "AbleToScale")["message"]


def test_average_values_need_no_request(loop, store, users, reviews_at):
    users.per_second = 100
    metric = {"name": "cpu", "target": {"type": "AverageValue", "averageValue": "500m"}}
    reviews_at(cpu="", metrics=[{"type": "Resource", "resource": metric}])
    loop.advance(60)
    assert replicas(store) == 4


def test_at_rest_nothing_is_written(loop, store, users, reviews_at):
    users.per_second = 50
    reviews_at()
    loop.advance(120)
    before = store.resource_version
    loop.advance(600)
    assert store.resource_version == before
