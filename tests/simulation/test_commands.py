"""Commands on a cluster: carried out once, in time, whatever else goes on, and nobody meets an absent pod."""

import pytest

from delivery.cluster.errors import Unavailable
from delivery.cluster.memory.handles import InstanceError
from strategies.commands import Verb
from strategies.status import Skip
from tests.simulation.commanded import Answers, answered, give, repeat
from tests.simulation.invariants import CANARY
from tests.simulation.obeyed import Obeyed
from tests.simulation.scenes import at_weight, deaf, denied, events, initialised, recovers, served, set_weight, version
from tests.simulation.simulation import Simulation

ABORT_SECONDS = 2.0


@pytest.fixture
def sim():
    with Simulation(41) as world:
        world.answers, world.obeyed = Answers(world), Obeyed(world)
        yield world


def aborts(sim: Simulation) -> None:
    """An abort is on the route in time, is answered and told, and the revision is not tried again."""
    given = sim.loop.time()
    command = give(sim, Verb.ABORT, "stop", reason="errors at checkout")
    sim.until(lambda: sim.weight == 0, seconds=ABORT_SECONDS, what="users back")
    assert sim.loop.time() - given <= ABORT_SECONDS
    assert answered(sim, command).accepted
    sim.until_phase("Failed")
    sim.loop.advance(600.0)
    assert (sim.status.phase.value, sim.status.reason) == ("Failed", "Aborted")
    assert events(sim, "CommandAccepted") == ["abort by ann (claimed) (errors at checkout)"]
    assert len(events(sim, "RolledBack")) == 1
    served(sim)


def test_an_abort_is_on_the_route_within_two_seconds(sim):
    at_weight(sim, 50)
    aborts(sim)


def test_an_abort_needs_no_prometheus(sim):
    at_weight(sim, 50)
    sim.analyst.away = True
    sim.loop.advance(120.0)
    aborts(sim)


@pytest.mark.parametrize("spec", [{"paused": True}, {"analysis": {"interval": "soon"}}])
def test_an_abort_comes_through_a_pause_and_an_invalid_edit(sim, spec):
    at_weight(sim, 50)
    sim.edit(**spec)
    sim.loop.advance(60.0)
    aborts(sim)


def test_an_abort_comes_through_a_contest_and_a_failing_write(sim):
    at_weight(sim, 50)
    for _ in range(6):
        set_weight(sim, 60)
        sim.loop.advance(2.0)
    aborts(sim)


def test_an_abort_does_not_wait_out_a_backoff(sim):
    name = at_weight(sim, 10)
    controller = sim.controllers[name]
    tick, key = controller.reconciler.tick, f"{CANARY.namespace}/{CANARY.name}"

    async def fail(_: str) -> None:
        raise Unavailable("away")

    controller.reconciler.tick = fail
    sim.edit(paused=True)
    sim.until(lambda: controller.queue.failures(key) > 4, seconds=120, what="a long backoff")
    sim.until(lambda: controller.queue.backing_off == (key,), seconds=10, what="a wait")
    controller.reconciler.tick = tick
    aborts(sim)


def test_an_abort_during_the_bake(sim):
    initialised(sim, spec={"promotion": {"bakeSeconds": 600}}, stepWeights=[50])
    sim.release("v2")
    sim.until(lambda: sim.weight == 100, seconds=120, what="the bake")
    sim.loop.advance(60.0)
    aborts(sim)
    assert version(sim) == "v1"


def test_a_command_given_while_the_controller_is_away_is_carried_out_when_it_comes_back(sim):
    name = at_weight(sim, 50)
    sim.restart_after = None
    sim.kill(name, restart=False)
    command = give(sim, Verb.ABORT, "stop")
    sim.loop.advance(600.0)
    assert sim.status.command is None
    sim.start_controller()

    assert answered(sim, command, seconds=60).accepted
    sim.until_phase("Failed")
    served(sim)


def test_a_command_whose_run_is_over_when_the_controller_comes_back_is_refused(sim):
    name = at_weight(sim, 50)
    run = sim.status.run.id
    sim.restart_after = None
    sim.release("v3")
    sim.until(lambda: sim.status.run.id != run, seconds=30, what="another run")
    sim.kill(name, restart=False)
    command = give(sim, Verb.PROMOTE, "go", of=run, full=True)
    sim.loop.advance(60.0)
    sim.start_controller()

    told = answered(sim, command, seconds=60)
    assert not told.accepted
    assert told.message == f"it was meant for {run}, which is over (Superseded, NewerRevision)"
    sim.loop.advance(2.0)
    assert events(sim, "CommandRefused") == [f"promote --full by ann (claimed): {told.message}"]
    recovers(sim)


def test_the_same_command_twice_is_carried_out_once(sim):
    at_weight(sim, 10)
    run = sim.status.run.id
    command = give(sim, Verb.RESTART, "again")
    answered(sim, command)
    sim.loop.advance(5.0)
    assert sim.status.run.id != run
    second = sim.status.run.id
    repeat(sim, command)
    for name in list(sim.alive):
        sim.kill(name)
    sim.loop.advance(20.0)
    assert sim.status.run.id == second
    recovers(sim)
    assert sim.answers.ids == ["again"]


