"""Names and the service, read out of a Canary as it is applied."""

from dataclasses import replace
from typing import Any

from delivery.api.parse import parse_canary
from delivery.workloads.names import Names
from delivery.workloads.naming import in_use, naming_problem, noted
from delivery.workloads.service_spec import ServiceSpec


def canary(**service: Any) -> Any:
    return parse_canary(
        {
            "apiVersion": "progressive.delivery/v1beta1",
            "kind": "Canary",
            "metadata": {"name": "books", "namespace": "shop", "uid": "u-7"},
            "spec": {
                "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "reviews"},
                "service": {"port": 9080, **service},
                "analysis": {},
            },
        }
    )


def test_the_apex_is_called_like_the_target():
    names = Names.of(canary(), "cluster.example")
    assert (names.canary, names.namespace, names.uid) == ("books", "shop", "u-7")
    assert (names.target, names.primary) == ("reviews", "reviews-primary")
    assert (names.apex, names.primary_service, names.canary_service) == (
        "reviews",
        "reviews-primary",
        "reviews-canary",
    )
    assert names.host("reviews-canary") == "reviews-canary.shop.svc.cluster.example"


def test_a_service_of_another_name_names_the_services_but_not_the_deployment():
    names = Names.of(canary(name="ratings"))
    assert (names.apex, names.primary_service, names.primary) == ("ratings", "ratings-primary", "reviews-primary")


def test_a_service_without_more_than_a_port():
    spec = ServiceSpec.of(canary())
    assert (spec.port, spec.port_name, spec.target_port, spec.app_protocol) == (9080, "http", 9080, None)
    assert spec.traffic_policy is None
    assert (spec.apex.labels, spec.canary.annotations) == ({}, {})


def test_everything_that_a_service_can_say():
    policy = {"connectionPool": {"http": {"http1MaxPendingRequests": 5}}}
    spec = ServiceSpec.of(
        canary(
            portName="grpc",
            targetPort="main",
            appProtocol="grpc",
            trafficPolicy=policy,
            apex={"labels": {"a": "b"}},
            canary={"annotations": {"c": "d"}},
        )
    )
    assert (spec.port_name, spec.target_port, spec.app_protocol) == ("grpc", "main", "grpc")
    assert spec.traffic_policy == policy
    assert (spec.apex.labels, spec.canary.annotations) == ({"a": "b"}, {"c": "d"})


class TestNaming:
    """Other names than the usual ones, and that they stay what they were when the primary was made."""

    def given(self, **naming: str) -> Names:
        body = canary(name="ratings").model_dump(by_alias=True, exclude_unset=True, mode="json")
        return Names.of(parse_canary({**body, "spec": {**body["spec"], "naming": naming}}))

    def primary(self, names: Names, **metadata: Any) -> Any:
        labels = {"app.kubernetes.io/managed-by": "progressive-delivery", "progressive.delivery/canary": "books"}
        return {"metadata": {"name": names.primary, "labels": labels, "annotations": noted(names), **metadata}}

    def test_they_name_the_primary_and_both_services(self):
        names = self.given(primary="reviews-stable", canary="reviews-next")
        assert (names.primary, names.primary_service) == ("reviews-stable", "reviews-stable")
        assert (names.canary_service, names.apex, names.target) == ("reviews-next", "ratings", "reviews")

    def test_one_of_them_is_enough(self):
        assert self.given(primary="stable").canary_service == "ratings-canary"
        assert self.given(canary="next").primary == "reviews-primary"

    def test_a_primary_keeps_the_names_that_it_was_made_under(self):
        first = self.given(primary="stable", canary="next")
        for later in (self.given(primary="main", canary="next"), self.given(), Names.of(canary(name="ratings"))):
            assert in_use(later, [self.primary(first)]) == first
            problem = naming_problem(later, first)
            assert problem.reason == "NamingIsFixed"
            assert "stable is in use" in problem.message
        assert naming_problem(first, first) is None

    def test_a_primary_of_the_usual_name_keeps_it_too(self):
        usual = self.given()
        assert noted(usual) == {}
        assert in_use(self.given(primary="stable"), [self.primary(usual)]) == usual

    def test_without_a_primary_the_names_are_those_given(self):
        names = self.given(primary="stable")
        assert in_use(names, []) == names

    def test_the_primary_of_another_target_or_apex_says_nothing(self):
        other = replace(self.given(primary="stable"), target="details")
        names = self.given(primary="main")
        assert in_use(names, [self.primary(other)]) == names
        assert in_use(names, [self.primary(replace(names, apex="x", primary_name="stable"))]) == names

    def test_a_note_that_nobody_can_read_and_a_copy_under_another_name_say_nothing(self):
        first, names = self.given(primary="stable"), self.given(primary="main")
        for note in ("", "[]", "{}", "5", "{"):
            annotated = {"annotations": {"progressive.delivery/names": note}}
            assert in_use(names, [self.primary(first, **annotated)]) == names
        assert in_use(names, [self.primary(first, name="copied")]) == names

    def test_somebody_elses_workload_says_nothing(self):
        names = self.given(primary="main")
        assert in_use(names, [self.primary(self.given(primary="stable"), labels={})]) == names

    def test_of_two_primaries_the_older_counts(self):
        first, second = self.given(primary="stable"), self.given(primary="main")
        older = self.primary(first, creationTimestamp="2026-01-01T00:00:00Z")
        newer = self.primary(second, creationTimestamp="2026-01-02T00:00:00Z")
        assert in_use(second, [newer, older]) == first
