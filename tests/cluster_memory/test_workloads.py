"""The simulated world: Deployments that roll, pods that fail, and nothing lost on the way."""

import pytest

from delivery.cluster.memory import Store, VirtualClock, VirtualLoop, World
from delivery.cluster.memory.behaviours import BEHAVIOUR, PREFIX, READY_AFTER
from delivery.cluster.memory.conditions import find, is_ready
from delivery.cluster.objects import DEPLOYMENTS, PODS, REPLICA_SETS, SERVICES, Ref


@pytest.fixture
def world(store, loop):
    return World(store, loop)


def scale(store, ref, replicas):
    store.patch(ref, [{"op": "replace", "path": "/spec/replicas", "value": replicas}])


def release(store, ref, image, **annotations):
    marks = {f"{PREFIX}/{key.replace('_', '-')}": value for key, value in annotations.items()}
    store.patch(
        ref,
        [
            {"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": image},
            {"op": "add", "path": "/spec/template/metadata/annotations", "value": marks},
        ],
    )


def ready(store, image=None):
    pods = [pod for pod in store.scan(PODS) if is_ready(pod)]
    return sum(image in (None, pod["spec"]["containers"][0]["image"]) for pod in pods)


def status(store, ref):
    return store.peek(ref)["status"]


def settled(store, ref):
    """Has the Deployment's controller seen the spec and brought everything to it?"""

    def done():
        body = store.peek(ref)
        found, replicas = body.get("status", {}), body["spec"]["replicas"]
        seen = found.get("observedGeneration") == body["metadata"]["generation"]
        counts = [found.get(f, 0) for f in ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")]
        return seen and counts == [replicas] * 4

    return done


def test_a_deployment_brings_up_its_pods(loop, store, world, deployment, reviews):
    store.create(DEPLOYMENTS, deployment())
    assert loop.run_until(settled(store, reviews), max_time=30)
    found = status(store, reviews)
    assert found["observedGeneration"] == 1
    assert "unavailableReplicas" not in found
    assert find(found, "Available")["reason"] == "MinimumReplicasAvailable"
    assert find(found, "Progressing")["reason"] == "NewReplicaSetAvailable"
    (replica_set,) = store.scan(REPLICA_SETS)
    assert replica_set["metadata"]["ownerReferences"][0]["uid"] == store.peek(reviews)["metadata"]["uid"]
    pods = store.scan(PODS)
    for pod in pods:
        assert pod["metadata"]["labels"] == {
            "app": "reviews",
            "pod-template-hash": replica_set["metadata"]["labels"]["pod-template-hash"],
        }
        assert pod["metadata"]["ownerReferences"][0]["name"] == replica_set["metadata"]["name"]
        assert pod["status"]["phase"] == "Running"
        assert pod["status"]["containerStatuses"][0]["ready"]
        assert pod["status"]["containerStatuses"][0]["restartCount"] == 0
        assert "running" in pod["status"]["containerStatuses"][0]["state"]
    assert len({pod["status"]["podIP"] for pod in pods}) == 4


def test_the_server_s_defaults_are_filled_in(store, world, deployment, reviews):
    store.create(DEPLOYMENTS, deployment())
    spec = store.get(reviews)["spec"]
    assert spec["strategy"]["rollingUpdate"] == {"maxSurge": "25%", "maxUnavailable": "25%"}
    assert spec["template"]["spec"]["containers"][0]["imagePullPolicy"] == "IfNotPresent"
    store.create(SERVICES, {"metadata": {"name": "s"}, "spec": {"ports": [{"port": 80}]}})
    ports = store.get(Ref(SERVICES, "default", "s"))["spec"]["ports"]
    assert ports == [{"port": 80, "protocol": "TCP", "targetPort": 80}]


def test_pods_become_ready_when_their_annotation_says(loop, store, world, deployment, reviews):
    store.create(DEPLOYMENTS, deployment(annotations={READY_AFTER: "20"}))
    loop.advance(19)
    assert ready(store) == 0
    loop.advance(2)
    assert ready(store) == 4


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(
    "rolling", [{}, {"maxSurge": 0, "maxUnavailable": 1}, {"maxSurge": "50%", "maxUnavailable": 0}]
)
def test_a_roll_keeps_enough_pods_at_every_step(deployment, reviews, seed, rolling):
    loop = VirtualLoop(seed)
    store = Store(VirtualClock(loop), seed=seed)
    World(store, loop)
    strategy = {"type": "RollingUpdate", "rollingUpdate": rolling}
    store.create(DEPLOYMENTS, deployment(replicas=5, strategy=strategy))
    assert loop.run_until(settled(store, reviews), max_time=60)
    surge = {0: 0, "50%": 3}.get(rolling.get("maxSurge"), 2)
    least = 5 - rolling.get("maxUnavailable", 1)

    def check():
        assert ready(store) >= least
        assert sum(each["spec"]["replicas"] for each in store.scan(REPLICA_SETS)) <= 5 + surge

    loop.on_step = check
    release(store, reviews, "reviews:2")
    assert loop.run_until(settled(store, reviews), max_time=120)
    release(store, reviews, "reviews:3")
    loop.advance(1.5)
    release(store, reviews, "reviews:1")
    assert loop.run_until(settled(store, reviews), max_time=120)
    loop.advance(10)
    assert ready(store, "reviews:1") == 5
    loop.close()


def test_a_bad_release_stops_rolling_and_keeps_the_old_pods(loop, store, world, deployment, reviews):
    store.create(DEPLOYMENTS, deployment(progressDeadlineSeconds=60))
    loop.run_until(settled(store, reviews), max_time=30)
    release(store, reviews, "reviews:2", behaviour="never-ready")
    loop.advance(50)
    assert ready(store, "reviews:1") == 3
    assert find(status(store, reviews), "Progressing")["status"] == "True"
    loop.advance(30)
    progressing = find(status(store, reviews), "Progressing")
    assert (progressing["status"], progressing["reason"]) == ("False", "ProgressDeadlineExceeded")
    assert status(store, reviews)["updatedReplicas"] == 2
    release(store, reviews, "reviews:3")
    assert loop.run_until(settled(store, reviews), max_time=60)
    assert find(status(store, reviews), "Progressing")["reason"] == "NewReplicaSetAvailable"


def test_scaling_to_zero_and_back(loop, store, world, deployment, reviews):
    store.create(DEPLOYMENTS, deployment())
    loop.run_until(settled(store, reviews), max_time=30)
    scale(store, reviews, 0)
    loop.advance(10)
    assert store.scan(PODS) == []
    assert status(store, reviews)["observedGeneration"] == 2
    assert "replicas" not in status(store, reviews)
    release(store, reviews, "reviews:2")
    loop.advance(10)
    assert store.scan(PODS) == []
    scale(store, reviews, 3)
    assert loop.run_until(settled(store, reviews), max_time=30)
    assert ready(store, "reviews:2") == 3


def test_going_back_to_an_older_template_reuses_its_replica_set(loop, store, world, deployment, reviews):
    store.create(DEPLOYMENTS, deployment())
    for image in ("reviews:2", "reviews:1"):
        loop.run_until(settled(store, reviews), max_time=60)
        loop.advance(5)
        release(store, reviews, image)
    assert loop.run_until(settled(store, reviews), max_time=60)
    loop.advance(5)
    sets = {each["spec"]["template"]["spec"]["containers"][0]["image"]: each for each in store.scan(REPLICA_SETS)}
    revisions = {
        key: each["metadata"]["annotations"]["deployment.kubernetes.io/revision"] for key, each in sets.items()
    }
    assert revisions == {"reviews:1": "3", "reviews:2": "2"}
    assert {key: each["spec"]["replicas"] for key, each in sets.items()} == {"reviews:1": 4, "reviews:2": 0}


def test_old_replica_sets_are_forgotten_beyond_the_limit(loop, store, world, deployment, reviews):
    store.create(DEPLOYMENTS, deployment(replicas=1, revisionHistoryLimit=2))
    for number in range(2, 7):
        loop.run_until(settled(store, reviews), max_time=60)
        release(store, reviews, f"reviews:{number}")
    loop.advance(60)
    assert len(store.scan(REPLICA_SETS)) == 3


def test_a_paused_deployment_scales_but_does_not_roll(loop, store, world, deployment, reviews):
    store.create(DEPLOYMENTS, deployment())
    loop.run_until(settled(store, reviews), max_time=30)
    store.patch(reviews, [{"op": "add", "path": "/spec/paused", "value": True}])
    release(store, reviews, "reviews:2")
    scale(store, reviews, 6)
    loop.advance(30)
    assert ready(store, "reviews:1") == 6
    progressing = find(status(store, reviews), "Progressing")
    assert (progressing["status"], progressing["reason"]) == ("Unknown", "DeploymentPaused")
    store.patch(reviews, [{"op": "remove", "path": "/spec/paused"}])
    assert loop.run_until(settled(store, reviews), max_time=60)
    assert ready(store, "reviews:2") == 6
    assert find(status(store, reviews), "Progressing")["reason"] == "NewReplicaSetAvailable"


def container(store):
    return store.scan(PODS)[0]["status"]["containerStatuses"][0]


def test_a_crash_loop_shows_as_a_kubelet_shows_it(loop, store, world, deployment):
    store.create(DEPLOYMENTS, deployment(replicas=1, annotations={BEHAVIOUR: "crash-loop"}))
    loop.advance(5)
    assert container(store)["state"]["waiting"]["reason"] == "CrashLoopBackOff"
    assert container(store)["lastState"]["terminated"]["exitCode"] == 1
    assert container(store)["restartCount"] == 1
    loop.advance(120)
    assert container(store)["restartCount"] == 4
    assert ready(store) == 0


def test_out_of_memory_and_a_missing_image(loop, store, world, deployment):
    store.create(DEPLOYMENTS, deployment(replicas=1, annotations={BEHAVIOUR: "oom"}))
    loop.advance(5)
    assert container(store)["lastState"]["terminated"]["reason"] == "OOMKilled"
    assert container(store)["lastState"]["terminated"]["exitCode"] == 137
    store.delete(Ref(DEPLOYMENTS, "shop", "reviews"))
    loop.advance(5)
    store.create(DEPLOYMENTS, deployment(replicas=1, annotations={BEHAVIOUR: "image-pull"}))
    loop.advance(2)
    assert container(store)["state"]["waiting"]["reason"] == "ErrImagePull"
    loop.advance(5)
    assert container(store)["state"]["waiting"]["reason"] == "ImagePullBackOff"
    assert store.scan(PODS)[0]["status"]["phase"] == "Pending"


def waiting(store):
    return container(store)["state"]["waiting"]


@pytest.mark.parametrize(
    ("annotations", "message"),
    [
        ({BEHAVIOUR: "melt"}, f"annotation {BEHAVIOUR}: 'melt'; one of healthy, never-ready"),
        ({READY_AFTER: "soon"}, f"annotation {READY_AFTER}: 'soon'; seconds, 0 to 86400"),
        ({READY_AFTER: "nan"}, f"annotation {READY_AFTER}: 'nan'; seconds"),
        ({READY_AFTER: "-1"}, f"annotation {READY_AFTER}: '-1'; seconds"),
    ],
)
def test_a_wrong_annotation_is_told_as_a_kubelet_tells_it(loop, store, world, deployment, annotations, message):
    store.create(DEPLOYMENTS, deployment(replicas=1, annotations=annotations))
    loop.advance(5)
    assert waiting(store)["reason"] == "CreateContainerConfigError"
    assert waiting(store)["message"].startswith(message)
    pod = Ref.of(PODS, store.scan(PODS)[0])
    store.patch(pod, [{"op": "add", "path": "/metadata/annotations", "value": {}}])
    loop.advance(20)
    assert ready(store) == 1


def test_an_unknown_behaviour_cannot_be_imposed(world):
    with pytest.raises(ValueError, match="behaviour: 'melt'; one of healthy, never-ready"):
        world.break_pods("app=reviews", "melt")


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        ("reviews:no-such-tag", "ImagePullBackOff"),
        ("example.com:5000/books/reviews:missing", "ImagePullBackOff"),
        ("reviews:missing-2", "ImagePullBackOff"),
        ("Reviews:1", "InvalidImageName"),
        ("reviews:", "InvalidImageName"),
    ],
)
def test_images_that_no_registry_has_are_not_pulled(loop, store, world, deployment, reviews, image, reason):
    store.create(DEPLOYMENTS, deployment(replicas=1))
    loop.run_until(settled(store, reviews), max_time=30)
    release(store, reviews, image)
    loop.advance(10)
    (pod,) = (each for each in store.scan(PODS) if each["spec"]["containers"][0]["image"] == image)
    assert pod["status"]["containerStatuses"][0]["state"]["waiting"]["reason"] == reason
    assert ready(store, "reviews:1") == 1


