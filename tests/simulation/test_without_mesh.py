"""Provider kubernetes: the apex Service leads everybody to one version, and late endpoints leave nobody alone."""

import pytest

from delivery.cluster.memory.resources import custom_resource
from delivery.cluster.objects import DAEMON_SETS, DESTINATION_RULES, SERVICES, VIRTUAL_SERVICES, Ref
from tests.simulation import bookinfo
from tests.simulation.crash_stories import WITHOUT_MESH
from tests.simulation.crash_tries import survived
from tests.simulation.crash_worlds import FAULTS, KILLS
from tests.simulation.invariants import APEX, CANARY, ROUTE
from tests.simulation.scenes import asked, events, foreign, initialised, pods_of, recovers, says, served, version
from tests.simulation.simulation import SETTLE, Simulation

ISTIO = (VIRTUAL_SERVICES, DESTINATION_RULES)
CANARY_PODS = {"app": "reviews"}
PRIMARY_PODS = {"app": "reviews-primary"}


@pytest.fixture
def sim():
    with Simulation(19, route=APEX) as world:
        yield world


def selector(sim):
    return sim.store.peek(APEX)["spec"]["selector"]


def by_hand(sim, labels, manager="kubectl"):
    sim.merge(APEX, {"spec": {"selector": labels}}, manager=manager)


def everybody_on_the_canary(sim, **options):
    name = initialised(sim, **options)
    sim.release("v2")
    sim.until(lambda: sim.weight == 100, seconds=120, what="users on the canary")
    return name


def writes_of_the_mesh(sim):
    return [each for each in asked(sim) if each.kind in ISTIO]


def take_istio(sim):
    for kind in ISTIO:
        sim.store.unregister(kind)


class TestWholeRuns:
    def test_initialising_costs_nobody_a_request_and_needs_no_mesh(self, sim):
        initialised(sim)
        assert selector(sim) == PRIMARY_PODS
        assert sim.store.peek(sim.target)["spec"]["replicas"] == 0
        assert not writes_of_the_mesh(sim)
        served(sim)

    def test_users_meet_the_new_version_all_at_once_and_only_after_its_checks(self, sim):
        initialised(sim)
        sim.release("v2")
        sim.until(lambda: sim.status.iterations == 1, seconds=120, what="a check")
        assert sim.promises.met("productpage", "canary") == 0
        sim.until(lambda: sim.weight == 100, seconds=120, what="users on the canary")
        sim.loop.advance(3 * SETTLE)
        before = sim.promises.met("productpage", "primary")
        sim.loop.advance(1.0)
        assert sim.promises.met("productpage", "primary") == before
        recovers(sim)
        assert (version(sim), selector(sim)) == ("v2", PRIMARY_PODS)

    def test_a_version_that_fails_beside_the_users_never_meets_them(self, sim):
        initialised(sim)
        sim.release("v2", quality="bad")
        recovers(sim, "Failed")
        assert sim.promises.met("productpage", "canary") == 0
        assert (version(sim), selector(sim)) == ("v1", PRIMARY_PODS)

    def test_a_version_that_fails_with_the_users_gives_them_back(self, sim):
        everybody_on_the_canary(sim, threshold=1)
        sim.analyst.turned = "bad"
        recovers(sim, "Failed")
        assert (version(sim), selector(sim)) == ("v1", PRIMARY_PODS)

    def test_a_daemon_set_goes_out_the_same_way(self):
        with Simulation(19, route=APEX, kind=DAEMON_SETS) as sim:
            initialised(sim)
            sim.release("v2")
            recovers(sim)
            assert version(sim) == "v2"

    def test_the_pods_of_a_version_without_users_stay_while_nobody_can_say_that_requests_have_ended(self, sim):
        """No proxy counts requests: then the longest drain is waited for."""
        everybody_on_the_canary(sim)
        sim.until(lambda: sim.weight == 0, seconds=120, what="users on the primary")
        left_at = sim.loop.time()
        sim.until(lambda: sim.store.peek(sim.target)["spec"]["replicas"] == 0, seconds=120, what="no canary")
        assert sim.loop.time() - left_at >= 30.0  # drainMaxSeconds; drainSeconds is 4
        recovers(sim)

    def test_an_idle_canary_asks_and_writes_nothing(self, sim):
        initialised(sim)
        sim.loop.advance(70.0)
        before = len(sim.requests())
        sim.loop.advance(600.0)
        assert asked(sim, before) == []

    def test_baking_is_a_longer_look_at_everybody(self, sim):
        everybody_on_the_canary(sim, spec={"promotion": {"bakeSeconds": 60}})
        sim.loop.advance(45.0)
        assert (sim.weight, sim.status.phase.value) == (100, "Progressing")
        recovers(sim)


