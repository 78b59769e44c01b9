"""Releases that wait for people, windows and freezes, among late proxies: nobody is lost and nobody is passed over."""

from datetime import timedelta

import pytest

from delivery.cluster.objects import APPROVALS, CANARIES, EVENTS, FREEZES, Ref
from tests.simulation import bookinfo
from tests.simulation.asking import SIGN_OFF, answer, approval, at_gate, freeze, say, waits
from tests.simulation.crash_points import points, survive, undisturbed
from tests.simulation.crash_worlds import FAULTS, KILLS
from tests.simulation.scenes import asked, at_weight, denied, events, initialised, recovers, served, turn_bad, version
from tests.simulation.simulation import Simulation

HOME = "default"


@pytest.fixture
def sim():
    with Simulation(61) as world:
        yield world


def test_a_release_waits_for_sign_off_and_is_promoted_by_it(sim):
    at_gate(sim)
    sim.loop.advance(3600)
    assert (sim.status.phase.value, version(sim)) == ("WaitingPromotion", "v1")
    (told,) = events(sim, "GateClosed")
    assert "kubectl delivery approve reviews -n shop --gate sign-off" in told

    say(sim)
    recovers(sim)
    sim.loop.advance(5)
    assert version(sim) == "v2"
    assert answer(sim)["state"] == "Accepted"
    assert events(sim, "GateOpened") == ["sign-off: approved by jane (claimed): fine"]
    (record,) = sim.status.history[-1].gates
    assert (record.by, record.approval, record.of) == ("jane (claimed)", "word", "")


def test_what_somebody_refuses_goes_back_at_once(sim):
    at_gate(sim)
    before = sim.loop.time()
    say(sim, decision="deny", reason="the copy is wrong")
    sim.until(lambda: sim.weight == 0, seconds=2, what="all users on the primary")
    assert sim.loop.time() - before < 2
    recovers(sim, "Failed")
    sim.loop.advance(5)
    assert (sim.status.reason, answer(sim)["state"], version(sim)) == ("GateDenied", "Accepted", "v1")
    assert "denied by jane (claimed): the copy is wrong" in events(sim, "RolledBack")[-1]


def test_who_speaks_while_no_controller_is_there_is_heard_by_the_next(sim):
    at_gate(sim)
    for name in sim.alive:
        sim.kill(name, restart=False)
    say(sim)
    sim.loop.advance(300)
    sim.start_controller()
    recovers(sim)
    assert answer(sim)["state"] == "Accepted"


def test_a_word_that_was_acted_on_may_be_deleted(sim):
    at_gate(sim, before="traffic-increase")
    say(sim)
    sim.until(lambda: answer(sim), seconds=10, what="an answer")
    sim.store.delete(Ref(APPROVALS, bookinfo.NAMESPACE, "word"))
    recovers(sim)


def test_a_word_on_an_older_run_is_answered_and_opens_nothing(sim):
    at_gate(sim)
    run = sim.status.run
    sim.release("v3")
    sim.until(lambda: sim.status.run is not None and sim.status.run.id != run.id, seconds=60, what="another run")
    say(sim, run=run.id, revision=run.revision)
    sim.until(lambda: answer(sim), seconds=10, what="an answer")
    assert answer(sim)["state"] == "Stale"
    sim.until(lambda: waits(sim), seconds=300, what="a closed gate")
    sim.loop.advance(600)
    assert version(sim) == "v1"
    served(sim)


def test_a_gate_that_nobody_comes_to_in_time_ends_the_run_whoever_was_away(sim):
    at_gate(sim, timeoutSeconds=600, onTimeout="rollback")
    for name in sim.alive:
        sim.kill(name, restart=False)
    sim.loop.advance(3600)
    sim.start_controller()
    recovers(sim, "Failed")
    assert (sim.status.reason, version(sim)) == ("GateTimedOut", "v1")


def test_a_revision_waits_for_its_run_without_a_pod(sim):
    at_gate(sim, before="rollout")
    sim.loop.advance(600)
    assert sim.status.run is None
    assert sim.store.peek(sim.target)["spec"]["replicas"] == 0
    say(sim)
    recovers(sim)
    assert sim.status.history[-1].gates[0].gate == "sign-off"


def test_old_words_are_deleted_when_the_history_has_forgotten_their_run(sim):
    at_gate(sim)
    say(sim, "first")
    recovers(sim)
    for number in range(3, 9):
        sim.release(f"v{number}")
        sim.until(lambda: waits(sim), seconds=300, what="a closed gate")
        say(sim, f"word-{number}")
        sim.until(lambda number=number: version(sim) == f"v{number}", seconds=600, what="a promotion")
        recovers(sim)
    sim.loop.advance(4000)
    sim.release("v9")
    sim.until(lambda: waits(sim), seconds=300, what="a closed gate")
    kept = {body["metadata"]["name"] for body in sim.store.scan(APPROVALS, bookinfo.NAMESPACE)}
    assert "first" not in kept
    named = {each.approval for past in sim.status.history for each in past.gates}
    assert named <= kept


def test_whoever_may_not_answer_rolls_out_all_the_same(sim):
    at_gate(sim)
    with denied(sim, APPROVALS):
        say(sim)
        recovers(sim)
    assert answer(sim) == {}


def test_a_word_that_nobody_can_read_is_told_so(sim):
    at_gate(sim)
    sim.apply(APPROVALS, approval("odd", run="x", revision="y", decision="maybe"))
    sim.until(lambda: answer(sim, "odd"), seconds=10, what="an answer")
    assert answer(sim, "odd")["message"] == 'spec.decision: given "maybe", allowed approve, deny'


