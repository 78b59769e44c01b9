"""The benchmarks count what they say they count; what they found stands in docs/performance.md."""

import pytest

from benchmarks.api_cost import judged, weight_steps
from benchmarks.counting_proxy import Asked, place
from benchmarks.tick_cost import measure_one


def asked(verb: str, kind: str, status: dict | None = None) -> Asked:
    body = [{"op": "test", "path": "/metadata/resourceVersion", "value": "1"}]
    body += [{"op": "add", "path": "/status", "value": status}] if status is not None else []
    return Asked(at=0.0, verb=verb, kind=kind, namespace="shop", name="reviews", code=200, body=body)


def recorded(phase: str, weight: int) -> Asked:
    return asked("patch", "canaries/status", {"phase": phase, "canaryWeight": weight})


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/api/v1/pods", ("", "pods", "")),
        ("/api/v1/namespaces/shop/services/reviews", ("shop", "services", "reviews")),
        ("/api/v1/namespaces/shop", ("", "namespaces", "shop")),
        (
            "/apis/progressive.delivery/v1beta1/namespaces/shop/canaries/reviews/status",
            ("shop", "canaries/status", "reviews"),
        ),
        ("/apis", ("", "", "")),
    ],
)
def test_a_request_is_told_by_its_path(path, found):
    assert place(path) == found


def test_a_weight_step_lasts_from_its_status_to_the_next_weight_or_phase():
    route, event, read = (asked("patch", "virtualservices"), asked("create", "events"), asked("get", "pods"))
    run = [event, recorded("Progressing", 0), recorded("Progressing", 10), route, event]
    run += [recorded("Progressing", 50), route, read, recorded("Promoting", 50), asked("patch", "deployments")]

    assert [(weight, len(part)) for weight, part in weight_steps(run)] == [(10, 3), (50, 3)]


@pytest.mark.parametrize(
    ("rest", "steps", "broken"),
    [
        ({}, [{"weight": 10, "reads": 0, "writes": 3, "requests": {}}], 0),
        ({"get pods": 1}, [{"weight": 10, "reads": 0, "writes": 3, "requests": {}}], 1),
        ({}, [{"weight": 10, "reads": 1, "writes": 2, "requests": {}}], 1),
        ({}, [{"weight": 10, "reads": 0, "writes": 4, "requests": {}}], 1),
        ({}, [], 1),
    ],
)
def test_a_broken_promise_is_named(rest, steps, broken):
    assert len(judged({"rest": {"other": rest}, "steps": steps})["broken"]) == broken


def test_a_look_at_canaries_at_rest_asks_for_nothing():
    found = measure_one(2, 3)

    assert found["requests"] == 0
    assert found["tick_microseconds"] > 0
