"""The API server in memory: versions, generations, subresources, preconditions, deletion, lists and watches."""

import random

import pytest

from delivery.cluster.errors import Conflict, Denied, Expired, Gone, Invalid, Unavailable
from delivery.cluster.memory import (
    MERGE_PATCH,
    ContentInvalidError,
    ForbiddenError,
    Resource,
    Store,
    VirtualClock,
    VirtualLoop,
)
from delivery.cluster.objects import DEPLOYMENTS, PODS, VIRTUAL_SERVICES, Kind, Ref


def put(path, value, op="replace"):
    return {"op": op, "path": path, "value": value}


def test_a_new_object_gets_what_the_server_gives(store, deployment, reviews):
    body = deployment()
    body["metadata"] |= {"uid": "mine", "generation": 7, "creationTimestamp": "1999-01-01T00:00:00Z"}
    body["status"] = {"replicas": 3}
    created = store.create(DEPLOYMENTS, body)
    assert created["kind"] == "Deployment"
    assert created["apiVersion"] == "apps/v1"
    meta = created["metadata"]
    assert (meta["generation"], meta["creationTimestamp"]) == (1, "2026-01-01T00:00:00Z")
    assert meta["uid"] != "mine"
    assert meta["resourceVersion"] == store.resource_version
    assert "status" not in created
    assert store.get(reviews) == created


def test_uids_and_generated_names_are_the_same_for_the_same_seed():
    def made(seed):
        store = Store(VirtualClock(VirtualLoop(0)), seed=seed)
        pods = [store.create(PODS, {"metadata": {"generateName": "p-", "namespace": "x"}}) for _ in range(3)]
        return [(pod["metadata"]["name"], pod["metadata"]["uid"]) for pod in pods]

    assert made(1) == made(1)
    assert len(dict(made(1))) == 3
    assert made(1) != made(2)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"metadata": {}}, "metadata.name"),
        ({"metadata": {"name": "a"}, "kind": "Pod"}, "kind: 'Pod' was sent, 'Deployment' is"),
        ({"metadata": {"name": "a"}, "apiVersion": "apps/v1beta1"}, "apiVersion: 'apps/v1beta1'"),
        ({"metadata": {"name": "a", "namespace": "other"}}, "metadata.namespace: 'other' was sent to namespace 'shop'"),
        ({"metadata": {"name": "a", "resourceVersion": "4"}}, "metadata.resourceVersion"),
        ({"metadata": []}, "metadata: an object is needed"),
        ({"metadata": {"name": "a"}, "spec": {"x": [1, object()]}}, r"spec.x\[1\]: <object.* is no JSON value"),
    ],
)
def test_bad_bodies_are_named(store, body, words):
    with pytest.raises(Invalid, match=words):
        store.create(DEPLOYMENTS, body, namespace="shop")


def test_what_is_not_there_and_what_is_already(store, deployment, reviews):
    with pytest.raises(Gone, match=r'deployments\.apps "reviews" not found'):
        store.get(reviews)
    with pytest.raises(Gone, match=r"could not find the requested resource \(things.example.com\)"):
        store.list(Kind("example.com", "v1", "Thing", "things"))
    store.create(DEPLOYMENTS, deployment())
    with pytest.raises(Conflict, match="already exists") as refused:
        store.create(DEPLOYMENTS, deployment())
    assert refused.value.status["code"] == 409
    assert refused.value.status["reason"] == "AlreadyExists"


def test_generation_counts_changes_of_the_spec_alone(store, deployment, reviews):
    store.create(DEPLOYMENTS, deployment())
    generations = [
        store.patch(reviews, ops, subresource=sub)["metadata"]["generation"]
        for ops, sub in [
            ([put("/spec/replicas", 5)], ""),
            ([put("/metadata/labels/team", "a", "add")], ""),
            ([put("/status", {"replicas": 1}, "add")], "status"),
            ([put("/spec/replicas", 6)], ""),
        ]
    ]
    assert generations == [2, 2, 2, 3]


