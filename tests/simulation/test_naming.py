"""Other names for the primary: chosen once, kept through edits, crashes and a lost status, no user the wiser."""

import pytest

from delivery.cluster.objects import CANARIES, DEPLOYMENTS, DESTINATION_RULES, SERVICES, Ref
from tests.simulation import bookinfo
from tests.simulation.invariants import APEX, CANARY, PRIMARY, ROUTE, TARGET
from tests.simulation.scenes import is_silent, recovers, says, served
from tests.simulation.simulation import Simulation

STABLE = Ref(DEPLOYMENTS, bookinfo.NAMESPACE, "reviews-stable")


@pytest.fixture
def sim():
    with Simulation(31) as world:
        world.promises.expect_primary(STABLE.name)
        yield world


def begin(sim, **naming):
    """Bookinfo with a Canary that names things its own way."""
    sim.apply(DEPLOYMENTS, bookinfo.deployment())
    sim.apply(SERVICES, bookinfo.service())
    sim.loop.advance(10.0)
    sim.promises.let_users_in()
    body = bookinfo.canary()
    body["spec"]["naming"] = naming
    sim.apply(CANARIES, body)
    name = sim.start_controller()
    sim.until_phase("Initialized")
    return name


def made(sim, kind):
    """The names of the objects of a kind, without the user's own."""
    bodies = sim.store.scan(kind, bookinfo.NAMESPACE)
    return sorted(body["metadata"]["name"] for body in bodies if body["metadata"]["name"] != bookinfo.NAME)


def everything_is_stable(sim):
    return (
        made(sim, DEPLOYMENTS) == ["reviews-stable"]
        and made(sim, SERVICES) == ["reviews-canary", "reviews-stable"]
        and made(sim, DESTINATION_RULES) == ["reviews-canary", "reviews-stable"]
    )


def test_a_run_goes_through_under_the_names_of_the_canary(sim):
    begin(sim, primary="reviews-stable")
    assert everything_is_stable(sim)
    hosts = [each["destination"]["host"] for each in sim.store.peek(ROUTE)["spec"]["http"][0]["route"]]
    assert hosts[0] == "reviews-stable.shop.svc.cluster.local"
    assert sim.store.peek(APEX)["spec"]["selector"] == {"app": "reviews-primary"}
    sim.release("v2")
    recovers(sim)
    sim.release("v3", quality="bad")
    recovers(sim, "Failed")


def test_the_canarys_service_can_have_a_name_of_its_own_too(sim):
    begin(sim, primary="reviews-stable", canary="reviews-next")
    assert made(sim, SERVICES) == made(sim, DESTINATION_RULES) == ["reviews-next", "reviews-stable"]
    route = sim.store.peek(ROUTE)["spec"]["http"][0]["route"]
    hosts = [each["destination"]["host"].split(".")[0] for each in route]
    assert hosts == ["reviews-stable", "reviews-next"]
    sim.edit(naming={"canary": None})
    says(sim, "Ready", "NamingIsFixed", "spec.naming.canary", "reviews-next is in use")
    assert made(sim, SERVICES) == ["reviews-next", "reviews-stable"]
    served(sim)


def test_another_name_is_refused_and_the_old_ones_go_on(sim):
    begin(sim, primary="reviews-stable")
    sim.edit(naming={"primary": "reviews-main"})
    says(sim, "Ready", "NamingIsFixed", "spec.naming.primary", "reviews-main", "reviews-stable", "set it back")
    sim.release("v2")
    sim.loop.advance(60.0)
    assert sim.weight == 0
    assert everything_is_stable(sim)
    sim.edit(naming={"primary": "reviews-stable"})
    recovers(sim)
    assert is_silent(sim, "Ready", "NamingIsFixed")
    assert everything_is_stable(sim)


def test_no_name_any_more_in_the_middle_of_a_run_holds_it_where_it_is(sim):
    begin(sim, primary="reviews-stable")
    sim.release("v2")
    sim.until(lambda: sim.weight == 10, seconds=120, what="weight 10")
    sim.edit(naming=None)
    sim.loop.advance(120.0)
    assert sim.weight == 10
    assert everything_is_stable(sim)
    sim.edit(naming={"primary": "reviews-stable"})
    recovers(sim)


