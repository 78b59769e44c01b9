"""Plans and capacity: what the numbers of a policy mean."""

import pytest

from strategies.canary import DEFAULT_WEIGHTS
from strategies.plan import plan_for
from strategies.readiness import carries, is_ready, needed
from strategies.snapshot import Workload
from strategies.spec import Analysis
from strategies.status import Phase
from strategies.traffic import Role, Traffic
from tests.strategies.world import V2, a_spec, initialised, progressing, steps


@pytest.mark.parametrize(
    ("analysis", "weights"),
    [
        (Analysis(), DEFAULT_WEIGHTS),
        (Analysis(step_weights=(1, 20, 60)), (1, 20, 60)),
        (Analysis(step_weights=(50, 100), max_weight=50), (50, 100)),
        (Analysis(step_weight=20, max_weight=60), (20, 40, 60)),
        (Analysis(step_weight=20, max_weight=50), (20, 40, 50)),
        (Analysis(step_weight=60, max_weight=50), (50,)),
        (Analysis(step_weight=50), (50, 100)),
    ],
)
def test_the_weights_of_a_policy(analysis, weights):
    assert tuple(step.traffic.canary for step in plan_for(a_spec(analysis=analysis)).steps) == weights


def test_skip_analysis_is_a_plan_without_steps():
    assert len(plan_for(a_spec(skip_analysis=True))) == 0


def test_a_run_knows_its_place_in_a_policy_that_was_edited():
    plan = plan_for(a_spec(analysis=steps(10, 30, 60)))

    assert plan.index_of(30, 1) == 1  # nothing changed
    assert plan.index_of(25, 2) == 0  # between two steps: the one below
    assert plan.index_of(60, 7) == 2  # the list became shorter
    assert plan.index_of(5, 1) == -1  # below the first
    assert plan.index_of(0, -1) == -1


@pytest.mark.parametrize(("primary", "canary"), [(101, -1), (50, 40), (-1, 101), (100, 100)])
def test_weights_out_of_range_or_not_summing_to_100_are_no_traffic(primary, canary):
    with pytest.raises(ValueError, match=f"given primary {primary}, canary {canary}"):
        Traffic(primary, canary)


@pytest.mark.parametrize(
    ("floor", "share", "pods"), [(10, 5, 1), (10, 25, 3), (10, 100, 10), (1, 1, 1), (3, 50, 2), (10, 0, 0), (0, 50, 1)]
)
def test_how_many_pods_carry_a_share(floor, share, pods):
    assert needed(floor, share) == pods


def workload(ready: int, *, replicas: int = 10, settled: bool = True) -> Workload:
    return Workload(revision=V2, replicas=replicas, ready=ready, updated=replicas, updated_ready=ready, settled=settled)


def test_a_role_carries_what_its_ready_pods_allow():
    assert carries(a_spec(), workload(5), floor=10, share=50)
    assert not carries(a_spec(), workload(4), floor=10, share=50)
    assert carries(a_spec(), None, floor=10, share=0)
    assert not carries(a_spec(), None, floor=10, share=1)


def test_with_the_capacity_check_off_one_pod_is_enough():
    spec = a_spec(capacity_check=False)
    assert carries(spec, workload(1), floor=10, share=100)
    assert not carries(spec, workload(0), floor=10, share=1)


def test_readiness_percentages_count_wanted_pods_and_want_at_least_one():
    spec = a_spec(canary_ready_percent=75, primary_ready_percent=0)
    assert is_ready(spec, Role.CANARY, workload(8))
    assert not is_ready(spec, Role.CANARY, workload(7))
    assert is_ready(spec, Role.PRIMARY, workload(1))
    assert not is_ready(spec, Role.PRIMARY, workload(0))
    assert not is_ready(spec, Role.CANARY, workload(10, settled=False))
    assert not is_ready(spec, Role.CANARY, workload(0, replicas=0))


def test_readiness_percentages_decide_when_a_run_goes_on():
    # given a canary of four pods of which three become ready
    def run(percent: int):
        world = initialised(canary_ready_percent=percent, progress_deadline_seconds=100.0).release(V2, healthy=False)
        world.settle()
        world.target.ready = world.target.updated = world.target.replicas
        world.target.ready -= 1
        return world

    world = run(60)
    world.until(lambda each: each.status.canary_weight == 5)

    world = run(100)
    world.until_phase(Phase.FAILED, within=200)
    assert world.status.reason == "ProgressDeadlineExceeded"
    assert "2 of 3 pods" in world.status.message


# Policies edited in the middle of a run


def test_an_edited_policy_never_moves_traffic_by_itself():
    # given a run that has just reached 25 %
    for weights in ((1, 2), (60, 90), (30,), (5, 10, 24, 26, 50), (100,)):
        world = progressing(2)
        assert world.live == 25

        # when the steps are edited
        world.edit(analysis=steps(*weights))
        world.settle()

        # then nothing moves before a window of the present weight has passed
        assert (world.live, world.status.canary_weight, world.status.phase) == (25, 25, Phase.PROGRESSING)
        world.rest(60)
        assert world.live == 25

        # and the run goes on from there
        world.until_phase(Phase.SUCCEEDED)
        reached = [weight for weight in world.weights() if weight > 25]
        assert reached == [weight for weight in weights if weight > 25]


def test_the_printed_step_is_never_beyond_the_last():
    world = progressing(3)
    assert world.status.step == "4/4"
    world.edit(analysis=steps(20, 60)).settle()
    assert world.status.step == "1/2"
    world.edit(analysis=steps(60)).settle()
    assert world.status.step == "0/1"
