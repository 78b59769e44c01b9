"""Each strategy from release to end, under late proxies: who meets which version, and that nobody is left alone."""

import pytest

from delivery.cluster.objects import VIRTUAL_SERVICES
from tests.simulation import bookinfo
from tests.simulation.analyst import shares_of
from tests.simulation.bookinfo import INSIDER, TESTER
from tests.simulation.invariants import ROUTE, TARGET
from tests.simulation.scenes import initialised, pods_of, recovers, served, version
from tests.simulation.simulation import SETTLE, Simulation

AB = {"stepWeights": None, "iterations": 3, "match": [INSIDER]}
BLUE_GREEN = {"stepWeights": None, "iterations": 3}


@pytest.fixture
def sim():
    with Simulation(17) as world:
        yield world


def shares(sim):
    return shares_of(sim.store.peek(ROUTE))


def rules(sim):
    return [rule["name"] for rule in sim.store.peek(ROUTE)["spec"]["http"]]


def released(sim, quality="good", **options):
    initialised(sim, **options)
    sim.release("v2", quality=quality)


class TestABTesting:
    def test_those_who_match_meet_the_canary_and_nobody_else(self, sim):
        released(sim, **AB)
        sim.until(lambda: shares(sim).matched == 100, seconds=120, what="matching users on the canary")
        sim.loop.advance(3 * SETTLE)
        before = sim.promises.met("insiders", "primary")
        sim.loop.advance(5.0)
        assert sim.promises.met("insiders", "primary") == before
        assert sim.promises.met("productpage", "canary") == 0
        recovers(sim)
        assert version(sim) == "v2"
        assert rules(sim) == ["progressive-delivery"]

    def test_a_bad_version_gives_them_back(self, sim):
        released(sim, quality="bad", **AB)
        recovers(sim, "Failed")
        assert rules(sim) == ["progressive-delivery"]

    def test_a_policy_that_matches_nobody_any_more_sends_nobody_to_the_canary(self, sim):
        """Taken out in the middle of a run: an edit by itself moves no user to a version that is being tried."""
        released(sim, **AB)
        sim.until(lambda: shares(sim).matched == 100, seconds=120, what="matching users on the canary")
        sim.edit(analysis={"match": None})
        sim.loop.advance(3.0)
        assert shares(sim).everybody == 0
        served(sim)

    def test_a_controller_that_was_killed_knows_for_whom_the_weight_was(self, sim):
        released(sim, **AB)
        sim.until(lambda: shares(sim).matched == 100, seconds=120, what="matching users on the canary")
        sim.kill(sim.alive[0])
        sim.loop.advance(30.0)
        assert sim.promises.met("productpage", "canary") == 0
        recovers(sim)


class TestBlueGreen:
    def test_users_meet_the_new_version_all_at_once_and_only_after_its_checks(self, sim):
        released(sim, **BLUE_GREEN)
        sim.until(lambda: sim.status.iterations == 2, seconds=120, what="two checks")
        assert sim.promises.met("productpage", "canary") == 0
        sim.until(lambda: sim.weight == 100, seconds=120, what="all users on the canary")
        recovers(sim)
        assert {each.canary_weight for each in _statuses(sim)} == {0, 100}

    def test_a_bad_version_never_meets_a_user(self, sim):
        released(sim, quality="bad", **BLUE_GREEN)
        recovers(sim, "Failed")
        assert sim.promises.met("productpage", "canary") == 0

    def test_copies_reach_the_canary_while_users_do_not(self, sim):
        released(sim, **BLUE_GREEN, mirror=True, mirrorWeight=30)
        sim.until(lambda: "mirror" in sim.store.peek(ROUTE)["spec"]["http"][0], seconds=120, what="copies")
        sim.loop.advance(10.0)
        assert sim.status.canary_weight == 0
        sim.until(lambda: sim.weight == 100, seconds=120, what="all users on the canary")
        assert "mirror" not in sim.store.peek(ROUTE)["spec"]["http"][0]
        recovers(sim)


class TestMirroring:
    def test_a_canary_gets_copies_once_and_then_its_weights(self, sim):
        """The run goes on from the mirror step, whatever the routes can say of it."""
        released(sim, mirror=True)
        recovers(sim)
        assert _weights(sim) == [0, 10, 50, 0]

    def test_a_rollback_ends_the_copies(self, sim):
        released(sim, quality="bad", mirror=True)
        recovers(sim, "Failed")
        assert "mirror" not in sim.store.peek(ROUTE)["spec"]["http"][0]


class TestTesters:
    def test_they_meet_the_new_version_while_no_user_does(self, sim):
        released(sim, **BLUE_GREEN, testerMatch=[TESTER])
        sim.until(lambda: shares(sim).special, seconds=120, what="a way for testers")
        sim.loop.advance(3 * SETTLE)
        before = sim.promises.met("testers", "canary")
        sim.loop.advance(1.0)
        assert sim.promises.met("testers", "canary") > before
        assert sim.promises.met("productpage", "canary") == 0
        recovers(sim)
        assert rules(sim) == ["progressive-delivery"]

    def test_a_canary_whose_pods_die_loses_no_tester_for_long(self, sim):
        released(sim, testerMatch=[TESTER])
        sim.until(lambda: shares(sim).special, seconds=120, what="a way for testers")
        for ref in pods_of(sim, TARGET, ready=True):
            sim.store.delete(ref)
        sim.until(lambda: not shares(sim).special, seconds=10, what="testers back on the primary")


