"""What a server over HTTP needs of the store: rehearsals, schemas, kinds that go, and how far its memory reaches."""

import pytest

from delivery.cluster.errors import Conflict, Gone, Invalid
from delivery.cluster.memory import Store, VirtualClock
from delivery.cluster.objects import DEPLOYMENTS, VIRTUAL_SERVICES, Ref


def put(path, value, op="replace"):
    return {"op": op, "path": path, "value": value}


def test_a_rehearsal_answers_as_the_write_would_and_changes_nothing(store, deployment, reviews):
    store.create(DEPLOYMENTS, deployment())
    before, seen = store.get(reviews), []
    store.observers.append(seen.append)

    with store.rehearsal():
        made = store.create(DEPLOYMENTS, deployment("other"))
        patched = store.patch(reviews, [put("/spec/replicas", 7)])
        store.delete(reviews, propagation="Foreground")
        with pytest.raises(Conflict):
            store.create(DEPLOYMENTS, deployment())

    assert (made["metadata"]["name"], "resourceVersion" in made["metadata"]) == ("other", False)
    assert (patched["spec"]["replicas"], patched["metadata"]["generation"]) == (7, 2)
    assert (store.get(reviews), seen) == (before, [])
    assert store.patch(reviews, [put("/spec/replicas", 7)])["spec"]["replicas"] == 7


def test_a_shaper_sees_what_was_sent_before_anything_else(store, deployment, reviews):
    def shape(resource, body):
        assert resource.kind == DEPLOYMENTS
        body["spec"].pop("typo", None)
        body["spec"].setdefault("paused", False)

    store.shapers.append(shape)

    created = store.create(DEPLOYMENTS, deployment(typo=1))
    again = store.patch(reviews, [put("/spec/typo", 2, "add")])

    assert "typo" not in created["spec"]
    assert created["spec"]["paused"] is False
    assert again == created  # what is left of the patch changes nothing


def test_a_kind_goes_only_without_objects(store, virtual_service, route):
    store.create(VIRTUAL_SERVICES, virtual_service(), namespace="shop")
    with pytest.raises(ValueError, match="virtualservices: there are 1 objects left"):
        store.unregister(VIRTUAL_SERVICES)

    store.delete(route)
    store.unregister(VIRTUAL_SERVICES)

    with pytest.raises(Gone):
        store.list(VIRTUAL_SERVICES)


def test_what_leaves_a_selection_is_shown_as_it_was_in_it(store, deployment, reviews):
    store.create(DEPLOYMENTS, deployment())
    events = []
    version = store.resource_version
    store.subscribe(DEPLOYMENTS, resource_version=version, labels="app=reviews", deliver=events.append)

    changed = store.patch(reviews, [put("/metadata/labels", {"app": "else"})])

    assert [event.type for event in events] == ["DELETED"]
    shown = events[0].object["metadata"]
    assert (shown["labels"], shown["resourceVersion"]) == ({"app": "reviews"}, changed["metadata"]["resourceVersion"])


def test_the_store_says_how_far_back_it_knows_a_kind(loop, deployment, reviews):
    store = Store(VirtualClock(loop), history=2)
    assert store.last_change(DEPLOYMENTS) == 0
    first = int(store.create(DEPLOYMENTS, deployment())["metadata"]["resourceVersion"])
    for replicas in (5, 6):
        store.patch(reviews, [put("/spec/replicas", replicas)])

    assert store.last_change(DEPLOYMENTS) == int(store.resource_version)
    assert not store.remembers(DEPLOYMENTS, first - 1)
    assert store.remembers(DEPLOYMENTS, first)
    assert store.remembers(VIRTUAL_SERVICES, 0)


def test_a_name_is_needed_and_a_patch_gives_no_other_uid(store, deployment, reviews):
    store.create(DEPLOYMENTS, deployment())

    with pytest.raises(Invalid, match="name or generateName is required") as nameless:
        store.create(DEPLOYMENTS, {"metadata": {}})
    with pytest.raises(Invalid, match="field is immutable") as other:
        store.patch(reviews, [put("/metadata/uid", "other")])

    assert nameless.value.status["details"]["causes"][0]["field"] == "metadata.name"
    assert other.value.status["details"] | {"causes": []} == {
        "name": "reviews",
        "group": "apps",
        "kind": "Deployment",
        "causes": [],
    }


def test_refusals_are_in_the_words_that_clients_look_for(store, deployment, reviews, route):
    with pytest.raises(Gone) as missing:
        store.get(route)
    created = store.create(DEPLOYMENTS, deployment())
    with pytest.raises(Conflict) as taken:
        store.create(DEPLOYMENTS, deployment())
    store.patch(reviews, [put("/spec/replicas", 9)])
    with pytest.raises(Conflict) as late:
        store.replace(Ref(DEPLOYMENTS, "shop", "reviews"), created)

    assert missing.value.status["message"] == 'virtualservices.networking.istio.io "reviews" not found'
    assert missing.value.status["details"] == {
        "name": "reviews",
        "group": "networking.istio.io",
        "kind": "virtualservices",
    }
    assert taken.value.status["message"] == 'deployments.apps "reviews" already exists'
    assert late.value.status["message"].startswith('Operation cannot be fulfilled on deployments.apps "reviews": ')
