"""Kinds that a cluster may lack hold nobody up, and cost next to nothing while they are not there."""

import pytest

from delivery.cluster.memory.resources import custom_resource
from delivery.cluster.objects import CANARIES, SCALED_OBJECTS
from tests.simulation.autoscaling import KEDA_SOURCE, scaled_object
from tests.simulation.simulation import Simulation


@pytest.fixture
def sim():
    with Simulation(11) as world:
        yield world


def asked(sim, kind):
    return [each for each in sim.requests() if each.kind == kind]


def test_a_kind_that_is_not_served_is_asked_for_seldom_and_found_when_it_comes(sim):
    name = sim.start_controller()
    sim.loop.advance(250)
    assert len(asked(sim, SCALED_OBJECTS)) == 1
    reader = sim.controllers[name].reader
    assert reader.missing(SCALED_OBJECTS)
    assert reader.synced

    sim.store.register(custom_resource(SCALED_OBJECTS))
    sim.apply(SCALED_OBJECTS, scaled_object())
    sim.loop.advance(610)
    assert reader.get(KEDA_SOURCE) is not None


def test_a_kind_that_is_served_is_watched_from_the_start(sim):
    sim.store.register(custom_resource(SCALED_OBJECTS))
    name = sim.start_controller()
    sim.loop.advance(20)
    reader = sim.controllers[name].reader
    assert not reader.missing(SCALED_OBJECTS)
    assert not reader.denied(SCALED_OBJECTS)
    assert reader.stale([SCALED_OBJECTS, CANARIES]) == 0
