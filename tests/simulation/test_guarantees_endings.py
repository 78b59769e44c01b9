"""One attempt to break each published guarantee about how things end: G6 to G11."""

import json

import pytest

from delivery.cluster.memory import Admission, ForbiddenError, Happened
from delivery.workloads.ownership import MANAGER
from strategies.status import Phase, Stage
from tests.simulation.invariants import APEX, CANARY, PRIMARY, TARGET
from tests.simulation.moments import INITIALISING, LEAVING, RUNNING, named, reach
from tests.simulation.scenes import (
    at_weight,
    initialised,
    pods_of,
    recovers,
    says,
    served,
    set_weight,
    turn_bad,
    unready,
    version,
)
from tests.simulation.simulation import Simulation


@pytest.fixture
def sim():
    with Simulation(5) as world:
        yield world


# -- G6: promoted is what was analysed


@pytest.mark.parametrize("moment", RUNNING, ids=named)
def test_g6_a_bad_version_slipped_in_is_never_promoted(sim, moment):
    reach(sim, moment)
    sim.release("v3", quality="bad")
    sim.until_phase("Failed")
    assert version(sim) in ("v1", "v2")
    ran = {line.split("primary: ")[1] for line in sim.promises.story if " primary: " in line}
    assert not any(sim.status.last_applied_spec in each.split(" -> ")[1] for each in ran)
    served(sim)


def test_g6_at_the_very_write_of_the_promotion(sim):
    """The target changes between the recorded decision to promote and the write of the template."""
    initialised(sim)

    def slip(event: Happened) -> None:
        body = event.object
        if event.ref == CANARY and body["status"].get("phase") == "Promoting" and not slipped:
            slipped.append(1)
            sim.loop.call_soon(lambda: sim.release("v3", quality="bad"), context=sim.loop.world)

    slipped: list[int] = []
    sim.store.observers.append(slip)
    sim.release("v2")
    sim.until(lambda: bool(slipped), seconds=120, what="the promotion")
    sim.until_phase("Failed")
    assert version(sim) in ("v1", "v2")
    served(sim)


# -- G7: nobody answers


def test_g7_a_rollback_needs_no_prometheus(sim):
    at_weight(sim)
    sim.analyst.away = True
    sim.workloads.break_pods("app=reviews", "crash-loop")
    sim.until(lambda: sim.weight == 0, seconds=30, what="users on the primary")
    sim.until_phase("Failed", seconds=180)
    assert sim.store.peek(TARGET)["spec"]["replicas"] == 0, "the drain ends by itself"


# -- G8: how fast


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("weight", [10, 50])
def test_g8_from_the_failing_answer_to_the_route_in_two_seconds(seed, weight):
    with Simulation(seed) as sim:
        at_weight(sim, weight)
        turn_bad(sim)
        sim.until(lambda: sim.weight == 0, seconds=120, what="rollback")
        seconds = sim.loop.time() - sim.analyst.failed_at[-1]
        assert len(sim.analyst.failed_at) == 2, "the threshold"
        assert seconds < 2.0, f"{seconds:.2f} s"


def test_g8_crashing_pods_take_no_longer(sim):
    at_weight(sim, 50)
    at = sim.loop.time()
    sim.workloads.break_pods("app=reviews", "image-pull")
    sim.until(lambda: sim.weight == 0, seconds=30, what="users on the primary")
    assert sim.loop.time() - at < 2.0


# -- G9: a way out of everything


@pytest.mark.parametrize(
    ("hang", "reason"),
    [
        (lambda sim: unready(sim, TARGET, 2), "CanaryNotReady"),
        (lambda sim: setattr(sim.analyst, "away", True), "MetricsUnavailable"),
        (lambda sim: setattr(sim.analyst, "quiet", True), "NoData"),
        (lambda sim: sim.edit(paused=True), "Paused"),
        (lambda sim: set_weight(sim, 3), "ManualOverride"),
        (lambda sim: sim.edit(service={"port": 1}), "PortNotInService"),
    ],
    ids=["unready", "away", "quiet", "paused", "by hand", "port"],
)
def test_g9_what_it_waits_for_is_said_with_what_to_do(sim, hang, reason):
    at_weight(sim)
    hang(sim)
    sim.until(lambda: sim.status.reason == reason, seconds=120, what=reason)
    assert sim.status.message
    assert len(sim.status.message) > 20, "what to do"


def test_g9_a_primary_that_never_becomes_ready_at_first(sim):
    sim.workloads.break_pods("app=reviews-primary", "never-ready")
    sim.set_up()
    sim.start_controller()
    sim.loop.advance(3600)
    ready = sim.status.condition("Ready")
    assert (sim.status.phase, ready.status, ready.reason) == (Phase.INITIALIZING, "False", "PrimaryNotReady")
    assert sim.store.peek(APEX)["spec"]["selector"] == {"app": "reviews"}
    served(sim)

    sim.workloads.heal_pods("app=reviews-primary")
    recovers(sim, "Initialized")


