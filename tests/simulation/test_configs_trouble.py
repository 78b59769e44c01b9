"""What goes wrong around configs is said, holds what it must, and never costs users anything."""

import pytest

from delivery.cluster.errors import Denied
from delivery.cluster.objects import CONFIG_MAPS, DAEMON_SETS, SECRETS
from delivery.workloads.revision import Scope
from strategies.status import Result
from tests.simulation import wired
from tests.simulation.invariants import CANARY, PRIMARY, TARGET
from tests.simulation.scenes import initialised, recovers, served, turn_bad
from tests.simulation.simulation import Simulation
from tests.simulation.test_guarantees import delay


@pytest.fixture
def sim():
    with wired.world(37) as world:
        yield world


def at_weight(sim, weight=10):
    sim.until(lambda: sim.weight == weight, seconds=180, what=f"weight {weight}")


def forbid(sim, *verbs, kinds=(SECRETS,)):
    """These requests are not allowed from now on; what ends that."""
    allowed = False

    def before(request):
        if not allowed and request.verb in verbs and request.kind in kinds:
            raise Denied(f"{request.verb} {request.kind.plural}: forbidden")

    def allow():
        nonlocal allowed
        allowed = True

    sim.before = before
    for api in sim.apis.values():
        api.before = before
    return allow


def restart(sim, name, tracking):
    sim.restart_after = None
    sim.kill(name, restart=False)
    sim.tracking = tracking
    sim.loop.advance(30.0)
    return sim.start_controller()


def condition(sim, reason):
    def found():
        ready = sim.status.condition("Ready")
        return ready is not None and ready.reason == reason

    sim.until(found, seconds=120, what=f"Ready says {reason}")
    return sim.status.condition("Ready").message


@pytest.mark.parametrize("verbs", [("list", "watch"), ("get",)], ids=["no list", "no get"])
def test_secrets_that_may_not_be_read_hold_who_uses_them_and_say_the_way_out(sim, verbs):
    allow = forbid(sim, *verbs)
    sim.set_up()
    sim.start_controller()
    message = condition(sim, "ConfigUnreadable")
    assert "secrets" in message
    assert "--config-tracking" in message
    assert sim.store.peek(PRIMARY) is None
    allow()
    sim.until_phase("Initialized")
    served(sim)


def test_who_uses_no_secret_does_not_need_the_permission():
    with Simulation(37) as plain:
        forbid(plain, "list", "watch", "get", kinds=(SECRETS, CONFIG_MAPS))
        initialised(plain)
        plain.release("v2")
        recovers(plain)


def test_without_access_to_secrets_config_maps_are_tracked_alone(sim):
    forbid(sim, "list", "watch", "get")
    sim.tracking = Scope.CONFIG_MAPS
    initialised(sim)
    assert len(wired.copies(sim)) == 2
    assert not wired.copies(sim, SECRETS)
    wired.edit(sim, "red")
    recovers(sim)
    assert wired.served_stars(sim) == "red"


def test_a_content_that_cannot_be_read_for_a_while_neither_ends_a_run_nor_lets_it_go_on(sim):
    initialised(sim)
    wired.edit(sim, "red")
    at_weight(sim)
    allow = forbid(sim, "get", kinds=(CONFIG_MAPS,))
    sim.merge(wired.SETTINGS, {"metadata": {"labels": {"a": "b"}}})
    condition(sim, "ConfigUnreadable")
    run = sim.status.run.id
    sim.loop.advance(120.0)
    assert (sim.weight, sim.status.run.id) == (10, run)
    allow()
    recovers(sim)
    assert [past.result for past in sim.status.history] == [Result.PROMOTED]


def test_a_failing_canary_is_taken_off_at_once_while_contents_cannot_be_read(sim):
    initialised(sim)
    wired.edit(sim, "red")
    at_weight(sim)
    forbid(sim, "get", kinds=(CONFIG_MAPS,))
    sim.merge(wired.SETTINGS, {"metadata": {"labels": {"a": "b"}}})
    turn_bad(sim)
    sim.until(lambda: sim.weight == 0, seconds=60, what="users off the canary")
    sim.until_phase("Failed")
    sim.loop.advance(120.0)
    assert len(sim.status.history) == 1
    assert sim.status.run is None
    served(sim)


def test_late_news_of_an_edit_costs_nobody_anything(sim):
    sim.faults.kind_lag[CONFIG_MAPS] = (15.0, 25.0)
    initialised(sim)
    wired.edit(sim, "red")
    at_weight(sim)
    wired.edit(sim, "green")
    recovers(sim)
    sim.until(lambda: wired.served_stars(sim) == "green", seconds=300, what="the last content")
    recovers(sim)


