"""Policies that would miss the primary: refused while nobody has been moved, said aloud when it is too late for that.

Whatever is found, users go on being served by what serves them.
"""

from collections import Counter
from typing import Any

import pytest

from delivery.cluster.memory import ForbiddenError
from delivery.cluster.memory.resources import custom_resource
from delivery.cluster.memory.transport import Request
from delivery.cluster.objects import CANARIES, DEPLOYMENTS, SERVICES, VIRTUAL_SERVICES, Kind, Ref
from delivery.cluster.policies import (
    AUTHORIZATION_POLICIES,
    FLAGGER_CANARIES,
    GUARDED,
    NETWORK_POLICIES,
    PEER_AUTHENTICATIONS,
    POD_DISRUPTION_BUDGETS,
    POD_MONITORS,
    REQUEST_AUTHENTICATIONS,
    SIDECARS,
)
from tests.simulation import bookinfo
from tests.simulation.invariants import CANARY, PRIMARY, ROUTE
from tests.simulation.scenes import asked, events, foreign, initialised, is_silent, recovers, says, served
from tests.simulation.simulation import Simulation

OF_REVIEWS = {"matchLabels": {"app": "reviews"}}
STRICT = {"selector": OF_REVIEWS, "action": "ALLOW", "rules": [{}]}
BY_EXPRESSION = {"matchExpressions": [{"key": "app", "operator": "In", "values": ["reviews"]}]}
TOKENS = [{"issuer": "https://books.example", "jwksUri": "https://books.example/keys"}]
FQDN = "reviews.shop.svc.cluster.local"
HIDING = {"egress": [{"hosts": [f"shop/{FQDN}"]}]}


@pytest.fixture
def sim():
    with Simulation(23) as world:
        for kind in GUARDED:
            world.store.register(custom_resource(kind))
        yield world


def put(sim: Simulation, kind: Kind, name: str, spec: dict[str, Any], **metadata: Any) -> Ref:
    """Somebody makes an object, in the Canary's namespace unless said otherwise."""
    body = foreign(kind, name, spec, **metadata)
    namespace = body["metadata"]["namespace"]
    sim.store.create(kind, body, namespace=namespace, manager="kubectl")
    return Ref(kind, namespace, name)


def refused(sim: Simulation, reason: str, *words: str) -> None:
    """Nothing was made and nothing moved, people know why, and users are served as before."""
    sim.set_up()
    sim.start_controller()
    says(sim, "Ready", reason, *words)
    sim.loop.advance(60.0)
    assert sim.store.peek(PRIMARY) is None
    assert sim.store.peek(ROUTE) is None
    served(sim)


def goes_on(sim: Simulation) -> None:
    """What kept it is cleared: it goes on by itself, at once."""
    sim.until(lambda: sim.store.peek(PRIMARY) is not None, seconds=5, what="a primary")
    recovers(sim, "Initialized")


def forbidden(sim: Simulation, kind: Kind) -> None:
    """The controller lacks the permission to list a kind."""
    inner = sim.store.list

    def answer(asked_for: Kind, *args: Any, **options: Any) -> Any:
        if asked_for == kind:
            raise ForbiddenError(f"{kind.plural}: delivery cannot list resource")
        return inner(asked_for, *args, **options)

    sim.store.list = answer


# -- before users are moved


@pytest.mark.parametrize(
    ("kind", "spec", "name"),
    [
        (AUTHORIZATION_POLICIES, STRICT, "AuthorizationPolicy/viewer"),
        (PEER_AUTHENTICATIONS, {"selector": OF_REVIEWS, "mtls": {"mode": "STRICT"}}, "PeerAuthentication/viewer"),
        (REQUEST_AUTHENTICATIONS, {"selector": OF_REVIEWS, "jwtRules": TOKENS}, "RequestAuthentication/viewer"),
        (NETWORK_POLICIES, {"podSelector": OF_REVIEWS}, "NetworkPolicy/viewer"),
        (POD_MONITORS, {"selector": OF_REVIEWS, "podMetricsEndpoints": [{"port": "http"}]}, "PodMonitor/viewer"),
        (POD_DISRUPTION_BUDGETS, {"selector": BY_EXPRESSION, "minAvailable": 1}, "PodDisruptionBudget/viewer"),
        (SERVICES, {"selector": {"app": "reviews"}, "ports": [{"port": 80}]}, "Service/viewer"),
    ],
    ids=lambda each: str(each) if isinstance(each, Kind) else "",
)
def test_a_policy_that_would_miss_the_primary_keeps_everything_as_it_is_until_acknowledged(sim, kind, spec, name):
    put(sim, kind, "viewer", spec)
    refused(sim, "PolicyWouldMiss", name, "spec.preflight.acknowledge")
    sim.edit(preflight={"acknowledge": [name]})
    goes_on(sim)


