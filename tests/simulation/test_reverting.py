"""A Canary with revertOnDeletion is deleted: users never notice, and everything is as it was before."""

import pytest

from delivery.cluster.objects import CANARIES, DEPLOYMENTS, DESTINATION_RULES, SERVICES, VIRTUAL_SERVICES
from tests.simulation import bookinfo
from tests.simulation.invariants import APEX, CANARY, PRIMARY, ROUTE, TARGET
from tests.simulation.moments import INITIALISING, LEAVING, RUNNING, named, reach
from tests.simulation.scenes import at_weight, events, initialised, pods_of, says, served, version
from tests.simulation.simulation import Simulation


@pytest.fixture
def sim():
    with Simulation(7) as world:
        yield world


def reverting(sim):
    """A Canary at rest that is to leave nothing behind."""
    initialised(sim, spec={"revertOnDeletion": True})


def delete(sim):
    sim.promises.tampered()
    sim.store.delete(CANARY)


def gone(sim, seconds=300):
    sim.until(lambda: sim.store.peek(CANARY) is None, seconds=seconds, what="the Canary gone")
    sim.loop.advance(60)


def undo(sim):
    """`kubectl rollout undo`: the target has its first template again."""
    template = bookinfo.deployment()["spec"]["template"]
    template["metadata"]["annotations"]["sandbox.progressive.delivery/behaviour"] = None
    sim.merge(TARGET, {"spec": {"template": template}})


def ours(sim):
    """The names of all objects but the target's own."""
    kinds = (CANARIES, DEPLOYMENTS, SERVICES, VIRTUAL_SERVICES, DESTINATION_RULES)
    return {str(kind) + " " + each["metadata"]["name"] for kind in kinds for each in sim.store.scan(kind, "shop")}


def before(sim):
    """What is compared: the user's objects without what the API server counts."""
    found = {}
    for ref in (TARGET, APEX):
        body = sim.store.peek(ref)
        meta = {key: body["metadata"].get(key) or None for key in ("labels", "annotations", "finalizers")}
        found[ref.kind] = (meta, body["spec"])
    return found


def test_everything_is_as_it_was(sim):
    sim.apply(DEPLOYMENTS, bookinfo.deployment(replicas=2))
    sim.apply(SERVICES, bookinfo.service())
    sim.loop.advance(10)
    was = before(sim)
    reverting(sim)
    assert CANARIES.kind in str(ours(sim))
    assert sim.store.peek(CANARY)["metadata"]["finalizers"] == ["progressive.delivery/rollout"]
    delete(sim)
    gone(sim)
    assert before(sim) == was
    assert ours(sim) == {"Deployment reviews", "Service reviews"}
    assert events(sim, "Reverted")
    served(sim)


def is_as_before(sim):
    """Users are with the target, by the Service alone."""
    assert sim.store.peek(APEX)["spec"]["selector"] == {"app": "reviews"}
    assert sim.store.peek(ROUTE) is None
    assert ours(sim) == {"Deployment reviews", "Service reviews"}
    assert len(pods_of(sim, TARGET, ready=True)) == 2
    assert not sim.loop.errors


@pytest.mark.parametrize("moment", [*INITIALISING, *RUNNING, *LEAVING], ids=named)
@pytest.mark.parametrize("controller", ["stays", "is away"])
def test_at_every_moment_of_a_release(sim, moment, controller):
    """What was not promoted does not come to users: the revert waits until the target is set back."""
    reach(sim, moment, revertOnDeletion=True)
    delete(sim)
    if controller == "is away":
        sim.kill("delivery-1", restart=False)
        sim.loop.advance(100)
        served(sim)
        sim.start_controller()
    sim.loop.advance(60)
    if moment not in INITIALISING and sim.store.peek(CANARY) is not None:
        undo(sim)
    gone(sim)
    is_as_before(sim)
    served(sim)


def test_a_version_that_failed_waits_with_a_reason(sim):
    at_weight(sim, 10, quality="bad", spec={"revertOnDeletion": True})
    sim.until_phase("Failed")
    delete(sim)
    says(sim, "Ready", "TargetNotPromoted", "rollout undo", "revertOnDeletion to false")
    sim.loop.advance(600)
    assert version(sim) == "v1"
    assert sim.weight == 0
    assert sim.store.peek(TARGET)["spec"]["replicas"] == 0
    served(sim)

    sim.edit(revertOnDeletion=False)
    gone(sim, seconds=30)
    assert sim.store.peek(PRIMARY) is not None
    assert sim.weight == 0
    served(sim)


