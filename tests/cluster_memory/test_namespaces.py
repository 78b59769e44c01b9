"""Namespaces and addresses, as people and controllers meet them on a cluster that is served to them."""

import pytest

from delivery.cluster.memory import ForbiddenError, World
from delivery.cluster.memory.behaviours import READY_AFTER
from delivery.cluster.memory.conditions import find
from delivery.cluster.memory.rejections import ContentInvalidError, NotFoundError
from delivery.cluster.memory.resources import CONFIG_MAPS, NAMESPACES
from delivery.cluster.objects import DEPLOYMENTS, EVENTS, PODS, SERVICES, Ref

SHOP = Ref(NAMESPACES, "", "shop")


@pytest.fixture
def world(store, loop):
    world = World(store, loop, cluster=True, events=True)
    store.create(NAMESPACES, {"metadata": {"name": "shop"}})
    return world


def test_the_usual_namespaces_are_there_at_the_start(store, world):
    names = [each["metadata"]["name"] for each in store.scan(NAMESPACES)]
    assert names == ["default", "istio-system", "kube-system", "shop"]
    assert store.peek(SHOP)["status"] == {"phase": "Active"}
    assert store.peek(SHOP)["metadata"]["labels"] == {"kubernetes.io/metadata.name": "shop"}


def test_some_namespaces_cannot_be_deleted(store, world):
    for name in ("default", "kube-system"):
        with pytest.raises(
            ForbiddenError, match=f'namespaces "{name}" is forbidden: this namespace may not be deleted'
        ):
            store.delete(Ref(NAMESPACES, "", name))
    store.delete(Ref(NAMESPACES, "", "istio-system"))


def test_nothing_is_created_in_a_namespace_that_is_not_there(store, world):
    with pytest.raises(NotFoundError, match='namespaces "nowhere" not found'):
        store.create(CONFIG_MAPS, {"metadata": {"name": "a"}}, namespace="nowhere")


def test_a_deleted_namespace_is_emptied_and_then_gone(loop, store, world, deployment):
    """Given a Deployment whose pods take a while to go, the namespace is Terminating until they have."""
    store.create(DEPLOYMENTS, deployment())
    store.create(CONFIG_MAPS, {"metadata": {"name": "a"}}, namespace="shop")
    loop.advance(10)
    store.delete(SHOP)
    loop.advance(0.5)
    status = store.peek(SHOP)["status"]
    assert status["phase"] == "Terminating"
    assert "pods has 4 resource instances" in find(status, "NamespaceContentRemaining")["message"]
    with pytest.raises(ForbiddenError, match="because it is being terminated") as refused:
        store.create(CONFIG_MAPS, {"metadata": {"name": "b"}}, namespace="shop")
    assert [cause.reason for cause in refused.value.causes] == ["NamespaceTerminating"]
    loop.advance(10)
    assert store.peek(SHOP) is None
    assert store.scan(PODS, "shop") == []
    assert [each["message"] for each in store.scan(EVENTS) if each["type"] == "Warning"] == []
    store.create(NAMESPACES, {"metadata": {"name": "shop"}})
    store.create(DEPLOYMENTS, deployment())


def test_what_has_a_finalizer_holds_its_namespace_and_is_named(loop, store, world):
    held = Ref(CONFIG_MAPS, "shop", "a")
    store.create(CONFIG_MAPS, {"metadata": {"name": "a", "finalizers": ["example.com/wait"]}}, namespace="shop")
    store.delete(SHOP)
    loop.advance(60)
    message = find(store.peek(SHOP)["status"], "NamespaceFinalizersRemaining")["message"]
    assert message.endswith("example.com/wait in 1 resource instances")
    store.patch(held, [{"op": "remove", "path": "/metadata/finalizers"}])
    loop.advance(5)
    assert store.peek(SHOP) is None


def test_only_the_controller_gives_a_namespace_free(store, world):
    store.patch(SHOP, [{"op": "remove", "path": "/spec/finalizers"}], manager="kubectl")
    assert store.peek(SHOP)["spec"]["finalizers"] == ["kubernetes"]
    store.patch(SHOP, [{"op": "add", "path": "/metadata/labels/team", "value": "books"}], manager="kubectl")
    assert store.peek(SHOP)["metadata"]["labels"]["team"] == "books"


def test_a_namespace_is_emptied_while_a_roll_is_going_on(loop, store, world, deployment):
    store.create(DEPLOYMENTS, deployment(annotations={READY_AFTER: "30"}))
    loop.advance(1)
    store.delete(SHOP)
    loop.advance(30)
    assert store.peek(SHOP) is None


def service(name="reviews", **spec):
    return {"metadata": {"name": name, "namespace": "shop"}, "spec": {"ports": [{"port": 80}], **spec}}


def test_each_service_has_an_address_of_its_own_and_keeps_it(store, world):
    names = [f"s{number}" for number in range(5)]
    for name in names:
        store.create(SERVICES, service(name))
    addresses = [store.peek(Ref(SERVICES, "shop", name))["spec"]["clusterIP"] for name in names]
    assert len(set(addresses)) == 5
    assert all(address.startswith("10.96.") for address in addresses)
    store.replace(Ref(SERVICES, "shop", "s0"), service("s0", selector={"app": "x"}))
    assert store.peek(Ref(SERVICES, "shop", "s0"))["spec"]["clusterIP"] == addresses[0]
    with pytest.raises(ContentInvalidError, match=r"spec\.clusterIP: Invalid value: .* field is immutable"):
        store.replace(Ref(SERVICES, "shop", "s0"), service("s0", clusterIP=addresses[1] + "0"))


def test_headless_and_external_services_have_none(store, world):
    store.create(SERVICES, service("headless", clusterIP="None"))
    store.create(SERVICES, service("elsewhere", type="ExternalName", externalName="example.com"))
    assert store.peek(Ref(SERVICES, "shop", "headless"))["spec"]["clusterIP"] == "None"
    assert "clusterIP" not in store.peek(Ref(SERVICES, "shop", "elsewhere"))["spec"]