def test_a_copy_for_the_primary_is_a_way_out_too(sim):
    put(sim, AUTHORIZATION_POLICIES, "viewer", STRICT)
    refused(sim, "PolicyWouldMiss", "AuthorizationPolicy/viewer")
    put(
        sim,
        AUTHORIZATION_POLICIES,
        "viewer-primary",
        {**STRICT, "selector": {"matchLabels": {"app": "reviews-primary"}}},
    )
    goes_on(sim)


def test_so_is_a_policy_that_chooses_both(sim):
    policy = put(sim, AUTHORIZATION_POLICIES, "viewer", STRICT)
    refused(sim, "PolicyWouldMiss", "AuthorizationPolicy/viewer")
    sim.merge(policy, {"spec": {"selector": {"matchLabels": {"app": None, "team": "books"}}}})
    goes_on(sim)


def test_a_policy_that_is_deleted_is_no_obstacle_any_more(sim):
    policy = put(sim, AUTHORIZATION_POLICIES, "viewer", STRICT)
    refused(sim, "PolicyWouldMiss", "AuthorizationPolicy/viewer")
    sim.store.delete(policy)
    goes_on(sim)


def test_the_service_of_a_canarys_role_follows_its_role_and_is_no_obstacle(sim):
    spec = {"selector": {"app": "reviews"}, "ports": [{"port": 80}]}
    ours = {"app.kubernetes.io/managed-by": "progressive-delivery", "progressive.delivery/canary": "other"}
    put(sim, SERVICES, "other-canary", spec, labels=ours)
    initialised(sim)
    served(sim)


def test_a_policy_of_another_service_that_would_no_longer_let_us_call_it(sim):
    """The primary calls with a label of its own: everything that it depends on would refuse it."""
    peer = {"podSelector": {"matchLabels": {"app": "reviews"}}, "namespaceSelector": {}}
    spec = {"podSelector": {"matchLabels": {"app": "ratings"}}, "ingress": [{"from": [peer]}]}
    put(sim, NETWORK_POLICIES, "ratings", spec, namespace="attic")
    refused(sim, "PolicyWouldMiss", "NetworkPolicy/attic/ratings")
    sim.edit(preflight={"acknowledge": ["NetworkPolicy/attic/ratings"]})
    goes_on(sim)


def test_a_sidecar_of_callers_that_hides_the_roles(sim):
    sidecar = put(sim, SIDECARS, "default", HIDING, namespace="front")
    refused(sim, "SidecarHidesRoles", "Sidecar/front/default", "reviews-primary.shop", "reviews-canary.shop")
    sim.merge(sidecar, {"spec": {"egress": [{"hosts": ["shop/*"]}]}})
    goes_on(sim)


def test_pods_without_a_sidecar_report_nothing_that_could_be_judged(sim):
    body = bookinfo.deployment()
    body["spec"]["template"]["metadata"]["labels"]["sidecar.istio.io/inject"] = "false"
    sim.apply(DEPLOYMENTS, body)
    refused(sim, "NoSidecar", "istio-proxy", "istio-injection=enabled", "spec.preflight.acknowledge")
    sim.edit(preflight={"acknowledge": ["NoSidecar"]})
    goes_on(sim)


