"""A pod that is ready is not yet one that every proxy knows: users come settleSeconds later."""

from datetime import timedelta

import pytest

from strategies.readiness import known_at
from strategies.snapshot import Workload
from strategies.status import Phase, Stage
from tests.strategies.world import START, V2, Pods, World, a_spec, failing, initialised, progressing, promoting

SETTLE = 10.0
ROUNDED = 1.0
"""The API's times are whole seconds."""


def workload(ready: int, *since: float) -> Workload:
    times = tuple(START + timedelta(seconds=each) for each in since)
    return Workload(revision=V2, replicas=ready, ready=ready, ready_since=times)


@pytest.mark.parametrize(
    ("pods", "share", "known"),
    [
        (workload(2), 100, None),  # nothing is said: for long
        (workload(2, 0.0, 5.0), 100, 5.0),
        (workload(2, 5.0, 0.0), 50, 0.0),  # one is enough, the first one
        (workload(3, 7.0), 50, None),  # two have been there for long
        (workload(3, 7.0), 100, 7.0),
        (workload(2, 1.0, 1.0), 0, None),  # nobody is sent there
        (workload(1, 1.0), 100, None),  # too few, whatever time passes: that is for others to say
        (None, 100, None),
    ],
)
def test_the_moment_is_that_of_the_last_pod_that_the_share_needs(
    pods: Workload | None, share: int, known: float | None
) -> None:
    floor = 3 if pods is not None and pods.ready == 3 else 2
    at = None if known is None else START + timedelta(seconds=known + SETTLE + ROUNDED)
    assert known_at(a_spec(settle_seconds=SETTLE), pods, floor=floor, share=share) == at


def test_without_the_capacity_check_one_known_pod_is_enough() -> None:
    spec = a_spec(settle_seconds=SETTLE, capacity_check=False)
    assert known_at(spec, workload(2, 5.0, 1.0), floor=2, share=100) == START + timedelta(seconds=12)


def just_ready(world: World, pods: Pods | None) -> float:
    """All pods of a role have become ready at this moment; when that is known, in seconds from now."""
    assert pods is not None
    pods.since = (world.now,) * pods.ready
    return world.spec.settle_seconds + ROUNDED


def waits(world: World, seconds: float, *, weight: int) -> None:
    """The live weight stays until that much time has passed, and no longer; a look is arranged for that moment."""
    begun, before = world.now, world.live
    world.settle()
    assert world.live == before
    world.until(lambda each: each.live == weight)
    assert (world.now - begun).total_seconds() == seconds


def test_the_first_step_waits_until_the_proxies_know_the_canary() -> None:
    world = initialised().release(V2)
    world.until(lambda each: each.target.replicas > 0)
    world.target.roll()
    seconds = just_ready(world, world.target)
    world.settle()
    assert (world.status.reason, world.live) == ("Settling", 0)
    assert world.status.run.stuck_since is None  # the deadline stands still
    waits(world, seconds, weight=5)


def test_users_go_back_when_the_proxies_know_the_promoted_primary() -> None:
    world = promoting()
    world.until(lambda each: each.primary.revision == V2)
    world.primary.roll()
    seconds = just_ready(world, world.primary)
    waits(world, seconds, weight=0)
    world.until_phase(Phase.SUCCEEDED)


def test_the_first_routes_wait_until_the_proxies_know_the_primary() -> None:
    world = World()
    world.until(lambda each: each.primary is not None)
    world.primary.roll()
    seconds = just_ready(world, world.primary)
    begun = world.now
    world.settle()
    assert (world.status.stage, world.live) == (Stage.PRIMARY, None)
    world.until(lambda each: each.live == 0)
    assert (world.now - begun).total_seconds() == seconds


def test_a_rollback_does_not_wait() -> None:
    world = progressing(1)
    just_ready(world, world.primary)
    just_ready(world, world.target)
    world.answerer = failing
    world.until_phase(Phase.FAILED)
    world.settle()
    assert world.live == 0
