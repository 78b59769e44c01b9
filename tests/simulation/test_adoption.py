"""What was there before the Canary is taken over without a request lost, and given back to the letter."""

import pytest

from delivery.cluster.objects import CANARIES, DEPLOYMENTS, DESTINATION_RULES, SERVICES, VIRTUAL_SERVICES, Ref
from tests.simulation import bookinfo
from tests.simulation.adopting import EVERYBODY, RULES, TO_APEX, leave_a_primary, leftover, route_before
from tests.simulation.invariants import APEX, CANARY, PRIMARY, ROUTE, TARGET
from tests.simulation.own_routes import reference, to
from tests.simulation.scenes import foreign, is_silent, pods_of, says, served
from tests.simulation.simulation import Simulation

BOOKS = Ref(VIRTUAL_SERVICES, bookinfo.NAMESPACE, "books")


@pytest.fixture
def sim():
    with Simulation(13) as world:
        yield world


def begin(sim, *, route=None, spec=None, **analysis):
    """Reviews as it runs, with what its people had besides, and then a Canary that is to leave nothing behind."""
    sim.apply(DEPLOYMENTS, bookinfo.deployment(replicas=2))
    sim.apply(SERVICES, bookinfo.service())
    sim.apply(VIRTUAL_SERVICES, route or route_before())
    sim.loop.advance(10)
    sim.promises.let_users_in()
    sim.apply(CANARIES, bookinfo.canary(spec={"revertOnDeletion": True, **(spec or {})}, **analysis))
    sim.start_controller()


def written(sim, ref=ROUTE):
    """What people wrote."""
    body = sim.store.peek(ref)
    meta = body["metadata"]
    return (body["spec"], meta.get("labels") or None, meta.get("annotations") or None)


def names(sim):
    return [rule["name"] for rule in sim.store.peek(ROUTE)["spec"]["http"]]


def delete(sim):
    sim.promises.tampered()
    sim.store.delete(CANARY)
    sim.until(lambda: sim.store.peek(CANARY) is None, seconds=300, what="the Canary gone")
    sim.loop.advance(60)


# -- the VirtualService


def test_a_virtual_service_is_taken_over_and_given_back(sim):
    begin(sim)
    was = written(sim)
    sim.until_phase("Initialized")

    spec, marked, noted = written(sim)
    assert names(sim) == ["mobile", "progressive-delivery", "all"]
    assert (spec["http"][0], spec["http"][2]) == (RULES[0], RULES[1])
    ours = spec["http"][1]
    assert (ours["timeout"], ours["retries"]) == ("3s", {"attempts": 2})
    assert spec["hosts"] == ["reviews"]
    assert marked["app.kubernetes.io/managed-by"] == "Helm"
    assert noted["example.com/note"] == "hi"

    sim.release("v2")
    sim.until_phase("Succeeded")
    assert names(sim) == ["mobile", "progressive-delivery", "all"]
    delete(sim)
    assert written(sim) == was
    served(sim)


def test_what_was_recorded_first_stays_recorded(sim):
    begin(sim)
    sim.until_phase("Initialized")
    first = sim.store.peek(ROUTE)["metadata"]["annotations"]["progressive.delivery/original-routes"]
    assert sim.store.peek(PRIMARY)["metadata"]["annotations"]["progressive.delivery/original-routes"] == first
    sim.release("v2")
    sim.until_phase("Succeeded")
    assert sim.store.peek(ROUTE)["metadata"]["annotations"]["progressive.delivery/original-routes"] == first


def test_what_people_add_meanwhile_is_theirs_too(sim):
    begin(sim)
    sim.until_phase("Initialized")
    rules = sim.store.peek(ROUTE)["spec"]["http"]
    tablet = {**RULES[0], "name": "tablet"}
    sim.merge(ROUTE, {"spec": {"http": [tablet, *rules]}})
    sim.loop.advance(10)
    delete(sim)
    assert names(sim) == ["tablet", "mobile", "all"]
    served(sim)