def test_pods_without_a_sidecar_do_no_harm_when_no_metric_needs_one(sim):
    body = bookinfo.deployment()
    body["spec"]["template"]["metadata"]["labels"]["sidecar.istio.io/inject"] = "false"
    sim.apply(DEPLOYMENTS, body)
    initialised(sim, metrics=[{"name": "errors", "query": "sum(errors)", "thresholdRange": {"max": 1}}])
    served(sim)


def test_a_target_of_flaggers_is_taken_over_only_when_flagger_has_let_go(sim):
    theirs = put(sim, FLAGGER_CANARIES, "old", {"targetRef": {"kind": "Deployment", "name": "reviews"}})
    refused(sim, "OwnedByFlagger", "Canary old of flagger.app", "spec.revertOnDeletion")
    sim.merge(theirs, {"spec": {"suspend": True}})
    goes_on(sim)


def test_an_object_that_flagger_owns_is_named_as_such(sim):
    owner = {"apiVersion": "flagger.app/v1beta1", "kind": "Canary", "name": "old", "uid": "u-old"}
    put(
        sim,
        SERVICES,
        "reviews-canary",
        {"selector": {"app": "other"}, "ports": [{"port": 80}]},
        ownerReferences=[owner],
    )
    refused(sim, "OwnedByFlagger", "Service reviews-canary is owned by Canary old of flagger.app")


def test_a_route_that_leaves_the_host_is_no_obstacle_any_more(sim):
    """Found by what it was: nothing of what it is now leads to the Canary."""
    http = [{"route": [{"destination": {"host": "reviews"}}]}]
    theirs = put(sim, VIRTUAL_SERVICES, "theirs", {"hosts": ["reviews"], "http": http})
    refused(sim, "HostConflict", "VirtualService shop/theirs")
    sim.merge(theirs, {"spec": {"hosts": ["ratings"]}})
    goes_on(sim)


def test_an_older_canary_that_takes_another_target_lets_the_younger_one_go_on(sim):
    older = {**bookinfo.canary(), "metadata": {"name": "older", "namespace": bookinfo.NAMESPACE}}
    older["spec"] = {**older["spec"], "suspend": True}
    sim.apply(CANARIES, older)
    sim.loop.advance(2.0)
    refused(sim, "TargetConflict", "Canary older")
    other = {"targetRef": {"name": "details"}, "service": {"name": "details"}}
    sim.merge(Ref(CANARIES, bookinfo.NAMESPACE, "older"), {"spec": other})
    goes_on(sim)


# -- afterwards


def test_flagger_coming_back_keeps_new_runs_from_starting_and_moves_nobody(sim):
    initialised(sim)
    theirs = put(sim, FLAGGER_CANARIES, "old", {"targetRef": {"kind": "Deployment", "name": "reviews"}})
    says(sim, "Ready", "OwnedByFlagger", "Canary old of flagger.app")
    sim.release("v2")
    sim.loop.advance(60.0)
    assert sim.weight == 0
    sim.store.delete(theirs)
    recovers(sim)


def test_a_policy_that_comes_between_runs_is_said_aloud_and_moves_nobody(sim):
    initialised(sim)
    before = sim.store.peek(ROUTE)
    policy = put(sim, AUTHORIZATION_POLICIES, "viewer", STRICT)
    says(sim, "PreflightWarning", "PolicyWouldMiss", "AuthorizationPolicy/viewer")
    assert sim.status.condition("Ready").status == "True"
    assert sim.store.peek(ROUTE) == before
    sim.store.delete(policy)
    sim.until(lambda: is_silent(sim, "PreflightWarning", "PolicyWouldMiss"), seconds=10, what="silence")
    served(sim)


def test_a_second_policy_is_told_of_as_well(sim):
    initialised(sim)
    put(sim, AUTHORIZATION_POLICIES, "viewer", STRICT)
    says(sim, "PreflightWarning", "PolicyWouldMiss", "viewer")
    put(sim, NETWORK_POLICIES, "wall", {"podSelector": {"matchLabels": {"app": "reviews"}}})
    sim.until(lambda: len(events(sim, "PolicyWouldMiss")) == 2, seconds=10, what="a second Event")
    assert "NetworkPolicy/wall" in events(sim, "PolicyWouldMiss")[-1]