def test_what_was_recorded_before_configs_were_tracked_is_no_release(sim):
    sim.tracking = Scope.TEMPLATE
    name = initialised(sim)
    assert not wired.copies(sim)
    recorded = sim.status.last_promoted_spec
    restart(sim, name, Scope.CONFIGS)
    wired.edit(sim, "red")
    sim.loop.advance(120.0)
    assert (sim.status.last_promoted_spec, sim.status.history) == (recorded, ())
    sim.release("v2")
    recovers(sim)
    assert len(wired.copies(sim)) == 2
    assert wired.read_by(sim, PRIMARY) == wired.read_by(sim, TARGET)


def test_tracking_turned_off_starts_nothing_and_the_next_release_uses_the_users_own(sim):
    name = initialised(sim)
    made = set(wired.copies(sim))
    restart(sim, name, Scope.TEMPLATE)
    wired.edit(sim, "red")
    sim.loop.advance(120.0)
    assert not sim.status.history
    assert wired.served_stars(sim) == "black"
    sim.release("v2")
    recovers(sim)
    assert wired.served_stars(sim) == "red"
    assert set(wired.copies(sim)) == made, "nobody may delete what it does not watch"


def test_tracking_turned_off_in_the_middle_of_a_run_promotes_it(sim):
    name = initialised(sim)
    wired.edit(sim, "red")
    at_weight(sim)
    restart(sim, name, Scope.TEMPLATE)
    recovers(sim)
    assert wired.served_stars(sim) == "red"


def test_opting_out_is_a_release_after_which_the_primary_uses_the_users_own(sim):
    initialised(sim)
    note = {"progressive.delivery/config-tracking": "disabled"}
    sim.merge(wired.SETTINGS, {"metadata": {"annotations": note}})
    at_weight(sim)
    recovers(sim)
    template = str(sim.store.peek(PRIMARY)["spec"]["template"])
    assert "'settings'" in template
    assert wired.stars(sim) == []


def test_a_secret_of_a_type_that_is_not_for_programs_is_left_alone(sim):
    sim.store.delete(wired.LOGIN)
    sim.apply(SECRETS, wired.secret("login", {"password": "x"}, type="example.com/vault"))
    initialised(sim)
    assert not wired.copies(sim, SECRETS)
    assert "'login'" in str(sim.store.peek(PRIMARY)["spec"]["template"])


def test_a_copy_deleted_by_hand_is_made_again(sim):
    initialised(sim)
    for kind, source in ((CONFIG_MAPS, wired.SETTINGS), (SECRETS, wired.LOGIN)):
        name = next(each for each in wired.copies(sim, kind) if each.startswith(source.name))
        sim.store.delete(type(source)(kind, source.namespace, name))
        sim.until(lambda n=name, k=kind: n in wired.copies(sim, k), seconds=30, what="the copy again")
    assert sim.status.run is None
    assert not sim.status.history


def test_a_lost_status_is_rebuilt_and_starts_no_run(sim):
    initialised(sim)
    wired.edit(sim, "red")
    recovers(sim)
    sim.merge(CANARY, {"status": None}, subresource="status")
    sim.until_phase("Initialized")
    sim.loop.advance(60.0)
    assert sim.status.run is None
    assert not sim.status.history
    assert wired.stars(sim) == ["red"]
    served(sim)


def test_a_late_deletion_of_a_leader_that_was_paused_misses_the_copy_that_the_next_one_uses(sim):
    old = initialised(sim)
    wired.edit(sim, "red")
    at_weight(sim)
    delayed = delay(sim, old, CONFIG_MAPS, lambda: sim.status.run is None, seconds=30)
    wired.edit(sim, "black")
    sim.until(lambda: bool(delayed), seconds=120, what="the deletion of red's copy")
    assert delayed[0].verb == "delete"
    wired.edit(sim, "red")
    sim.until(lambda: delayed[0].outcome != "", seconds=60, what="its arrival")
    assert delayed[0].outcome != "done", f"a late deletion came through: {delayed[0]}"
    recovers(sim)
    assert wired.served_stars(sim) == "red"


def test_the_rollout_of_a_daemon_sets_configs():
    with wired.Wired(41, kind=DAEMON_SETS) as sim:
        wired.wire(sim)
        initialised(sim)
        wired.edit(sim, "red")
        at_weight(sim)
        before = wired.pods(sim)
        wired.edit(sim, "green")
        sim.until(lambda: sim.weight == 0, seconds=10, what="users off the old content")
        at_weight(sim)
        assert not before & wired.pods(sim)
        recovers(sim)
        assert wired.read_by(sim, sim.primary)["settings"]["stars"] == "green"