def test_main_and_status_ignore_each_other_s_fields(store, deployment, reviews):
    store.create(DEPLOYMENTS, deployment())
    store.patch(reviews, [put("/status", {"replicas": 1}, "add"), put("/spec/replicas", 9)], subresource="status")
    assert store.get(reviews)["spec"]["replicas"] == 4
    store.patch(reviews, [put("/status/replicas", 2), put("/spec/replicas", 9)])
    found = store.get(reviews)
    assert (found["spec"]["replicas"], found["status"]) == (9, {"replicas": 1})
    found["metadata"]["labels"]["late"] = "x"
    found["status"] = {"replicas": 3}
    store.replace(reviews, found, subresource="status")
    found = store.get(reviews)
    assert "late" not in found["metadata"]["labels"]
    assert found["status"] == {"replicas": 3}


def test_a_subresource_that_does_not_exist(store):
    store.create(Kind("coordination.k8s.io", "v1", "Lease", "leases"), {"metadata": {"name": "l"}})
    with pytest.raises(Gone, match="no subresource 'status'"):
        store.patch(Ref(Kind("coordination.k8s.io", "v1", "Lease", "leases"), "default", "l"), [], subresource="status")


def test_a_patch_that_changes_nothing_leaves_the_version(store, deployment, reviews):
    before = store.create(DEPLOYMENTS, deployment(), manager="a")
    seen = []
    store.subscribe(DEPLOYMENTS, resource_version=store.resource_version, deliver=seen.append)
    assert store.patch(reviews, [put("/spec/replicas", 4)], manager="b") == before
    assert store.patch(reviews, {"spec": {"replicas": 4}}, content_type=MERGE_PATCH, manager="b") == before
    assert seen == []


def test_a_replace_in_an_old_version_is_a_conflict(store, deployment, reviews):
    old = store.create(DEPLOYMENTS, deployment())
    store.patch(reviews, [put("/spec/replicas", 5)])
    old["spec"]["replicas"] = 6
    with pytest.raises(Conflict, match="has been modified"):
        store.replace(reviews, old)
    del old["metadata"]["resourceVersion"]
    assert store.replace(reviews, old)["spec"]["replicas"] == 6


def test_a_json_patch_whose_test_fails_changes_nothing(store, deployment, reviews):
    created = store.create(DEPLOYMENTS, deployment())
    version = created["metadata"]["resourceVersion"]
    guarded = [put("/metadata/resourceVersion", version, "test"), put("/spec/replicas", 5)]
    assert store.patch(reviews, guarded)["spec"]["replicas"] == 5
    with pytest.raises(Conflict) as refused:
        store.patch(reviews, guarded)
    assert refused.value.status["code"] == 422
    assert "details" not in refused.value.status
    with pytest.raises(Conflict, match="'annotations' on the way"):
        store.patch(reviews, [put("/metadata/annotations/a", "b", "add")])


def test_the_identity_of_an_object_can_not_be_patched(store, deployment, reviews):
    created = store.create(DEPLOYMENTS, deployment())
    with pytest.raises(Invalid, match=r"metadata.name: 'other'"):
        store.patch(reviews, [put("/metadata/name", "other")])
    with pytest.raises(Invalid, match=r'metadata.uid: Invalid value: "other": field is immutable'):
        store.patch(reviews, [put("/metadata/uid", "other")])
    store.patch(reviews, [put("/metadata/generation", 9), put("/metadata/creationTimestamp", "x")])
    assert store.get(reviews) == created


def test_nothing_handed_out_is_the_stored_object(store, deployment, reviews):
    body, seen = deployment(), []
    store.subscribe(DEPLOYMENTS, deliver=lambda event: seen.append(event.object))
    handed = [store.create(DEPLOYMENTS, body), store.get(reviews), store.list(DEPLOYMENTS).items[0], seen[0], body]
    patch = {"op": "add", "path": "/metadata/annotations", "value": {"k": "v"}}
    handed.append(store.patch(reviews, [patch]))
    wanted = store.get(reviews)
    for copy in handed:
        copy["spec"]["replicas"] = 99
        copy["metadata"]["labels"]["app"] = "changed"
    patch["value"]["k"] = "changed"
    assert store.get(reviews) == wanted


