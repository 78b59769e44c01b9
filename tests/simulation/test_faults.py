"""Bad input and faults: each is named with its cause and the way out, users are served, and it recovers by itself."""

import pytest

from delivery.cluster.objects import (
    CANARIES,
    DEPLOYMENTS,
    DESTINATION_RULES,
    SERVICES,
    VIRTUAL_SERVICES,
    Ref,
)
from strategies.status import Phase
from tests.simulation import bookinfo
from tests.simulation.invariants import CANARY, PRIMARY, ROUTE, TARGET
from tests.simulation.scenes import (
    at_weight,
    events,
    foreign,
    initialised,
    recovers,
    says,
    served,
    version,
)
from tests.simulation.simulation import Simulation

HOST = "reviews.shop.svc.cluster.local"


@pytest.fixture
def sim():
    with Simulation(11) as world:
        yield world


def applied(sim: Simulation, **analysis: object) -> None:
    """Bookinfo and its Canary, and a controller that sees them."""
    sim.set_up(**analysis)
    sim.start_controller()


# -- what stops a Canary before it begins


@pytest.mark.parametrize(
    ("provider", "reason", "words"),
    [
        ("linkerd", "NotForThisProvider", ("spec.provider: given linkerd", "use istio or kubernetes")),
        ("isto", "InvalidSpec", ("spec.provider", "istio")),
    ],
)
def test_an_unknown_provider(sim, provider, reason, words):
    sim.start_controller()
    body = bookinfo.canary()
    sim.apply(DEPLOYMENTS, bookinfo.deployment())
    sim.apply(SERVICES, bookinfo.service())
    sim.loop.advance(10)
    sim.promises.let_users_in()
    sim.apply(CANARIES, {**body, "spec": {**body["spec"], "provider": provider}})
    says(sim, "Ready", reason, *words)
    assert sim.store.peek(PRIMARY) is None, "nothing is created"

    sim.edit(provider=None)
    recovers(sim, "Initialized")


def test_a_missing_target(sim):
    sim.apply(SERVICES, bookinfo.service())
    sim.apply(CANARIES, bookinfo.canary())
    sim.start_controller()
    says(sim, "Ready", "TargetNotFound", "targetRef", "create it")

    sim.apply(DEPLOYMENTS, bookinfo.deployment())
    sim.until_phase("Initialized")
    assert sim.weight == 0


def test_a_port_that_is_not_in_the_service(sim):
    applied(sim)
    sim.kill("delivery-1", restart=False)
    sim.edit(service={"port": 9999})
    sim.start_controller()
    says(sim, "Ready", "PortNotInService", "9999", "9080")
    assert sim.store.peek(PRIMARY) is None

    sim.edit(service={"port": 9080})
    recovers(sim, "Initialized")


@pytest.mark.parametrize("host", ["reviews", HOST, "*.shop.svc.cluster.local"])
def test_another_virtual_service_on_the_host(sim, host):
    route = {"hosts": [host], "http": [{"route": [{"destination": {"host": "reviews"}}]}]}
    sim.apply(VIRTUAL_SERVICES, foreign(VIRTUAL_SERVICES, "bookinfo", route))
    applied(sim)
    says(sim, "Ready", "HostConflict", "shop/bookinfo", "delete it")
    assert sim.store.peek(PRIMARY) is None

    sim.store.delete(Ref(VIRTUAL_SERVICES, bookinfo.NAMESPACE, "bookinfo"))
    recovers(sim, "Initialized")


def test_an_apex_destination_rule_with_a_policy(sim):
    rule = {"host": "reviews", "trafficPolicy": {"loadBalancer": {"simple": "LEAST_REQUEST"}}}
    sim.apply(DESTINATION_RULES, foreign(DESTINATION_RULES, "reviews-lb", rule))
    applied(sim)
    says(sim, "Ready", "ApexDestinationRule", "shop/reviews-lb", "spec.service.trafficPolicy")
    assert sim.store.peek(PRIMARY) is None

    sim.store.delete(Ref(DESTINATION_RULES, bookinfo.NAMESPACE, "reviews-lb"))
    recovers(sim, "Initialized")


def test_a_primary_or_route_that_is_not_ours(sim):
    stranger = bookinfo.deployment()
    stranger["metadata"]["name"] = PRIMARY.name
    stranger["spec"]["selector"]["matchLabels"] = stranger["spec"]["template"]["metadata"]["labels"] = {"app": "other"}
    sim.apply(DEPLOYMENTS, stranger)
    sim.apply(VIRTUAL_SERVICES, foreign(VIRTUAL_SERVICES, ROUTE.name, {"hosts": ["example.com"], "gateways": ["gw"]}))
    applied(sim)
    says(sim, "Ready", "NotOurs", "reviews-primary", "delete or rename")
    assert sim.store.peek(PRIMARY)["spec"]["selector"] == {"matchLabels": {"app": "other"}}

    sim.store.delete(PRIMARY)
    sim.until(lambda: "VirtualService" in sim.status.condition("Ready").message, seconds=60, what="the next cause")
    assert sim.store.peek(ROUTE)["spec"]["hosts"] == ["example.com"]
    sim.store.delete(ROUTE)
    recovers(sim, "Initialized")


