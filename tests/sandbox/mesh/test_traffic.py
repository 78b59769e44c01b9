"""Requests follow the routes to pods, and Istio's metrics say so."""

import json

import pytest
from prometheus_client.parser import text_string_to_metric_families

from delivery.sandbox.mesh import Load, Mesh
from tests.sandbox.mesh.things import (
    CANARY,
    LOAD,
    PRIMARY,
    deleting,
    pod,
    reached,
    route,
    see,
    service,
    shop,
    to,
    virtual_service,
)


def test_requests_are_split_by_weight_in_every_second() -> None:
    mesh = shop(PRIMARY, CANARY, virtual_service(route(primary=95, canary=5)))

    for second in range(1, 4):
        mesh.advance(second)
        assert reached(mesh, "reviews") == 5 * second
        assert reached(mesh, "reviews-primary") == 95 * second
    assert mesh.lost() == 0


def test_time_may_pass_in_any_pieces() -> None:
    bodies = (PRIMARY, pod("canary-1", error_share="0.3"), virtual_service(route(primary=50, canary=50)))
    whole, pieces = shop(*bodies), shop(*bodies)

    whole.advance(7.0)
    for step in range(1, 701):
        pieces.advance(step / 100)
        assert pieces.lost() == 0

    assert [line.rsplit(".", 1)[0] for line in pieces.exposition().splitlines()] == [
        line.rsplit(".", 1)[0] for line in whole.exposition().splitlines()
    ]


def test_without_a_virtual_service_the_service_itself_is_asked() -> None:
    mesh = shop(PRIMARY, CANARY)
    mesh.advance(1)
    assert (reached(mesh, "reviews-primary"), reached(mesh, "reviews")) == (100, 0)


def test_pods_of_a_service_take_turns_and_only_ready_ones() -> None:
    pods = [
        pod("a", app="reviews-primary"),
        pod("b", app="reviews-primary"),
        pod("c", app="reviews-primary", ready=False),
    ]
    mesh = shop(*pods)
    mesh.advance(1)
    assert [reached(mesh, "reviews-primary", pod=name) for name in ("a", "b", "c")] == [50, 50, 0]


@pytest.mark.parametrize(
    ("rule", "code", "flag"),
    [
        (route(canary=100), "503", "UH"),
        (route(nowhere=100), "503", "NC"),
        (to("reviews", "v7"), "503", "NC"),
        ({**route(primary=100), "match": [{"headers": {"x": {"exact": "y"}}}]}, "404", "NR"),
    ],
    ids=["no ready pod", "no such service", "no such subset", "no rule"],
)
def test_requests_that_reach_no_pod_are_lost_and_known_to_the_caller_alone(
    rule: dict[str, object], code: str, flag: str
) -> None:
    mesh = shop(PRIMARY, pod("c", ready=False), virtual_service(rule))
    mesh.advance(1)

    assert mesh.requests(reporter="source", response_code=code, response_flags=flag) == 100
    assert mesh.requests(reporter="source", destination_workload="unknown") == 100
    assert mesh.requests(reporter="destination") == 0
    assert mesh.lost() == pytest.approx(100)
    assert mesh.by("flag", fate="lost") == {(flag,): pytest.approx(100)}


def test_a_port_that_the_service_has_not_is_no_route() -> None:
    mesh = shop(
        PRIMARY, loads=(Load("shop", "reviews", 10, port=1234), Load("shop", "reviews", 10, port=9080, source="b"))
    )
    mesh.advance(1)
    assert mesh.lost(flag="NR", source="productpage") == pytest.approx(10)
    assert mesh.lost(source="b") == 0


def test_errors_of_a_version_are_its_own_and_nobody_is_lost() -> None:
    canary = pod("canary-1", version="v2", error_share="0.2", latency_ms="400")
    mesh = shop(PRIMARY, canary, virtual_service(route(primary=50, canary=50)))
    mesh.advance(10)

    assert reached(mesh, "reviews", response_code="500") == 100
    assert mesh.bad(version="v2") == pytest.approx(100)
    assert mesh.bad(version="v1") == 0
    assert mesh.lost() == 0
    assert mesh.bad(since=9) == pytest.approx(10)


def test_the_numbers_of_a_pod_end_with_it() -> None:
    mesh = shop(PRIMARY, shutdown_seconds=0)
    mesh.advance(1)
    see(mesh, pod("primary-2", app="reviews-primary"), deleting(PRIMARY))
    mesh.advance(1.5)

    assert reached(mesh, "reviews-primary") == 50
    assert mesh.requests(reporter="source", destination_workload="reviews-primary") == 150


def test_copies_are_seen_by_pods_and_not_by_callers() -> None:
    mirrored = {**route(primary=100), "mirror": {"host": "reviews-canary"}, "mirrorPercentage": {"value": 20}}
    mesh = shop(PRIMARY, pod("c", error_share="1"), virtual_service(mirrored))
    mesh.advance(1)

    assert (reached(mesh, "reviews"), reached(mesh, "reviews-primary")) == (20, 100)
    assert mesh.requests(reporter="source") == 100
    assert mesh.bad() == 0


