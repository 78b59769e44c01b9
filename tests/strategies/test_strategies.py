"""Every strategy is a plan of steps: what each asks of the routes, how long it lasts, and where it ends."""

from typing import ClassVar

import pytest

from strategies.gates import GateKind
from strategies.plan import plan_for
from strategies.spec import Analysis
from strategies.status import Phase, Result, Stage
from strategies.traffic import Traffic
from tests.strategies.world import V1, V2, V3, a_spec, failing, healthy, initialised, progressing, steps

AB = Analysis(iterations=3, matched=True)
BLUE_GREEN = Analysis(iterations=4)


def traffics(world):
    """What the routes were asked to say, in order, without repeats."""
    seen = []
    for status in world.journal:
        run = status.run
        now = (status.canary_weight, run.mirror if run else 0, bool(run and run.matched))
        if not seen or seen[-1] != now:
            seen.append(now)
    return seen


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"analysis": AB}, [(Traffic(0, 100, matched=True), 3)]),
        ({"analysis": BLUE_GREEN}, [(Traffic(100, 0), 4), (Traffic(0, 100), 1)]),
        (
            {"analysis": Analysis(iterations=2, mirror=30)},
            [(Traffic(100, 0, mirror=30), 2), (Traffic(0, 100), 1)],
        ),
        (
            {"analysis": Analysis(step_weights=(10, 20), mirror=100)},
            [(Traffic(100, 0, mirror=100), 1), (Traffic(90, 10), 1), (Traffic(80, 20), 1)],
        ),
        (
            {"analysis": Analysis(step_weights=(10,), mirror=30, matched=True)},
            [(Traffic(100, 0, mirror=30, matched=True), 1), (Traffic(90, 10, matched=True), 1)],
        ),
        (
            {"analysis": Analysis(step_weights=(10, 20), matched=True)},
            [(Traffic(90, 10, matched=True), 1), (Traffic(80, 20, matched=True), 1)],
        ),
        ({"analysis": Analysis(all_or_nothing=True)}, [(Traffic(100, 0), 10), (Traffic(0, 100), 1)]),
        ({"analysis": steps(50), "bake_seconds": 150.0}, [(Traffic(50, 50), 1), (Traffic(0, 100), 3)]),
        ({"analysis": steps(50, 100), "bake_seconds": 61.0}, [(Traffic(50, 50), 1), (Traffic(0, 100), 2)]),
        (
            {"analysis": AB, "bake_seconds": 60.0},
            [(Traffic(0, 100, matched=True), 3), (Traffic(0, 100), 1)],
        ),
        ({"analysis": BLUE_GREEN, "skip_analysis": True, "bake_seconds": 60.0}, []),
    ],
)
def test_a_strategy_is_its_steps(spec, expected):
    assert [(step.traffic, step.checks) for step in plan_for(a_spec(**spec)).steps] == expected


@pytest.mark.parametrize(
    ("analysis", "gates"),
    [
        (BLUE_GREEN, [(), (GateKind.TRAFFIC_INCREASE, GateKind.PROMOTION)]),
        (
            Analysis(iterations=2, mirror=30),
            [(GateKind.TRAFFIC_INCREASE,), (GateKind.TRAFFIC_INCREASE, GateKind.PROMOTION)],
        ),
        (AB, [(GateKind.TRAFFIC_INCREASE,)]),
        (steps(10, 50), [(GateKind.TRAFFIC_INCREASE,), (GateKind.TRAFFIC_INCREASE,)]),
    ],
)
def test_people_are_asked_before_the_canary_gets_requests_or_copies_and_before_all_users_move(analysis, gates):
    """Checks beside the users need nobody's word; all users at once need the word for a promotion too."""
    assert [step.gates for step in plan_for(a_spec(analysis=analysis)).steps] == gates


@pytest.mark.parametrize("mirror", [-1, 101])
def test_a_mirror_is_a_percentage(mirror):
    with pytest.raises(ValueError, match=f"mirror must be 0..100, given {mirror}"):
        Traffic(100, 0, mirror=mirror)


