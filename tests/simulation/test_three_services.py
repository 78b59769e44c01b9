"""What `spec.service` says of the three Services reaches them, at rest and mid-run, and no user notices."""

import pytest

from delivery.cluster.memory.service_addresses import ServiceAddresses
from delivery.cluster.objects import CANARIES, DEPLOYMENTS, SERVICES, Ref
from tests.simulation import bookinfo
from tests.simulation.edited import Edited
from tests.simulation.invariants import APEX, CANARY, ROUTE, TARGET
from tests.simulation.scenes import asked, at_weight, initialised, is_silent, recovers, says, served

ROLES = tuple(Ref(SERVICES, bookinfo.NAMESPACE, f"{bookinfo.NAME}-{role}") for role in ("canary", "primary"))
ALL = (*ROLES, APEX)


@pytest.fixture
def sim():
    with Edited(23) as world:
        yield world


def service(sim, **fields):
    """Edit `spec.service` of the Canary."""
    sim.merge(CANARY, {"spec": {"service": fields}})


def of_all(sim, read):
    """What is read of each of the three Services, by role."""
    return [read(sim.store.peek(ref)) for ref in ALL]


def ports(body):
    return {each["name"]: (each["port"], each["protocol"]) for each in body["spec"]["ports"]}


def release(sim, version, *container_ports):
    """A version whose container has these ports."""
    body = bookinfo.deployment(version)
    template = body["spec"]["template"]
    template["spec"]["containers"][0]["ports"] = list(container_ports)
    template["metadata"]["annotations"].setdefault("sandbox.progressive.delivery/behaviour", "healthy")
    sim.merge(TARGET, {"spec": {"template": template}})


HTTP = {"containerPort": 9080, "name": "http"}
ADMIN = {"containerPort": 9090, "name": "admin"}
STATS = {"containerPort": 8125, "name": "stats", "protocol": "UDP"}


def test_discovered_ports_come_with_a_version_and_go_when_one_without_them_is_promoted(sim):
    initialised(sim)
    service(sim, portDiscovery=True)
    release(sim, "v2", HTTP, ADMIN, STATS)
    sim.until_phase("Succeeded")
    everything = {"http": (9080, "TCP"), "admin": (9090, "TCP"), "stats": (8125, "UDP")}
    assert of_all(sim, ports) == [everything] * 3

    release(sim, "v3", HTTP, ADMIN)
    sim.until(lambda: sim.weight == 10, seconds=120, what="v3 with some of the users")
    assert of_all(sim, ports) == [everything] * 3, "the primary's pods still serve it"
    recovers(sim)
    sim.loop.advance(10.0)
    del everything["stats"]
    assert of_all(sim, ports) == [everything] * 3


def test_a_rollback_leaves_the_ports_of_what_serves(sim):
    initialised(sim)
    service(sim, portDiscovery=True)
    release(sim, "v2", HTTP, ADMIN)
    sim.until_phase("Succeeded")
    sim.analyst.turned = "bad"
    release(sim, "v3", HTTP)
    recovers(sim, "Failed")
    assert [each["admin"] for each in of_all(sim, ports)] == [(9090, "TCP")] * 3


def test_mesh_and_gateways_are_split_alike_while_only_gateways_are_told_a_port(sim):
    initialised(sim)
    service(sim, portDiscovery=True, gateways=["mesh", "shop/edge"])
    release(sim, "v2", HTTP, ADMIN)
    sim.until(lambda: sim.weight == 10, seconds=120, what="weight 10")
    edge, mesh = sim.store.peek(ROUTE)["spec"]["http"]
    assert [[item["weight"] for item in rule["route"]] for rule in (edge, mesh)] == [[90, 10], [90, 10]]
    assert edge["match"] == [{"gateways": ["shop/edge"]}]
    assert [[item["destination"].get("port") for item in rule["route"]] for rule in (edge, mesh)] == [
        [{"number": 9080}] * 2,
        [None] * 2,
    ]
    recovers(sim)


def labels(body):
    return body["metadata"].get("labels", {}).get("tier"), body["metadata"].get("annotations", {}).get("docs")


def test_metadata_is_put_on_and_taken_off_in_the_middle_of_a_run(sim):
    at_weight(sim, 10)
    given = {"labels": {"tier": "web"}, "annotations": {"docs": "here"}}
    service(sim, apex=given, primary=given, canary=given)
    sim.until(lambda: of_all(sim, labels) == [("web", "here")] * 3, seconds=30, what="labels and annotations")
    sim.until(lambda: labels(sim.store.peek(ROUTE)) == ("web", "here"), seconds=30, what="the same on the route")
    service(sim, apex=None, primary=None, canary=None)
    sim.until(lambda: of_all(sim, labels) == [(None, None)] * 3, seconds=30, what="neither")
    sim.until(lambda: labels(sim.store.peek(ROUTE)) == (None, None), seconds=30, what="neither on the route")
    assert sim.weight == 10
    recovers(sim)
    assert sim.store.peek(APEX)["metadata"]["labels"]["team"] == "books"