def test_grpc_failures_come_with_200_and_a_status() -> None:
    mesh = shop(
        pod("primary-1", app="reviews-primary", error_share="0.5", error_kind="grpc-internal"),
        loads=(Load("shop", "reviews", 100, protocol="grpc"), Load("shop", "reviews", 100, source="web")),
    )
    mesh.advance(1)

    assert reached(mesh, "reviews-primary", response_code="200", grpc_response_status="13") == 50
    assert reached(mesh, "reviews-primary", response_code="200", grpc_response_status="0") == 50
    assert reached(mesh, "reviews-primary", response_code="500", source_workload="web") == 50
    see(mesh, deleting(pod("primary-1", app="reviews-primary")))
    mesh.advance(2)
    assert mesh.requests(reporter="source", response_flags="UH", grpc_response_status="14", response_code="200") == 100


def test_connections_are_counted_as_such() -> None:
    sni = [{"match": [{"port": 9080, "sniHosts": ["*.shop.test"]}], "route": to("reviews-canary")["route"]}]
    tcp = [{"match": [{"port": 9080}], **route(primary=75, canary=25)}]
    loads = (
        Load("shop", "reviews", 100, protocol="tcp"),
        Load("shop", "reviews", 10, protocol="tls", sni="a.shop.test", source="b"),
    )
    mesh = shop(PRIMARY, CANARY, virtual_service(tls=sni, tcp=tcp), loads=loads)
    mesh.advance(1)

    assert reached(mesh, "reviews", source_workload="productpage") == 25
    assert reached(mesh, "reviews", source_workload="b") == 10
    assert set(map(str.strip, mesh.exposition().split("# TYPE"))) >= {""}
    assert "istio_requests_total" not in mesh.exposition()
    assert "istio_tcp_connections_opened_total" in mesh.exposition()


def test_the_exposition_is_prometheus_text_with_histograms_that_add_up() -> None:
    mesh = shop(pod("primary-1", app="reviews-primary", latency_ms="100", latency_spread="0.3"))
    mesh.advance(10)

    families = {family.name: family for family in text_string_to_metric_families(mesh.exposition())}

    assert set(families) == {"istio_requests", "istio_request_duration_milliseconds"}
    buckets = {
        sample.labels["le"]: sample.value
        for sample in families["istio_request_duration_milliseconds"].samples
        if sample.labels["reporter"] == "destination" and sample.name.endswith("_bucket")
    }
    assert buckets["+Inf"] == 1000
    assert buckets["100"] == pytest.approx(500, abs=1)
    assert list(buckets.values()) == sorted(buckets.values())


def test_samples_are_the_exposition_without_text() -> None:
    mesh = shop(PRIMARY, CANARY, virtual_service(route(primary=60, canary=40)))
    mesh.advance(3)

    told = {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(mesh.exposition())
        for sample in family.samples
    }

    assert {(each.name, each.labels): each.value for each in mesh.samples()} == told
    assert mesh.samples()[0].labels is mesh.samples()[0].labels


def test_label_values_are_escaped() -> None:
    mesh = shop(PRIMARY, loads=(Load("shop", "reviews", 1, source='a"b\\c'),))
    mesh.advance(1)
    (family, _) = text_string_to_metric_families(mesh.exposition())
    assert {sample.labels["source_workload"] for sample in family.samples} == {'a"b\\c'}
    assert json.dumps('a"b\\c') in mesh.exposition()


def test_standard_labels_are_all_there() -> None:
    mesh = shop(PRIMARY)
    mesh.advance(1)
    (series,) = [dict(each.labels) for each in mesh.samples() if each.name == "istio_requests_total"][1:]
    assert series | {"connection_security_policy": "mutual_tls"} == series
    assert series["destination_service"] == "reviews.shop.svc.cluster.local"
    assert series["source_principal"] == "spiffe://cluster.local/ns/shop/sa/productpage"
    assert series["destination_canonical_revision"] == "v1"


def test_the_gateway_follows_its_own_routes() -> None:
    gateway = {"gateways": ["istio-system/public"], "hosts": ["shop.example.com"]}
    users = Load("shop", "reviews", 100, gateway="istio-system/public", authority="shop.example.com")
    mesh = shop(PRIMARY, CANARY, virtual_service(to("reviews-canary"), **gateway), loads=(LOAD, users))
    mesh.advance(1)

    assert reached(mesh, "reviews", source_workload="istio-ingressgateway") == 100
    assert reached(mesh, "reviews-primary", source_workload="productpage") == 100


def test_callers_come_and_go() -> None:
    mesh = shop(PRIMARY)
    mesh.advance(1)
    mesh.stop(LOAD)
    mesh.advance(5)
    assert reached(mesh, "reviews-primary") == 100
    mesh.send(LOAD)
    mesh.advance(6)
    assert reached(mesh, "reviews-primary") == 200
    with pytest.raises(ValueError, match="is being sent already"):
        mesh.send(LOAD)
    with pytest.raises(ValueError, match="is not being sent"):
        mesh.stop(Load("shop", "nobody", 1))


def test_the_ledger_refuses_fields_that_it_has_not() -> None:
    with pytest.raises(ValueError, match="colour: allowed are fate, namespace"):
        shop(PRIMARY).lost(colour="red")


def test_a_service_that_comes_later_is_reached_as_soon_as_proxies_know() -> None:
    mesh = Mesh(loads=[Load("shop", "ratings", 10)], lag=(1.0, 1.0))
    mesh.advance(1)
    see(mesh, service("ratings"), pod("r", app="ratings"))
    mesh.advance(3)
    assert mesh.lost(flag="NR") == pytest.approx(20)
    assert mesh.lost(since=2.0) == 0
