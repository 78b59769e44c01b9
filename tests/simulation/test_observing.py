"""A Canary that only looks on: beside Flagger, beside people, beside Argo Rollouts; and the ways in and out of it."""

from typing import ClassVar

import pytest

from delivery.cluster.objects import CANARIES, DEPLOYMENTS, DESTINATION_RULES, LEASES, SERVICES, VIRTUAL_SERVICES, Ref
from strategies.status import Result, Would
from tests.simulation import bookinfo
from tests.simulation.adopting import leave_a_primary
from tests.simulation.beside import Flagger, Json, Other, begin, looks_on, role, split, wrote_nothing
from tests.simulation.invariants import APEX, CANARY, PRIMARY, ROUTE
from tests.simulation.scenes import asked, at_weight, events, foreign, initialised, says, served
from tests.simulation.simulation import Simulation


@pytest.fixture
def sim():
    with Simulation(17) as world:
        yield world


@pytest.fixture
def flagger(sim):
    other = Flagger(sim)
    other.install()
    return other


def test_beside_flagger_a_bad_version_is_told_and_nothing_is_written(sim, flagger):
    begin(sim)
    flagger.begin(quality="bad")
    for weight in (10, 20, 30):
        flagger.step(weight)
    assert events(sim, "WouldRollBack") == [
        "Would have rolled back at 10 %: 90 % is below the minimum of 99 % (1 of 1 failed checks)"
    ]
    flagger.promote()

    (words,) = events(sim, "ObservedPromotion")
    assert words.startswith("Flagger promoted at ")
    assert "this Canary's checks would have rolled back at" in words
    assert sim.status.history[-1].result is Result.OBSERVED_PROMOTION
    assert sim.status.history[-1].reason == "WouldRollBack"
    assert sim.status.condition("Observing").reason == "ObservedPromotion"
    wrote_nothing(sim)
    served(sim)


def test_beside_flagger_a_good_version_would_have_been_promoted(sim, flagger):
    begin(sim)
    flagger.begin()
    for weight in (10, 20, 30, 40):
        flagger.step(weight)
    assert sim.status.run.observed.would is Would.PROMOTE
    flagger.promote()

    assert "would have promoted" in events(sim, "ObservedPromotion")[0]
    assert len(events(sim, "RunObserved")) == 1
    assert len(events(sim, "WouldPromote")) == 1
    flagger.begin("v3", quality="bad")
    flagger.step(10, seconds=40)
    flagger.leave()
    assert "Flagger rolled back at" in events(sim, "ObservedRollback")[0]
    assert [each.result for each in sim.status.history] == [Result.OBSERVED_PROMOTION, Result.OBSERVED_ROLLBACK]
    wrote_nothing(sim)
    served(sim)


def test_an_idle_onlooker_asks_and_writes_nothing(sim, flagger):
    begin(sim)
    sim.loop.advance(120)
    before = len(sim.requests())
    sim.loop.advance(3600)

    assert asked(sim, before) == []


def test_killed_in_the_middle_it_comes_to_the_same_verdict(sim, flagger):
    name = begin(sim)
    flagger.begin(quality="bad")
    flagger.lead(10)
    for _ in range(6):
        sim.loop.advance(3)
        sim.kill(name)
        sim.until(lambda: bool(sim.alive), seconds=30, what="another process")
        name = sim.alive[-1]
    sim.loop.advance(60)

    assert len(events(sim, "RunObserved")) == 1
    assert len(events(sim, "WouldRollBack")) == 1
    wrote_nothing(sim)


