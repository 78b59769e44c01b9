"""Counts from raw samples: what was scraped, as it was, against a model that knows every single request."""

import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics import counting
from metrics.judges.counts import PodCounts
from metrics.providers.base import Point, Series
from metrics.spec import Window

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LONG_AGO = -math.inf


def window(start: float = 0.0, end: float = 60.0) -> Window:
    first, last = NOON + timedelta(seconds=start), NOON + timedelta(seconds=end)
    return Window(start=first, end=last, at=last)


def series(points: dict[float, float], **labels: str) -> Series:
    return Series(
        {"pod": "a", "response_code": "200"} | labels,
        tuple(Point(NOON.timestamp() + at, v) for at, v in points.items()),
    )


def counted(*canary: Series, since: float = LONG_AGO, start: float = 0.0, end: float = 60.0) -> list[tuple]:
    found = counting.failures(0, window(start, end), primary=(), canary=canary, looking_since=since)
    return [(pod.name, pod.requests, *pod.bad) for pod in found.canary.pods]


def test_a_window_begins_with_the_last_sample_before_it() -> None:
    assert counted(series({-20: 90, -5: 100, 10: 110, 55: 130, 65: 999})) == [("a", 30, 0)]


def test_a_new_pods_first_error_counts() -> None:
    assert counted(series({40: 1}, response_code="503")) == [("a", 1, 1)]


def test_what_was_there_before_prometheus_looked_does_not_count() -> None:
    since = NOON.timestamp() + 45
    assert counted(series({40: 5000, 55: 5003}), since=since) == [("a", 3, 0)]
    assert counted(series({50: 7}), since=since) == [("a", 7, 0)]


def test_a_reset_counts_from_zero() -> None:
    assert counted(series({-5: 100, 10: 110, 25: 4, 40: 9, 55: 2})) == [("a", 21, 0)]


def test_what_a_gap_hid_comes_where_it_is_seen() -> None:
    gap = series({-5: 100, 70: 180})
    assert counted(gap) == []
    assert counted(gap, start=60, end=120) == [("a", 80, 0)]


def test_a_sample_that_is_no_number_is_passed_over() -> None:
    assert counted(series({-5: 100, 10: math.nan, 25: 107})) == [("a", 7, 0)]


def test_a_pod_is_one_under_several_label_sets() -> None:
    found = counted(
        series({-5: 0, 50: 80}, source_app="x"),
        series({-5: 0, 50: 20}, source_app="y"),
        series({-5: 0, 50: 5}, response_code="500"),
        series({-5: 0, 50: 9}, pod="b"),
    )
    assert found == [("a", 105, 5), ("b", 9, 0)]


@pytest.mark.parametrize(
    ("labels", "requests", "failed"),
    [
        ({"response_code": "500"}, 7, 7),
        ({"response_code": "404"}, 7, 0),
        ({"response_code": "0"}, 0, 0),
        ({"response_code": "200", "grpc_response_status": "14"}, 7, 7),
        ({"response_code": "200", "grpc_response_status": "5"}, 7, 0),
    ],
)
def test_what_is_a_failure(labels: dict[str, str], requests: float, failed: float) -> None:
    found = counting.failures(0, window(), primary=(series({-5: 0, 50: 7}, **labels),), canary=(), looking_since=0)
    assert (found.primary.requests, found.primary.bad) == (requests, (failed,))


def test_which_grpc_statuses_are_failures_can_be_said() -> None:
    given_series = (series({-5: 0, 50: 7}, grpc_response_status="5"),)
    found = counting.failures(
        0, window(), primary=given_series, canary=(), looking_since=0, grpc_failures=frozenset({"5"})
    )
    assert found.primary.bad == (7,)


def test_pods_without_names_are_not_told_apart() -> None:
    found = counting.failures(0, window(), primary=(series({-5: 0, 50: 7}, pod=""),), canary=(), looking_since=0)
    assert (found.primary.requests, found.primary.pods) == (7, ())


def test_prometheus_looks_since_its_first_scrape_and_one_interval() -> None:
    every = [series({-30: 1}), series({-45: 1, 0: 2})]
    assert counting.looking_since(every, scrape_seconds=15) == NOON.timestamp() - 30
    assert counting.looking_since([], scrape_seconds=15) == math.inf