def test_the_way_back_needs_no_right_name(sim):
    begin(sim, primary="reviews-stable")
    sim.release("v2", quality="bad")
    sim.until(lambda: sim.weight == 10, seconds=120, what="weight 10")
    sim.edit(naming={"primary": "reviews-main"})
    recovers(sim, "Failed")
    assert everything_is_stable(sim)


def test_neither_a_crash_nor_a_lost_status_forgets_the_names(sim):
    name = begin(sim, primary="reviews-stable")
    sim.kill(name)
    sim.edit(naming=None)
    sim.promises.tampered()
    sim.merge(CANARY, {"status": None}, subresource="status")
    sim.loop.advance(60.0)
    assert everything_is_stable(sim)
    sim.edit(naming={"primary": "reviews-stable"})
    sim.loop.advance(30.0)
    sim.release("v2")
    recovers(sim)


@pytest.mark.parametrize("calls", range(1, 12))
def test_killed_between_any_two_writes_and_renamed_meanwhile_there_is_one_primary(sim, calls):
    left = calls

    def dies(request):
        nonlocal left
        left -= request.verb in ("create", "patch") and request.kind != CANARIES
        if left == 0:
            left = -1
            sim.edit(naming={"primary": "reviews-main"})
            sim.kill(next(iter(sim.alive)))
            if sim.store.peek(STABLE) is None:  # nothing was made yet: the new name is as good
                sim.promises.expect_primary("reviews-main")

    sim.after = dies
    sim.apply(DEPLOYMENTS, bookinfo.deployment())
    sim.apply(SERVICES, bookinfo.service())
    sim.loop.advance(10.0)
    sim.promises.let_users_in()
    body = bookinfo.canary()
    body["spec"]["naming"] = {"primary": "reviews-stable"}
    sim.apply(CANARIES, body)
    sim.start_controller()
    sim.loop.advance(120.0)
    primaries = made(sim, DEPLOYMENTS)
    assert len(primaries) == 1, sim.told()
    sim.edit(naming={"primary": primaries[0]})
    sim.until_phase("Initialized")
    assert made(sim, SERVICES) == ["reviews-canary", primaries[0]]
    served(sim)


def test_a_canary_that_never_had_a_name_of_its_own_gets_none_later():
    with Simulation(31) as sim:
        sim.set_up()
        sim.start_controller()
        sim.until_phase("Initialized")
        sim.edit(naming={"primary": "reviews-stable"})
        says(sim, "Ready", "NamingIsFixed", "reviews-primary is in use")
        assert sim.store.peek(PRIMARY) is not None
        assert sim.store.peek(STABLE) is None
        sim.edit(naming=None)
        sim.release("v2")
        recovers(sim)


def test_scheduling_rules_of_the_target_are_about_the_primary_on_the_primary(sim):
    begin(sim, primary="reviews-stable")

    def rules(app):
        term = {"topologyKey": "zone", "labelSelector": {"matchLabels": {"app": app}}}
        affinity = {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
        return {"affinity": affinity, "topologySpreadConstraints": [term]}

    body = bookinfo.deployment("v2")
    body["spec"]["template"]["spec"] |= rules("reviews")
    body["spec"]["template"]["metadata"]["annotations"]["sandbox.progressive.delivery/behaviour"] = "healthy"
    sim.merge(TARGET, {"spec": {"template": body["spec"]["template"]}})
    recovers(sim)
    found = sim.store.peek(STABLE)["spec"]["template"]["spec"]
    assert {name: found[name] for name in rules("")} == rules("reviews-primary")


def test_a_service_target_has_names_of_its_own_too():
    with Simulation(31, kind=SERVICES) as sim:
        sim.promises.expect_primary("reviews-stable")
        sim.set_up()
        sim.edit(naming={"primary": "reviews-stable"})
        sim.start_controller()
        sim.until_phase("Initialized")
        assert "reviews-stable" in made(sim, SERVICES)
        sim.edit(naming={"primary": "reviews-main"})
        says(sim, "Ready", "NamingIsFixed", "reviews-stable is in use")
        sim.edit(naming={"primary": "reviews-stable"})
        sim.release("v2")
        recovers(sim)
        assert "reviews-main" not in made(sim, SERVICES)