def test_an_unmanaged_key_is_left_to_whoever_owns_it(sim):
    initialised(sim)
    service(sim, primary={"labels": {"tier": "web"}}, unmanagedMetadata={"labels": ["tier"]})
    primary = ROLES[1]
    sim.merge(primary, {"metadata": {"labels": {"tier": "theirs"}}}, manager="other-tool")
    sim.loop.advance(30.0)
    assert sim.store.peek(primary)["metadata"]["labels"]["tier"] == "theirs"
    service(sim, unmanagedMetadata=None)
    sim.until(
        lambda: sim.store.peek(primary)["metadata"]["labels"]["tier"] == "web", seconds=30, what="the Canary's value"
    )
    served(sim)


def test_what_a_users_service_says_otherwise_stays_and_is_named(sim):
    initialised(sim)
    service(sim, apex={"labels": {"team": "shelves", "tier": "web"}})
    says(sim, "PreflightWarning", "FieldsNotKept", "Service reviews has its own label team", "change it there")
    assert sim.store.peek(APEX)["metadata"]["labels"]["team"] == "books"
    assert sim.store.peek(APEX)["metadata"]["labels"]["tier"] == "web"
    sim.release("v2")
    recovers(sim)
    service(sim, apex={"labels": {"team": "books"}})
    sim.until(lambda: is_silent(sim, "PreflightWarning", "FieldsNotKept"), seconds=30, what="nothing to say")


def distribution(body):
    return body["spec"].get("trafficDistribution")


def test_the_traffic_distribution_follows_the_canary_all_the_time(sim):
    initialised(sim)
    service(sim, trafficDistribution="PreferClose")
    sim.until(lambda: of_all(sim, distribution) == ["PreferClose"] * 3, seconds=30, what="PreferClose")
    sim.merge(ROLES[0], {"spec": {"trafficDistribution": "PreferSameZone"}})
    sim.until(lambda: of_all(sim, distribution) == ["PreferClose"] * 3, seconds=30, what="PreferClose again")
    service(sim, trafficDistribution=None)
    sim.until(lambda: of_all(sim, distribution) == [None] * 3, seconds=30, what="none")
    served(sim)


def test_a_server_that_drops_the_traffic_distribution_is_not_asked_for_ever(sim):
    def prune(admission):
        if admission.ref.kind == SERVICES:
            admission.object["spec"].pop("trafficDistribution", None)

    sim.store.admission.append(prune)
    initialised(sim)
    service(sim, trafficDistribution="PreferClose")
    says(sim, "PreflightWarning", "FieldsNotKept", "spec.service.trafficDistribution", "update Kubernetes")
    sim.loop.advance(90.0)
    before = len(sim.requests())
    sim.loop.advance(300.0)
    assert asked(sim, before) == []
    sim.release("v2")
    recovers(sim)


def headless(sim):
    """A Canary that is to make its apex Service itself, without an address."""
    sim.store.admission.append(ServiceAddresses(sim.store))
    sim.apply(DEPLOYMENTS, bookinfo.deployment())
    body = bookinfo.canary()
    body["spec"]["service"]["headless"] = True
    sim.apply(CANARIES, body)
    sim.start_controller()
    sim.until_phase("Initialized")
    sim.promises.let_users_in()


def test_a_headless_apex_splits_by_roles_with_addresses(sim):
    headless(sim)
    addresses = of_all(sim, lambda body: body["spec"]["clusterIP"])
    assert addresses[2] == "None"
    assert "None" not in addresses[:2]
    sim.release("v2")
    recovers(sim)


def test_what_can_no_longer_be_headless_is_said_and_ended_by_setting_it_back(sim):
    headless(sim)
    service(sim, headless=False)
    says(sim, "Ready", "HeadlessMismatch", "given false", "Service reviews", "delete the Service")
    sim.release("v2")
    sim.loop.advance(60.0)
    assert sim.weight == 0
    service(sim, headless=True)
    recovers(sim)
    assert is_silent(sim, "Ready", "HeadlessMismatch")


def test_an_idle_canary_with_all_of_it_writes_and_asks_nothing(sim):
    initialised(sim)
    given = {"labels": {"tier": "web"}, "annotations": {"docs": "here"}}
    service(sim, portDiscovery=True, trafficDistribution="PreferClose", apex=given, primary=given, canary=given)
    release(sim, "v2", HTTP, ADMIN, STATS)
    recovers(sim)
    sim.loop.advance(60.0)
    before = len(sim.requests())
    sim.loop.advance(600.0)
    assert asked(sim, before) == []


def test_a_port_without_a_name_in_the_users_service_is_said_and_naming_it_ends_it(sim):
    sim.apply(DEPLOYMENTS, bookinfo.deployment())
    body = bookinfo.service()
    del body["spec"]["ports"][0]["name"]
    sim.apply(SERVICES, body)
    sim.loop.advance(10.0)
    sim.promises.let_users_in()
    release(sim, "v1", HTTP, ADMIN)
    canary = bookinfo.canary()
    canary["spec"]["service"]["portDiscovery"] = True
    sim.apply(CANARIES, canary)
    sim.start_controller()
    says(sim, "Ready", "PortWithoutName", "spec.service.portDiscovery", "9090", "give that port a name")
    sim.merge(APEX, {"spec": {"ports": [{"name": "http", "port": 9080, "targetPort": 9080}]}})
    sim.until_phase("Initialized")
    assert of_all(sim, ports) == [{"http": (9080, "TCP"), "admin": (9090, "TCP")}] * 3
    served(sim)