def test_a_run_that_is_promoted_by_hand_meets_no_absent_pod(sim):
    at_weight(sim, 10)
    command = give(sim, Verb.PROMOTE, "go", full=True)
    assert answered(sim, command).accepted
    sim.until_phase("Promoting", "Finalising", "Succeeded", seconds=60)
    recovers(sim)
    assert version(sim) == "v2"
    assert "by hand" in sim.status.message


def test_a_step_is_skipped_and_the_next_one_is_not(sim):
    at_weight(sim, 10, stepWeights=[10, 20, 30], interval="60s")
    begun = sim.loop.time()
    assert answered(sim, give(sim, Verb.PROMOTE, "go")).accepted
    sim.until(lambda: sim.weight == 20, seconds=15, what="20 %")
    assert sim.status.run.skip is Skip.NONE
    sim.until(lambda: sim.weight == 30, seconds=180, what="30 %")
    assert sim.loop.time() - begun > 60.0
    recovers(sim)


def test_a_step_that_is_skipped_excuses_a_bad_version_from_no_later_one(sim):
    at_weight(sim, 10, quality="bad", stepWeights=[10, 20, 30], interval="60s", threshold=1)
    assert answered(sim, give(sim, Verb.PROMOTE, "go")).accepted
    sim.until(lambda: sim.weight == 20, seconds=15, what="20 %")
    assert sim.status.run.hurried
    sim.until_phase("Failed")
    assert version(sim) == "v1"
    served(sim)


def test_g6_is_seen_to_be_broken_when_a_later_step_does_not_wait_for_its_analysis(sim, monkeypatch):
    """What a person says of one step is no excuse for a controller that leaves out the next."""
    at_weight(sim, 10, quality="bad", stepWeights=[10, 20, 30], interval="60s", threshold=1)
    assert answered(sim, give(sim, Verb.PROMOTE, "go")).accepted
    sim.until(lambda: sim.weight == 20, seconds=15, what="20 %")
    monkeypatch.setattr("strategies.rollout.running.passed", lambda _turn: True)
    with pytest.raises(InstanceError, match="G6: a version of quality bad was promoted"):
        sim.until_phase("Succeeded")


def test_a_bad_version_is_promoted_where_a_person_leaves_the_rest_of_its_analysis_out(sim):
    at_weight(sim, 10, quality="bad", interval="60s", threshold=1)
    assert answered(sim, give(sim, Verb.PROMOTE, "go", full=True)).accepted
    recovers(sim)
    assert version(sim) == "v2"
    assert "by hand" in events(sim, "Promoted")[-1]


def test_a_pause_by_hand_outlives_the_controller(sim):
    name = at_weight(sim, 10)
    assert answered(sim, give(sim, Verb.PAUSE, "hold")).accepted
    sim.kill(name)
    sim.loop.advance(900.0)
    assert (sim.weight, sim.status.reason) == (10, "Paused")
    assert answered(sim, give(sim, Verb.RESUME, "go")).accepted
    recovers(sim)


def test_a_failed_revision_is_retried(sim):
    at_weight(sim, 10)
    assert answered(sim, give(sim, Verb.ABORT, "stop")).accepted
    sim.until_phase("Failed")
    sim.loop.advance(120.0)
    assert version(sim) == "v1"
    assert answered(sim, give(sim, Verb.RETRY, "again")).accepted
    recovers(sim)
    assert version(sim) == "v2"


def test_a_lost_status_does_not_bring_an_old_command_back(sim):
    at_weight(sim, 10)
    answered(sim, give(sim, Verb.ABORT, "stop"))
    sim.until_phase("Failed")
    sim.answers.forget()
    sim.promises.tampered()
    sim.merge(CANARY, {"status": None}, subresource="status")
    recovers(sim)
    assert version(sim) == "v2", "a lost status knows of no failed revision: the run begins at its first step"
    assert sim.status.command.accepted is False


def test_a_command_is_not_lost_with_a_watch(sim):
    at_weight(sim, 10)
    hear = deaf(sim)
    command = give(sim, Verb.ABORT, "stop")
    sim.loop.advance(20.0)
    hear()
    assert answered(sim, command, seconds=60).accepted
    served(sim)


def test_an_abort_that_may_not_be_written_is_recorded_first(sim):
    at_weight(sim, 50)
    with denied(sim, sim.promises.route.kind):
        command = give(sim, Verb.ABORT, "stop")
        assert answered(sim, command).accepted
        assert (sim.status.phase.value, sim.weight) == ("Failed", 50)
    sim.until(lambda: sim.weight == 0, seconds=90, what="users back")
    served(sim)


def test_an_idle_canary_with_an_answered_command_costs_nothing(sim):
    at_weight(sim, 10)
    answered(sim, give(sim, Verb.ABORT, "stop"))
    sim.until_phase("Failed")
    sim.loop.advance(400.0)
    version_then = sim.store.peek(CANARY)["metadata"]["resourceVersion"]
    sim.loop.advance(3600.0)
    assert sim.store.peek(CANARY)["metadata"]["resourceVersion"] == version_then
