"""Other hands on routes of the user in the middle of a run: people's edits, routes taken out, tools that fight."""

import pytest

from tests.simulation import bookinfo
from tests.simulation.invariants import CANARY
from tests.simulation.own_routes import (
    FRONT,
    NAME,
    ROUTES,
    OwnRoutes,
    at,
    initialised,
    on_gateway,
    reference,
    split,
    to,
    virtual_service,
)
from tests.simulation.scenes import recovers, says


@pytest.fixture
def sim():
    with OwnRoutes(41) as world:
        yield world


def test_users_taken_off_the_canary_by_hand_stay_off(sim):
    initialised(sim)
    sim.release("v2")
    at(sim, 50)
    route = sim.route()
    route["route"][0]["weight"], route["route"][1]["weight"] = 80, 20
    sim.merge(ROUTES, {"spec": {"http": [route]}})
    says(sim, "Ready", "Watching", event=False)
    sim.until(lambda: sim.status.reason == "ManualOverride", seconds=30, what="the override")
    sim.loop.advance(30)
    assert sim.shares() == [80, 20]
    sim.edit(paused=True)
    sim.loop.advance(5)
    sim.edit(paused=False)
    recovers(sim)


def test_an_edit_of_the_users_in_the_middle_of_a_run_stays_and_costs_no_step(sim):
    initialised(sim, testerMatch=[bookinfo.TESTER])
    sim.release("v2")
    at(sim, 10)
    rules = [{**sim.route(), "timeout": "9s"}, {"name": "mine", "route": [to("archive", 100)]}]
    sim.merge(ROUTES, {"spec": {"http": rules}})
    sim.until(lambda: sim.fronts() != [], seconds=20, what="the testers' rule again")
    front = next(each for each in sim.store.peek(ROUTES)["spec"]["http"] if each["name"] == sim.fronts()[0])
    assert front["timeout"] == "9s", "a copy of the route as it is"
    recovers(sim)
    assert sim.route()["timeout"] == "9s"
    assert sim.route("mine") == rules[1]


def test_a_route_taken_out_of_the_canary_in_the_middle_of_a_run_is_given_back(sim):
    """Its share would have ended with the canary's pods."""
    initialised(sim, routes=[virtual_service(split()), on_gateway()])
    sim.release("v2", quality="bad")
    at(sim, 10, ref=FRONT, name="front")
    sim.merge(CANARY, {"spec": {"routeRefs": [reference("books")]}})
    recovers(sim, "Failed")
    assert sim.shares("front", FRONT) == [100, 0]
    assert not sim.store.peek(FRONT)["metadata"].get("annotations"), "neither our note nor the fence"


@pytest.mark.parametrize("lost", ["request", "response"])
def test_what_is_given_back_keeps_nothing_of_ours_although_the_last_write_got_no_answer(sim, lost):
    """The next write after one without an answer changes the object whatever it says: it must not leave a mark. And
    nobody waits for an answer about what is the user's alone again.
    """
    initialised(sim, routes=[virtual_service(split()), on_gateway()])
    sim.release("v2", quality="bad")
    at(sim, 10, ref=FRONT, name="front")
    struck = []

    def strike(request):
        if request.verb == "patch" and request.name == FRONT.name and not struck:
            struck.append(request)
            setattr(sim.faults, f"lose_{lost}", 1.0)
            sim.loop.call_later(0.2, sim.faults.heal, context=sim.loop.world)

    for api in sim.apis.values():
        api.before = strike
    sim.merge(CANARY, {"spec": {"routeRefs": [reference("books")]}})
    recovers(sim, "Failed")
    assert struck
    assert sim.shares("front", FRONT) == [100, 0]
    assert not sim.store.peek(FRONT)["metadata"].get("annotations")


def test_a_tool_that_writes_the_weights_of_its_file_again_and_again_is_named(sim):
    initialised(sim)
    sim.release("v2")
    at(sim, 10)
    took = []

    def fight(event):
        if event.ref == ROUTES and sim.shares() != [70, 30]:
            sim.loop.call_later(1.5, take, context=sim.loop.world)

    def take():
        if sim.shares() != [70, 30]:
            took.append(sim.loop.time())
            sim.merge(
                ROUTES, {"spec": {"http": [split(route=[to(NAME, 70), to(f"{NAME}-canary", 30)])]}}, manager="helm"
            )

    sim.store.observers.append(fight)
    take()
    says(sim, "Contested", "Contested", "helm", "ignore them")
    sim.loop.advance(40.0)
    assert len(took) <= 4, f"stepped back, yet fought at {took}"
    sim.store.observers.remove(fight)
    recovers(sim)
