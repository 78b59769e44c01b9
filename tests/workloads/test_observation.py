"""What a decision sees of a workload: counts that can be trusted while its controller is still behind."""

import copy

import pytest

from delivery.workloads.deployment import primary_body
from delivery.workloads.observation import observe
from delivery.workloads.revision import revision


def pod(name, template_hash="new", *, ready=True, created="2026-01-02T00:00:00Z", waiting=None, **meta):
    labels = {"app": "reviews", "tier": "web", "pod-template-hash": template_hash}
    state = {"waiting": {"reason": waiting}} if waiting else {"running": {}}
    return {
        "metadata": {"name": name, "namespace": "shop", "labels": labels, "creationTimestamp": created, **meta},
        "status": {
            "conditions": [{"type": "Ready", "status": str(ready)}],
            "containerStatuses": [{"name": "app", "restartCount": 0, "state": state}],
        },
    }


def replica_set(target, template_hash, *, image=None, owner="t-1"):
    template = copy.deepcopy(target["spec"]["template"])
    template["metadata"]["labels"]["pod-template-hash"] = template_hash
    if image:
        template["spec"]["containers"][0]["image"] = image
    return {
        "metadata": {
            "name": f"reviews-{template_hash}",
            "labels": dict(template["metadata"]["labels"]),
            "ownerReferences": [{"kind": "Deployment", "uid": owner}],
        },
        "spec": {"template": template},
    }


@pytest.fixture
def rolling(target):
    """Three wanted, one new and two old pods, all ready."""
    target["status"] = {"observedGeneration": 3, "replicas": 3, "updatedReplicas": 1, "readyReplicas": 3}
    pods = [
        pod("new-1"),
        pod("old-1", "old", created="2026-01-01T00:00:00Z"),
        pod("old-2", "old", created="2026-01-01T00:00:00Z"),
    ]
    return target, pods


def test_a_workload_at_rest(target):
    seen = observe(target, [pod("a"), pod("b"), pod("c")])
    assert seen.revision == revision(target["spec"]["template"])
    assert (seen.replicas, seen.ready, seen.updated, seen.updated_ready) == (3, 3, 3, 3)
    assert seen.settled
    assert seen.trouble is None


def test_only_pods_that_are_ready_and_stay_are_counted(target):
    pods = [pod("a"), pod("b", ready=False), pod("c", deletionTimestamp="2026-01-02T00:00:00Z")]
    assert observe(target, pods).ready == 1


def test_pods_of_other_workloads_and_namespaces_do_not_count(target):
    other, elsewhere = pod("a"), pod("b")
    other["metadata"]["labels"]["app"] = "reviews-primary"
    elsewhere["metadata"]["namespace"] = "attic"
    assert observe(target, [other, elsewhere]).ready == 0


@pytest.mark.parametrize(
    ("status", "settled"),
    [
        ({"observedGeneration": 3, "replicas": 3, "updatedReplicas": 3}, True),
        ({"observedGeneration": 2, "replicas": 3, "updatedReplicas": 3}, False),
        ({"observedGeneration": 3, "replicas": 3, "updatedReplicas": 2}, False),
        ({"observedGeneration": 3, "replicas": 4, "updatedReplicas": 3}, False),
        ({"observedGeneration": 3, "replicas": 2, "updatedReplicas": 2}, False),
        ({}, False),
    ],
)
def test_settled_means_seen_updated_and_nothing_old_left(target, status, settled):
    target["status"] = status
    assert observe(target, []).settled is settled


def test_a_workload_scaled_to_zero_is_settled(target):
    target["spec"]["replicas"] = 0
    target["status"] = {"observedGeneration": 3}
    seen = observe(target, [])
    assert (seen.replicas, seen.ready, seen.settled) == (0, 0, True)


def test_new_pods_are_told_from_old_ones_by_their_replica_set(rolling):
    target, pods = rolling
    sets = [replica_set(target, "new"), replica_set(target, "old", image="reviews:v0")]
    seen = observe(target, pods, replica_sets=sets)
    assert (seen.ready, seen.updated, seen.updated_ready, seen.settled) == (3, 1, 1, False)


def test_replica_sets_tell_even_while_the_controller_is_behind(rolling):
    target, pods = rolling
    target["metadata"]["generation"] = 4
    sets = [replica_set(target, "new"), replica_set(target, "old", image="reviews:v0")]
    seen = observe(target, pods, replica_sets=sets)
    assert (seen.updated, seen.updated_ready) == (1, 1)


def test_a_new_template_without_a_replica_set_has_no_pods_yet(rolling):
    target, pods = rolling
    seen = observe(target, pods, replica_sets=[replica_set(target, "old", image="reviews:v0")])
    assert (seen.ready, seen.updated, seen.updated_ready) == (3, 0, 0)


def test_replica_sets_of_others_say_nothing(target):
    sets = [replica_set(target, "new", image="ratings:v1", owner="somebody")]
    assert observe(target, [pod("a"), pod("b"), pod("c")], replica_sets=sets).updated_ready == 3


def test_without_replica_sets_the_status_gives_a_lower_bound(rolling):
    target, pods = rolling
    assert (observe(target, pods).updated, observe(target, pods).updated_ready) == (1, 1)
    pods[0]["status"]["conditions"][0]["status"] = "False"
    assert observe(target, pods).updated_ready == 0
    target["metadata"]["generation"] = 4
    assert (observe(target, pods).updated, observe(target, pods).updated_ready) == (0, 0)


@pytest.mark.parametrize("known", [True, False])
def test_a_broken_new_pod_is_trouble_and_a_broken_old_one_is_not(rolling, known):
    target, pods = rolling
    sets = [replica_set(target, "new"), replica_set(target, "old", image="reviews:v0")] if known else []
    stuck = {"name": "app", "restartCount": 5, "state": {"waiting": {"reason": "CrashLoopBackOff"}}}
    pods[1]["status"]["containerStatuses"] = [stuck]
    assert observe(target, pods, replica_sets=sets).trouble is None
    pods[0]["status"]["containerStatuses"] = [stuck]
    assert observe(target, pods, replica_sets=sets).trouble.reason == "CrashLoopBackOff"


def test_the_primarys_revision_is_the_one_it_was_made_from(target, names, stored):
    primary = stored(primary_body(target, names, revision="v1-made", replicas=3, epoch=1, annotations={}))
    assert observe(primary, []).revision == "v1-made"
    del primary["metadata"]["annotations"]
    assert observe(primary, []).revision == revision(target["spec"]["template"])


@pytest.mark.parametrize(
    ("time", "said"),
    [
        ("2026-01-02T00:00:05Z", ["2026-01-02T00:00:05+00:00"]),
        ("2026-01-02T00:00:05", []),  # of no time zone
        ("yesterday", []),
        (None, []),
    ],
)
def test_since_when_a_pod_serves_is_what_its_condition_says(target, time, said):
    serving, dying, starting = pod("a"), pod("b", deletionTimestamp="2026-01-02T00:01:00Z"), pod("c", ready=False)
    for each in (serving, dying, starting):
        each["status"]["conditions"][0]["lastTransitionTime"] = time
    seen = observe(target, [serving, dying, starting])
    assert seen.ready == 1
    assert [each.isoformat() for each in seen.ready_since] == said
