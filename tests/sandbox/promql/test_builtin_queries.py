"""The controller's own queries, and those of the examples, give the same on the embedded Prometheus and a real one.

The traffic is that of the scenes that metrics/ itself is tested with.
"""

import math
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from delivery.sandbox.promql.labels import labels_of
from delivery.sandbox.promql.storage import Storage
from metrics import application, queries, raw_queries
from metrics.batching import joined
from metrics.spec import Subject, Window
from metrics.templates import render
from tests.metrics import test_counting_on_prometheus, test_durations_on_prometheus, test_on_prometheus
from tests.metrics.asker import MINUTE
from tests.metrics.conftest import subject_in, window_of
from tests.metrics.scenes import Scenes
from tests.sandbox.promql.conftest import Embedded, Real, Recording, assert_same
from tests.sandbox.promql.recordings import NOON
from tests.sandbox.promql.remote_write import Sample

EXAMPLES = Path(__file__).parents[3] / "examples"
SCENES = Scenes.of(test_on_prometheus.SCENES, test_counting_on_prometheus.SCENES, test_durations_on_prometheus.SCENES)
NAMESPACES = sorted(
    {
        series.labels["destination_workload_namespace"]
        for each in SCENES.series.values()
        for series in each
        if "destination_workload_namespace" in series.labels
    }
    - {"unknown"}
)


def builtin(subject: Subject, window: Window) -> list[str]:
    return [
        queries.by_answer(subject, window),
        queries.duration_p99(subject, window),
        queries.reached(subject, subject.target, window),
        queries.reached(subject, subject.primary, window),
        queries.sent(subject, window),
        queries.canary_by_workload(subject, window),
        queries.canary_by_service(subject, window),
        queries.went_dark(subject, window),
        queries.reachability(subject, window),
        queries.count(subject, window),
        application.answered(subject, window),
        application.good(subject, window),
        application.duration_p99(subject, window),
        application.count(subject, window),
        raw_queries.looking(subject, window, scrape_seconds=15),
        *(raw_queries.scraped(what, subject, window) for what in raw_queries.What),
        *(raw_queries.returned(what, subject, window) for what in raw_queries.What),
        batched(subject, window),
    ]


def batched(subject: Subject, window: Window) -> str:
    """What is asked of the subject in a batch with another, whose window ended earlier."""
    earlier = window_of(window.seconds, ending=window.end - timedelta(milliseconds=1234))
    built = [
        (build, of)
        for build in (partial(queries.by_answer, subject), partial(queries.duration_p99, subject))
        for of in (earlier, window)
    ]
    return joined(built)[0]


def recorded() -> Recording:
    return {
        labels_of(series.name, {**series.labels, "number": str(number)}): [
            (NOON + round(second * 1000), float(value))
            for second, value in sorted(series.samples.items())
            if second > -7300
        ]
        for found in SCENES.series.values()
        for number, series in enumerate(found)
    }


@pytest.fixture(scope="module")
def both(real: Real) -> tuple[Embedded, Real]:
    embedded = Embedded(Storage())
    embedded.record(recorded())
    real.record(recorded())
    return embedded, real


@pytest.mark.parametrize("namespace", NAMESPACES)
def test_a_builtin_query_has_the_same_answer(both: tuple[Embedded, Real], namespace: str) -> None:
    embedded, real = both
    for query in builtin(subject_in(namespace), MINUTE):
        for later in (0, 1, 14_999, 15_000, 60_000, 240_000):
            assert_same(embedded.instant(query, NOON + later), real.instant(query, NOON + later), (query, later))


def test_the_queries_of_the_examples_are_understood(both: tuple[Embedded, Real]) -> None:
    embedded, real = both
    documents = [each for path in EXAMPLES.rglob("*.yaml") for each in yaml.safe_load_all(path.read_text())]
    metrics = [
        metric
        for each in documents
        for metric in each.get("spec", {}).get("analysis", {}).get("metrics", [])
        if "query" in metric
    ]
    assert metrics
    for metric in metrics:
        query = render(metric["query"], subject_in("bookinfo"), MINUTE)
        ours = embedded.instant(query, NOON)
        assert ours["status"] == "success"
        assert_same(ours, real.instant(query, NOON), query)


COUNTER = st.lists(
    st.tuples(
        st.integers(min_value=1, max_value=40_000), st.one_of(st.none(), st.integers(0, 10**7), st.just(math.nan))
    ),
    min_size=1,
    max_size=30,
)
ASKED = (
    "rate({}[1m])",
    "increase({}[2m])",
    "irate({}[1m])",
    "delta({}[1m])",
    "resets({}[5m])",
    "avg_over_time({}[3m])",
    "last_over_time({}[2m] offset 30s)",
    "sum({})",
    "max_over_time(rate({}[1m])[3m:20s])",
)


class Numbered:
    """Gives each example series of its own."""

    last = 0


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(counters=st.lists(COUNTER, min_size=1, max_size=3), at=st.integers(-600_000, 300_000))
def test_whatever_counters_do(
    both: tuple[Embedded, Real], counters: list[list[tuple[int, float | None]]], at: int
) -> None:
    """Given any samples at any distances, resets, NaN and ends among them, when rates are asked for, both agree."""
    embedded, real = both
    Numbered.last += 1
    recording: dict[tuple[tuple[str, str], ...], list[Sample]] = {}
    for index, steps in enumerate(counters):
        now, samples = NOON - 900_000, []
        for distance, value in steps:
            now += distance
            samples.append((now, value if value is None else float(value)))
        recording[labels_of("random", {"example": str(Numbered.last), "index": str(index)})] = samples
    embedded.record(recording)
    real.record(recording)
    for query in ASKED:
        asked = query.format(f'random{{example="{Numbered.last}"}}')
        assert_same(embedded.instant(asked, NOON + at), real.instant(asked, NOON + at), (asked, at, recording))


def test_a_long_window_is_the_sum_of_its_parts(both: tuple[Embedded, Real]) -> None:
    """Given windows of other lengths, with parts of seconds, when they are rendered, both understand them alike."""
    embedded, real = both
    for seconds in (1.0, 7.5, 90.25, 3600.0):
        window = window_of(seconds, ending=MINUTE.end)
        for query in builtin(subject_in(NAMESPACES[0]), window):
            assert_same(embedded.instant(query, NOON), real.instant(query, NOON), query)
