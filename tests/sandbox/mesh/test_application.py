"""Applications that count themselves: pods that ask to be scraped show what reached them, whoever sent it."""

import pytest

from delivery.cluster.objects import PODS, SERVICES
from delivery.sandbox.mesh import Load, Mesh
from delivery.sandbox.special_users import special_loads
from tests.sandbox.mesh.things import LOAD, pod, service

COUNT, BUCKET = "http_request_duration_seconds_count", "http_request_duration_seconds_bucket"


@pytest.fixture
def mesh():
    return Mesh(seed=1, lag=(0.0, 0.0), loads=[LOAD, Load("shop", "reviews", per_second=50, source="others")])


def put(mesh, body, *, scraped):
    body["metadata"]["annotations"] |= {"prometheus.io/scrape": "true"} if scraped else {}
    mesh.apply(PODS, "ADDED", body, at_once=True)


def shown(mesh, name):
    found = [sample for sample in mesh.samples() if sample.name == name]
    assert len({sample.labels for sample in found}) == len(found)  # Prometheus takes no series twice
    return found


def test_it_counts_by_status_what_all_callers_together_have_sent(mesh):
    mesh.apply(SERVICES, "ADDED", service("reviews"), at_once=True)
    put(mesh, pod("reviews-a", error_share="0.2"), scraped=True)
    mesh.advance(10.0)
    counted = {dict(sample.labels)["status"]: sample.value for sample in shown(mesh, COUNT)}
    assert counted == {"200": pytest.approx(1200, abs=1), "500": pytest.approx(300, abs=1)}
    assert {dict(sample.labels)["kubernetes_pod_name"] for sample in shown(mesh, COUNT)} == {"reviews-a"}
    assert {dict(sample.labels)["kubernetes_namespace"] for sample in shown(mesh, COUNT)} == {"shop"}


def test_durations_are_in_seconds_and_cumulative(mesh):
    mesh.apply(SERVICES, "ADDED", service("reviews"), at_once=True)
    put(mesh, pod("reviews-a", latency_ms="80", latency_spread="0"), scraped=True)
    mesh.advance(10.0)
    below = {dict(sample.labels)["le"]: sample.value for sample in shown(mesh, BUCKET)}
    assert (below["0.05"], below["0.1"], below["+Inf"]) == (0, 1500, 1500)
    assert list(below.values()) == sorted(below.values())


def test_pods_that_do_not_ask_show_nothing(mesh):
    mesh.apply(SERVICES, "ADDED", service("reviews"), at_once=True)
    put(mesh, pod("reviews-a"), scraped=False)
    mesh.advance(10.0)
    assert shown(mesh, COUNT) == []
    assert "http_request" not in mesh.exposition()


def test_the_text_says_the_same(mesh):
    mesh.apply(SERVICES, "ADDED", service("reviews"), at_once=True)
    put(mesh, pod("reviews-a"), scraped=True)
    mesh.advance(10.0)
    line = f'{COUNT}{{kubernetes_namespace="shop",kubernetes_pod_name="reviews-a",status="200"}} 1500'
    assert line in mesh.exposition().splitlines()


@pytest.mark.parametrize(
    ("spec", "calls"),
    [
        ({"provider": "kubernetes", "analysis": {}}, ["reviews-canary"]),
        ({"analysis": {"iterations": 3}}, ["reviews-canary"]),
        ({"analysis": {"iterations": 3}, "naming": {"canary": "next"}}, ["next"]),
        ({"analysis": {"iterations": 3, "mirror": True}}, []),
        ({"analysis": {"stepWeight": 3}}, []),
    ],
)
def test_a_version_that_is_checked_beside_the_users_has_somebody_who_calls_it(spec, calls):
    assert [each.service for each in special_loads({"spec": spec}, LOAD)] == calls
