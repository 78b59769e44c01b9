"""Copies beside subsets and a Service that select by the usual label: another label moves, and nobody notices."""

import copy

import pytest

from delivery.cluster.objects import DEPLOYMENTS, DESTINATION_RULES, SERVICES, Ref
from delivery.workloads.selectors import MOVED_LABEL
from tests.simulation import bookinfo
from tests.simulation.crash_points import points, survive, undisturbed
from tests.simulation.crash_worlds import FAULTS, KILLS
from tests.simulation.invariants import APEX, CANARY
from tests.simulation.own_routes import NAME
from tests.simulation.scenes import recovers, says, served
from tests.simulation.shipped import PRIMARY, RULE, TARGET, Shipped, destination_rule

POD = {"app": NAME, "version": "v1"}
COPY = {"app": NAME, "version": "v1-primary"}


@pytest.fixture
def sim():
    with Shipped(47) as world:
        yield world


def initialised(sim, **options):
    sim.set_up(**options)
    sim.start_controller()
    sim.until_phase("Initialized")


def selector(sim, ref):
    spec = sim.store.peek(ref)["spec"]
    return spec["selector"].get("matchLabels", spec["selector"])


def refused(sim, reason, *words):
    says(sim, "Ready", reason, *words)
    assert sim.store.peek(PRIMARY) is None
    assert sim.weights() == [0, 100]
    served(sim)


def test_a_run_over_bookinfos_own_objects_leaves_their_service_and_rule_alone(sim):
    sim.set_up()
    apex, rule = copy.deepcopy(sim.store.peek(APEX)["spec"]), copy.deepcopy(sim.store.peek(RULE))
    sim.start_controller()
    sim.until_phase("Initialized")
    assert selector(sim, PRIMARY) == COPY
    assert sim.store.peek(PRIMARY)["metadata"]["annotations"][MOVED_LABEL] == "version"
    assert sim.weights() == [100, 0]
    for role, labels in (("primary", COPY), ("canary", POD)):
        service = sim.store.peek(Ref(SERVICES, APEX.namespace, f"{NAME}-{role}"))
        assert service["spec"]["selector"] == labels

    sim.release("v4")
    sim.until(lambda: sim.weights() == [90, 10], seconds=120, what="10 % for the canary")
    recovers(sim)
    assert sim.image == "bookinfo/reviews-v4"
    sim.release("v5", quality="bad")
    recovers(sim, "Failed")
    assert sim.image == "bookinfo/reviews-v4"
    assert sim.weights() == [100, 0]
    assert sim.store.peek(APEX)["spec"]["selector"] == apex["selector"]
    assert sim.store.peek(RULE) == rule


def test_pods_of_the_other_versions_are_nobodys_here(sim):
    initialised(sim)
    sim.release("v4")
    sim.until(lambda: sim.weights() == [90, 10], seconds=120, what="10 % for the canary")
    sim.workloads.break_pods("version=v2", "crash-loop")
    recovers(sim)
    assert sim.image == "bookinfo/reviews-v4"


def test_the_label_is_read_from_the_primary_and_not_chosen_again(sim):
    """By what stands in the cluster now the usual label would be chosen, and its primary would be another one."""
    initialised(sim)
    everybody = {"metadata": {"labels": {"part": NAME}}}
    sim.merge(TARGET, {"spec": {"template": everybody}})
    recovers(sim)
    service = sim.store.peek(APEX)["spec"]
    sim.merge(APEX, {"spec": {**service, "selector": {"part": NAME, "app": None}}})
    sim.loop.advance(60)
    sim.kill(sim.alive[0])
    sim.merge(CANARY, {"status": None}, subresource="status")
    sim.promises.tampered()
    sim.release("v4")
    recovers(sim)
    assert selector(sim, PRIMARY) == COPY
    assert sim.image == "bookinfo/reviews-v4"


def test_a_primary_that_is_lost_is_made_again_with_the_same_label(sim):
    initialised(sim)
    sim.promises.tampered()
    sim.store.delete(PRIMARY)
    sim.until(lambda: sim.store.peek(PRIMARY) is not None, seconds=120, what="a primary again")
    sim.until(lambda: sim.weights() == [100, 0], seconds=300, what="users on it")
    assert selector(sim, PRIMARY) == COPY


def test_a_revert_gives_the_routes_back_and_leaves_the_service(sim):
    initialised(sim, spec={"revertOnDeletion": True})
    apex = copy.deepcopy(sim.store.peek(APEX)["spec"])
    sim.release("v4")
    recovers(sim)
    sim.promises.tampered()
    sim.store.delete(CANARY)
    sim.until(lambda: sim.store.peek(CANARY) is None, seconds=300, what="the Canary gone")
    sim.loop.advance(60)
    assert sim.store.peek(PRIMARY) is None
    assert sim.weights() == [0, 100]
    assert sim.store.peek(APEX)["spec"] == apex
    served(sim)


# -- a primary that is there already


def primary_before(sim, **selector):
    """Somebody's copy of the first version, made by hand and ready."""
    body = bookinfo.versioned("v1")
    body["metadata"]["name"] = PRIMARY.name
    labels = {**POD, "version": "v1-primary"}
    body["spec"]["selector"] = {"matchLabels": selector or labels}
    body["spec"]["template"]["metadata"]["labels"] = labels
    body["spec"]["template"]["spec"]["containers"][0]["image"] = "bookinfo/reviews-v1"
    sim.apply(DEPLOYMENTS, body)
    sim.loop.advance(10)


@pytest.mark.parametrize("selector", [COPY, {"version": "v1-primary"}], ids=["all labels", "one label"])
def test_a_primary_that_differs_in_another_label_is_taken_over(sim, selector):
    primary_before(sim, **selector)
    uid = sim.store.peek(PRIMARY)["metadata"]["uid"]
    initialised(sim)
    sim.release("v4")
    recovers(sim)
    taken = sim.store.peek(PRIMARY)
    assert taken["metadata"]["uid"] == uid
    assert taken["spec"]["selector"]["matchLabels"] == selector
    assert sim.image == "bookinfo/reviews-v4"


# -- what is refused


def test_a_service_that_looks_at_every_label_is_refused(sim):
    service = bookinfo.service()
    service["spec"]["selector"] = POD
    sim.set_up(service=service)
    sim.start_controller()
    refused(sim, "ApexSelectsOneRole", "app=reviews, version=v1", "a label on the pod template")


def test_a_rule_that_does_not_tell_the_roles_is_refused_with_the_labels_that_would(sim):
    sim.set_up(rule=destination_rule(**{"v1-primary": {"app": "reviews-primary"}}))
    sim.start_controller()
    refused(sim, "SubsetSelectsWrongPods", "subset v1-primary", "version: v1-primary")
    sim.apply(DESTINATION_RULES, destination_rule())
    sim.until_phase("Initialized")
    assert sim.weights() == [100, 0]
    served(sim)


# -- whatever happens


@pytest.mark.parametrize(
    ("name", "fates", "every"),
    [
        *(("shipped", KILLS, 2), ("shipped", FAULTS, 4), ("shipped-promoted", KILLS, 6)),
        *(("shipped-promoted", FAULTS, 12),),
    ],
)
def test_what_happens_at_any_call_changes_nothing_of_the_end(name, fates, every, record_simulation):
    expected = undisturbed(name)
    chosen = points(name, expected, fates)[::every]
    failures = survive(name, chosen, expected)
    record_simulation(f"{len(chosen) - len(failures)} of {len(chosen)} calls survived ({name})")
    assert not failures, f"{len(failures)} ended otherwise; the first:\n{failures[0]}"
