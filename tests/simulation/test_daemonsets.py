"""DaemonSets as targets: whole runs beside proxies that hear of everything late."""

import pytest

from delivery.cluster.objects import DAEMON_SETS, PODS
from delivery.workloads.targets.daemonset import FLAGGERS, NOWHERE
from tests.simulation import wired
from tests.simulation.invariants import APEX, CANARY, ROUTE
from tests.simulation.scenes import at_weight, initialised, recovers, served, version
from tests.simulation.simulation import Simulation


@pytest.fixture
def sim():
    with Simulation(17, kind=DAEMON_SETS) as world:
        yield world


def selector(sim, ref):
    return (sim.store.peek(ref) or {})["spec"]["template"]["spec"].get("nodeSelector")


def test_a_version_is_promoted_and_the_target_rests_on_no_node(sim):
    initialised(sim)
    assert selector(sim, sim.target) == {NOWHERE: "true"}
    sim.release("v2")
    sim.until(lambda: sim.weight == 10, seconds=120, what="the first step")
    assert selector(sim, sim.target) is None
    recovers(sim)
    assert version(sim) == "v2"
    assert selector(sim, sim.target) == {NOWHERE: "true"}
    assert selector(sim, sim.primary) is None
    assert "replicas" not in sim.store.peek(sim.primary)["spec"]


def test_a_bad_version_is_rolled_back_and_never_reaches_the_primary(sim):
    initialised(sim)
    sim.release("v2", quality="bad")
    recovers(sim, "Failed")
    assert version(sim) == "v1"
    assert selector(sim, sim.target) == {NOWHERE: "true"}
    sim.release("v3")
    recovers(sim)
    assert version(sim) == "v3"


def test_resting_is_no_new_version(sim):
    """Flagger's way of resting changes the template, too; ours is no part of a revision."""
    initialised(sim)
    promoted = sim.status.last_promoted_spec
    sim.merge(sim.target, {"spec": {"template": {"spec": {"nodeSelector": None}}}})
    sim.until(lambda: selector(sim, sim.target) == {NOWHERE: "true"}, seconds=30, what="rest again")
    sim.loop.advance(60.0)
    assert (sim.status.run, sim.status.last_promoted_spec) == (None, promoted)
    served(sim)


def test_the_users_own_node_selector_is_kept_and_follows(sim):
    sim.set_up()
    own = {"kubernetes.io/os": "linux"}
    sim.merge(sim.target, {"spec": {"template": {"spec": {"nodeSelector": own}}}})
    sim.loop.advance(10.0)
    sim.start_controller()
    sim.until_phase("Initialized")
    assert selector(sim, sim.target) == {**own, NOWHERE: "true"}
    assert selector(sim, sim.primary) == own
    sim.release("v2")
    recovers(sim)
    assert selector(sim, sim.target) == {**own, NOWHERE: "true"}
    assert selector(sim, sim.primary) == own


def test_a_target_that_flagger_has_put_to_rest_is_woken_for_a_run(sim):
    initialised(sim)
    theirs = {"nodeSelector": {NOWHERE: None, FLAGGERS: "true"}}
    sim.merge(sim.target, {"spec": {"template": {"spec": theirs}}})
    sim.loop.advance(10.0)
    assert sim.status.run is None
    sim.release("v2")
    recovers(sim)
    assert version(sim) == "v2"
    assert selector(sim, sim.primary) is None
    assert selector(sim, sim.target) == {NOWHERE: "true"}


def test_status_writes_do_not_renew_the_progress_deadline(sim):
    """Flagger counts a DaemonSet's deadline from the last write of its status, which every tick renews."""
    initialised(sim)
    sim.release("v2", behaviour="never-ready")
    began = sim.loop.time()
    sim.until(lambda: sim.status.run is not None, seconds=30, what="a run")
    while sim.status.run is not None and sim.loop.time() < began + 100:
        sim.loop.advance(5.0)
        sim.merge(sim.target, {"metadata": {"annotations": {"touched": str(sim.loop.time())}}})
    assert sim.status.reason == "ProgressDeadlineExceeded"
    assert 60 <= sim.loop.time() - began < 80
    recovers(sim, "Failed")