class TestABTesting:
    def test_who_matches_meets_the_canary_until_the_checks_have_passed(self):
        world = initialised(analysis=AB).release(V2)
        world.until_phase(Phase.SUCCEEDED)
        assert traffics(world) == [(0, 0, False), (100, 0, True), (0, 0, False)]
        assert world.primary.revision == V2

    def test_each_check_is_counted_for_people(self):
        world = progressing(0, analysis=AB)
        world.until(lambda each: each.status.iterations == 2)
        assert world.status.step == "1/1 (2/3)"
        assert world.status.canary_weight == 100

    def test_a_failing_canary_leaves_those_who_matched(self):
        world = progressing(0, analysis=Analysis(iterations=3, matched=True, threshold=1))
        world.answerer = failing
        world.until_phase(Phase.FAILED)
        world.settle()
        assert world.written == Traffic(100, 0)
        assert world.status.history[-1].result is Result.ROLLED_BACK

    def test_when_the_primary_loses_its_pods_in_a_promotion_everybody_goes_to_the_canary(self):
        """A broken promotion must not leave those who do not match with a primary that has no pod."""
        world = progressing(0, analysis=AB)
        world.until(lambda each: each.decide().status.phase is Phase.PROMOTING)
        assert world.wish().traffic == Traffic(0, 100, matched=True)
        world.primary.healthy = False
        world.converge()
        world.primary.ready = 0
        world.until_phase(Phase.FAILED)
        world.settle()
        assert world.written == Traffic(0, 100)

    def test_a_lost_status_gives_nobody_more_than_he_had(self):
        """The routes say 100 for those who match; rebuilt from them, nobody else may meet the canary."""
        world = progressing(0, analysis=AB)
        world.status = type(world.status)()
        world.journal.clear()
        world.until(lambda each: each.status.stage is not Stage.NONE)
        assert world.status.canary_weight == 0

    def test_somebody_takes_the_matching_users_off_the_canary(self):
        world = progressing(0, analysis=AB).by_hand(0)
        world.settle()
        assert world.status.reason == "ManualOverride"
        assert world.wish().traffic == Traffic(100, 0, matched=True)


class TestBlueGreen:
    def test_checks_beside_the_users_then_all_of_them_at_once(self):
        world = initialised(analysis=BLUE_GREEN).release(V2)
        world.until_phase(Phase.SUCCEEDED)
        assert traffics(world) == [(0, 0, False), (100, 0, False), (0, 0, False)]
        metrics = {question.end for question in world.asked if question.name == "request-success-rate"}
        assert len(metrics) == 5  # four beside the users, one with them

    def test_a_failing_canary_never_meets_a_user(self):
        world = initialised(analysis=Analysis(iterations=4, threshold=2)).release(V2)
        world.answerer = failing
        world.until_phase(Phase.FAILED)
        assert world.weights() == [0]

    def test_copies_end_with_the_checks(self):
        world = initialised(analysis=Analysis(iterations=2, mirror=40)).release(V2)
        world.until_phase(Phase.SUCCEEDED)
        assert traffics(world) == [(0, 0, False), (0, 40, False), (100, 0, False), (0, 0, False)]

    def test_all_users_wait_for_as_many_pods_as_they_had(self):
        world = progressing(0, analysis=BLUE_GREEN)
        world.target.healthy = False
        world.target.ready = 2
        world.rest(500)
        assert (world.status.canary_weight, world.status.run.floor) == (0, 3)


class TestMirroring:
    def test_a_canary_gets_copies_before_any_user(self):
        world = initialised(analysis=Analysis(step_weights=(10,), mirror=100)).release(V2)
        world.until_phase(Phase.SUCCEEDED)
        assert traffics(world) == [(0, 0, False), (0, 100, False), (10, 0, False), (0, 0, False)]

    def test_copies_need_the_pods_that_carry_them(self):
        """Copies of everything are as much work as everything."""
        world = initialised(analysis=Analysis(step_weights=(10,), mirror=100)).release(V2, healthy=False)
        world.target.ready = world.target.updated = 0
        world.settle()
        world.target.ready = world.target.updated = 1
        world.rest(300)
        assert world.status.run.mirror == 0

    def test_copies_wait_for_all_pods_although_fewer_count_as_ready(self):
        """The share of users is 0 in this step; what the pods carry is not."""
        spec = {"analysis": Analysis(step_weights=(10,), mirror=100), "canary_ready_percent": 1}
        world = initialised(**spec).release(V2, healthy=False)
        world.target.updated = 3
        world.target.ready = 1
        world.until(lambda each: each.status.reason == "CanaryLacksCapacity")
        world.rest(300)
        assert world.status.run.mirror == 0

    def test_the_run_does_not_start_again_at_the_mirror_step(self):
        """Weight 0 with copies and weight 0 without are two places in the plan."""
        world = progressing(0, analysis=Analysis(step_weights=(10, 20), mirror=100))
        assert world.status.step == "1/3"
        world.until(lambda each: each.status.canary_weight == 10)
        assert world.status.step == "2/3"
        assert world.told.count("Advanced") == 2

    def test_a_newer_version_ends_the_copies(self):
        world = progressing(0, analysis=Analysis(step_weights=(10, 20), mirror=100)).release(V3)
        world.settle()
        assert world.status.run.revision == V3
        assert world.wish().traffic.mirror == 0 or world.status.run.step == 0