@pytest.mark.parametrize("image", ["reviews", "docker.io/istio/reviews-v1:1.20.2", "reviews:missingno", "r:a.missing"])
def test_any_other_image_is_there(loop, store, world, deployment, image):
    body = deployment(replicas=1)
    body["spec"]["template"]["spec"]["containers"][0]["image"] = image
    store.create(DEPLOYMENTS, body)
    loop.advance(5)
    assert ready(store, image) == 1


def test_running_pods_can_be_broken_and_healed_from_outside(loop, store, world, deployment, reviews):
    store.create(DEPLOYMENTS, deployment())
    store.create(DEPLOYMENTS, deployment("ratings", replicas=2))
    loop.advance(10)
    world.break_pods("app=reviews", "crash-loop", namespace="shop")
    assert ready(store) == 2
    loop.advance(10)
    assert container(store)["restartCount"] == 0  # ratings
    assert find(status(store, reviews), "Available")["status"] == "False"
    scale(store, reviews, 5)
    loop.advance(10)
    assert ready(store) == 2
    world.heal_pods("app=reviews")
    loop.advance(10)
    assert ready(store) == 7


def test_a_lost_pod_is_replaced_and_that_is_no_roll(loop, store, world, deployment, reviews):
    store.create(DEPLOYMENTS, deployment(progressDeadlineSeconds=5))
    loop.run_until(settled(store, reviews), max_time=30)
    store.delete(Ref.of(PODS, store.scan(PODS)[0]))
    loop.advance(1)
    assert "deletionTimestamp" in str(store.scan(PODS))
    world.break_pods("app=reviews", "never-ready")
    loop.advance(30)
    assert len(store.scan(PODS)) == 4
    assert find(status(store, reviews), "Progressing")["status"] == "True"


