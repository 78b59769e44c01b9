"""What the controllers of the world tell of, as `kubectl describe` and `kubectl events` show it."""

import pytest

from delivery.cluster.memory import MERGE_PATCH, Store, VirtualClock, World
from delivery.cluster.memory.behaviours import BEHAVIOUR
from delivery.cluster.memory.recording import Recorder
from delivery.cluster.memory.rejections import ForbiddenError
from delivery.cluster.objects import DEPLOYMENTS, EVENTS, PODS, Ref


@pytest.fixture
def world(store, loop):
    return World(store, loop, events=True)


def told(store, kind, **fields):
    """Reason and message of the Events on a kind, with how often they were told."""
    events = [each for each in store.scan(EVENTS) if each["involvedObject"]["kind"] == kind]
    events = [each for each in events if all(each[field] == value for field, value in fields.items())]
    return {(each["reason"], each["message"]): each["count"] for each in events}


def test_a_new_deployment_tells_how_it_came_up(loop, store, world, deployment):
    store.create(DEPLOYMENTS, deployment(replicas=1))
    loop.advance(10)
    (pod,) = store.scan(PODS)
    name, node = pod["metadata"]["name"], pod["spec"]["nodeName"]
    replica_set = pod["metadata"]["ownerReferences"][0]["name"]
    assert told(store, "Deployment") == {("ScalingReplicaSet", f"Scaled up replica set {replica_set} from 0 to 1"): 1}
    assert told(store, "ReplicaSet") == {("SuccessfulCreate", f"Created pod: {name}"): 1}
    assert told(store, "Pod", type="Normal") == {
        ("Scheduled", f"Successfully assigned shop/{name} to {node}"): 1,
        ("Pulled", 'Container image "reviews:1" already present on machine'): 1,
        ("Created", "Created container: app"): 1,
        ("Started", "Started container app"): 1,
    }
    (started,) = (each for each in store.scan(EVENTS) if each["reason"] == "Started")
    assert started["involvedObject"]["fieldPath"] == "spec.containers{app}"
    assert started["involvedObject"]["uid"] == pod["metadata"]["uid"]
    assert started["source"] == {"component": "kubelet"}


@pytest.mark.parametrize(
    ("behaviour", "reason", "message"),
    [
        ("crash-loop", "BackOff", "Back-off restarting failed container app in pod "),
        ("image-pull", "Failed", 'Failed to pull image "reviews:1": rpc error'),
        ("never-ready", "Unhealthy", "Readiness probe failed"),
        ("melt", "Failed", f"Error: annotation {BEHAVIOUR}: 'melt'"),
    ],
)
def test_what_goes_wrong_is_a_warning_that_counts(loop, store, world, deployment, behaviour, reason, message):
    store.create(DEPLOYMENTS, deployment(replicas=1, annotations={BEHAVIOUR: behaviour}))
    loop.advance(60)
    warnings = told(store, "Pod", type="Warning")
    (found,) = (key for key in warnings if key[0] == reason and key[1].startswith(message))
    assert warnings[found] > 1 or behaviour == "image-pull"
    before = len(store.scan(EVENTS))
    loop.advance(600)
    assert len(store.scan(EVENTS)) == before


def test_what_the_api_server_refuses_is_told_and_tried_again(loop, store, world, deployment):
    refusing = True

    def quota(admission):
        if refusing and admission.ref.kind == PODS:
            raise ForbiddenError("exceeded quota: pods")

    store.admission.append(quota)
    store.create(DEPLOYMENTS, deployment(replicas=1))
    loop.advance(20)
    assert told(store, "ReplicaSet", type="Warning")["FailedCreate", "exceeded quota: pods"] > 2
    assert store.scan(PODS) == []
    refusing = False
    loop.advance(90)
    assert len(store.scan(PODS)) == 1


def test_events_expire_after_an_hour_whoever_wrote_them(loop, store, world, deployment):
    store.create(DEPLOYMENTS, deployment(replicas=1))
    about = {"kind": "Canary", "apiVersion": "v1", "name": "reviews", "namespace": "shop"}
    body = {"metadata": {"name": "reviews.1"}, "involvedObject": about, "reason": "Promoted", "message": ""}
    store.create(EVENTS, body, namespace="shop")
    loop.advance(3500)
    assert store.peek(Ref(EVENTS, "shop", "reviews.1")) is not None
    loop.advance(300)
    assert store.scan(EVENTS) == []


def test_there_are_at_most_so_many_events(loop, deployment):
    store = Store(VirtualClock(loop))
    recorder = Recorder(store, now=VirtualClock(loop).now, later=loop.call_later, rng=loop.random("events"), most=3)
    about = store.create(DEPLOYMENTS, deployment())
    for number in range(10):
        recorder.record(about, "Scaled", f"{number}", source="test")
    recorder.record(about, "Scaled", "8", source="test")
    assert {key[1]: count for key, count in told(store, "Deployment").items()} == {"7": 1, "8": 2, "9": 1}


def test_a_simulation_that_asks_for_no_events_gets_none(loop, store, deployment, reviews):
    World(store, loop)
    store.create(DEPLOYMENTS, deployment(annotations={BEHAVIOUR: "never-ready"}))
    loop.advance(60)
    store.patch(reviews, {"spec": {"replicas": 1}}, content_type=MERGE_PATCH)
    loop.advance(60)
    assert store.scan(EVENTS) == []