class TestSessionAffinity:
    affinity = {"sessionAffinity": {"cookieName": "version", "primaryCookieName": "stable"}}  # noqa: RUF012

    def test_a_user_who_met_the_canary_stays_there(self, sim):
        released(sim, **self.affinity)
        sim.until(lambda: sim.weight == 10, seconds=120, what="weight 10")
        sim.loop.advance(2 * SETTLE)
        sim.promises.let_in("faithful", cookie=f"a=b; version={sim.status.session_affinity_cookie}")
        sim.promises.let_in("settled", cookie=f"stable={sim.status.session_affinity_cookie}")
        sim.promises.let_in("returning", cookie="version=some-older-run")
        sim.loop.advance(5.0)
        assert sim.promises.met("faithful", "primary") == 0
        assert sim.promises.met("faithful", "canary") > 0
        assert sim.promises.met("settled", "canary") == 0
        assert sim.promises.met("returning", "primary") > 5 * sim.promises.met("returning", "canary") > 0
        recovers(sim)

    def test_a_rollback_takes_faithful_users_too(self, sim):
        released(sim, **self.affinity)
        sim.until(lambda: sim.weight == 10, seconds=120, what="weight 10")
        sim.loop.advance(2 * SETTLE)
        sim.promises.let_in("faithful", cookie=f"version={sim.status.session_affinity_cookie}")
        sim.analyst.turned = "bad"
        sim.until_phase("Failed")
        sim.loop.advance(2 * SETTLE)
        served(sim)
        assert rules(sim) == ["progressive-delivery-expired-cookie", "progressive-delivery"]


class TestMatchedWeights:
    def test_the_split_is_among_those_who_match(self, sim):
        released(sim, match=[INSIDER])
        sim.until(lambda: shares(sim).matched == 10, seconds=120, what="weight 10 of those who match")
        assert shares(sim).everybody == 0
        recovers(sim)
        assert sim.promises.met("productpage", "canary") == 0
        assert 0 < sim.promises.met("insiders", "canary") < sim.promises.met("insiders", "primary")


class TestBaking:
    spec = {"spec": {"promotion": {"bakeSeconds": 30}}}  # noqa: RUF012

    def test_the_old_version_waits_until_the_bake_is_over(self, sim):
        released(sim, **self.spec)
        sim.until(lambda: sim.weight == 100, seconds=200, what="everybody on the canary")
        sim.loop.advance(25.0)
        assert version(sim) == "v1"
        recovers(sim)
        assert version(sim) == "v2"

    def test_a_failing_bake_returns_everybody_without_a_rollout(self, sim):
        released(sim, **self.spec)
        sim.until(lambda: sim.weight == 100, seconds=200, what="everybody on the canary")
        sim.analyst.turned = "bad"
        recovers(sim, "Failed")
        assert (version(sim), sim.weight) == ("v1", 0)


class TestSteppingBack:
    def test_users_return_in_steps(self, sim):
        released(sim, stepWeightPromotion=20)
        recovers(sim)
        assert _weights(sim) == [0, 10, 50, 30, 10, 0]

    def test_a_canary_that_stands_at_0_is_promoted_at_once(self, sim):
        """There is no step left to take; the run ends."""
        initialised(sim, stepWeightPromotion=20)
        sim.edit(skipAnalysis=True)
        sim.release("v2")
        recovers(sim)
        assert version(sim) == "v2"


def test_tcp_routes_are_split_by_weight(sim):
    sim.set_up(metrics=[], spec={"service": {"port": 9080, "appProtocol": "tcp"}})
    sim.start_controller()
    sim.until(lambda: sim.status.phase.value == "Initialized", seconds=120, what="Initialized")
    sim.release("v2")
    sim.until_phase("Succeeded")
    assert "http" not in sim.store.peek(ROUTE)["spec"]
    assert _weights(sim) == [0, 10, 50, 0]


def test_routes_for_a_gateway_too(sim):
    service = {"port": 9080, "hosts": ["reviews.example.com"], "gateways": ["mesh", "edge/public"]}
    released(sim, spec={"service": service})
    recovers(sim)
    spec = sim.store.peek(ROUTE)["spec"]
    assert spec["hosts"] == ["reviews.example.com", "reviews.shop.svc.cluster.local"]
    assert spec["gateways"] == ["mesh", "edge/public"]


def test_a_delegate_is_rolled_out_behind_the_route_that_delegates_to_it(sim):
    root = {
        "apiVersion": VIRTUAL_SERVICES.api_version,
        "kind": "VirtualService",
        "metadata": {"name": "root", "namespace": bookinfo.NAMESPACE},
        "spec": {
            "hosts": ["reviews"],
            "http": [{"delegate": {"name": "reviews", "namespace": bookinfo.NAMESPACE}}],
        },
    }
    sim.set_up(spec={"service": {"port": 9080, "delegation": True}})
    sim.start_controller()
    sim.until_phase("Initialized")
    sim.apply(VIRTUAL_SERVICES, root)
    sim.loop.advance(SETTLE)
    sim.release("v2")
    recovers(sim)
    assert sim.promises.met("productpage", "canary") > 0


def _statuses(sim):
    """What the controller recorded, in order."""
    return [status for status in sim.promises.recorded if status is not None]


def _weights(sim):
    """The recorded weights of all runs, without repeats."""
    seen = [0]
    for status in _statuses(sim):
        if seen[-1] != status.canary_weight:
            seen.append(status.canary_weight)
    return seen