class TestHands:
    def test_taking_users_off_the_canary_by_hand_is_honoured(self, sim):
        everybody_on_the_canary(sim)
        by_hand(sim, PRIMARY_PODS)
        sim.until(lambda: bool(events(sim, "ManualOverride")), seconds=30, what="ManualOverride")
        sim.loop.advance(60.0)
        assert (sim.weight, sim.status.run.override) == (0, 0)
        served(sim)

    @pytest.mark.parametrize("labels", [CANARY_PODS, {"app": "ratings"}])
    def test_leading_users_away_from_the_primary_by_hand_is_repaired_at_once(self, sim, labels):
        initialised(sim)
        by_hand(sim, labels)
        sim.until(lambda: selector(sim) == PRIMARY_PODS, seconds=2, what="repaired")

    def test_a_service_led_by_hand_to_a_primary_that_does_not_start_keeps_no_fix_from_it(self, sim):
        """Not taken over by us yet: the primary goes on following the target."""
        sim.set_up()
        sim.release("v2", behaviour="crash-loop")
        sim.start_controller()
        sim.until(lambda: sim.store.peek(sim.primary) is not None, seconds=30, what="a primary")
        by_hand(sim, PRIMARY_PODS)
        sim.loop.advance(20.0)
        sim.release("v3")
        sim.until_phase("Initialized")
        assert version(sim) == "v3"

    def test_who_keeps_taking_the_selector_is_named(self, sim):
        initialised(sim)
        sim.release("v2")
        sim.until(lambda: sim.status.phase.value == "Progressing", seconds=60, what="a run")
        for _ in range(4):
            by_hand(sim, CANARY_PODS, manager="argocd")
            sim.loop.advance(3.0)
        says(sim, "Contested", "Contested", "argocd")

    def test_a_service_replaced_from_git_leads_to_the_primary_again(self, sim):
        """Annotations gone, selector as it was once: nothing tells any more that it was ours."""
        initialised(sim)
        theirs = bookinfo.service()
        sim.store.delete(APEX)
        sim.apply(SERVICES, theirs)
        sim.until(lambda: selector(sim) == PRIMARY_PODS, seconds=10, what="taken over again")

    def test_a_deleted_service_comes_back_for_the_version_that_serves(self, sim):
        everybody_on_the_canary(sim, spec={"promotion": {"bakeSeconds": 60}})
        sim.promises.tampered()
        sim.store.delete(APEX)
        sim.until(lambda: sim.store.peek(APEX) is not None, seconds=10, what="a new apex Service")
        assert selector(sim) == CANARY_PODS

    def test_what_the_service_selected_first_stays_recorded(self, sim):
        everybody_on_the_canary(sim)
        recovers(sim)
        noted = sim.store.peek(APEX)["metadata"]["annotations"]["progressive.delivery/original-selector"]
        assert noted == '{"app":"reviews"}'
        assert "progressive.delivery/original-routes" not in sim.store.peek(sim.primary)["metadata"]["annotations"]


class TestRefusals:
    def test_a_mesh_that_routes_elsewhere_is_refused_by_name(self, sim):
        to = {"route": [{"destination": {"host": "reviews", "subset": "v1"}}]}
        sim.apply(VIRTUAL_SERVICES, foreign(VIRTUAL_SERVICES, "theirs", {"hosts": ["reviews"], "http": [to]}))
        sim.set_up()
        sim.start_controller()
        says(sim, "Ready", "HostConflict", "VirtualService shop/theirs", "subset v1 of reviews", event=False)
        assert selector(sim) == CANARY_PODS
        sim.store.delete(Ref(VIRTUAL_SERVICES, bookinfo.NAMESPACE, "theirs"))
        sim.until_phase("Initialized")

    def test_a_headless_service_is_refused_by_name(self, sim):
        sim.store.create(
            SERVICES,
            {**bookinfo.service(), "spec": {**bookinfo.service()["spec"], "clusterIP": "None"}},
            namespace=bookinfo.NAMESPACE,
            manager="kubectl",
        )
        sim.set_up()
        sim.start_controller()
        says(sim, "Ready", "ServiceUnsupported", "Service reviews is headless", event=False)
        assert selector(sim) == CANARY_PODS

    def test_an_edit_that_asks_for_a_mesh_holds_the_run_where_it_is(self, sim):
        everybody_on_the_canary(sim, spec={"promotion": {"bakeSeconds": 30}})
        sim.merge(CANARY, {"spec": {"service": {"timeout": "5s"}}})
        says(sim, "Ready", "InvalidSpec", "service.timeout", event=False)
        sim.loop.advance(100.0)
        assert sim.weight == 100
        sim.merge(CANARY, {"spec": {"service": {"timeout": None}}})
        recovers(sim)