@pytest.mark.parametrize(
    ("selector", "names"),
    [
        ("", "abcd"),
        ("tier=web", "ab"),
        ("tier==web,team!=x", "b"),
        ("team != x", "bcd"),
        ("tier in (web, db)", "abc"),
        ("tier notin (web)", "cd"),
        ("team", "a"),
        ("!tier", "d"),
        ("tier in (web,db),!team", "bc"),
    ],
)
def test_label_selectors(store, selector, names):
    for name, labels in {"a": {"tier": "web", "team": "x"}, "b": {"tier": "web"}, "c": {"tier": "db"}, "d": {}}.items():
        store.create(PODS, {"metadata": {"name": name, "labels": labels}})
    assert "".join(pod["metadata"]["name"] for pod in store.list(PODS, labels=selector).items) == names


@pytest.mark.parametrize("selector", ["a in b", "=x", "a=b=c", "a,,b", "a in (b"])
def test_a_bad_label_selector_is_named(store, selector):
    with pytest.raises(Invalid, match="labelSelector"):
        store.list(PODS, labels=selector)


def test_field_selectors_and_namespaces(store):
    for namespace in ("x", "y"):
        for name in ("a", "b"):
            store.create(PODS, {"metadata": {"name": name}, "spec": {"nodeName": name}}, namespace=namespace)

    def found(**query):
        return [(p["metadata"]["namespace"], p["metadata"]["name"]) for p in store.list(PODS, **query).items]

    assert found() == [("x", "a"), ("x", "b"), ("y", "a"), ("y", "b")]
    assert found(namespace="y") == [("y", "a"), ("y", "b")]
    assert found(fields="metadata.name=a") == [("x", "a"), ("y", "a")]
    assert found(fields="metadata.name!=a,metadata.namespace=x,spec.nodeName=b") == [("x", "b")]
    with pytest.raises(Invalid, match="fieldSelector"):
        found(fields="metadata.name")


def test_a_watch_replays_from_its_version_and_follows(store, deployment, reviews):
    store.create(DEPLOYMENTS, deployment())
    listing, seen = store.list(DEPLOYMENTS), []
    store.patch(reviews, [put("/spec/replicas", 5)])
    watch = store.subscribe(
        DEPLOYMENTS,
        resource_version=listing.resource_version,
        deliver=lambda e: seen.append((e.type, e.object["spec"]["replicas"])),
    )
    store.patch(reviews, [put("/spec/replicas", 6)])
    store.create(DEPLOYMENTS, deployment("other", replicas=1))
    store.delete(reviews)
    watch.close()
    store.delete(Ref(DEPLOYMENTS, "shop", "other"))
    assert seen == [("MODIFIED", 5), ("MODIFIED", 6), ("ADDED", 1), ("DELETED", 6)]


def test_a_selective_watch_sees_objects_enter_and_leave(store):
    seen, ref = [], Ref(PODS, "default", "p")
    store.subscribe(PODS, labels="on=yes", deliver=lambda e: seen.append(e.type))
    store.create(PODS, {"metadata": {"name": "p", "labels": {"on": "no"}}})
    for value in ("yes", "yes!", "no", "yes"):
        store.patch(ref, [put("/metadata/labels/on", value.strip("!")), put("/metadata/labels/x", value, "add")])
    store.delete(ref)
    assert seen == ["ADDED", "MODIFIED", "DELETED", "ADDED", "DELETED"]


def test_a_watch_from_too_far_back_or_ahead_is_refused(loop, deployment, reviews):
    store = Store(VirtualClock(loop), history=3)
    start = store.resource_version
    store.create(DEPLOYMENTS, deployment())
    for replicas in (5, 6):
        store.patch(reviews, [put("/spec/replicas", replicas)])
    seen = []
    store.subscribe(DEPLOYMENTS, resource_version=start, deliver=lambda e: seen.append(e.type))
    assert seen == ["ADDED", "MODIFIED", "MODIFIED"]
    store.patch(reviews, [put("/spec/replicas", 7)])
    with pytest.raises(Expired, match="too old resource version"):
        store.subscribe(DEPLOYMENTS, resource_version=start, deliver=seen.append)
    store.subscribe(VIRTUAL_SERVICES, resource_version=start, deliver=seen.append)  # nothing of it was lost
    before = store.list(DEPLOYMENTS).resource_version
    store.compact()
    store.subscribe(DEPLOYMENTS, resource_version=before, deliver=seen.append)
    with pytest.raises(Unavailable, match="Too large"):
        store.subscribe(DEPLOYMENTS, resource_version="999", deliver=seen.append)
    with pytest.raises(Invalid, match="is no number"):
        store.subscribe(DEPLOYMENTS, resource_version="x", deliver=seen.append)


