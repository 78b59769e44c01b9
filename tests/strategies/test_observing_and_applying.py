"""From looking on to moving traffic, and back: neither life leaves anything to the other."""

from dataclasses import replace

from strategies.rollout import advance, wanted
from strategies.snapshot import Mover, Problem
from strategies.status import Phase, Stage
from tests.strategies.beside import at_rest
from tests.strategies.world import V3, a_spec, progressing, steps


def test_a_status_that_looks_on_wants_nothing():
    status = at_rest().release().rest(90).status

    assert wanted(a_spec(), status, at_rest().snapshot()).hands_off


def test_from_looking_on_to_apply_life_begins_anew():
    world = at_rest().release().rest(60)
    decision = advance(a_spec(), world.status, replace(world.snapshot(), mover=Mover()), {}, world.now)

    assert decision.status.phase is Phase.INITIALIZING
    assert decision.status.run is None
    assert decision.status.condition("Observing") is None


def test_from_looking_on_to_apply_beside_the_other_side_is_refused_as_ever():
    world = at_rest()
    refusal = Problem(reason="OwnedByFlagger", message="Deployment reviews-primary is owned by Canary reviews")
    decision = advance(a_spec(), world.status, replace(world.snapshot(), refusal=refusal), {}, world.now)

    assert decision.status.condition("Ready").reason == "OwnedByFlagger"
    assert decision.status.stage is Stage.NONE


def test_a_run_of_ours_is_finished_before_we_only_look_on():
    world = progressing(analysis=steps(20, 50))
    world.edit(observe=True)
    world.settle()
    assert world.condition("Observing") == ("False", "RunInProgress")
    assert world.status.run is not None

    world.until_quiet()
    assert world.status.phase is Phase.SUCCEEDED
    world.release(V3)
    world.rest(600)
    assert world.status.run is None  # no other one begins


def test_the_finalizer_goes_with_the_last_run_even_where_a_deletion_would_revert():
    world = progressing(0, analysis=steps(20), revert_on_deletion=True)
    world.edit(observe=True)
    world.until_quiet()

    assert not world.finalizer