def test_a_gate_costs_nothing_while_it_waits(sim):
    at_gate(sim)
    sim.loop.advance(120)
    before, written = len(sim.requests()), sim.status
    sim.loop.advance(7200)
    quiet = [each.verb for each in asked(sim, before) if each.verb != "get"]
    assert len(quiet) <= 7200 / 10  # windows go on being judged, so that a rollback needs nobody
    assert sim.status.waiting == written.waiting


# -- freezes


def test_a_freeze_holds_a_run_where_it_is_and_ends_by_itself(sim):
    at_weight(sim, 10)
    freeze(sim, 600)
    sim.until(lambda: sim.status.condition("Frozen") is not None, seconds=5, what="a word about it")
    sim.loop.advance(500)
    assert sim.weight == 10
    assert len(events(sim, "Frozen")) == 1
    assert events(sim, "GateClosed") == []
    recovers(sim)
    assert sim.status.condition("Frozen") is None


@pytest.mark.parametrize(("namespace", "held"), [(HOME, True), (bookinfo.NAMESPACE, True), ("elsewhere", False)])
def test_whom_a_freeze_concerns(sim, namespace, held):
    initialised(sim)
    freeze(sim, 7200, namespace=namespace)
    sim.release("v2")
    sim.loop.advance(600)
    assert (version(sim) == "v1") is held
    assert (sim.status.condition("Frozen") is not None) is held
    served(sim)


def test_an_idle_canary_writes_once_for_a_freeze_and_once_for_its_end(sim):
    initialised(sim)
    sim.loop.advance(90)
    before = len(sim.requests())
    freeze(sim, 3600)
    sim.loop.advance(3500)
    assert [each.verb for each in asked(sim, before)] == ["patch"]
    sim.loop.advance(200)
    assert [each.verb for each in asked(sim, before)] == ["patch", "patch"]
    assert events(sim, "Frozen") == []


def test_whoever_is_bad_leaves_in_a_freeze(sim):
    at_weight(sim, 10)
    freeze(sim, 3600)
    turn_bad(sim)
    recovers(sim, "Failed")
    assert version(sim) == "v1"


def test_a_freeze_that_is_lifted_lets_go_at_once(sim):
    initialised(sim)
    freeze(sim, 86400)
    sim.release("v2")
    sim.loop.advance(300)
    assert (sim.status.phase.value, sim.status.run) == ("Waiting", None)
    sim.store.delete(Ref(FREEZES, bookinfo.NAMESPACE, "freeze"))
    sim.until(lambda: sim.status.run is not None, seconds=2, what="the run begun")
    recovers(sim)


# -- windows


def window(sim: Simulation, *, opens_in: float, **more: object) -> dict:
    """A window of an hour that opens in so many seconds, to the minute, each day."""
    at = sim.clock.now() + timedelta(seconds=opens_in)
    return {"allow": [{"cron": f"{at.minute} {at.hour} * * *", "durationSeconds": 3600}], **more}


def test_a_release_waits_for_its_window(sim):
    initialised(sim, spec={"rolloutWindows": window(sim, opens_in=7200)})
    sim.release("v2")
    sim.loop.advance(3600)
    assert (sim.status.phase.value, version(sim)) == ("Waiting", "v1")
    assert "outside its rollout window until" in events(sim, "GateClosed")[-1]
    sim.until_phase("Succeeded", seconds=7200)
    served(sim)


def test_an_urgent_fix_goes_out_by_name(sim):
    initialised(sim, spec={"rolloutWindows": window(sim, opens_in=7200)})
    sim.release("v2")
    sim.until(lambda: waits(sim), seconds=60, what="a closed window")
    note = {"progressive.delivery/ignore-windows": sim.status.revision}
    sim.merge(Ref(CANARIES, bookinfo.NAMESPACE, bookinfo.NAME), {"metadata": {"annotations": note}})
    recovers(sim)
    assert version(sim) == "v2"


@pytest.mark.parametrize(("on_close", "phase"), [("proceed", "Succeeded"), ("rollback", "Waiting")])
def test_a_window_closes_over_a_run(sim, on_close, phase):
    rules = window(sim, opens_in=-3480, onClose=on_close)
    initialised(sim, spec={"rolloutWindows": rules}, stepWeights=[10, 20, 30, 40, 50, 60, 70, 80, 90, 95])
    sim.release("v2")
    sim.loop.advance(900)
    assert sim.status.phase.value == phase, sim.told()
    served(sim)


@pytest.mark.parametrize("fates", [KILLS, FAULTS], ids=["killed", "failed"])
@pytest.mark.parametrize("name", ["denied", "let-in"])
def test_what_happens_at_any_call_around_a_word_changes_nothing_of_the_end(name, fates, record_simulation):
    expected = undisturbed(name)
    chosen = points(name, expected, fates)[::4]
    failures = survive(name, chosen, expected)
    record_simulation(f"{len(chosen) - len(failures)} of {len(chosen)} calls survived ({name})")
    assert not failures, f"{len(failures)} ended otherwise; the first:\n{failures[0]}"


def test_one_event_tells_who_opened_a_gate(sim):
    at_gate(sim, **{**SIGN_OFF, "before": "traffic-increase"})
    say(sim)
    recovers(sim)
    sim.loop.advance(5)
    told = [each for each in sim.store.scan(EVENTS, bookinfo.NAMESPACE) if each["reason"] == "GateOpened"]
    assert len(told) == 1
