"""Deleting in the store: what holds an object, and what goes with it."""

import pytest

from delivery.cluster.errors import Conflict, Gone, Invalid
from delivery.cluster.objects import DEPLOYMENTS, PODS, REPLICA_SETS, Ref


def test_finalizers_hold_a_deletion_until_the_last_is_gone(store, deployment, reviews):
    body = deployment()
    body["metadata"]["finalizers"] = ["a/one", "b/two"]
    seen = []
    store.create(DEPLOYMENTS, body)
    store.subscribe(DEPLOYMENTS, resource_version=store.resource_version, deliver=lambda e: seen.append(e.type))
    store.delete(reviews)
    marked = store.get(reviews)["metadata"]
    assert marked["deletionTimestamp"] == "2026-01-01T00:00:00Z"
    assert marked["generation"] == 2
    store.delete(reviews)  # a second time changes nothing
    with pytest.raises(Invalid, match="no new finalizers") as refused:
        store.patch(reviews, [{"op": "add", "path": "/metadata/finalizers/-", "value": "c/three"}])
    assert refused.value.status["details"]["causes"][0]["field"] == "metadata.finalizers"
    store.patch(reviews, [{"op": "remove", "path": "/metadata/finalizers/0"}])
    assert store.peek(reviews) is not None
    store.patch(reviews, [{"op": "remove", "path": "/metadata/finalizers/0"}])
    assert store.peek(reviews) is None
    assert seen == ["MODIFIED", "MODIFIED", "MODIFIED", "DELETED"]


def test_deletion_honours_its_preconditions(store, deployment, reviews):
    created = store.create(DEPLOYMENTS, deployment())
    with pytest.raises(Conflict, match="UID in the precondition"):
        store.delete(reviews, uid="other")
    with pytest.raises(Conflict, match="modified"):
        store.delete(reviews, resource_version="1")
    store.delete(reviews, uid=created["metadata"]["uid"])
    with pytest.raises(Gone):
        store.delete(reviews)


def owned(name, *owners):
    common = {"kind": "Deployment", "name": "x", "blockOwnerDeletion": True}
    references = [{"uid": owner["metadata"]["uid"], **common} for owner in owners]
    return {"metadata": {"name": name, "namespace": "shop", "ownerReferences": references}}


@pytest.mark.parametrize("propagation", ["Background", "Foreground"])
def test_dependents_go_with_their_last_owner(store, deployment, propagation):
    one, two = (store.create(DEPLOYMENTS, deployment(name)) for name in ("one", "two"))
    replica_set = store.create(REPLICA_SETS, owned("rs", one))
    store.create(REPLICA_SETS, owned("shared", one, two))
    store.create(PODS, owned("pod", replica_set))
    order = []
    store.observers.append(lambda event: order.append((event.type, event.ref.name)))
    store.delete(Ref(DEPLOYMENTS, "shop", "one"), propagation=propagation)
    gone = [name for kind, name in order if kind == "DELETED"]
    assert gone == (["one", "rs", "pod"] if propagation == "Background" else ["pod", "rs", "one"])
    shared = store.get(Ref(REPLICA_SETS, "shop", "shared"))
    assert [owner["uid"] for owner in shared["metadata"]["ownerReferences"]] == [two["metadata"]["uid"]]


def test_an_owner_deleted_in_the_foreground_waits_for_what_blocks_it(store, deployment, reviews):
    owner = store.create(DEPLOYMENTS, deployment())
    held = owned("rs", owner)
    held["metadata"]["finalizers"] = ["test/held"]
    store.create(REPLICA_SETS, held)
    answer = store.delete(reviews, propagation="Foreground")
    assert answer["metadata"]["finalizers"] == ["foregroundDeletion"]
    assert "deletionTimestamp" in store.get(Ref(REPLICA_SETS, "shop", "rs"))["metadata"]
    store.patch(Ref(REPLICA_SETS, "shop", "rs"), [{"op": "remove", "path": "/metadata/finalizers"}])
    assert store.peek(reviews) is None


def test_orphans_stay_and_late_dependents_are_swept(store, deployment):
    one = store.create(DEPLOYMENTS, deployment("one"))
    store.create(REPLICA_SETS, owned("rs", one))
    store.delete(Ref(DEPLOYMENTS, "shop", "one"), propagation="Orphan")
    assert store.get(Ref(REPLICA_SETS, "shop", "rs"))["metadata"]["ownerReferences"] == []
    store.create(REPLICA_SETS, owned("late", one))
    assert store.collect_garbage() == 1
    assert [rs["metadata"]["name"] for rs in store.list(REPLICA_SETS).items] == ["rs"]


def test_a_pod_on_a_node_terminates_with_grace(store):
    for name, spec in (("waiting", {}), ("running", {"nodeName": "n", "terminationGracePeriodSeconds": 5})):
        store.create(PODS, {"metadata": {"name": name, "namespace": "shop"}, "spec": spec})
        store.delete(Ref(PODS, "shop", name))
    running = Ref(PODS, "shop", "running")
    assert [pod["metadata"]["name"] for pod in store.scan(PODS)] == ["running"]
    assert store.get(running)["metadata"]["deletionTimestamp"] == "2026-01-01T00:00:05Z"
    store.delete(running, grace_seconds=0)
    assert store.peek(running) is None