def test_a_second_canary_on_one_target(sim):
    initialised(sim)
    second = bookinfo.canary()
    second["metadata"]["name"] = "reviews-again"
    sim.apply(CANARIES, second)
    sim.loop.advance(20)
    body = sim.store.peek(Ref(CANARIES, bookinfo.NAMESPACE, "reviews-again"))
    ready = next(each for each in body["status"]["conditions"] if each["type"] == "Ready")
    assert (ready["status"], ready["reason"]) == ("False", "TargetConflict")
    assert "reviews already rolls out" in events(sim, "TargetConflict")[-1]

    sim.release("v2")
    recovers(sim)


# -- what can't be measured


@pytest.mark.parametrize("complaint", ["Prometheus is away", "1:7: parse error: unexpected character: '|'"])
def test_prometheus_cannot_answer(sim, complaint):
    at_weight(sim)
    sim.analyst.away, sim.analyst.complaint = True, complaint
    says(sim, "AnalysisHealthy", "MetricsUnavailable", complaint)
    sim.loop.advance(600)
    assert (sim.weight, sim.status.phase) == (10, Phase.PROGRESSING), "neither promoted nor rolled back"
    assert len(events(sim, "MetricsUnavailable")) == 1, "people are told once"

    sim.analyst.away = False
    recovers(sim)


def test_no_data(sim):
    at_weight(sim)
    sim.analyst.quiet = True
    says(sim, "AnalysisHealthy", "NoData", "no requests")
    sim.loop.advance(600)
    assert (sim.weight, sim.status.phase) == (10, Phase.PROGRESSING)

    sim.analyst.quiet = False
    recovers(sim)


# -- what happens in the middle of a run


@pytest.mark.parametrize("edit", [{"interval": "soon"}, {"stepWeights": [50, 20]}, {"stepWeight": 5}])
def test_an_invalid_edit_holds_the_weight(sim, edit):
    at_weight(sim)
    sim.edit(analysis=edit)
    says(sim, "Ready", "InvalidSpec", "spec.analysis", "allowed")
    sim.loop.advance(300)
    assert (sim.weight, sim.status.phase) == (10, Phase.PROGRESSING)

    sim.edit(analysis={"stepWeight": None, **bookinfo.canary()["spec"]["analysis"]})
    recovers(sim)


def test_an_edit_that_leaves_nothing_to_read(sim):
    """Not even the target's name: nothing is touched, and it is said."""
    name = at_weight(sim)
    sim.kill(name)
    sim.edit(targetRef=None)
    says(sim, "Ready", "InvalidSpec", "spec.targetRef")
    sim.loop.advance(300)
    assert sim.weight == 10

    sim.edit(targetRef=bookinfo.canary()["spec"]["targetRef"])
    recovers(sim)


@pytest.mark.parametrize("restarted", [False, True])
def test_an_invalid_edit_still_lets_pod_health_roll_back(sim, restarted):
    name = at_weight(sim)
    sim.edit(analysis={"interval": "soon"})
    says(sim, "Ready", "InvalidSpec", "spec.analysis.interval")
    if restarted:
        sim.kill(name)
        sim.loop.advance(30)
    sim.workloads.break_pods("app=reviews", "crash-loop")
    sim.until(lambda: sim.weight == 0, seconds=5, what="users on the primary")
    sim.until(lambda: sim.status.reason == "PodHealth", seconds=60, what="rollback")
    sim.until_phase("Failed")
    assert "CrashLoopBackOff" in events(sim, "RolledBack")[-1]


@pytest.mark.parametrize("weight", [10, 50])
def test_a_target_deleted_in_the_middle_of_its_run(sim, weight):
    at_weight(sim, weight)
    sim.store.delete(TARGET, propagation="Orphan")
    sim.until(lambda: sim.weight == 0, seconds=10, what="users on the primary")
    says(sim, "Ready", "TargetNotFound", "create it", seconds=120)
    assert "target was deleted" in events(sim, "RolledBack")[-1]
    assert version(sim) == "v1"

    sim.release("v2")
    recovers(sim)
    assert version(sim) == "v2"


def test_a_canary_created_anew_over_its_primary(sim):
    initialised(sim)
    sim.release("v2")
    sim.until_phase("Succeeded")
    sim.store.delete(CANARY)
    sim.promises.tampered()
    sim.loop.advance(10)
    assert sim.store.peek(CANARY) is None

    sim.apply(CANARIES, bookinfo.canary())
    recovers(sim, "Initialized")
    assert version(sim) == "v2"
    assert sim.store.peek(TARGET)["spec"]["replicas"] == 0


def test_a_newer_target_under_a_canary_created_anew_is_analysed(sim):
    initialised(sim)
    sim.store.delete(CANARY)
    sim.promises.tampered()
    sim.loop.advance(10)
    sim.release("v2", quality="bad")
    sim.apply(CANARIES, bookinfo.canary())
    sim.until_phase("Failed")
    assert version(sim) == "v1"
    served(sim)
