"""What is noted of the controller's doings: its Events, and its writes in a few words."""

from delivery.cluster.memory import Store, VirtualClock, VirtualLoop
from delivery.cluster.objects import CANARIES, DEPLOYMENTS, EVENTS, LEASES, SERVICES, VIRTUAL_SERVICES, Ref
from delivery.sandbox.demo.chronicle import Chronicle

US = "progressive-delivery"


def route(weight: int) -> dict:
    hosts = (("reviews-primary", 100 - weight), ("reviews-canary", weight))
    branches = [{"destination": {"host": f"{host}.test.svc.cluster.local"}, "weight": share} for host, share in hosts]
    return {"hosts": ["reviews"], "http": [{"name": "progressive-delivery", "route": branches}]}


def begin() -> tuple[Store, Chronicle]:
    store = Store(VirtualClock(VirtualLoop()))
    return store, Chronicle(store, lambda: 7.0, manager=US)


def written(chronicle: Chronicle) -> list[str]:
    return [f"{one.object}: {one.what}" for one in chronicle.wrote]


def test_writes_of_the_controller_are_told_in_a_few_words() -> None:
    store, chronicle = begin()
    store.create(VIRTUAL_SERVICES, {"metadata": {"name": "reviews"}, "spec": route(0)}, manager=US)
    ref = Ref(VIRTUAL_SERVICES, "default", "reviews")
    store.patch(ref, [{"op": "replace", "path": "/spec", "value": route(20)}], manager=US)
    store.patch(ref, [{"op": "add", "path": "/metadata/annotations", "value": {"a": "b"}}], manager=US)
    store.patch(ref, [{"op": "replace", "path": "/spec/hosts", "value": ["other"]}], manager=US)

    assert written(chronicle) == [
        "VirtualService/reviews: created, reviews-primary 100 %, reviews-canary 0 %",
        "VirtualService/reviews: reviews-primary 80 %, reviews-canary 20 %",
        "VirtualService/reviews: spec.hosts",
    ]
    assert {one.at for one in chronicle.wrote} == {7.0}


def test_replicas_images_and_selectors_are_named_when_they_change() -> None:
    store, chronicle = begin()
    template = {"spec": {"containers": [{"name": "reviews", "image": "docker.io/istio/reviews:1"}]}}
    store.create(DEPLOYMENTS, {"metadata": {"name": "reviews"}, "spec": {"replicas": 2, "template": template}})
    store.create(SERVICES, {"metadata": {"name": "reviews"}, "spec": {"selector": {"app": "reviews"}}})
    replace = {"op": "replace", "path": "/spec/replicas", "value": 0}
    store.patch(Ref(DEPLOYMENTS, "default", "reviews"), [replace], manager=US)
    select = {"op": "replace", "path": "/spec/selector/app", "value": "reviews-primary"}
    store.patch(Ref(SERVICES, "default", "reviews"), [select], manager=US)

    assert written(chronicle) == ["Deployment/reviews: replicas 0", "Service/reviews: selects app=reviews-primary"]


def test_what_others_write_and_what_keeps_the_books_is_left_out() -> None:
    store, chronicle = begin()
    store.create(VIRTUAL_SERVICES, {"metadata": {"name": "reviews"}, "spec": route(0)}, manager="kubectl")
    store.create(LEASES, {"metadata": {"name": "leader"}}, manager=US)
    store.create(CANARIES, {"metadata": {"name": "reviews"}}, manager=US)
    store.delete(Ref(VIRTUAL_SERVICES, "default", "reviews"))

    assert written(chronicle) == []


def test_events_about_canaries_are_what_the_controller_said() -> None:
    store, chronicle = begin()
    about = {"involvedObject": {"kind": "Canary"}, "reason": "RolledBack", "message": "at 20 %", "type": "Warning"}
    store.create(EVENTS, {"metadata": {"name": "e1"}, **about})
    store.create(EVENTS, {"metadata": {"name": "e2"}, **about, "involvedObject": {"kind": "Pod"}})

    assert [(one.reason, one.message, one.warning) for one in chronicle.told] == [("RolledBack", "at 20 %", True)]


def test_what_is_typed_stands_beside_its_answer() -> None:
    _, chronicle = begin()
    chronicle.typed("delivery abort reviews", "reviews: the run has ended")

    assert [(one.at, one.reason, one.message) for one in chronicle.told] == [
        (7.0, "Typed", "delivery abort reviews  ->  reviews: the run has ended")
    ]
