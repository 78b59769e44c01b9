"""Pods whose number is not the workload's own choice, or that nobody can see, and pods that two roles share."""

from dataclasses import replace

import pytest

from strategies.questions import Answers
from strategies.readiness import carries
from strategies.rollout import advance
from strategies.snapshot import Snapshot, Workload
from strategies.status import Phase, Status
from tests.strategies.world import V1, World, a_spec, initialised, progressing, steps


@pytest.mark.parametrize(
    ("ready", "most", "share", "enough"),
    [
        (2, 2, 100, True),  # there is no third node any more
        (1, 2, 100, False),
        (1, 2, 50, False),
        (2, 5, 50, True),  # more nodes ask for no more than the run began with
        (1, 5, 50, False),
        (0, 0, 10, False),  # one at least, or nobody is served
        (2, None, 100, False),
    ],
)
def test_no_more_pods_are_asked_for_than_there_can_be(ready: int, most: int | None, share: int, enough: bool) -> None:
    pods = Workload(revision=V1, replicas=most or 0, ready=ready, most=most)
    assert carries(a_spec(), pods, floor=3, share=share) is enough


@pytest.mark.parametrize("shares_pods", [True, False])
def test_what_takes_over_the_canarys_pods_is_promoted_only_if_these_carry_everybody(shares_pods: bool) -> None:
    """The last step has passed its checks; four pods served when the run began, and the canary has two."""
    world = progressing(0, analysis=steps(50), shares_pods=shares_pods)
    moments: list[tuple[Status, Snapshot, Answers]] = []

    def promotes(each: World) -> bool:
        moments.append((each.status, each.snapshot(), dict(each.answers)))
        return each.decide().status.phase is Phase.PROMOTING

    world.until(promotes)
    status, seen, answers = moments[-1]
    assert status.run is not None
    assert seen.target is not None
    assert seen.primary is not None
    status = replace(status, run=replace(status.run, floor=4))
    seen = replace(seen, target=_with(seen.target, 2), primary=_with(seen.primary, 4))

    status = advance(world.spec, status, seen, answers, world.now).status

    assert (status.phase is Phase.PROMOTING) is not shares_pods
    if shares_pods:
        assert status.reason == "CanaryLacksCapacity"
        assert "2 ready pods of the canary are too few for 100 %" in status.message


def _with(pods: Workload, count: int) -> Workload:
    return replace(pods, replicas=count, ready=count, updated=count, updated_ready=count)


def test_pods_that_cannot_be_seen_are_named_and_only_where_they_would_be_counted() -> None:
    for capacity_check, said in ((True, ("True", "PodsUnknown")), (False, ("", ""))):
        world = initialised(capacity_check=capacity_check)
        seen = world.snapshot()
        assert seen.target is not None
        unseen = replace(seen, target=replace(seen.target, unseen=True))
        status = advance(world.spec, world.status, unseen, {}, world.now).status
        found = status.condition("CapacityUnknown")
        assert (found.status, found.reason) == said if found is not None else said == ("", "")
        if found is not None:
            assert "the Service of the canary selects no pods" in found.message
            assert advance(world.spec, status, seen, {}, world.now).status.condition("CapacityUnknown") is None
