"""Testers go where pods are ready for them, and nowhere else; what was seen of one run is not shown for the next."""

from dataclasses import replace

import pytest

from strategies.snapshot import Problem
from strategies.spec import Analysis
from strategies.status import Phase
from strategies.traffic import Traffic
from tests.strategies.world import V2, V3, initialised, progressing, steps

BESIDE = Analysis(iterations=5, testers=True)


def before_its_pods(**changes):
    """A run whose pods are not ready yet."""
    world = initialised(analysis=BESIDE, **changes).release(V2, healthy=False)
    world.target.ready = world.target.updated = 0
    world.until(lambda each: each.status.run is not None)
    world.settle()
    assert not world.status.run.testers
    return world


def come_up(world):
    world.target.healthy = True
    world.target.ready = world.target.updated = world.target.replicas
    world.rest(60)
    return world


def test_pods_that_are_ready_get_their_testers():
    assert come_up(before_its_pods()).written == Traffic(100, 0, testers=True)


def test_testers_wait_as_long_as_no_run_may_go_on():
    """They are users: what forbids a step forbids their way too."""
    world = before_its_pods()
    world.refusal = Problem(reason="LeakingRoute", message="a route names no subset")
    assert not come_up(world).status.run.testers


def test_testers_wait_for_the_finalizer():
    """Without it a deletion would leave their rule behind."""
    world = come_up(before_its_pods())
    world.status = replace(world.status, run=replace(world.status.run, testers=False))
    world.finalizer = False
    assert not world.decide().status.run.testers


def test_testers_of_a_canary_beside_the_users_go_to_the_primary_when_its_pods_are_gone():
    """At weight 0 nothing else is taken off the canary, and this has to be all the same."""
    world = come_up(before_its_pods())
    world.target.ready = world.target.updated = 0
    world.target.healthy = False
    world.settle()
    assert world.written == Traffic(100, 0)


def test_a_canary_that_lost_its_pods_admits_testers_anew():
    """New pods are known to proxies only after a while."""
    world = progressing(0, analysis=Analysis(step_weights=(10,), testers=True))
    world.target.ready = world.target.updated = 0
    world.target.healthy = False
    world.settle()
    assert not world.status.run.testers


def test_testers_leave_before_the_canarys_pods():
    world = initialised(analysis=Analysis(step_weights=(10,), testers=True)).release(V2)
    world.until_phase(Phase.FINALISING)
    assert not world.status.run.testers


@pytest.mark.parametrize("weight", [10, 50])
def test_the_share_that_was_seen_is_of_the_run_that_is_shown(weight):
    world = progressing(0, analysis=steps(weight))
    world.until(lambda each: each.status.seen_weight is not None)
    world.until_phase(Phase.SUCCEEDED)
    world.release(V3).until(lambda each: each.status.run is not None)
    assert world.status.seen_weight is None
