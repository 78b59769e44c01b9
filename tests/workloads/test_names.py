"""Names and the service, read out of a Canary as it is applied."""

from typing import Any

from delivery.api.parse import parse_canary
from delivery.workloads.names import Names
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