class TestMatchedWeights:
    def test_weights_hold_for_those_who_match(self):
        world = progressing(0, analysis=Analysis(step_weights=(10, 20), matched=True))
        assert world.written == Traffic(90, 10, matched=True)
        world.until_phase(Phase.SUCCEEDED)
        assert world.weights() == [0, 10, 20, 0]

    def test_a_canary_without_pods_leaves_nobody_behind(self):
        world = progressing(0, analysis=Analysis(step_weights=(10, 20), matched=True))
        world.target.ready = world.target.updated = 0
        world.target.healthy = False
        world.settle()
        assert world.written == Traffic(100, 0)


class TestBaking:
    spec: ClassVar = {"analysis": steps(20), "bake_seconds": 180.0}

    def test_the_old_version_stays_until_the_bake_is_over(self):
        world = progressing(1, **self.spec)
        assert (world.status.canary_weight, world.primary.revision, world.primary.ready) == (100, V1, 3)
        world.until_phase(Phase.SUCCEEDED)
        assert world.primary.revision == V2

    def test_a_failing_bake_returns_users_to_the_previous_version_at_once(self):
        world = progressing(1, analysis=steps(20, threshold=1), bake_seconds=180.0)
        world.answerer = failing
        world.until_phase(Phase.FAILED)
        world.settle()
        assert (world.written, world.primary.revision) == (Traffic(100, 0), V1)

    def test_the_bake_takes_its_time(self):
        world = progressing(1, **self.spec)
        began = world.now
        world.until_phase(Phase.PROMOTING)
        assert (world.now - began).total_seconds() >= 180


class TestSteppingBack:
    def test_the_primary_gets_its_users_back_in_steps(self):
        world = initialised(analysis=Analysis(step_weights=(50,), step_weight_promotion=20)).release(V2)
        world.until_phase(Phase.SUCCEEDED)
        assert world.weights() == [0, 50, 30, 10, 0]

    @pytest.mark.parametrize("changes", [{"skip_analysis": True}, {}])
    def test_it_never_hangs_when_the_canary_stands_at_0(self, changes):
        """Nobody is left to be moved: there is no step to wait for."""
        world = initialised(analysis=Analysis(step_weights=(50,), step_weight_promotion=20), **changes).release(V2)
        world.until_phase(Phase.PROMOTING)
        world.by_hand(0)
        world.until_phase(Phase.SUCCEEDED)

    def test_a_primary_that_breaks_on_the_way_gets_no_more(self):
        world = initialised(analysis=Analysis(step_weights=(50,), step_weight_promotion=20)).release(V2)
        world.until(lambda each: each.status.canary_weight == 30)
        world.settle()
        world.primary.ready = world.primary.updated = 0
        world.primary.healthy = False
        world.until_phase(Phase.FAILED)
        world.settle()
        assert world.written == Traffic(0, 100)

    def test_each_step_waits_for_an_interval(self):
        world = initialised(analysis=Analysis(step_weights=(50,), step_weight_promotion=20)).release(V2)
        world.until(lambda each: each.status.canary_weight == 30)
        began = world.now
        world.until(lambda each: each.status.canary_weight == 10)
        assert (world.now - began).total_seconds() == 60

    def test_no_step_comes_before_the_proxies_know_the_last_one(self):
        """Intervals may be shorter than that takes."""
        analysis = Analysis(step_weights=(50,), step_weight_promotion=20, interval_seconds=10.0)
        world = initialised(analysis=analysis, settle_seconds=40.0).release(V2)
        world.until(lambda each: each.status.canary_weight == 30)
        began = world.now
        world.until(lambda each: each.status.canary_weight == 10)
        assert (world.now - began).total_seconds() == 40

    def test_users_who_fill_one_step_go_with_the_end_of_the_promotion(self):
        """A step that leaves nobody on the canary would be an interval in which nothing is left to be done."""
        world = initialised(analysis=Analysis(step_weights=(40,), step_weight_promotion=20)).release(V2)
        world.until(lambda each: each.status.canary_weight == 20 and each.status.phase is Phase.PROMOTING)
        world.until(lambda each: each.status.canary_weight == 0)
        assert world.status.phase is Phase.FINALISING

    def test_only_those_who_match_are_on_the_canary_while_they_go_back(self):
        """Nobody who never met the new version meets it because others are leaving it."""
        analysis = Analysis(step_weights=(50,), step_weight_promotion=20, matched=True)
        world = initialised(analysis=analysis).release(V2)
        world.until_phase(Phase.SUCCEEDED)
        assert traffics(world) == [
            (0, 0, False),
            (50, 0, True),
            (30, 0, True),
            (10, 0, True),
            (0, 0, False),
        ]

    def test_a_step_that_cannot_be_written_is_followed_by_no_other(self):
        world = initialised(analysis=Analysis(step_weights=(50,), step_weight_promotion=20)).release(V2)
        world.until(lambda each: each.status.phase is Phase.PROMOTING and each.live == 50)
        world.writable = False
        world.rest(500)
        assert (world.status.canary_weight, world.live) == (30, 50)
        world.writable = True
        world.until_phase(Phase.SUCCEEDED)