def buckets(points: dict[str, float], **labels: str) -> tuple[Series, ...]:
    return tuple(series({-5: 0, 50: value}, le=le, **labels) for le, value in points.items())


def test_only_edges_that_both_roles_have_count() -> None:
    found = counting.slow(
        3,
        window(),
        primary=buckets({"5": 10, "10": 40, "100.0": 90, "+Inf": 100}),
        canary=buckets({"10": 5, "50": 7, "100": 8, "+Inf": 10}, pod="b"),
        looking_since=0,
    )
    assert (found.number, found.edges) == (3, (10, 100))
    assert found.primary.pods == (PodCounts("a", 100, (60, 10)),)
    assert found.canary.pods == (PodCounts("b", 10, (5, 2)),)


def test_an_edge_that_one_pod_lacks_does_not_count() -> None:
    found = counting.slow(
        0,
        window(),
        primary=buckets({"10": 40, "100": 90, "+Inf": 100}) + buckets({"10": 40, "+Inf": 100}, pod="b"),
        canary=buckets({"10": 5, "100": 8, "+Inf": 10}, pod="c"),
        looking_since=0,
    )
    assert found.edges == (10,)
    assert (found.primary.requests, found.primary.bad) == (200, (120,))


@pytest.mark.parametrize("code", ["0", "101"])
def test_hang_ups_and_upgraded_connections_have_no_duration(code: str) -> None:
    usual = buckets({"10": 5, "+Inf": 10})
    found = counting.slow(
        0, window(), primary=usual + buckets({"10": 0, "+Inf": 99}, response_code=code), canary=usual, looking_since=0
    )
    assert found.primary.requests == 10


def test_roles_without_a_common_edge_cannot_be_compared() -> None:
    with pytest.raises(ValueError, match="no bucket edge in common"):
        counting.slow(
            0, window(), primary=buckets({"10": 5, "+Inf": 10}), canary=buckets({"11": 5, "+Inf": 10}), looking_since=0
        )


@pytest.mark.parametrize("role", ["primary", "canary"])
def test_a_role_without_requests_is_no_mistake(role: str) -> None:
    roles = {"primary": (), "canary": (), role: buckets({"10": 5, "+Inf": 10})}
    found = counting.slow(0, window(), looking_since=0, **roles)
    assert found.primary.requests + found.canary.requests == 10


SCRAPE, LENGTH, WINDOWS = 15, 30, 6

lives = st.lists(  # of one container: born, for how many seconds, requests at each second
    st.tuples(st.integers(1, 40), st.integers(5, 90), st.integers(0, 5)), min_size=1, max_size=4
)


@given(st.dictionaries(st.sampled_from("abc"), lives), st.sets(st.integers(0, 14)))
def test_disjoint_windows_add_up_to_what_was_scraped(pods: dict, missing: set[int]) -> None:
    """Against every single request: scrapes are missing, pods come and go, containers start again."""
    scrapes = [n * SCRAPE for n in range(WINDOWS * LENGTH // SCRAPE + 1) if n == 0 or n not in missing]
    expected, every = 0, []
    for name, lived in pods.items():
        points, born = {}, 1
        for pause, seconds, rate in lived:
            born += pause
            seen = [at for at in scrapes if born <= at < born + seconds]
            points |= {at: 1 + (at - born) * rate for at in seen}
            born += seconds
        expected += _over_resets(points)
        if points:
            every.append(series(points, pod=name))
    found = [
        counting.failures(
            n, window(n * LENGTH, (n + 1) * LENGTH), primary=(), canary=tuple(every), looking_since=LONG_AGO
        )
        for n in range(WINDOWS)
    ]
    assert sum(each.canary.requests for each in found) == expected
    assert all(each.canary.requests == sum(pod.requests for pod in each.canary.pods) for each in found)


def _over_resets(points: dict[int, int]) -> int:
    """A counter's whole growth by definition: its last value in each life."""
    values = [0, *points.values()]
    ends = [value for value, following in zip(values, [*values[1:], -1], strict=True) if following < value]
    return sum(ends)