@pytest.mark.parametrize("done", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("number", range(1, 13))
def test_killed_at_any_of_its_writes_everything_is_told_once(sim, flagger, number, done):
    writes = []

    def kill(request):
        if not request.write or request.kind == LEASES:
            return False
        writes.append(request)
        if len(writes) == number:
            sim.kill(request.instance)
        return len(writes) == number and done

    if done:
        sim.after = kill
    else:
        sim.before = kill
    begin(sim)
    flagger.begin(quality="bad")
    for weight in (10, 20, 30):
        flagger.step(weight, seconds=30)
    flagger.promote()
    sim.loop.advance(30)

    assert len(writes) >= number
    for reason in ("RunObserved", "WouldAdvance", "WouldRollBack", "ObservedPromotion"):
        assert len(events(sim, reason)) == 1, (reason, sim.told())
    assert [(each.result, each.reason) for each in sim.status.history] == [(Result.OBSERVED_PROMOTION, "WouldRollBack")]
    sim.before = sim.after = None
    wrote_nothing(sim)


def test_without_prometheus_it_decides_nothing(sim, flagger):
    begin(sim)
    sim.analyst.away = True
    flagger.begin()
    flagger.step(10, seconds=120)

    assert sim.status.run.observed.would is None
    says(sim, "AnalysisHealthy", "MetricsUnavailable", event=False)


def test_the_comparison_with_flaggers_primary_has_numbers_and_counts_what_users_went_on_meeting(sim, flagger):
    compared = {"name": "request-success-rate", "interval": "10s", "compareWithPrimary": {}, "warmupSeconds": 0}
    begin(sim, metrics=[compared], threshold=50)
    flagger.begin(quality="bad")
    for weight in (10, 20, 30):
        flagger.step(weight, seconds=30)
    (verdict,) = events(sim, "WouldRollBack")
    assert "requests failed (5 %) against" in verdict
    assert "(0.2 %) on the primary" in verdict
    flagger.promote()

    (words,) = events(sim, "ObservedPromotion")
    assert " bad requests of the canary earlier: " in words
    assert "sooner" in words
    wrote_nothing(sim)


def test_a_controller_with_the_flag_looks_on_whatever_the_mode_is(sim, flagger):
    sim.observes = True
    begin(sim, mode=None)
    flagger.begin(quality="bad")
    flagger.step(10, seconds=60)

    assert sim.status.run.observed.would is Would.ROLL_BACK
    wrote_nothing(sim)


def test_a_controller_with_the_flag_leaves_alone_what_another_has_begun(sim):
    name = at_weight(sim, 10)
    sim.restart_after = None
    sim.kill(name, restart=False)
    sim.observes = True
    status, before = sim.status, len(sim.requests())
    sim.start_controller()
    sim.loop.advance(120)

    assert sim.status == status
    assert len(events(sim, "LeftAlone")) == 1
    assert [each.verb for each in asked(sim, before) if each.verb not in ("get", "create")] == []


def test_a_deleted_onlooker_goes_at_once(sim, flagger):
    begin(sim)
    flagger.begin()
    flagger.step(10)
    sim.store.delete(CANARY)
    sim.loop.advance(10)

    assert sim.store.peek(CANARY) is None
    wrote_nothing(sim)


# -- other ways to move traffic


def test_beside_flaggers_ab_test_the_requests_that_match_are_the_canarys(sim, flagger):
    begin(sim, stepWeights=None, iterations=3, match=[{"headers": {"x-insider": {"exact": "yes"}}}])
    flagger.begin(quality="bad")
    insiders = {"match": [{"headers": {"x-insider": {"exact": "yes"}}}], "route": [{"destination": flagger.canary}]}
    flagger.weight = 10
    sim.merge(ROUTE, {"spec": {"http": [insiders, *split(flagger.primary, flagger.canary, 0)]}}, manager="flagger")
    sim.loop.advance(60)

    assert sim.status.run.matched
    assert sim.status.canary_weight == 100
    assert sim.status.run.observed.would is Would.ROLL_BACK
    wrote_nothing(sim)


def test_beside_flaggers_blue_green_pods_without_users_are_judged(sim, flagger):
    begin(sim, stepWeights=None, iterations=2)
    flagger.begin(quality="bad")
    sim.loop.advance(60)

    assert sim.status.run.observed.would is Would.ROLL_BACK
    sim.merge(Ref(DEPLOYMENTS, bookinfo.NAMESPACE, "reviews"), {"spec": {"replicas": 0}}, manager="flagger")
    sim.loop.advance(20)
    assert sim.status.history[-1].result is Result.OBSERVED_ROLLBACK
    wrote_nothing(sim)


class ByHand(Other):
    """Bookinfo's versions as subsets of one host, and a person who moves weights between them."""

    primary: ClassVar[Json] = {"host": "reviews", "subset": "v1"}
    canary: ClassVar[Json] = {"host": "reviews", "subset": "v2"}

    def install(self):
        sim = self.sim
        for version, quality in (("v1", "good"), ("v2", "bad")):
            sim.apply(DEPLOYMENTS, bookinfo.versioned(version, quality=quality))
        sim.apply(SERVICES, bookinfo.service())
        subsets = [{"name": each, "labels": {"version": each}} for each in ("v1", "v2")]
        sim.apply(DESTINATION_RULES, foreign(DESTINATION_RULES, "reviews", {"host": "reviews", "subsets": subsets}))
        jason = {
            "match": [{"headers": {"end-user": {"exact": "jason"}}}],
            "route": [{"destination": self.canary}],
        }
        http = [jason, {"route": [{"destination": self.primary}]}]
        sim.apply(VIRTUAL_SERVICES, foreign(VIRTUAL_SERVICES, "reviews", {"hosts": ["reviews"], "http": http}))
        sim.loop.advance(10)
        sim.promises.let_users_in()


ROUTES = [{"apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "name": "reviews"}]
DESTINATIONS = {"name": "reviews"}
SECOND = {
    "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "reviews-v2"},
    "service": {"name": "reviews", "port": 9080},
    "routeRefs": ROUTES,
}


@pytest.mark.parametrize(
    "roles",
    [
        {
            "subsetRef": {"name": "reviews", "primarySubset": "v1", "canarySubset": "v2"},
            "naming": {"primary": "reviews-v1"},
        },
        {"subsetRef": DESTINATIONS, "promotion": {"method": "switch"}},
    ],
    ids=["subsets by name", "switch"],
)
def test_beside_people_who_move_users_between_versions_of_bookinfo(sim, roles):
    hand = ByHand(sim)
    hand.install()
    begin(sim, spec={**SECOND, **roles})
    sim.loop.advance(60)
    assert sim.status.run is None  # the route of one tester is no release

    hand.step(20, seconds=60)
    assert sim.status.canary_weight == 20
    assert sim.status.run.observed.would is Would.ROLL_BACK
    assert sim.status.run.observed.primary
    hand.step(100, seconds=20)

    assert sim.status.history[-1].result is Result.OBSERVED_PROMOTION
    assert events(sim, "ObservedPromotion")[0].startswith("kubectl promoted at")
    wrote_nothing(sim)


class Argo(Other):
    """Argo Rollouts, which leads two Services to ReplicaSets of one Rollout; here those are Deployments."""

    manager = "rollouts-controller"
    primary: ClassVar[Json] = {"host": "reviews-stable"}
    canary: ClassVar[Json] = {"host": "reviews-next"}


def test_beside_argo_rollouts_versions_are_what_its_services_lead_to(sim):
    """Its Rollout is no kind of target; its stable and its canary Service say the same."""
    noted = {"annotations": {"argo-rollouts.argoproj.io/managed-by-rollouts": "reviews"}}
    for version, quality in (("v1", "good"), ("v2", "bad")):
        sim.apply(DEPLOYMENTS, bookinfo.versioned(version, quality=quality))
    first, second = ({"app": "reviews", "version": each} for each in ("v1", "v2"))
    sim.apply(SERVICES, bookinfo.service())
    sim.apply(SERVICES, role("reviews-stable", first, **noted))
    sim.apply(SERVICES, role("reviews-next", first, **noted))
    argo = Argo(sim)
    http = split(argo.primary, argo.canary, 0)
    sim.apply(VIRTUAL_SERVICES, foreign(VIRTUAL_SERVICES, "reviews", {"hosts": ["reviews"], "http": http}))
    sim.loop.advance(10)
    sim.promises.let_users_in()
    begin(
        sim,
        spec={
            "targetRef": {"apiVersion": "v1", "kind": "Service", "name": "reviews"},
            "naming": {"primary": "reviews-stable", "canary": "reviews-next"},
            "routeRefs": ROUTES,
        },
    )
    sim.merge(Ref(SERVICES, bookinfo.NAMESPACE, "reviews-next"), {"spec": {"selector": second}})
    argo.step(20, seconds=60)
    assert sim.status.run.observed.would is Would.ROLL_BACK
    sim.merge(Ref(SERVICES, bookinfo.NAMESPACE, "reviews-next"), {"spec": {"selector": first}})
    argo.step(0)

    assert events(sim, "ObservedRollback")[0].startswith("Argo Rollouts rolled back at")
    sim.merge(Ref(SERVICES, bookinfo.NAMESPACE, "reviews-next"), {"spec": {"selector": second}})
    argo.step(100)
    sim.merge(Ref(SERVICES, bookinfo.NAMESPACE, "reviews-stable"), {"spec": {"selector": second}})
    argo.step(0)
    assert sim.status.history[-1].result is Result.OBSERVED_PROMOTION
    wrote_nothing(sim)


def test_routes_that_lead_to_no_role_are_named(sim):
    sim.apply(DEPLOYMENTS, bookinfo.deployment())
    sim.apply(SERVICES, bookinfo.service())
    sim.loop.advance(10)
    begin(sim)

    says(sim, "Ready", "NothingToObserve", "reviews-canary", "spec.routeRefs")


# -- in and out


def test_beside_flagger_the_mode_apply_is_refused_as_ever(sim, flagger):
    begin(sim)
    sim.edit(mode="apply")
    says(sim, "Ready", "OwnedByFlagger", "flagger.app")
    assert sim.status.condition("Observing") is None
    wrote_nothing(sim)


def test_from_observe_to_apply_what_is_there_is_taken_over(sim):
    """Flagger has gone, and has left its primary behind."""
    sim.apply(DEPLOYMENTS, bookinfo.deployment())
    sim.apply(SERVICES, bookinfo.service())
    leave_a_primary(sim)
    sim.loop.advance(10)
    sim.promises.let_users_in()
    begin(sim)
    sim.loop.advance(30)
    wrote_nothing(sim)

    sim.edit(mode="apply")
    sim.until_phase("Initialized")
    sim.analyst.routed = None
    sim.release("v2")
    sim.until_phase("Succeeded")
    served(sim)


def test_from_apply_to_observe_a_run_is_finished_first(sim):
    at_weight(sim, 10)
    sim.edit(mode="observe")
    says(sim, "Observing", "RunInProgress", "finished first", event=False)
    looks_on(sim, seconds=300)

    assert sim.status.history[-1].result is Result.PROMOTED
    assert not sim.store.peek(CANARY)["metadata"].get("finalizers")
    served(sim)
    before = len(sim.requests())
    sim.release("v3", quality="bad")
    sim.merge(Ref(DEPLOYMENTS, bookinfo.NAMESPACE, "reviews"), {"spec": {"replicas": 2}})
    sim.loop.advance(60)
    assert not [each for each in asked(sim, before) if each.kind != CANARIES and each.verb == "patch"]


def test_from_apply_to_observe_and_back_the_primary_is_found_again(sim):
    initialised(sim)
    sim.edit(mode="observe")
    looks_on(sim)
    sim.edit(mode="apply")
    sim.until_phase("Initialized")
    sim.release("v2")
    sim.until_phase("Succeeded")

    assert sim.store.peek(PRIMARY)["spec"]["template"]["metadata"]["labels"]["version"] == "v2"
    assert sim.store.peek(APEX) is not None
    served(sim)
