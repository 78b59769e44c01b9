"""What `spec.service` lets the rule carry reaches the route, at rest and mid-run, and disturbs neither."""

import pytest

from tests.simulation.invariants import CANARY, ROUTE
from tests.simulation.scenes import at_weight, initialised, recovers, served
from tests.simulation.simulation import Simulation


@pytest.fixture
def sim():
    with Simulation(11) as world:
        yield world


def carried(sim):
    (rule,) = sim.store.peek(ROUTE)["spec"]["http"]
    return {name: value for name, value in rule.items() if name not in ("name", "route")}


def test_it_is_written_at_rest_and_taken_out_again(sim):
    initialised(sim)
    sim.merge(CANARY, {"spec": {"service": {"timeout": "5s", "retries": {"attempts": 2}}}})
    sim.until(lambda: carried(sim) == {"timeout": "5s", "retries": {"attempts": 2}}, seconds=30, what="the timeout")
    sim.merge(CANARY, {"spec": {"service": {"timeout": None}}})
    sim.until(lambda: carried(sim) == {"retries": {"attempts": 2}}, seconds=30, what="no timeout")
    assert sim.weight == 0
    served(sim)


def test_an_edit_in_the_middle_of_a_run_keeps_the_weight(sim):
    at_weight(sim, 10)
    sim.merge(CANARY, {"spec": {"service": {"headers": {"request": {"set": {"x-a": "b"}}}}}})
    sim.until(lambda: carried(sim) == {"headers": {"request": {"set": {"x-a": "b"}}}}, seconds=30, what="the header")
    assert sim.weight == 10
    recovers(sim)