def test_min_ready_seconds_delay_availability(loop, store, world, deployment, reviews):
    store.create(DEPLOYMENTS, deployment(minReadySeconds=30))
    loop.advance(20)
    assert status(store, reviews)["readyReplicas"] == 4
    assert "availableReplicas" not in status(store, reviews)
    loop.advance(20)
    assert status(store, reviews)["availableReplicas"] == 4


def test_deleting_the_deployment_takes_everything_with_it(loop, store, world, deployment, reviews):
    store.create(DEPLOYMENTS, deployment())
    loop.advance(10)
    store.delete(reviews)
    assert store.scan(REPLICA_SETS) == []
    assert len(store.scan(PODS)) == 4  # terminating
    assert ready(store) == 0
    loop.advance(10)
    assert store.scan(PODS) == []


def test_recreate_never_runs_two_versions(loop, store, world, deployment, reviews):
    store.create(DEPLOYMENTS, deployment(strategy={"type": "Recreate"}))
    loop.run_until(settled(store, reviews), max_time=30)

    def check():
        assert len({pod["spec"]["containers"][0]["image"] for pod in store.scan(PODS)}) < 2

    loop.on_step = check
    release(store, reviews, "reviews:2")
    assert loop.run_until(settled(store, reviews), max_time=60)
    assert ready(store, "reviews:2") == 4


