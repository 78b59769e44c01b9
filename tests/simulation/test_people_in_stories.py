"""People in the random stories: a share of the seeds has them, and whoever does not listen to them is seen."""

import random

import pytest

from delivery.cluster.memory.handles import InstanceError
from strategies.commands import Verb
from strategies.rollout import commanding, conditions, gating
from strategies.status import Pause
from tests.simulation import worlds
from tests.simulation.asking import SIGN_OFF, at_gate, freeze, say, waits
from tests.simulation.chaos import story_of
from tests.simulation.commanded import answered, give
from tests.simulation.held import LATE_SECONDS, Held
from tests.simulation.obeyed import Obeyed
from tests.simulation.people import DEEDS, HOURS, People
from tests.simulation.scenes import at_weight, initialised
from tests.simulation.simulation import Simulation


@pytest.fixture
def sim():
    with Simulation(53) as world:
        world.obeyed = Obeyed(world)
        yield world


def drawn(seed):
    """What a seed draws: are there people, and what happens besides what they do?"""
    with worlds.drawn(seed) as sim:
        return sim.people is not None, [(deed.at, deed.what) for deed in story_of(sim.rng, sim.hands)]


def test_a_share_of_the_seeds_has_people_and_the_rest_of_each_story_is_as_it_was(monkeypatch):
    with_people = [drawn(seed) for seed in range(60)]
    assert 10 < sum(there for there, _ in with_people) < 40
    monkeypatch.setattr(worlds, "PEOPLED", 0.0)
    assert [deeds for _, deeds in map(drawn, range(60))] == [deeds for _, deeds in with_people]


def test_people_do_all_that_people_can_do():
    with Simulation(1) as world:
        people = [People(world, random.Random(seed)) for seed in range(60)]
        done = {do.__name__ for each in people for _, do in each.deeds()}
        asked = [each.asked_for({}) for each in people]
    assert done == {do.__name__ for _, do in DEEDS}
    assert {gate["before"] for each in asked for gate in each.get("gates", ())} == {
        "rollout", "traffic-increase", "promotion",
    }  # fmt: skip
    assert {each["spec"].get("rolloutWindows", {}).get("onClose") for each in asked} == {None, "hold", "rollback"}


# -- what would be seen of a controller that does not listen


def test_an_increase_in_a_freeze_is_seen(sim, monkeypatch):
    Held(sim)
    initialised(sim)
    freeze(sim, 3600)
    sim.loop.advance(2 * LATE_SECONDS)
    monkeypatch.setattr(gating, "REASONS", ())
    sim.release("v2")
    with pytest.raises(InstanceError, match=r"freeze holds since .* and was passed over"):
        sim.until_phase("Succeeded")


def test_a_canary_that_does_not_say_that_it_is_frozen_is_seen(sim, monkeypatch):
    Held(sim)
    at_weight(sim, 10, interval="30s")
    monkeypatch.setattr(conditions, "_frozen", lambda _turn: None)
    freeze(sim, 3600)
    with pytest.raises(InstanceError, match="rollouts are frozen and the Canary does not say so"):
        sim.loop.advance(4 * LATE_SECONDS)


def test_a_canary_that_goes_on_saying_that_it_is_frozen_is_seen(sim, monkeypatch):
    Held(sim)
    at_weight(sim, 10, interval="30s")
    freeze(sim, 60)
    sim.until(lambda: sim.status.condition("Frozen") is not None, seconds=5, what="a word about it")
    known = sim.status.condition("Frozen")
    monkeypatch.setattr(conditions, "_frozen", lambda _turn: known)
    with pytest.raises(InstanceError, match="says that rollouts are frozen and they are not"):
        sim.loop.advance(4 * LATE_SECONDS)


