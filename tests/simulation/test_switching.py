"""Promotions that move users and copy nothing: one Deployment for each version, late proxies looking on."""

import pytest

from delivery.cluster.objects import DEPLOYMENTS, SERVICES, Ref
from tests.simulation import bookinfo
from tests.simulation.invariants import APEX, COPY, PRIMARY
from tests.simulation.scenes import at_weight, events, initialised, recovers, served
from tests.simulation.switching import Switching

LEADS = Ref(SERVICES, bookinfo.NAMESPACE, "reviews-primary")


@pytest.fixture
def sim():
    with Switching(29) as world:
        yield world


def leads_to(sim, ref):
    return (sim.store.peek(ref) or {})["spec"].get("selector", {}).get("version")


def test_a_canary_takes_over_the_version_that_is_there_and_copies_nothing(sim):
    initialised(sim)
    assert (leads_to(sim, LEADS), leads_to(sim, COPY), leads_to(sim, APEX)) == ("v1", "v1", "v1")
    assert sim.store.peek(PRIMARY) is None
    assert sim.replicas("v1") == 2
    served(sim)


def test_naming_a_version_releases_it_in_steps_and_the_old_one_stays_up(sim):
    initialised(sim)
    sim.release("v2")
    sim.until(lambda: sim.weight == 10, seconds=120, what="the first step")
    assert (leads_to(sim, LEADS), leads_to(sim, COPY)) == ("v1", "v2")
    recovers(sim)
    assert (leads_to(sim, LEADS), leads_to(sim, APEX)) == ("v2", "v2")
    assert (sim.replicas("v1"), sim.replicas("v2")) == (2, 2)
    assert sim.weight == 0


def test_a_bad_version_is_rolled_back_and_the_next_one_is_promoted(sim):
    initialised(sim)
    sim.release("v2", quality="bad")
    recovers(sim, "Failed")
    assert (leads_to(sim, LEADS), sim.replicas("v2")) == ("v1", 2)
    sim.release("v3")
    recovers(sim)
    assert leads_to(sim, LEADS) == "v3"


def test_going_back_is_instant_while_the_way_is_open(sim):
    initialised(sim)
    sim.release("v2")
    recovers(sim)
    sim.release("v1")
    sim.until(lambda: leads_to(sim, LEADS) == "v1", seconds=5, what="users back on v1")
    recovers(sim)
    assert "without another analysis" in events(sim, "GoingBack")[-1]
    sim.release("v2")
    sim.until(lambda: leads_to(sim, LEADS) == "v2", seconds=5, what="and forth again")
    recovers(sim)


def test_after_its_time_the_previous_version_is_a_version_like_any(sim):
    initialised(sim, promotion={"keepPreviousSeconds": 30})
    sim.release("v2")
    recovers(sim)
    sim.loop.advance(40.0)
    sim.release("v1")
    sim.until(lambda: sim.weight == 10, seconds=60, what="the first step of an analysis")
    recovers(sim)
    assert leads_to(sim, LEADS) == "v1"


def test_a_previous_version_that_was_edited_has_to_be_analysed(sim):
    initialised(sim)
    sim.release("v2")
    recovers(sim)
    sim.release("v1", quality="bad")
    recovers(sim, "Failed")
    assert leads_to(sim, LEADS) == "v2"


def test_a_previous_version_without_pods_keeps_users_where_they_are(sim):
    initialised(sim)
    sim.release("v2")
    recovers(sim)
    sim.merge(Ref(DEPLOYMENTS, bookinfo.NAMESPACE, "reviews-v1"), {"spec": {"replicas": 0}})
    sim.loop.advance(10.0)
    sim.release("v1")
    sim.loop.advance(20.0)
    assert leads_to(sim, LEADS) == "v2"
    assert sim.replicas("v1") == 0, "how many pods a version has is its people's business"
    sim.merge(Ref(DEPLOYMENTS, bookinfo.NAMESPACE, "reviews-v1"), {"spec": {"replicas": 2}})
    sim.until(lambda: leads_to(sim, LEADS) == "v1", seconds=60, what="users back on v1")
    recovers(sim)


def test_an_edit_of_the_version_that_is_analysed_starts_anew(sim):
    at_weight(sim, 50)
    first = sim.status.run.id
    sim.release("v2", quality="bad")
    recovers(sim, "Failed")
    assert sim.status.history[-1].id != first
    assert leads_to(sim, LEADS) == "v1"