@pytest.mark.parametrize(
    "changes",
    [
        {"hosts": ["example.com"], "gateways": ["public"]},
        {"http": [{"route": [{"destination": {"host": "ratings"}}]}]},
        {"http": [{"redirect": {"uri": "/elsewhere"}}]},
        {"http": [{"route": [{"destination": {"host": "reviews", "subset": "v1"}}]}]},
        {"http": [{"route": [{"destination": {"host": "reviews", "port": {"number": 1}}}]}]},
        {"hosts": None},
        {"gateways": ["public"]},
    ],
    ids=["other host", "other service", "redirect", "subset", "other port", "delegate", "not the mesh"],
)
def test_one_that_does_something_else_is_left_alone(sim, changes):
    theirs = route_before(**changes)
    theirs["spec"] = {name: value for name, value in theirs["spec"].items() if value is not None}
    begin(sim, route=theirs)
    was = written(sim)
    says(sim, "Ready", "NotOurs", "VirtualService reviews")
    sim.loop.advance(100)
    assert written(sim) == was
    assert sim.store.peek(PRIMARY) is None


def test_one_that_somebody_owns_is_left_alone(sim):
    theirs = route_before()
    theirs["metadata"]["ownerReferences"] = [
        {"apiVersion": "example.com/v1", "kind": "App", "name": "shop", "uid": "u-1", "controller": True}
    ]
    sim.store.admission.clear()
    begin(sim, route=theirs)
    says(sim, "Ready", "NotOurs", "VirtualService reviews")
    assert names(sim) == ["mobile", "all"]


def test_a_canary_that_asks_for_more_hosts_gives_them_back(sim):
    begin(sim)
    was = written(sim)
    sim.until_phase("Initialized")
    sim.merge(CANARY, {"spec": {"service": {"hosts": ["reviews.example.com"]}}})
    wanted = ["reviews", "reviews.example.com"]
    sim.until(lambda: sim.store.peek(ROUTE)["spec"]["hosts"] == wanted, seconds=30, what="one more host")
    delete(sim)
    assert written(sim) == was


def test_without_reverting_it_goes_on_leading_to_the_primary(sim):
    begin(sim, spec={"revertOnDeletion": False})
    sim.until_phase("Initialized")
    delete(sim)
    assert names(sim) == ["mobile", "progressive-delivery", "all"]
    assert sim.weight == 0
    served(sim)


def under_another_name(sim):
    """A VirtualService that routes our host and that nothing tells to be ours."""
    begin(sim, route=foreign(VIRTUAL_SERVICES, "books", {"hosts": ["reviews"], "http": [EVERYBODY]}))
    says(sim, "Ready", "HostConflict", "VirtualService shop/books", "spec.routeRefs", "delete it")
    assert sim.store.peek(PRIMARY) is None


def test_one_under_another_name_can_be_named_and_stays_where_it_is(sim):
    under_another_name(sim)
    split = {**EVERYBODY, "route": [{**TO_APEX[0], "weight": 100}, to("reviews-canary", 0)]}
    sim.merge(BOOKS, {"spec": {"http": [split]}})
    sim.edit(routeRefs=[reference("books")])
    sim.until_phase("Initialized")
    assert sim.store.peek(ROUTE) is None
    assert sim.store.peek(BOOKS)["spec"] == {"hosts": ["reviews"], "http": [split]}
    served(sim)


def test_one_under_another_name_can_be_put_into_the_one_that_is_taken_over(sim):
    under_another_name(sim)
    sim.apply(VIRTUAL_SERVICES, route_before())
    sim.store.delete(BOOKS)
    sim.until_phase("Initialized")
    assert names(sim) == ["mobile", "progressive-delivery", "all"]
    served(sim)


# -- the primary and what goes with it


