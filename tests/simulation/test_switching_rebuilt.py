"""Promotions that move users, when what says who serves is lost: the status, the roles' Services, or both."""

import pytest

from delivery.cluster.objects import CANARIES, SERVICES, Ref
from delivery.workloads.targets.leading import SERVED
from tests.simulation import bookinfo
from tests.simulation.invariants import APEX, CANARY, COPY
from tests.simulation.scenes import deaf, events, initialised, recovers, says, served
from tests.simulation.switched_subsets import SwitchedSubsets
from tests.simulation.switching import Switching

LEADS = Ref(SERVICES, bookinfo.NAMESPACE, "reviews-primary")


@pytest.fixture
def sim():
    with Switching(37) as world:
        yield world


def leads_to(sim, ref):
    return ((sim.store.peek(ref) or {"spec": {}})["spec"].get("selector") or {}).get("version")


def lose(sim, *refs, status=False):
    """Somebody deletes Services of the roles, and the status if asked to, all at once."""
    sim.promises.tampered()
    for ref in refs:
        sim.store.delete(ref)
    if status:
        sim.merge(CANARY, {"status": None}, subresource="status")


def after_a_version_that_crashes(sim):
    """Version 1 serves, and version 2, which is named, does not come up."""
    initialised(sim)
    sim.release("v2", behaviour="crash-loop")
    recovers(sim, "Failed")


@pytest.mark.parametrize("status", [False, True], ids=["status-kept", "status-lost"])
def test_a_primary_service_that_is_deleted_leads_to_the_version_that_served_and_not_to_the_one_that_is_named(
    sim, status
):
    """The named version has never worked: to take it for the primary would leave users without pods for ever."""
    after_a_version_that_crashes(sim)
    lose(sim, LEADS, status=status)
    sim.until(lambda: leads_to(sim, LEADS) == "v1", seconds=5, what="users with v1 again")
    assert leads_to(sim, APEX) == "v1"
    sim.until_phase("Initialized" if status else "Failed", "Failed")
    sim.release("v3")
    sim.until(lambda: sim.status.last_applied_spec != sim.status.last_promoted_spec, seconds=60, what="an analysis")
    sim.until_phase("Succeeded")
    assert (leads_to(sim, LEADS), leads_to(sim, APEX)) == ("v3", "v3")
    assert not events(sim, "HealedWithoutAnalysis")
    assert not events(sim, "PrimaryUnknown")


def test_what_is_remembered_follows_every_promotion(sim):
    initialised(sim)
    for each in ("v2", "v3"):
        sim.release(each)
        sim.until(lambda each=each: leads_to(sim, LEADS) == each, seconds=120, what=f"{each} promoted")
        recovers(sim)
    sim.release("v4", behaviour="crash-loop")
    recovers(sim, "Failed")
    lose(sim, LEADS, status=True)
    sim.until(lambda: leads_to(sim, LEADS) == "v3", seconds=5, what="users with v3 again")


def test_a_record_that_is_lost_too_is_written_again_from_the_primary_service(sim):
    initialised(sim)
    before = sim.store.peek(COPY)["metadata"]["annotations"][SERVED]
    sim.store.delete(COPY)
    sim.until(lambda: sim.store.peek(COPY) is not None, seconds=30, what="the canary service again")
    sim.loop.advance(5.0)
    assert sim.store.peek(COPY)["metadata"]["annotations"][SERVED] == before
    served(sim)


def test_where_every_record_is_lost_people_hear_which_version_was_taken_and_name_another(sim):
    after_a_version_that_crashes(sim)
    lose(sim, LEADS, COPY)
    sim.loop.advance(5.0)  # else a status from a cache that has not heard of it would still know
    lose(sim, status=True)
    says(sim, "Ready", "PrimaryNotReady", "A target that works replaces it without analysis")
    assert "release the right one" in events(sim, "PrimaryUnknown")[-1]
    assert leads_to(sim, APEX) == "v1", "who calls it from outside of the mesh stays with the version that served"

    sim.release("v1")
    sim.until_phase("Initialized")
    assert leads_to(sim, LEADS) == "v1"
    assert "cannot come up" in events(sim, "HealedWithoutAnalysis")[-1]
    sim.release("v3")
    sim.until_phase("Succeeded")


@pytest.mark.parametrize("status", [False, True], ids=["status-kept", "status-lost"])
def test_users_led_by_subsets_do_not_notice_that_the_record_of_their_version_is_deleted(status):
    with SwitchedSubsets(37) as sim:
        after_a_version_that_crashes(sim)
        lose(sim, LEADS, status=status)
        sim.until(lambda: leads_to(sim, LEADS) == "v1", seconds=5, what="the record again")
        sim.loop.advance(30.0)
        assert sim.shares_now() == {"v1": 100}
        sim.release("v3")
        sim.until(lambda: sim.shares_now().get("v3") == 10, seconds=120, what="an analysis of v3")
        recovers(sim)
        assert sim.shares_now() == {"v3": 100}


def test_a_version_whose_people_roll_it_out_to_nothing_keeps_no_other_version_from_coming(sim):
    """Pods of the version that serves are its people's: an image that cannot be pulled leaves its old pods serving, and
    a Canary that is made anew must not wait for the new ones.
    """
    initialised(sim)
    sim.promises.tampered()
    sim.store.delete(CANARY)
    sim.until(lambda: sim.store.peek(CANARY) is None, seconds=30, what="the Canary gone")
    sim.deploy("v1", behaviour="image-pull")
    sim.loop.advance(10.0)
    sim.deploy("v2", quality="bad")
    sim.canary["spec"]["targetRef"]["name"] = "reviews-v2"
    sim.apply(CANARIES, sim.canary)
    sim.until_phase("Failed")
    sim.release("v3")
    sim.until_phase("Succeeded")
    assert leads_to(sim, LEADS) == "v3"
    served(sim)


def test_what_is_remembered_gives_way_to_a_primary_service_that_is_there_and_was_not_heard_of(sim):
    """The primary service went, somebody put one back that leads to another version, and the watch broke in between.
    Who takes over then asks, before it believes what was remembered when the service was last seen.
    """
    initialised(sim)
    first = next(iter(sim.alive))
    sim.release("v3")
    sim.until(lambda: leads_to(sim, LEADS) == "v3", seconds=300, what="v3 promoted")
    recovers(sim)
    of_v3 = sim.store.peek(LEADS)
    promoted = sim.status.last_promoted_spec
    sim.release("v1")
    sim.until(lambda: leads_to(sim, LEADS) == "v1", seconds=300, what="v1 promoted")
    recovers(sim)
    sim.start_controller()
    sim.loop.advance(20.0)
    sim.kill(first, restart=False)
    sim.loop.advance(8.0)
    lose(sim, LEADS, status=True)
    sim.loop.advance(0.5)
    hear = deaf(sim, SERVICES)
    again = {key: value for key, value in of_v3["metadata"].items() if key not in ("uid", "resourceVersion")}
    sim.apply(SERVICES, {**of_v3, "metadata": again})
    sim.until(lambda: bool(sim.status.last_promoted_spec), seconds=60, what="a status")
    assert sim.status.last_promoted_spec == promoted
    hear()
    sim.until_phase("Initialized", "Failed", "Succeeded")
    assert leads_to(sim, LEADS) == "v3"