def test_an_edit_of_the_version_that_serves_is_kubernetes_own_rollout(sim):
    initialised(sim)
    sim.release("v2")
    recovers(sim)
    sim.deploy("v2", quality="fine")
    sim.loop.advance(60.0)
    assert sim.status.run is None
    assert sim.status.phase.value == "Succeeded"


def test_another_version_in_the_middle_of_a_run_reaches_nobody_before_its_own_first_step(sim):
    at_weight(sim, 50)
    sim.release("v3", behaviour="never-ready")
    sim.until(lambda: sim.weight == 0, seconds=30, what="no users on the canary")
    assert leads_to(sim, COPY) == "v2", "late proxies still send there"
    sim.until(lambda: leads_to(sim, COPY) == "v3", seconds=30, what="the newer version")
    recovers(sim, "Failed")
    assert leads_to(sim, LEADS) == "v1"


def test_naming_the_promoted_one_in_the_middle_of_a_run_cancels_it(sim):
    at_weight(sim, 50)
    sim.release("v1")
    sim.until(lambda: sim.status.reason == "RevertedToPromoted", seconds=60, what="the end of the run")
    recovers(sim)
    assert leads_to(sim, LEADS) == "v1"


def test_what_is_promoted_has_to_carry_everybody_before_it_is_promoted(sim):
    initialised(sim)
    sim.release("v2", replicas=1)
    sim.until(lambda: sim.weight == 50, seconds=120, what="the last step")
    recovers(sim, "Failed")
    assert "1 ready pods of the canary are too few for 100 %" in sim.status.message
    assert leads_to(sim, LEADS) == "v1"


def test_a_bake_holds_everybody_on_the_new_version_before_the_old_one_is_given_up(sim):
    initialised(sim, promotion={"bakeSeconds": 20})
    sim.release("v2")
    sim.until(lambda: sim.weight == 100, seconds=200, what="everybody on v2")
    assert leads_to(sim, LEADS) == "v1"
    sim.analyst.turned = "bad"
    recovers(sim, "Failed")
    assert leads_to(sim, LEADS) == "v1"


def test_versions_whose_labels_select_each_others_pods_are_refused(sim):
    initialised(sim)
    body = bookinfo.versioned("v2", replicas=2)
    body["spec"]["selector"] = {"matchLabels": {"app": bookinfo.NAME}}
    sim.apply(DEPLOYMENTS, body)
    sim.release("v2")
    sim.until(lambda: sim.status.reason == "VersionsOverlap", seconds=60, what="a refusal")
    sim.loop.advance(20.0)
    assert (leads_to(sim, LEADS), leads_to(sim, APEX)) == ("v1", "v1")


def test_a_selector_changed_by_hand_is_no_promotion(sim):
    initialised(sim)
    sim.deploy("v2")
    sim.loop.advance(10.0)
    sim.merge(LEADS, {"spec": {"selector": {"app": bookinfo.NAME, "version": "v2"}}})
    sim.until(lambda: leads_to(sim, LEADS) == "v1", seconds=10, what="the selector repaired")


@pytest.mark.parametrize("moment", [0.2, 5.0, 7.0, 20.0, 30.0, 45.0, 50.0])
def test_a_controller_killed_in_the_middle_of_a_run_finishes_it(sim, moment):
    initialised(sim)
    sim.release("v2")
    sim.loop.advance(moment)
    sim.kill(sim.alive[0])
    recovers(sim)
    assert leads_to(sim, LEADS) == "v2"


def test_deleting_the_canary_leaves_users_with_the_version_that_serves(sim):
    at_weight(sim, 50)
    sim.store.delete(Ref(*_canary(sim)))
    sim.loop.advance(60.0)
    assert (sim.weight, leads_to(sim, LEADS)) == (0, "v1")
    served(sim)


def _canary(sim):
    from tests.simulation.invariants import CANARY

    return CANARY.kind, CANARY.namespace, CANARY.name


def test_an_idle_canary_asks_for_nothing(sim):
    initialised(sim)
    sim.release("v2")
    recovers(sim)
    sim.loop.advance(120.0)
    before = len(sim.requests())
    sim.loop.advance(120.0)
    asked = [each for each in sim.requests()[before:] if each.verb not in ("watch", "list")]
    assert {each.kind.kind for each in asked} <= {"Lease"}