def test_a_primary_is_taken_over_with_its_services_and_destination_rules(sim):
    leave_a_primary(sim)
    refs = [Ref(SERVICES, "shop", "reviews-primary"), Ref(SERVICES, "shop", "reviews-canary")]
    refs.append(Ref(DESTINATION_RULES, "shop", "reviews-primary"))
    was = [written(sim, ref) for ref in refs]
    uid = sim.store.peek(PRIMARY)["metadata"]["uid"]
    begin(sim)
    sim.until_phase("Initialized")
    assert sim.store.peek(PRIMARY)["metadata"]["uid"] == uid
    assert sim.store.peek(PRIMARY)["metadata"]["labels"]["kept"] == "yes"
    assert sim.store.peek(Ref(DESTINATION_RULES, "shop", "reviews-primary"))["spec"]["trafficPolicy"]
    sim.release("v2")
    sim.until_phase("Succeeded")
    delete(sim)

    primary = sim.store.peek(PRIMARY)
    assert (primary["metadata"]["uid"], primary["metadata"]["labels"]) == (uid, {"kept": "yes"})
    assert not [key for key in primary["metadata"]["annotations"] if key.startswith("progressive.delivery/")]
    assert [written(sim, ref)[:2] for ref in refs] == [each[:2] for each in was]
    assert sim.store.peek(APEX)["spec"]["selector"] == {"app": "reviews"}
    assert len(pods_of(sim, TARGET, ready=True)) == 2
    served(sim)


def test_users_who_are_with_a_primary_already_stay_there(sim):
    """What another controller left: everybody on the primary, the target asleep with a newer version."""
    sim.apply(DEPLOYMENTS, leftover())
    sim.apply(DEPLOYMENTS, bookinfo.deployment("v2", replicas=0))
    service = bookinfo.service()
    service["spec"]["selector"] = {"app": "reviews-primary"}
    sim.apply(SERVICES, service)
    sim.loop.advance(10)
    sim.promises.let_users_in()
    sim.apply(CANARIES, bookinfo.canary())
    sim.start_controller()
    sim.until_phase("Succeeded")
    assert sim.store.peek(PRIMARY)["spec"]["template"]["metadata"]["labels"]["version"] == "v2"
    served(sim)


@pytest.mark.parametrize("fault", ["another version", "no pods", "another selector", "owned"])
def test_a_primary_that_is_none_is_left_alone(sim, fault):
    body = leftover("v0" if fault == "another version" else "v1")
    if fault == "no pods":
        body["spec"]["replicas"] = 0
    if fault == "another selector":
        body["spec"]["selector"]["matchLabels"] = {"app": "other"}
        body["spec"]["template"]["metadata"]["labels"]["app"] = "other"
    if fault == "owned":
        body["metadata"]["labels"]["progressive.delivery/canary"] = "another"
    sim.apply(DEPLOYMENTS, body)
    begin(sim)
    says(sim, "Ready", "NotOurs", "Deployment reviews-primary", "taken over")
    assert "progressive.delivery/fence" not in (sim.store.peek(PRIMARY)["metadata"].get("annotations") or {})
    assert sim.store.peek(APEX)["spec"]["selector"] == {"app": "reviews"}
    served(sim)
    sim.store.delete(PRIMARY)
    sim.until_phase("Initialized")
    assert is_silent(sim, "Ready", "NotOurs")


@pytest.mark.parametrize("name", ["reviews-primary", "reviews-canary"])
@pytest.mark.parametrize("owner", ["another Canary", "an owner that deletes it"])
def test_a_roles_service_that_belongs_to_somebody_is_left_alone(sim, name, owner):
    """It selects the role's pods, but whoever owns it changes it or takes it away."""
    leave_a_primary(sim)
    ref = Ref(SERVICES, "shop", name)
    held = {"apiVersion": "v1", "kind": "ConfigMap", "name": "release", "uid": "u-release", "controller": True}
    mark = {"labels": {"progressive.delivery/canary": "another"}}
    sim.merge(ref, {"metadata": mark if owner == "another Canary" else {"ownerReferences": [held]}})
    before = written(sim, ref)
    begin(sim)
    says(sim, "Ready", "NotOurs", f"Service {name}")
    assert written(sim, ref) == before
    served(sim)