def test_a_node_that_is_lost_in_the_middle_of_a_run_does_not_stop_the_promotion(sim):
    """The floor was counted on three nodes; where there are two, two pods are all that a role can have."""
    at_weight(sim)
    assert sim.status.run.floor == 3
    sim.workloads.nodes.remove("node-2")
    sim.until_phase("Succeeded")
    assert sim.status.reason == "Promoted"
    assert version(sim) == "v2"
    assert len(sim.store.scan(PODS)) == 2


def test_a_newer_version_that_comes_before_the_copy_is_analysed_itself(sim):
    """Earlier templates of a DaemonSet are not looked up: what is promoted is what was analysed, or nothing."""
    at_weight(sim, 50)
    sim.until(lambda: sim.status.phase.value == "Promoting", seconds=120, what="the promotion")
    sim.release("v3", quality="bad")
    recovers(sim, "Failed")
    assert version(sim) in ("v1", "v2")


def test_pods_that_update_on_deletion_only_are_refused_by_name(sim):
    sim.set_up()
    sim.merge(sim.target, {"spec": {"updateStrategy": {"type": "OnDelete", "rollingUpdate": None}}})
    sim.start_controller()
    sim.until(
        lambda: (found := sim.status.condition("Ready")) is not None and found.reason == "UpdateStrategyUnsupported",
        seconds=30,
        what="the refusal",
    )
    assert sim.store.peek(sim.primary) is None
    assert selector(sim, sim.target) is None
    sim.merge(sim.target, {"spec": {"updateStrategy": {"type": "RollingUpdate"}}})
    recovers(sim, "Initialized")


def test_a_revert_wakes_the_target_and_leaves_nothing_behind(sim):
    initialised(sim, spec={"revertOnDeletion": True})
    sim.release("v2")
    recovers(sim)
    sim.promises.tampered()
    sim.store.delete(CANARY)
    sim.until(lambda: sim.store.peek(CANARY) is None, seconds=300, what="the Canary gone")
    sim.loop.advance(60.0)
    assert selector(sim, sim.target) is None
    assert sim.store.peek(sim.primary) is None
    assert (sim.store.peek(ROUTE), sim.store.peek(APEX)["spec"]["selector"]) == (None, {"app": "reviews"})
    assert len(sim.store.scan(PODS)) == 3
    served(sim)


def test_a_deletion_without_revert_leaves_users_with_the_primary(sim):
    initialised(sim)
    sim.promises.tampered()
    sim.store.delete(CANARY)
    sim.loop.advance(60.0)
    assert sim.store.peek(CANARY) is None
    assert selector(sim, sim.target) == {NOWHERE: "true"}
    served(sim)


def test_an_edited_config_goes_out_with_pods_that_have_read_it():
    """Nothing replaces a DaemonSet's pods when only a ConfigMap changes: the canary goes to rest and is woken."""
    with wired.Wired(19, kind=DAEMON_SETS) as sim:
        wired.wire(sim)
        initialised(sim)
        wired.edit(sim, "red")
        sim.until(lambda: sim.weight == 10, seconds=120, what="the first step")
        before = wired.pods(sim)
        wired.edit(sim, "green")
        sim.until(lambda: sim.weight == 0, seconds=10, what="users off the old content")
        sim.until(lambda: sim.weight == 10, seconds=120, what="the first step")
        assert before
        assert not before & wired.pods(sim), "a pod that read the old content was given users"
        recovers(sim)
        assert wired.read_by(sim, sim.primary)["settings"]["stars"] == "green"
        assert wired.stars(sim) == ["green"]
