"""One attempt to break each published guarantee about what is written: G1 to G5."""

import pytest

from delivery.cluster.memory import Request
from delivery.cluster.objects import (
    CANARIES,
    DEPLOYMENTS,
    DESTINATION_RULES,
    LEASES,
    SERVICES,
    VIRTUAL_SERVICES,
    Ref,
)
from strategies.status import Phase
from tests.simulation import bookinfo
from tests.simulation.invariants import APEX, CANARY, PRIMARY, ROUTE, TARGET
from tests.simulation.moments import INITIALISING, LEAVING, RUNNING, named, reach
from tests.simulation.scenes import (
    asked,
    at_weight,
    events,
    initialised,
    pods_of,
    recovers,
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


# -- G1: no share beyond ready pods


def test_g1_no_step_beyond_the_ready_pods_of_the_canary(sim):
    at_weight(sim, replicas=4)
    unready(sim, TARGET, 3)
    sim.loop.advance(55)
    assert (sim.weight, sim.status.phase) == (10, Phase.PROGRESSING), "one pod of four carries no half"
    assert sim.status.reason in ("CanaryNotReady", "CanaryLacksCapacity")

    sim.store.delete(pods_of(sim, TARGET, ready=False)[0])
    sim.until(lambda: len(pods_of(sim, TARGET, ready=True)) == 2, seconds=30, what="a second pod")
    assert sim.weight == 10


def test_g1_no_promotion_without_the_primary_s_capacity(sim):
    at_weight(sim, 50, replicas=4)
    unready(sim, PRIMARY, 3)
    sim.until(lambda: sim.status.phase is Phase.WAITING_PROMOTION, seconds=120, what="waiting for the primary")
    sim.loop.advance(2)
    assert version(sim) == "v1"
    assert "too few" in events(sim, "WaitingPromotion")[-1]

    for ref in pods_of(sim, PRIMARY, ready=False):
        sim.store.delete(ref)
    recovers(sim)


def test_g1_the_last_pod_of_the_primary_goes_during_a_rollback(sim):
    """Users stay on the canary, bad as its figures may be, until one pod of the primary is ready."""
    at_weight(sim, 50, threshold=1)
    turn_bad(sim)
    unready(sim, PRIMARY, 2)
    sim.until(lambda: sim.status.phase is Phase.FAILED, seconds=120, what="rollback")
    sim.loop.advance(5)
    assert sim.weight == 100
    for ref in pods_of(sim, PRIMARY, ready=False):
        sim.store.delete(ref)
    sim.until(lambda: sim.weight == 0, seconds=30, what="users on the primary")


# -- G2: the status lost


@pytest.mark.parametrize("moment", [*INITIALISING, *RUNNING, *LEAVING], ids=named)
def test_g2_a_lost_status(sim, moment):
    reach(sim, moment)
    sim.promises.tampered()
    sim.merge(CANARY, {"status": None}, subresource="status")
    sim.loop.advance(3)
    if moment in LEAVING:
        sim.until_phase("Failed")
        assert version(sim) == "v1"
    else:
        wanted = "v2" if moment in RUNNING else "v1"
        sim.until(lambda: version(sim) == wanted and sim.weight == 0, seconds=300, what=wanted)
        sim.until_phase("Succeeded", "Initialized")
    assert sim.store.peek(TARGET)["spec"]["replicas"] == 0
    served(sim)


# -- G3: an old leader


def test_g3_a_leader_paused_between_status_and_route_writes_no_route(sim):
    initialised(sim)
    old = "delivery-1"

    def stop(request: Request) -> None:
        if request.instance == old and request.subresource == "status" and sim.status.canary_weight == 10:
            sim.loop.pause(old)

    sim.apis[old].after = stop
    sim.release("v2", quality="bad")
    sim.until(lambda: sim.loop.is_paused(old), seconds=60, what="the pause")
    assert sim.weight == 0
    sim.start_controller()
    sim.until_phase("Failed")
    sent = len(sim.apis[old].log)

    sim.loop.resume(old)
    sim.loop.advance(60)
    late = [str(each) for each in sim.apis[old].log[sent:] if each.write]
    assert not late, f"written by the old leader: {late}"
    assert sim.weight == 0
    served(sim)


@pytest.mark.parametrize("weight", [10, 50])
@pytest.mark.parametrize("ending", ["Succeeded", "Failed"])
def test_g3_a_route_write_that_arrives_late(sim, weight, ending):
    """It left before the pause and reaches the server when another leader has finished or rolled back."""
    initialised(sim)
    delayed = delay(sim, "delivery-1", VIRTUAL_SERVICES, lambda: sim.status.canary_weight == weight, seconds=90)
    sim.release("v2")
    sim.until(lambda: bool(delayed), seconds=120, what="the write")
    if ending == "Failed":
        turn_bad(sim)
    sim.until(lambda: delayed[0].outcome != "", seconds=120, what="its arrival")
    assert delayed[0].outcome != "done", f"a late write came through: {delayed[0]}"
    sim.until_phase(ending)
    assert sim.weight == 0
    served(sim)


def test_g3_a_late_raise_after_a_rollback_that_had_nothing_to_write(sim):
    """The route never left 0, so the new leader's rollback changes no weight; its fence alone keeps the raise out."""
    initialised(sim)
    delayed = delay(sim, "delivery-1", VIRTUAL_SERVICES, lambda: sim.status.canary_weight == 10, seconds=90)
    sim.release("v2")
    sim.until(lambda: bool(delayed), seconds=120, what="the write")
    sim.workloads.break_pods("app=reviews", "crash-loop")
    sim.until_phase("Failed")
    assert sim.status.reason == "PodHealth"
    sim.until(lambda: delayed[0].outcome != "", seconds=120, what="its arrival")
    assert delayed[0].outcome != "done", f"a late write came through: {delayed[0]}"
    sim.loop.advance(5)
    assert sim.weight == 0
    served(sim)


def test_g3_a_raise_without_an_answer_that_arrives_after_the_same_leader_has_rolled_back(sim):
    """The route never left 0, so the rollback has no weight to write: it must change the object all the same."""
    initialised(sim)
    raised: list[Request] = []
    usual = sim.faults.latency

    def slow(request: Request) -> None:
        if not raised and request.write and request.kind == VIRTUAL_SERVICES and sim.status.canary_weight == 10:
            raised.append(request)
            sim.faults.latency = (30.0, 30.0)
            sim.loop.call_soon(lambda: setattr(sim.faults, "latency", usual), context=sim.loop.world)

    sim.apis["delivery-1"].before = slow
    sim.release("v2")
    sim.until(lambda: bool(raised), seconds=120, what="the raise")
    sim.workloads.break_pods("app=reviews", "crash-loop")
    sim.until(lambda: sim.status.phase is Phase.FAILED, seconds=29, what="the rollback, before the raise arrives")
    sim.until(lambda: raised[0].outcome != "", seconds=60, what="its arrival")
    assert raised[0].outcome != "done", f"a late write came through: {raised[0]}"
    sim.loop.advance(5)
    assert sim.weight == 0
    served(sim)


def test_a_late_raise_of_the_same_leader_after_a_rollback_that_had_nothing_to_write(sim):
    """The raise had no answer and the route still says 0: a write that changes nothing rules it out."""
    initialised(sim)
    delayed = delay(sim, "delivery-1", VIRTUAL_SERVICES, lambda: sim.status.canary_weight == 10, seconds=60, stop=False)
    sim.release("v2")
    sim.until(lambda: bool(delayed), seconds=120, what="the write")
    sim.workloads.break_pods("app=reviews", "crash-loop")
    sim.until(lambda: delayed[0].outcome != "", seconds=120, what="its arrival")
    assert delayed[0].outcome != "done", f"a late write came through: {delayed[0]}"
    sim.until_phase("Failed")
    assert sim.weight == 0
    served(sim)


def test_pods_go_only_when_the_server_itself_has_said_where_users_go(sim):
    """A hand has set the weight to 0 and then to 40, of which the caches will hear late; then the canary fails."""
    at_weight(sim, 50)
    set_weight(sim, 0)
    sim.until(lambda: sim.status.reason == "ManualOverride", seconds=30, what="the hand is honoured")
    sim.faults.kind_lag[VIRTUAL_SERVICES] = (60.0, 60.0)
    set_weight(sim, 40)
    turn_bad(sim)
    sim.until(lambda: sim.status.phase is Phase.FAILED, seconds=120, what="rollback")
    sim.until(lambda: sim.weight == 0, seconds=2, what="users on the primary, though the caches knew of nothing to do")
    sim.until_phase("Failed")
    served(sim)


def test_g3_a_late_end_of_the_last_run_takes_no_pods_from_the_next(sim):
    """The canary is to rest; until the write arrives, the next version is at a weight with as many pods as before."""
    initialised(sim, interval="60s")
    delayed = delay(sim, "delivery-1", DEPLOYMENTS, lambda: sim.status.phase is Phase.SUCCEEDED, seconds=90)
    sim.release("v2")
    sim.until(lambda: bool(delayed), seconds=600, what="the write")
    sim.until(lambda: sim.store.peek(TARGET)["spec"]["replicas"] == 0, seconds=60, what="the canary at rest")
    sim.release("v3")
    sim.until(lambda: sim.weight == 10, seconds=60, what="weight 10")
    assert delayed[0].outcome == "", "it is still on its way"
    sim.until(lambda: delayed[0].outcome != "", seconds=120, what="its arrival")
    assert delayed[0].outcome != "done", f"a late write came through: {delayed[0]}"
    recovers(sim)


def delay(sim: Simulation, name: str, kind, when, *, seconds: float, stop: bool = True) -> list[Request]:
    """The first write of a kind that a process sends travels for long; the process stops meanwhile, another starts."""
    found: list[Request] = []
    usual = sim.faults.latency

    def before(request: Request) -> None:
        if found or not request.write or request.kind != kind or not when():
            return
        found.append(request)
        sim.faults.latency = (seconds, seconds)
        sim.loop.call_soon(go_on, context=sim.loop.world)

    def go_on() -> None:
        sim.faults.latency = usual
        if not stop:
            return
        sim.loop.pause(name)
        sim.start_controller()
        sim.loop.call_later(seconds - 1, sim.loop.resume, name, context=sim.loop.world)

    sim.apis[name].before = before
    return found


def test_g3_a_deleted_lease(sim):
    at_weight(sim)
    sim.store.delete(Ref(LEASES, "default", "progressive-delivery"))
    sim.start_controller()
    recovers(sim)
    assert fences(sim) == {sim.status.fence}


def test_g3_a_yaml_copied_from_another_cluster(sim):
    """With a fence that no leader of this one has reached: whoever holds the Lease goes above it."""
    at_weight(sim)
    sim.merge(ROUTE, {"metadata": {"annotations": {"progressive.delivery/fence": "41"}}})
    sim.release("v3")
    recovers(sim)
    lease = sim.store.peek(Ref(LEASES, "default", "progressive-delivery"))
    assert lease["spec"]["leaseTransitions"] > 41
    assert version(sim) == "v3"


def fences(sim: Simulation) -> set[int]:
    """The fences on the routed objects."""
    return {int(sim.store.peek(ref)["metadata"]["annotations"]["progressive.delivery/fence"]) for ref in (ROUTE,)}


# -- G4: what is not ours


def test_g4_what_others_wrote_survives_a_release_exactly(sim):
    initialised(sim)
    marks = {"metadata": {"labels": {"team": "books"}, "annotations": {"example.com/note": "keep"}}}
    canary_rule = Ref(DESTINATION_RULES, bookinfo.NAMESPACE, "reviews-canary")
    for ref in (ROUTE, PRIMARY, APEX, canary_rule, Ref(SERVICES, bookinfo.NAMESPACE, "reviews-primary")):
        sim.merge(ref, marks)
    mine = sim.store.peek(ROUTE)["spec"]["http"][0]
    testers = {
        "name": "testers",
        "match": [{"headers": {"x-tester": {"exact": "yes"}}}],
        "route": [{"destination": {"host": "reviews-canary"}}],
    }
    sim.merge(ROUTE, {"spec": {"http": [testers, {**mine, "timeout": "3s"}], "exportTo": ["."]}})
    sim.merge(canary_rule, {"spec": {"subsets": [{"name": "all"}]}})
    sim.merge(PRIMARY, {"spec": {"revisionHistoryLimit": 3, "replicas": 3}})

    sim.release("v2")
    recovers(sim)
    route = sim.store.peek(ROUTE)["spec"]
    assert route["http"][0] == testers
    assert (route["http"][1]["timeout"], route["exportTo"]) == ("3s", ["."])
    assert sim.store.peek(canary_rule)["spec"]["subsets"] == [{"name": "all"}]
    assert sim.store.peek(PRIMARY)["spec"]["replicas"] == 3
    for ref in (ROUTE, PRIMARY, APEX, canary_rule):
        meta = sim.store.peek(ref)["metadata"]
        assert (meta["labels"]["team"], meta["annotations"]["example.com/note"]) == ("books", "keep"), ref


# -- G5: what it costs


def test_g5_a_step_is_three_writes_and_no_read(sim):
    initialised(sim)
    since = len(sim.requests())
    sim.release("v2")
    recovers(sim)
    made = asked(sim, since)
    reads = [str(each) for each in made if not each.write]
    assert not reads, f"a calm run reads nothing: {reads}"
    for weight in (10, 50):
        at = moment_of(sim, f"status: Progressing  {weight} %")
        step = [each for each in made if at - 0.06 <= each.at <= at + 5]
        kinds = sorted((each.kind.kind, each.verb) for each in step)
        assert kinds == [("Canary", "patch"), ("Event", "create"), ("VirtualService", "patch")], kinds
    assert len(made) <= 24, f"{len(made)} writes in a run of two steps"


def moment_of(sim: Simulation, what: str) -> float:
    """When the story tells this first."""
    return next(float(line.split()[0]) for line in sim.promises.story if what in line)


def test_g5_a_hundred_canaries_at_rest_ask_nothing():
    with Simulation(None) as sim:
        for number in range(100):
            for kind, body in (
                (DEPLOYMENTS, bookinfo.deployment(replicas=1)),
                (SERVICES, bookinfo.service()),
                (CANARIES, bookinfo.canary()),
            ):
                meta = {**body["metadata"], "namespace": f"shop-{number}"}
                sim.store.create(kind, {**body, "metadata": meta}, namespace=f"shop-{number}", manager="kubectl")
        sim.start_controller()

        def rested() -> bool:
            phases = [(body.get("status") or {}).get("phase") for body in sim.store.scan(CANARIES)]
            return phases == ["Initialized"] * 100

        sim.until(rested, seconds=300, what="a hundred Canaries")
        sim.loop.advance(90)
        since = len(sim.requests())
        sim.loop.advance(60)
        assert not asked(sim, since)
        verbs = {(each.verb, each.kind) for each in sim.requests()[since:]}
        assert verbs <= {("watch", kind) for kind in sim.controllers["delivery-1"].reader._caches} | {("patch", LEASES)}