def test_a_start_outside_of_its_window_is_seen(sim, monkeypatch):
    hours = HOURS[0]
    Held(sim, hours.is_open)
    initialised(sim, spec={"rolloutWindows": hours.rules})
    sim.until(lambda: _closed_for_long(sim, hours), seconds=600, what="a closed window")
    monkeypatch.setattr(gating, "REASONS", ())
    sim.release("v2")
    with pytest.raises(InstanceError, match="the rollout window is closed and was passed over"):
        sim.until_phase("Progressing")


def _closed_for_long(sim, hours):
    now = sim.clock.now()
    return not hours.is_open(now) and now.minute % 3 == 2 and 5 < now.second < 20


@pytest.mark.parametrize("before", ["rollout", "traffic-increase", "promotion"])
def test_a_gate_that_is_passed_without_a_word_is_seen(sim, monkeypatch, before):
    Held(sim)
    at_gate(sim, before=before)
    sim.loop.advance(30.0)
    monkeypatch.setattr(gating, "REASONS", ())
    sim.edit(analysis={"threshold": 9})  # it looks again
    with pytest.raises(InstanceError, match="passed sign-off without a word"):
        sim.until_phase("Succeeded")


def test_a_gate_that_is_opened_by_a_word_is_no_offence(sim):
    Held(sim)
    at_gate(sim, **{**SIGN_OFF, "before": "traffic-increase"})
    for number in range(8):
        if not sim.loop.run_until(lambda: waits(sim), 200.0):
            break
        say(sim, f"word-{number}")
        sim.loop.advance(5.0)
    sim.until_phase("Succeeded")


def test_whoever_goes_on_in_a_pause_is_seen(sim, monkeypatch):
    Held(sim)
    at_weight(sim, 10)
    answered(sim, give(sim, Verb.PAUSE, "hold"))
    monkeypatch.setattr("strategies.rollout.running._held", lambda _turn: None)
    with pytest.raises(InstanceError, match="went on in a pause"):
        sim.until_phase("Succeeded")


def effect(monkeypatch, verb, does):
    monkeypatch.setattr(commanding, "_EFFECTS", {**commanding._EFFECTS, verb: does})


@pytest.mark.parametrize(
    ("verb", "says"),
    [
        (Verb.ABORT, "an abort ended nothing"),
        (Verb.RESTART, "a restart ended nothing"),
        (Verb.PROMOTE, "a promotion by hand left nothing out"),
        (Verb.PAUSE, "a pause paused nothing"),
    ],
)
def test_a_command_that_is_answered_and_not_carried_out_is_seen(sim, monkeypatch, verb, says):
    at_weight(sim, 10)
    effect(monkeypatch, verb, lambda _turn, _command: "done")
    give(sim, verb, "c-1")
    with pytest.raises(InstanceError, match=says):
        sim.loop.advance(30.0)


def test_a_command_that_does_something_else_is_seen(sim, monkeypatch):
    at_weight(sim, 10)
    abort = commanding._EFFECTS[Verb.ABORT]
    effect(monkeypatch, Verb.RESTART, abort)
    give(sim, Verb.RESTART, "c-1")
    with pytest.raises(InstanceError, match="Aborted without a command"):
        sim.loop.advance(30.0)


def test_a_pause_that_nobody_asked_for_is_seen(sim, monkeypatch):
    at_weight(sim, 10)
    refuse = commanding._refuse

    def and_pause(turn, command, why_not):
        refuse(turn, command, why_not)
        turn.set(paused=Pause(since=turn.now))

    monkeypatch.setattr(commanding, "_refuse", and_pause)
    give(sim, Verb.RETRY, "c-1")
    with pytest.raises(InstanceError, match="paused without a command"):
        sim.loop.advance(30.0)


def test_a_command_that_was_never_answered_is_seen(monkeypatch):
    with Simulation(3) as world:
        people = People(world, random.Random(5))
        at_weight(world, 10)
        monkeypatch.setattr(commanding, "_news", lambda _turn: None)
        give(world, Verb.ABORT, "c-1")
        world.loop.advance(30.0)
        with pytest.raises(AssertionError, match="has no answer"):
            people.judge()
