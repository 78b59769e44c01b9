"""Services as targets: routes move between the pods that two versions of a Service select; late proxies look on."""

import pytest

from delivery.cluster.objects import CANARIES, DEPLOYMENTS, PODS, SERVICES, Ref
from delivery.workloads.ownership import labels
from tests.simulation import bookinfo, scenes
from tests.simulation.invariants import CANARY, COPY, PRIMARY, ROUTE
from tests.simulation.scenes import at_weight, initialised, recovers, served
from tests.simulation.simulation import Simulation


@pytest.fixture
def sim():
    with Simulation(23, kind=SERVICES) as world:
        yield world


def leads_to(sim, ref):
    return (sim.store.peek(ref) or {})["spec"].get("selector", {}).get("version")


def replicas(sim, version):
    body = sim.store.peek(Ref(DEPLOYMENTS, bookinfo.NAMESPACE, f"{bookinfo.NAME}-{version}"))
    return body["spec"]["replicas"]


def pods_of(sim, version):
    """The living pods of a version."""
    pods = [each for each in sim.store.scan(PODS, bookinfo.NAMESPACE) if labels(each).get("version") == version]
    return [Ref.of(PODS, each) for each in pods if "deletionTimestamp" not in each["metadata"]]


def test_an_edited_selector_goes_out_in_steps_and_nothing_is_scaled(sim):
    initialised(sim)
    assert (leads_to(sim, sim.primary), leads_to(sim, COPY)) == ("v1", "v1")
    sim.release("v2")
    sim.until(lambda: sim.weight == 10, seconds=120, what="the first step")
    assert (leads_to(sim, sim.primary), leads_to(sim, COPY)) == ("v1", "v2")
    recovers(sim)
    assert leads_to(sim, sim.primary) == "v2"
    assert sim.store.peek(PRIMARY) is None, "no Deployment is copied"
    assert (replicas(sim, "v1"), replicas(sim, "v2")) == (2, 2)


def test_a_bad_version_is_rolled_back_and_the_next_one_is_tried(sim):
    initialised(sim)
    sim.release("v2", quality="bad")
    recovers(sim, "Failed")
    assert leads_to(sim, sim.primary) == "v1"
    sim.release("v3")
    recovers(sim)
    assert leads_to(sim, sim.primary) == "v3"


def test_a_newer_version_in_the_middle_of_a_run_reaches_nobody_before_its_own_first_step(sim):
    at_weight(sim, 50)
    sim.release("v3", behaviour="never-ready")
    sim.until(lambda: sim.weight == 0, seconds=30, what="no users on the canary")
    assert leads_to(sim, COPY) == "v2", "late proxies still send there"
    sim.until(lambda: leads_to(sim, COPY) == "v3", seconds=30, what="the newer version")
    recovers(sim, "Failed")
    assert sim.status.reason == "ProgressDeadlineExceeded"


def test_what_is_promoted_has_to_carry_everybody_before_it_is_promoted(sim):
    """The primary gets no pods of its own: it takes over the canary's, and one is too few for what two carried."""
    initialised(sim)
    sim.release("v2", replicas=1)
    sim.until(lambda: sim.weight == 50, seconds=120, what="the last step")
    recovers(sim, "Failed")
    assert sim.status.reason == "ProgressDeadlineExceeded"
    assert "1 ready pods of the canary are too few for 100 %" in sim.status.message
    assert leads_to(sim, sim.primary) == "v1"


def test_going_back_in_the_middle_of_a_run_cancels_it(sim):
    at_weight(sim, 50)
    sim.merge(sim.target, {"spec": {"selector": bookinfo.choosing("v1")["spec"]["selector"]}})
    sim.until(lambda: sim.status.reason == "RevertedToPromoted", seconds=60, what="the end of the run")
    sim.until(lambda: leads_to(sim, COPY) == "v1", seconds=60, what="the canary service back")
    sim.until_phase("Succeeded")
    assert leads_to(sim, sim.primary) == "v1"
    served(sim)


def test_what_comes_between_analysis_and_copy_does_not_take_its_place(sim):
    """The canary service still leads to what was analysed, so that is what is promoted; the newer one comes next."""
    at_weight(sim, 50)
    analysed = sim.status.run.revision
    sim.until(lambda: sim.status.phase.value == "Promoting", seconds=120, what="the promotion")
    sim.release("v3", quality="bad")
    recovers(sim, "Failed")
    assert analysed in [past.revision for past in sim.status.history if past.result.value == "Promoted"]
    assert leads_to(sim, sim.primary) == "v2"