def test_list_and_watch_together_never_miss_anything(loop):
    rng, store = random.Random(5), Store(VirtualClock(loop), history=20)
    listing = store.list(PODS)
    seen, version, gaps = {}, listing.resource_version, 0

    def note(event):
        name = event.object["metadata"]["name"]
        seen.pop(name, None) if event.type == "DELETED" else seen.update({name: event.object})
        versions.append(event.object["metadata"]["resourceVersion"])

    for _ in range(100):
        for _ in range(rng.randrange(30)):
            ref = Ref(PODS, "default", rng.choice("abcd"))
            if store.peek(ref) is None:
                store.create(PODS, {"metadata": {"name": ref.name}, "spec": {"n": 0}})
            elif rng.random() < 0.3:
                store.delete(ref)
            else:
                store.patch(ref, [put("/spec/n", rng.random())])
        versions = []
        try:
            store.subscribe(PODS, resource_version=version, deliver=note).close()
        except Expired:
            gaps += 1
            seen = {pod["metadata"]["name"]: pod for pod in store.list(PODS).items}
        version = store.bookmark(PODS).object["metadata"]["resourceVersion"]
        assert versions == sorted(versions, key=int)
        assert seen == {pod["metadata"]["name"]: pod for pod in store.list(PODS).items}
    assert 0 < gaps < 100


def test_admission_may_default_and_refuse(store, deployment, reviews):
    def admit(admission):
        if admission.operation == "CREATE":
            admission.object["spec"].setdefault("minReadySeconds", 3)
        elif admission.object["spec"]["replicas"] > 10:
            raise ForbiddenError(f"{admission.ref}: at most 10 replicas")

    store.admission.append(admit)
    assert store.create(DEPLOYMENTS, deployment())["spec"]["minReadySeconds"] == 3
    with pytest.raises(Denied, match="at most 10"):
        store.patch(reviews, [put("/spec/replicas", 11)])
    store.admission.append(lambda _: (_ for _ in ()).throw(ContentInvalidError("no")))
    with pytest.raises(Invalid):
        store.patch(reviews, [put("/spec/replicas", 3)])
    assert store.get(reviews)["spec"]["replicas"] == 4


def test_the_last_managed_fields_entry_names_who_wrote(store, virtual_service, route):
    store.create(VIRTUAL_SERVICES, virtual_service(), namespace="shop", manager="delivery")
    store.patch(route, [put("/spec/http/0/route/0/weight", 9)], manager="kubectl-edit")
    entries = store.get(route)["metadata"]["managedFields"]
    assert [entry["manager"] for entry in entries] == ["delivery", "kubectl-edit"]
    assert entries[0]["fieldsV1"] == {"f:spec": {"f:hosts": {}}}
    assert entries[1]["fieldsV1"] == {"f:spec": {"f:http": {}}}
    store.patch(route, [put("/spec/http/0/route/0/weight", 8)], manager="delivery")
    entries = store.get(route)["metadata"]["managedFields"]
    assert [entry["manager"] for entry in entries] == ["delivery"]
    store.patch(route, [put("/status", {"x": 1}, "add")], subresource="status", manager="istiod")
    assert store.get(route)["metadata"]["managedFields"][-1]["subresource"] == "status"


def test_a_kind_without_the_status_subresource_keeps_its_status(store):
    kind = Kind("example.com", "v1", "Thing", "things")
    store.register(Resource(kind, generation=True))
    ref = Ref(kind, "default", "t")
    assert store.create(kind, {"metadata": {"name": "t"}, "status": {"a": 1}})["status"] == {"a": 1}
    assert store.patch(ref, [put("/status/a", 2)])["metadata"]["generation"] == 2
