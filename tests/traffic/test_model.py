"""The traffic model by itself: deterministic, and true to what Istio's proxies would count."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.traffic.behaviour import Behaviour
from tests.traffic.model import Load, TrafficModel
from tests.traffic.topology import Topology

LOAD = Load("shop", "reviews", per_second=100)


def pod(name: str, *, ready: bool = True, app: str = "reviews", **annotations: str) -> dict[str, Any]:
    given = {f"test/{key.replace('_', '-')}": value for key, value in annotations.items()}
    return {
        "metadata": {
            "uid": f"uid-{name}",
            "namespace": "shop",
            "name": name,
            "labels": {"app": app, "pod-template-hash": "abc12"},
            "annotations": given,
            "ownerReferences": [{"kind": "ReplicaSet", "name": f"{app}-abc12"}],
        },
        "spec": {"containers": [{"image": "example/reviews:v2"}]},
        "status": {"conditions": [{"type": "Ready", "status": str(ready)}]},
    }


def service(name: str, app: str) -> dict[str, Any]:
    return {"metadata": {"namespace": "shop", "name": name}, "spec": {"selector": {"app": app}}}


def virtual_service(*http: Mapping[str, Any]) -> dict[str, Any]:
    hosts = ["reviews.shop.svc.cluster.local"]
    return {"metadata": {"namespace": "shop", "name": "reviews"}, "spec": {"hosts": hosts, "http": list(http)}}


def route(**weights: int) -> dict[str, Any]:
    return {
        "route": [
            {"destination": {"host": f"reviews-{role}.shop.svc.cluster.local"}, "weight": weight}
            for role, weight in weights.items()
        ]
    }


SERVICES = [
    service("reviews", "reviews-primary"),
    service("reviews-primary", "reviews-primary"),
    service("reviews-canary", "reviews"),
]


def mesh(*pods: dict[str, Any], http: tuple[Mapping[str, Any], ...] = (), **images: Behaviour) -> Topology:
    by_image = {f"example/reviews:{tag}": behaviour for tag, behaviour in images.items()}
    rules = [virtual_service(*http)] if http else []
    return Topology.of(virtual_services=rules, services=SERVICES, pods=pods, by_image=by_image)


def reached(traffic: TrafficModel, workload: str, **labels: str) -> int:
    return traffic.requests(reporter="destination", destination_workload=workload, **labels)


PRIMARY = pod("primary-1", app="reviews-primary")


def test_requests_are_split_by_weight_exactly_in_every_second() -> None:
    traffic = TrafficModel([LOAD])
    topology = mesh(PRIMARY, pod("canary-1"), http=(route(primary=95, canary=5),))

    for second in range(1, 4):
        traffic.advance(topology, seconds=1.0)
        assert reached(traffic, "reviews") == 5 * second
        assert reached(traffic, "reviews-primary") == 95 * second


def test_time_may_pass_in_any_pieces() -> None:
    topology = mesh(PRIMARY, pod("canary-1", errors="0.3"), http=(route(primary=50, canary=50),))
    whole, pieces = TrafficModel([LOAD]), TrafficModel([LOAD])

    whole.advance(topology, seconds=7.0)
    for _ in range(700):
        pieces.advance(topology, seconds=0.01)

    assert pieces.exposition() == whole.exposition()


def test_without_a_virtual_service_the_service_itself_is_asked() -> None:
    traffic = TrafficModel([LOAD])

    traffic.advance(mesh(PRIMARY, pod("canary-1")), seconds=1.0)

    assert (reached(traffic, "reviews-primary"), reached(traffic, "reviews")) == (100, 0)


def test_pods_of_a_service_take_turns_and_only_ready_ones() -> None:
    traffic = TrafficModel([LOAD])
    pods = [pod("a", app="reviews-primary"), pod("b", app="reviews-primary"), pod("c", ready=False)]

    traffic.advance(mesh(*pods), seconds=1.0)

    assert [reached(traffic, "reviews-primary", pod=name) for name in ("a", "b")] == [50, 50]


@pytest.mark.parametrize(
    ("pods", "http", "code", "flags"),
    [
        ([PRIMARY, pod("c", ready=False)], route(canary=100), "503", "UH"),
        ([PRIMARY], route(nowhere=100), "503", "NC"),
        ([PRIMARY], {**route(primary=100), "match": [{"headers": {"x": {"exact": "y"}}}]}, "404", "NR"),
    ],
    ids=["no ready pod", "no such service", "no rule"],
)
def test_requests_that_reach_no_pod_are_counted_by_the_caller_alone(
    pods: list[dict[str, Any]], http: dict[str, Any], code: str, flags: str
) -> None:
    traffic = TrafficModel([LOAD])

    traffic.advance(mesh(*pods, http=(http,)), seconds=1.0)

    assert traffic.requests(reporter="source", response_code=code, response_flags=flags) == 100
    assert traffic.requests(reporter="destination") == 0


def test_a_version_fails_and_dawdles_as_its_annotations_say_or_else_its_image() -> None:
    traffic = TrafficModel([LOAD])
    topology = mesh(
        PRIMARY,
        pod("annotated", errors="0.2", latency_ms="400"),
        http=(route(primary=50, canary=50),),
        v2=Behaviour(errors=0.5),
    )

    traffic.advance(topology, seconds=10.0)

    assert reached(traffic, "reviews", response_code="500") == 100  # 20 % of 500
    assert reached(traffic, "reviews-primary", response_code="500") == 250  # 50 % of 500


def test_headers_choose_the_route() -> None:
    insider = Load("shop", "reviews", per_second=10, headers={"x-user": "insider-7"})
    traffic = TrafficModel([LOAD, insider])
    match = {"match": [{"headers": {"x-user": {"regex": "insider-.*"}}}]}

    traffic.advance(mesh(PRIMARY, pod("c"), http=({**route(canary=100), **match}, route(primary=100))), seconds=1.0)

    assert (reached(traffic, "reviews"), reached(traffic, "reviews-primary")) == (10, 100)


def test_a_match_that_is_not_understood_is_refused_rather_than_ignored() -> None:
    with pytest.raises(ValueError, match="sourceLabels"):
        mesh(PRIMARY, http=({**route(primary=100), "match": [{"sourceLabels": {"a": "b"}}]},))


def test_the_numbers_of_a_pod_end_with_it() -> None:
    traffic = TrafficModel([LOAD])
    traffic.advance(mesh(PRIMARY), seconds=1.0)

    traffic.advance(mesh(pod("primary-2", app="reviews-primary")), seconds=0.5)

    assert reached(traffic, "reviews-primary") == 50
    assert traffic.requests(reporter="source", destination_workload="reviews-primary") == 150


def test_the_exposition_is_prometheus_text_with_histograms_that_add_up() -> None:
    traffic = TrafficModel([LOAD])
    traffic.advance(mesh(PRIMARY, v2=Behaviour(latency_ms=100.0, spread=0.3)), seconds=10.0)

    families = {family.name: family for family in text_string_to_metric_families(traffic.exposition())}

    assert set(families) == {"istio_requests", "istio_request_duration_milliseconds"}
    buckets = {
        sample.labels["le"]: sample.value
        for sample in families["istio_request_duration_milliseconds"].samples
        if sample.labels["reporter"] == "destination" and sample.name.endswith("_bucket")
    }
    assert buckets["+Inf"] == 1000
    assert buckets["100"] == pytest.approx(500, abs=5)  # the median
    assert list(buckets.values()) == sorted(buckets.values())


def test_behaviour_out_of_range_is_refused() -> None:
    with pytest.raises(ValueError, match=r"errors: 1\.5; allowed is a share from 0 to 1"):
        mesh(pod("bad", errors="1.5"))
    with pytest.raises(ValueError, match="latency_ms: 0"):
        Behaviour(latency_ms=0.0)


def test_label_values_are_escaped() -> None:
    traffic = TrafficModel([Load("shop", "reviews", 1, source='a"b\\c')])
    traffic.advance(mesh(PRIMARY), seconds=1.0)

    (family, _) = text_string_to_metric_families(traffic.exposition())
    assert {sample.labels["source_workload"] for sample in family.samples} == {'a"b\\c'}
    assert json.dumps('a"b\\c') in traffic.exposition()
