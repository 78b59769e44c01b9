"""Single stories of the whole loop, in a calm cluster: what happens, and that no user ever meets an absent pod."""

import pytest

from strategies.status import Result
from tests.simulation.simulation import PRIMARY, TARGET, Simulation


@pytest.fixture
def calm():
    with Simulation(7) as world:
        yield world


def initialised(world: Simulation) -> None:
    world.set_up()
    world.start_controller()
    world.until_phase("Initialized")


def test_a_new_canary_takes_over_without_a_request_lost(calm):
    initialised(calm)

    assert calm.weight == 0
    assert calm.store.peek(TARGET)["spec"]["replicas"] == 0
    assert calm.store.peek(PRIMARY)["spec"]["replicas"] == 2
    assert not calm.promises.users_lost, calm.told()


def test_a_good_version_is_promoted(calm):
    initialised(calm)
    calm.release("v2")
    calm.until_phase("Succeeded")

    assert calm.status.history[-1].result is Result.PROMOTED
    assert calm.store.peek(PRIMARY)["spec"]["template"]["metadata"]["labels"]["version"] == "v2"
    assert not calm.promises.users_lost, calm.told()


def test_a_bad_version_is_rolled_back(calm):
    initialised(calm)
    calm.release("v2", quality="bad")
    calm.until_phase("Failed")

    assert calm.status.reason == "CheckFailed"
    assert calm.weight == 0
    assert calm.store.peek(PRIMARY)["spec"]["template"]["metadata"]["labels"]["version"] == "v1"
    assert not calm.promises.users_lost, calm.told()