def test_a_world_at_rest_writes_nothing(loop, store, world, deployment, reviews):
    store.create(DEPLOYMENTS, deployment())
    loop.advance(30)
    before = store.resource_version
    loop.advance(3600)
    assert store.resource_version == before


def test_a_world_takes_up_what_is_already_there(loop, store, deployment, reviews):
    store.create(DEPLOYMENTS, {**deployment(), "spec": {**deployment()["spec"], "strategy": {}}})
    World(store, loop)
    assert loop.run_until(settled(store, reviews), max_time=30)


def history_of(seed):
    loop = VirtualLoop(seed)
    store, told = Store(VirtualClock(loop), seed=seed), []
    world = World(store, loop)
    store.observers.append(lambda event: told.append((loop.time(), event.type, str(event.ref), event.version)))
    labels = {"app": "reviews"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "app", "image": "reviews:1"}]}}
    spec = {"replicas": 4, "selector": {"matchLabels": labels}, "template": template}
    store.create(DEPLOYMENTS, {"metadata": {"name": "reviews", "namespace": "shop"}, "spec": spec})
    loop.advance(5)
    release(store, Ref(DEPLOYMENTS, "shop", "reviews"), "reviews:2")
    loop.advance(2)
    world.break_pods("app=reviews", "oom")
    loop.advance(60)
    loop.close()
    return told


def test_the_same_seed_gives_the_same_history_of_the_world():
    assert history_of(3) == history_of(3)
    assert history_of(3) != history_of(4)


@pytest.mark.parametrize(
    ("resources", "quality"),
    [
        ({}, "BestEffort"),
        ({"requests": {"cpu": "100m"}}, "Burstable"),
        ({"limits": {"cpu": "1", "memory": "1Gi"}}, "Guaranteed"),
        ({"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "1", "memory": "1Mi"}}, "Burstable"),
    ],
)
def test_a_pod_s_quality_of_service_is_that_of_its_resources(loop, store, world, deployment, resources, quality):
    body = deployment(replicas=1)
    body["spec"]["template"]["spec"]["containers"][0]["resources"] = resources
    store.create(DEPLOYMENTS, body)
    loop.advance(5)
    assert store.scan(PODS)[0]["status"]["qosClass"] == quality