def test_a_name_outside_the_cluster_is_a_version_too(sim):
    """Nobody sees its pods: that is said, and nothing waits for them."""
    initialised(sim)
    external = {"type": "ExternalName", "externalName": "reviews.example.com", "selector": None}
    sim.merge(sim.target, {"spec": external})
    sim.until(lambda: sim.weight == 10, seconds=120, what="the first step")
    found = sim.status.condition("CapacityUnknown")
    assert found is not None
    assert "the Service of the canary selects no pods" in found.message
    sim.until(lambda: sim.status.phase.value == "Succeeded", seconds=300, what="the promotion")
    assert sim.store.peek(sim.primary)["spec"]["externalName"] == "reviews.example.com"


@pytest.mark.parametrize("weight", [0, 10, 50])
def test_a_controller_killed_in_the_middle_of_a_run_finishes_it(sim, weight):
    name = initialised(sim)
    sim.release("v2")
    sim.until(lambda: sim.status.run is not None and sim.weight == weight, seconds=120, what=f"weight {weight}")
    sim.kill(name)
    recovers(sim)
    assert leads_to(sim, sim.primary) == "v2"


def test_an_idle_canary_asks_for_nothing(sim):
    initialised(sim)
    sim.loop.advance(90.0)
    before = len(sim.requests())
    sim.loop.advance(600.0)
    assert not scenes.asked(sim, before)


@pytest.mark.parametrize("revert", [True, False])
def test_a_deleted_canary_leaves_users_served_and_the_target_as_it_was(sim, revert):
    initialised(sim, spec={"revertOnDeletion": revert})
    sim.release("v2")
    recovers(sim)
    was = sim.store.peek(sim.target)
    sim.promises.tampered()
    sim.store.delete(CANARY)
    sim.until(lambda: sim.store.peek(CANARY) is None, seconds=300, what="the Canary gone")
    sim.loop.advance(60.0)
    now = sim.store.peek(sim.target)
    assert (now["spec"], now["metadata"].get("annotations")) == (was["spec"], was["metadata"].get("annotations"))
    there = [sim.store.peek(ref) is not None for ref in (ROUTE, COPY, sim.primary)]
    assert there == [not revert] * 3
    served(sim)


def test_everybody_goes_at_once_after_tests_and_back_when_the_bake_fails(sim):
    """Blue/green and the bake: the old version's pods are still there, so the way back is one write."""
    initialised(sim, stepWeights=None, iterations=2, spec={"promotion": {"bakeSeconds": 30}})
    sim.release("v2")
    sim.until(lambda: sim.weight == 100, seconds=200, what="everybody on the canary")
    scenes.turn_bad(sim)
    recovers(sim, "Failed")
    assert leads_to(sim, sim.primary) == "v1"


def test_two_canaries_on_one_service_are_told_apart(sim):
    initialised(sim)
    rival = {**bookinfo.canary("Service"), "metadata": {"name": "later", "namespace": bookinfo.NAMESPACE}}
    sim.apply(CANARIES, rival)

    def refused():
        status = (sim.store.peek(Ref(CANARIES, bookinfo.NAMESPACE, "later")) or {}).get("status") or {}
        return [each["message"] for each in status.get("conditions") or () if each["reason"] == "TargetConflict"]

    sim.until(refused, seconds=30, what="the refusal")
    assert "already rolls out Service reviews" in refused()[0]


def test_the_primary_is_not_led_to_pods_that_went_away_since_they_were_analysed(sim):
    """The copy is late (the API server refuses it for a while), and the analysed pods are gone by then."""
    at_weight(sim, 50)
    with scenes.denied(sim, SERVICES):
        sim.until(lambda: sim.status.phase.value == "Promoting", seconds=120, what="the promotion")
        sim.workloads.break_pods("version=v2", "never-ready")
        for ref in pods_of(sim, "v2"):
            sim.store.delete(ref)
        sim.loop.advance(10.0)
    sim.loop.advance(20.0)
    assert leads_to(sim, sim.primary) == "v1"
    sim.workloads.heal_pods("version=v2")
    sim.until(lambda: leads_to(sim, sim.primary) == "v2", seconds=120, what="the copy after all")
    sim.until_phase("Succeeded")