# -- G10: deleted


@pytest.mark.parametrize("moment", [*INITIALISING, *RUNNING, *LEAVING], ids=named)
@pytest.mark.parametrize("controller", ["stays", "gone too"])
def test_g10_deleted_at_any_moment(sim, moment, controller):
    reach(sim, moment)
    sim.promises.tampered()
    sim.store.delete(CANARY)
    if controller == "gone too":
        sim.kill("delivery-1", restart=False)
        sim.loop.advance(300)
        served(sim)
        sim.start_controller()
    sim.until(lambda: sim.store.peek(CANARY) is None, seconds=120, what="the Canary gone")
    sim.loop.advance(600)
    served(sim)
    assert sim.weight in (0, None)
    assert not sim.loop.errors


def test_g10_no_weight_before_the_finalizer_holds_the_canary(sim):
    """Without it a deletion could leave users where a run has sent them."""
    initialised(sim)

    def refuse(admission: Admission) -> None:
        if admission.manager == MANAGER and admission.ref == CANARY and not admission.subresource:
            raise ForbiddenError("canaries: delivery cannot patch resource")

    sim.store.admission.append(refuse)
    sim.release("v2")
    says(sim, "TrafficSynced", "WriteDenied", "grant")
    sim.loop.advance(300)
    assert sim.weight == 0
    sim.store.admission.remove(refuse)
    recovers(sim)


def test_g10_deleted_while_a_broken_promotion_keeps_users_on_the_canary(sim):
    at_weight(sim, 50)
    sim.workloads.break_pods("app=reviews-primary,version=v2", "crash-loop")
    sim.until(lambda: sim.weight == 100, seconds=300, what="users on the canary")
    sim.loop.advance(30)
    sim.promises.tampered()
    sim.store.delete(CANARY)
    sim.until(lambda: sim.store.peek(CANARY) is None, seconds=120, what="the Canary gone")
    sim.loop.advance(600)
    assert sim.weight == 100
    assert len(pods_of(sim, TARGET, ready=True)) >= 1
    served(sim)


# -- G11: the floor


@pytest.mark.parametrize("quality", ["good", "bad"])
def test_g11_the_primary_has_the_pods_that_the_run_began_with_until_it_is_drained(sim, quality):
    at_weight(sim, 50, replicas=3, threshold=3)
    if quality == "bad":
        turn_bad(sim)
    short = below(sim, 3)
    sim.merge(PRIMARY, {"spec": {"replicas": 1}})
    sim.until(lambda: sim.store.peek(PRIMARY)["spec"]["replicas"] == 3, seconds=5, what="the floor")
    sim.until(lambda: sim.status.stage is Stage.DRAIN, seconds=300, what="the drain")
    assert len(short) == 1, "only the hand that scaled it down"
    sim.merge(PRIMARY, {"spec": {"replicas": 1}})
    sim.until(lambda: sim.store.peek(PRIMARY)["spec"]["replicas"] == 3, seconds=5, what="the floor while draining")
    sim.until_phase("Succeeded", "Failed")

    sim.merge(PRIMARY, {"spec": {"replicas": 1}})
    sim.loop.advance(60)
    assert sim.store.peek(PRIMARY)["spec"]["replicas"] == 1, "afterwards it is people's again"


@pytest.mark.parametrize("quality", ["good", "bad"])
def test_g11_the_canary_s_pods_are_kept_while_the_primary_lacks_some(sim, quality):
    at_weight(sim, 50, threshold=1)
    if quality == "bad":
        turn_bad(sim)
    sim.until(lambda: sim.status.stage is Stage.DRAIN, seconds=300, what="the drain")
    unready(sim, PRIMARY, 1)
    says(sim, "Ready", "PrimaryNotReady", "pods are kept")
    sim.loop.advance(300)
    assert len(pods_of(sim, TARGET, ready=True)) == 2
    assert sim.weight == 0

    sim.store.delete(pods_of(sim, PRIMARY, ready=False)[0])
    sim.until_phase("Succeeded", "Failed")
    assert sim.store.peek(TARGET)["spec"]["replicas"] == 0
    served(sim)


def below(sim: Simulation, floor: int) -> list[float]:
    """When the primary is scaled below its floor."""
    found: list[float] = []

    def look(event: Happened) -> None:
        was = (event.previous or {}).get("spec", {}).get("replicas", 0)
        if event.ref == PRIMARY and event.object["spec"]["replicas"] < floor <= was:
            found.append(sim.loop.time())

    sim.store.observers.append(look)
    return found


def test_the_status_stays_small(sim):
    """Every run leaves its mark, and the whole stays under 4 KB."""
    initialised(sim)
    for number in range(2, 10):
        sim.release(f"v{number}", quality="bad" if number % 2 else "good")
        sim.until_phase("Succeeded", "Failed")
        sim.loop.advance(5)
    assert len(json.dumps(sim.store.peek(CANARY)["status"])) < 4096
    assert len(sim.status.history) == 5