@pytest.mark.parametrize("controller", ["stays", "is another"])
def test_a_typing_error_elsewhere_does_not_take_the_way_out_of_a_revert_that_waits(sim, controller):
    at_weight(sim, 10, quality="bad", spec={"revertOnDeletion": True})
    sim.until_phase("Failed")
    delete(sim)
    says(sim, "Ready", "TargetNotPromoted", "revertOnDeletion to false")
    sim.edit(analysis={"interval": "soon"})
    if controller == "is another":
        sim.kill("delivery-1")
    sim.loop.advance(30)
    assert sim.store.peek(CANARY) is not None
    sim.edit(revertOnDeletion=False)
    gone(sim, seconds=30)
    assert sim.weight == 0
    served(sim)


def test_a_typing_error_elsewhere_does_not_revert_what_was_to_stay(sim):
    at_weight(sim, 10)
    sim.edit(analysis={"interval": "soon"}, revertOnDeletion="perhaps")
    delete(sim)
    gone(sim)
    assert (sim.weight, sim.store.peek(PRIMARY) is not None) == (0, True)
    served(sim)


def test_a_target_that_cannot_take_over_leaves_users_with_the_primary(sim):
    reverting(sim)
    sim.workloads.break_pods("app=reviews", "never-ready")
    delete(sim)
    says(sim, "Ready", "TargetNotReady", "users stay where they are", seconds=120)
    sim.loop.advance(600)
    assert sim.weight == 0
    served(sim)

    sim.workloads.heal_pods("app=reviews")
    gone(sim)
    is_as_before(sim)
    served(sim)


def test_a_target_that_dies_again_gives_users_back(sim):
    reverting(sim)
    delete(sim)
    sim.until(
        lambda: sim.status.stage == "return" and sim.status.stage_since is not None, seconds=60, what="users back"
    )
    sim.workloads.break_pods("app=reviews", "crash-loop")
    sim.until(lambda: sim.weight == 0, seconds=10, what="users with the primary")
    sim.until(
        lambda: sim.store.peek(APEX)["spec"]["selector"] == {"app": "reviews-primary"}, seconds=5, what="all of them"
    )
    sim.workloads.heal_pods("app=reviews")
    gone(sim)
    is_as_before(sim)


def test_a_target_that_does_not_exist_keeps_nobody_waiting(sim):
    reverting(sim)
    sim.store.delete(TARGET)
    delete(sim)
    gone(sim, seconds=60)
    assert events(sim, "NotReverted")
    assert (sim.weight, len(pods_of(sim, PRIMARY, ready=True))) == (0, 2)
    served(sim)


def test_a_selector_that_is_recorded_nowhere_is_not_guessed(sim):
    reverting(sim)
    for ref in (APEX, PRIMARY):
        sim.merge(ref, {"metadata": {"annotations": {"progressive.delivery/original-selector": None}}})
    delete(sim)
    says(sim, "Ready", "OriginalLost", "original-selector", "revertOnDeletion")
    sim.loop.advance(100)
    assert sim.weight == 0
    note = {"metadata": {"annotations": {"progressive.delivery/original-selector": '{"app":"reviews"}'}}}
    sim.merge(APEX, note)
    gone(sim)
    is_as_before(sim)
    served(sim)


def test_a_service_that_was_made_for_the_canary_is_left_to_who_calls_it(sim):
    sim.apply(DEPLOYMENTS, bookinfo.deployment(replicas=2))
    sim.loop.advance(10)
    sim.apply(CANARIES, bookinfo.canary(spec={"revertOnDeletion": True}))
    sim.start_controller()
    sim.until_phase("Initialized")
    sim.promises.let_users_in()
    delete(sim)
    gone(sim)
    is_as_before(sim)
    assert not sim.store.peek(APEX)["metadata"].get("labels")
    served(sim)


def test_without_it_nothing_is_held_at_rest_and_nothing_changes(sim):
    initialised(sim)
    assert not sim.store.peek(CANARY)["metadata"].get("finalizers")
    sim.edit(revertOnDeletion=True)
    sim.until(lambda: bool(sim.store.peek(CANARY)["metadata"].get("finalizers")), seconds=10, what="the finalizer")
    sim.edit(revertOnDeletion=False)
    sim.until(lambda: not sim.store.peek(CANARY)["metadata"].get("finalizers"), seconds=10, what="no finalizer")
    were = ours(sim)
    delete(sim)
    sim.loop.advance(300)
    assert ours(sim) == were - {"Canary reviews"}
    served(sim)
