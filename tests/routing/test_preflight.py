"""Refusals: each names its cause and the way out, and lets through what does no harm."""

from dataclasses import replace

import pytest

from delivery.cluster.objects import DEPLOYMENTS, SERVICES, VIRTUAL_SERVICES
from delivery.routing import preflight
from delivery.workloads.names import Names
from delivery.workloads.ownership import owner_labels
from delivery.workloads.service_spec import ServiceSpec


def route(*hosts, namespace="shop", name="theirs", **spec):
    return {"metadata": {"name": name, "namespace": namespace}, "spec": {"hosts": list(hosts), **spec}}


def rule(host, namespace="shop", name="theirs", **spec):
    return {"metadata": {"name": name, "namespace": namespace}, "spec": {"host": host, **spec}}


class TestNotOurs:
    def test_objects_of_this_canary_and_missing_ones_are_fine(self, names):
        ours = {"metadata": {"name": "reviews", "labels": owner_labels(names)}}
        assert preflight.not_ours(names, [(VIRTUAL_SERVICES, ours), (DEPLOYMENTS, None)]) is None

    def test_an_object_that_somebody_made_is_refused(self, names):
        theirs = {"metadata": {"name": "reviews-primary", "labels": {"app": "reviews"}}}
        problem = preflight.not_ours(names, [(VIRTUAL_SERVICES, None), (DEPLOYMENTS, theirs)])
        assert problem.reason == "NotOurs"
        assert problem.message.startswith("Deployment reviews-primary exists and was not made for this Canary; delete")

    def test_an_object_of_another_canary_is_refused_and_named(self, names):
        other = Names(namespace="shop", canary="books", target="reviews", apex="reviews")
        theirs = {"metadata": {"name": "reviews-canary", "labels": owner_labels(other)}}
        assert "belongs to Canary books" in preflight.not_ours(names, [(SERVICES, theirs)]).message


class TestHostConflict:
    @pytest.mark.parametrize(
        "found",
        [
            route("reviews"),
            route("reviews.shop"),
            route("reviews.shop.svc"),
            route("reviews.shop.svc.cluster.local"),
            route("*"),
            route("*.shop.svc.cluster.local", namespace="attic"),
            route("reviews.shop.svc.cluster.local", namespace="attic"),
            route("ratings", "reviews", gateways=["edge", "mesh"]),
            route("reviews", exportTo=["."]),
            route("reviews.shop.svc.cluster.local", namespace="attic", exportTo=["shop"]),
        ],
    )
    def test_another_route_on_the_mesh_host_is_refused(self, names, spec, found):
        problem = preflight.host_conflict(names, spec, [found])
        assert problem.reason == "HostConflict"
        assert f"{found['metadata']['namespace']}/theirs" in problem.message
        assert "Istio does not merge" in problem.message
        assert all(way in problem.message for way in ("spec.routeRefs", "VirtualService reviews", "delete it"))

    @pytest.mark.parametrize(
        "found",
        [
            route("ratings"),
            route("reviews", namespace="attic"),
            route("reviews.attic.svc.cluster.local"),
            route("*.example.org"),
            route("reviews.example.org"),
            route("reviews", gateways=["edge"]),
            route(),
            route("reviews.shop.svc.cluster.local", namespace="attic", exportTo=["."]),
            route("reviews.shop.svc.cluster.local", namespace="attic", exportTo=["cellar"]),
            route("reviews", name="reviews"),
        ],
    )
    def test_routes_on_other_hosts_gateways_or_out_of_sight_are_fine(self, names, spec, found):
        assert preflight.host_conflict(names, spec, [found]) is None

    def test_the_route_of_the_same_name_elsewhere_is_not_ours(self, names, spec):
        found = route("reviews.shop.svc.cluster.local", namespace="attic", name="reviews")
        assert preflight.host_conflict(names, spec, [found]).reason == "HostConflict"

    def test_a_further_host_of_the_canary_counts_too(self, names, spec):
        found = route("books.example.com")
        assert preflight.host_conflict(names, spec, [found]) is None
        wider = replace(spec, hosts=("books.example.com",))
        assert "routes host books.example.com" in preflight.host_conflict(names, wider, [found]).message

    @pytest.mark.parametrize("changes", [{"delegation": True}, {"gateways": ("edge",)}])
    def test_routes_that_no_sidecar_reads_are_in_nobody_s_way(self, names, spec, changes):
        assert preflight.host_conflict(names, replace(spec, **changes), [route("reviews")]) is None


class TestApexDestinationRule:
    @pytest.mark.parametrize("member", ["trafficPolicy", "subsets"])
    @pytest.mark.parametrize("host", ["reviews", "reviews.shop.svc.cluster.local"])
    def test_what_would_stop_applying_is_refused(self, names, host, member):
        problem = preflight.apex_destination_rule(names, [rule(host, **{member: [{"x": "y"}]})])
        assert problem.reason == "ApexDestinationRule"
        assert f"has {member}" in problem.message
        assert "spec.service.trafficPolicy" in problem.message

    @pytest.mark.parametrize(
        "found",
        [
            rule("reviews"),
            rule("reviews", trafficPolicy={}),
            rule("reviews", namespace="attic", trafficPolicy={"tls": {}}),
            rule("reviews-primary", trafficPolicy={"tls": {}}),
            rule("*.shop.svc.cluster.local", trafficPolicy={"tls": {}}),
            rule("reviews.shop.svc.cluster.local", namespace="attic", exportTo=["."], subsets=[{"name": "v1"}]),
        ],
    )
    def test_what_goes_on_applying_is_fine(self, names, found):
        assert preflight.apex_destination_rule(names, [found]) is None


class TestTheRest:
    def test_an_older_canary_on_the_same_target_wins(self, names):
        others = [("younger", "2026-01-03T00:00:00Z"), ("older", "2026-01-01T00:00:00Z")]
        problem = preflight.target_conflict(names, "2026-01-02T00:00:00Z", others)
        assert problem.reason == "TargetConflict"
        assert problem.message.startswith("Canary older already rolls out Deployment reviews;")

    def test_only_one_of_two_that_are_as_old_is_refused(self, names):
        when = "2026-01-01T00:00:00Z"
        assert preflight.target_conflict(names, when, [("books", when)]).reason == "TargetConflict"
        assert preflight.target_conflict(names, when, [("shelf", when), ("reviews", when)]) is None

    def test_a_port_that_is_not_in_the_service(self, names):
        apex = {"metadata": {"name": "reviews"}, "spec": {"ports": [{"port": 80}]}}
        assert preflight.port_problem(names, ServiceSpec(port=9080), apex).reason == "PortNotInService"

    def test_a_selector_that_no_copy_can_be_made_of(self):
        target = {"metadata": {"name": "reviews"}, "spec": {"selector": {"matchExpressions": []}}}
        assert preflight.selector_problem(target).reason == "SelectorUnsupported"

    @pytest.mark.parametrize(("length", "refused"), [(55, False), (56, True)])
    def test_a_name_that_leaves_no_room_for_the_suffix(self, length, refused):
        names = Names(namespace="shop", canary="c", target="t", apex="a" * length)
        problem = preflight.name_too_long(names)
        assert (problem is not None) is refused
        assert problem is None or problem.reason == "NameTooLong"