class TestLosses:
    def test_a_canary_that_loses_its_pods_gives_all_users_back_at_once(self, sim):
        everybody_on_the_canary(sim, spec={"promotion": {"bakeSeconds": 60}})
        sim.release("v3", behaviour="crash-loop")
        sim.until(lambda: sim.weight == 0, seconds=10, what="users on the primary")
        assert pods_of(sim, sim.primary, ready=True)

    def test_a_status_that_is_lost_with_everybody_on_the_canary_is_rebuilt(self, sim):
        everybody_on_the_canary(sim, spec={"promotion": {"bakeSeconds": 60}})
        sim.promises.tampered()
        sim.merge(CANARY, {"status": None}, subresource="status")
        recovers(sim, "Succeeded")
        assert version(sim) == "v2"

    def test_deleting_the_canary_leaves_users_with_the_primary(self, sim):
        everybody_on_the_canary(sim, spec={"promotion": {"bakeSeconds": 60}})
        sim.store.delete(CANARY)
        sim.until(lambda: sim.store.peek(CANARY) is None, seconds=60, what="the Canary is gone")
        assert selector(sim) == PRIMARY_PODS
        served(sim)


class TestWithoutIstiosKinds:
    @pytest.fixture(autouse=True)
    def no_istio(self, sim):
        take_istio(sim)

    def test_a_run_needs_none_of_them_and_their_watches_hold_nothing_up(self, sim):
        """A watch of a kind that is not there counts as stale after half a minute; nothing here waits for it."""
        initialised(sim)
        sim.loop.advance(60.0)
        sim.release("v2")
        recovers(sim)
        assert version(sim) == "v2"

    def test_a_canary_that_wants_istio_says_what_is_missing_and_goes_on_when_it_comes(self):
        with Simulation(19) as sim:
            take_istio(sim)
            sim.set_up()
            sim.start_controller()
            says(sim, "Ready", "MeshNotInstalled", "VirtualService", "spec.provider to kubernetes", event=False)
            assert sim.store.peek(sim.primary) is None
            sim.loop.advance(90.0)
            says(sim, "Ready", "MeshNotInstalled", "VirtualService", event=False)
            for kind in ISTIO:
                sim.store.register(custom_resource(kind))
            sim.until_phase("Initialized", seconds=200)
            served(sim)


def test_a_canary_that_is_to_be_reverted_gives_the_service_back(sim):
    initialised(sim, spec={"revertOnDeletion": True})
    sim.promises.tampered()
    sim.store.delete(CANARY)
    sim.until(lambda: sim.store.peek(CANARY) is None, seconds=120, what="the Canary is gone")
    apex = sim.store.peek(APEX)
    assert apex["spec"]["selector"] == CANARY_PODS
    assert not [key for key in apex["metadata"].get("annotations") or {} if key.startswith("progressive.delivery/")]
    sim.loop.advance(10.0)
    served(sim)


def test_a_provider_taken_back_to_istio_leads_users_by_routes_again(sim):
    """The Service stays with the primary, the routes come; nobody is lost in between."""
    initialised(sim)
    sim.promises.tampered()
    sim.promises.route = ROUTE
    sim.edit(provider="istio", analysis={"iterations": None, "stepWeights": [50]})
    sim.until(lambda: sim.weight == 0, seconds=60, what="routes")
    sim.loop.advance(10.0)
    sim.release("v2")
    recovers(sim)
    assert (version(sim), selector(sim)) == ("v2", PRIMARY_PODS)


@pytest.mark.parametrize("name", WITHOUT_MESH)
def test_a_kill_or_a_failure_at_any_call_changes_nothing_of_the_end(name, record_simulation):
    survived(name, (*KILLS, *FAULTS), record_simulation)