def test_a_policy_that_loses_what_covered_the_primary_is_said_aloud(sim):
    """The one that goes names no label of the Canary's: it is known because it was looked at."""
    put(sim, AUTHORIZATION_POLICIES, "viewer", STRICT)
    by_version = {**STRICT, "selector": {"matchLabels": {"version": "v1"}}}
    everybody = put(sim, AUTHORIZATION_POLICIES, "everybody", by_version)
    initialised(sim)
    assert is_silent(sim, "PreflightWarning", "PolicyWouldMiss")
    sim.loop.advance(120.0)  # nothing else makes anybody look
    sim.store.delete(everybody)
    says(sim, "PreflightWarning", "PolicyWouldMiss", "AuthorizationPolicy/viewer", seconds=5)
    served(sim)


def test_a_policy_that_comes_in_the_middle_of_a_run_stops_no_run(sim):
    initialised(sim)
    sim.release("v2")
    sim.until(lambda: sim.weight == 10, seconds=120, what="weight 10")
    put(sim, AUTHORIZATION_POLICIES, "viewer", STRICT)
    says(sim, "PreflightWarning", "PolicyWouldMiss", "viewer")
    recovers(sim)


def test_a_lost_status_is_rebuilt_whatever_policies_have_come_since(sim):
    """Users are with the primary already: to refuse now would only leave nobody to look after it."""
    initialised(sim)
    put(sim, AUTHORIZATION_POLICIES, "viewer", STRICT)
    says(sim, "PreflightWarning", "PolicyWouldMiss", "viewer")
    sim.merge(CANARY, {"status": None}, subresource="status")
    sim.until(lambda: sim.status.phase.value == "Initialized", seconds=120, what="the status again")
    served(sim)


# -- what may be missing


def test_a_kind_that_is_not_served_or_is_forbidden_holds_nothing_up():
    with Simulation(29) as sim:
        sim.store.register(custom_resource(AUTHORIZATION_POLICIES))
        put(sim, AUTHORIZATION_POLICIES, "viewer", STRICT)
        forbidden(sim, AUTHORIZATION_POLICIES)
        initialised(sim)
        assert is_silent(sim, "PreflightWarning", "PolicyWouldMiss")
        served(sim)


def test_a_kind_whose_list_fails_is_waited_for_by_those_who_would_take_over_only(sim):
    broken = True

    def before(request: Request) -> None:
        if broken and request.kind == AUTHORIZATION_POLICIES:
            sim.faults.refuse = 1.0
            sim.loop.call_soon(sim.faults.heal, context=sim.loop.world)

    sim.before = before
    put(sim, AUTHORIZATION_POLICIES, "viewer", STRICT)
    refused(sim, "PoliciesUnknown", "authorizationpolicies.security.istio.io")
    broken = False
    says(sim, "Ready", "PolicyWouldMiss", "AuthorizationPolicy/viewer")


def test_what_is_missing_is_asked_for_seldom_and_an_idle_canary_asks_nothing():
    with Simulation(31) as sim:
        initialised(sim)
        sim.loop.advance(120.0)  # what was told is struck from the status within a minute
        lists, before = Counter(_lists(sim)), len(asked(sim))
        sim.loop.advance(3600.0)
        assert len(asked(sim)) == before
        assert max((Counter(_lists(sim)) - lists).values()) <= 12


def _lists(sim: Simulation) -> list[Kind]:
    missing = {(kind.group, kind.kind) for kind in GUARDED}
    return [
        each.kind for each in sim.requests() if each.verb == "list" and (each.kind.group, each.kind.kind) in missing
    ]


def test_a_kind_that_is_installed_later_is_found():
    with Simulation(37) as sim:
        initialised(sim)
        sim.store.register(custom_resource(AUTHORIZATION_POLICIES))
        put(sim, AUTHORIZATION_POLICIES, "viewer", STRICT)
        says(sim, "PreflightWarning", "PolicyWouldMiss", "AuthorizationPolicy/viewer", seconds=700)
        served(sim)