class TestTesters:
    analysis = Analysis(step_weights=(10,), testers=True)

    def test_they_meet_the_canary_from_weight_0_on(self):
        world = initialised(analysis=Analysis(iterations=5, testers=True)).release(V2)
        world.until(lambda each: each.status.run is not None and each.status.run.testers)
        assert world.status.canary_weight == 0
        world.settle()
        assert world.written == Traffic(100, 0, testers=True)

    def test_not_before_its_pods_are_ready(self):
        world = initialised(analysis=self.analysis).release(V2, healthy=False)
        world.target.ready = world.target.updated = 0
        world.rest(120)
        assert not world.status.run.testers

    def test_they_go_to_the_primary_when_the_canary_has_no_pods(self):
        """A tester is a user too."""
        world = progressing(0, analysis=self.analysis)
        assert world.written.testers
        world.target.ready = world.target.updated = 0
        world.target.healthy = False
        world.settle()
        assert world.written == Traffic(100, 0)

    def test_they_leave_with_everybody_else(self):
        world = progressing(0, analysis=Analysis(step_weights=(10,), testers=True, threshold=1))
        world.answerer = failing
        world.until_phase(Phase.FAILED)
        world.settle()
        assert world.written == Traffic(100, 0)

    def test_nothing_of_them_is_left_at_the_end(self):
        world = initialised(analysis=self.analysis).release(V2)
        world.until_phase(Phase.SUCCEEDED)
        world.until_quiet()
        assert world.written == Traffic(100, 0)

    def test_who_is_no_tester_any_more_is_not_waited_for(self):
        """The Canary names none now: routes without a rule for them are what is wanted."""
        world = progressing(0, analysis=self.analysis)
        world.edit(analysis=steps(10))
        world.settle()
        assert world.written == Traffic(90, 10)


class TestSessionAffinity:
    analysis = Analysis(step_weights=(10, 100), affinity=True)

    def test_a_run_has_a_cookie_of_its_own(self):
        world = progressing(0, analysis=self.analysis)
        first = world.status.session_affinity_cookie
        assert first == world.status.run.id
        assert world.written.cookie == first
        world.release(V3).until(lambda each: each.status.run.revision == V3 and each.status.canary_weight == 10)
        assert world.status.session_affinity_cookie not in ("", first)
        assert world.status.previous_session_affinity_cookie == first

    def test_where_nobody_is_split_nobody_is_kept(self):
        world = progressing(1, analysis=self.analysis)
        world.settle()
        assert world.written == Traffic(0, 100)

    @pytest.mark.parametrize("answerer", [healthy, failing])
    def test_the_old_cookie_is_taken_away_at_the_end(self, answerer):
        world = progressing(0, analysis=self.analysis)
        cookie, world.answerer = world.status.session_affinity_cookie, answerer
        world.until_quiet()
        assert world.written == Traffic(100, 0, expired=cookie)
        assert world.status.session_affinity_cookie == ""

    def test_a_run_that_keeps_nobody_does_not_forget_the_cookie_of_the_one_before(self):
        """Users may hold it for a day: it is taken away once the policy has affinity again."""
        world = progressing(0, analysis=self.analysis)
        cookie = world.status.session_affinity_cookie
        world.until_quiet()
        world.edit(analysis=steps(10)).release(V3).until_phase(Phase.SUCCEEDED)
        world.until_quiet()
        world.edit(analysis=self.analysis).until_quiet()
        assert world.written == Traffic(100, 0, expired=cookie)

    def test_a_canary_that_gives_up_affinity_takes_nothing_away(self):
        world = progressing(0, analysis=self.analysis)
        world.until_quiet()
        world.edit(analysis=steps(10)).until_quiet()
        assert world.written == Traffic(100, 0)
