"""On a real Prometheus, what is asked together has the very answers of what is asked alone."""

import asyncio
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from metrics import application, queries, raw_queries
from metrics.analysis import Analyst
from metrics.batching import Answer, Batches, Builder
from metrics.providers import Provider, Providers, QueryError, Sample
from metrics.spec import DURATION, SUCCESS_RATE, MetricSpec, Subject, Window
from metrics.verdict import Verdict
from tests.metrics import (
    test_application,
    test_counting_on_prometheus,
    test_durations_on_prometheus,
    test_on_prometheus,
)
from tests.metrics.asker import MINUTE
from tests.metrics.conftest import NOON, Handler, Server, subject_in, window_of
from tests.metrics.scenes import Scenes

SCENES = Scenes.of(
    test_on_prometheus.SCENES, test_counting_on_prometheus.SCENES, test_durations_on_prometheus.SCENES,
    test_application.SCENES,
)  # fmt: skip
NAMESPACES = sorted(
    {
        each.labels.get("destination_workload_namespace") or each.labels.get("kubernetes_namespace") or "nowhere"
        for found in SCENES.series.values()
        for each in found
    }
)
PATIENCE = 30.0


def builders(subject: Subject) -> list[Builder]:
    return [
        partial(queries.by_answer, subject),
        partial(queries.duration_p99, subject),
        partial(queries.reached, subject, subject.target),
        partial(queries.reached, subject, subject.primary),
        partial(queries.sent, subject),
        partial(queries.canary_by_workload, subject),
        partial(queries.canary_by_service, subject),
        partial(queries.went_dark, subject),
        partial(queries.reachability, subject),
        partial(queries.count, subject),
        partial(application.count, replace(subject, target_pods="reviews-.+")),
        partial(raw_queries.returned, raw_queries.What.REQUESTS, subject),
        partial(raw_queries.looking, subject, scrape_seconds=15.0),
        partial(application.good, replace(subject, target_pods="reviews-.+")),
        partial(application.duration_p99, replace(subject, target_pods="reviews-.+")),
    ]


@pytest.fixture(scope="module")
def provider(prometheus: str) -> Iterator[Provider]:
    each = Providers()
    yield each.provider_for(prometheus)
    each.close()


async def alone(provider: Provider, subject: Subject, window: Window) -> list[Answer]:
    """As each was asked before there were batches."""
    texts = [each(window) for each in builders(subject)]
    answers = await provider.query(texts, at=window.at, timeout=PATIENCE)
    return [answers[text] for text in texts]


def comparable(answers: Sequence[Answer]) -> list[object]:
    """Prometheus adds series in any order, so the last bits of a sum differ from one time to the next."""
    assert not any(isinstance(answer, QueryError) for answer in answers), answers
    return [
        sorted(
            (sorted(sample.labels.items()), "NaN" if math.isnan(sample.value) else f"{sample.value:.12g}")
            for sample in answer
        )
        for answer in answers
        if not isinstance(answer, QueryError)
    ]


ends = st.integers(-900_000, 400_000)
windows = st.builds(
    lambda milliseconds, end, late: window_of(
        milliseconds / 1000, ending=NOON + timedelta(milliseconds=end), late=late / 1000
    ),
    st.integers(1, 900_000),
    ends,
    st.integers(0, 60_000),
)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(asked=st.lists(st.tuples(st.sampled_from(NAMESPACES), windows), min_size=1, max_size=12))
def test_a_batch_of_any_windows_has_the_answers_of_single_questions(
    prometheus: str, asked: list[tuple[str, Window]]
) -> None:
    """Windows of any length that end at any moment, each evaluated at its own, whoever else is asked about."""

    async def story() -> None:
        providers = Providers()
        provider, batches = providers.provider_for(prometheus), Batches(timeout=PATIENCE)
        for_each = [(subject_in(namespace), window) for namespace, window in asked]
        together = await asyncio.gather(
            *(batches.ask(provider, builders(subject), subject, window) for subject, window in for_each)
        )
        for (subject, window), answers in zip(for_each, together, strict=True):
            assert comparable(answers) == comparable(await alone(provider, subject, window)), (subject, window)
        providers.close()

    asyncio.run(story())


async def test_all_scenes_in_one_round(provider: Provider) -> None:
    """Given everything that this room is tested with, when all is asked at once, then nothing differs."""
    batches = Batches(timeout=PATIENCE)
    subjects = [subject_in(namespace) for namespace in NAMESPACES]
    window = MINUTE
    together = await asyncio.gather(*(batches.ask(provider, builders(each), each, window) for each in subjects))
    for subject, answers in zip(subjects, together, strict=True):
        assert comparable(answers) == comparable(await alone(provider, subject, window)), subject.namespace


async def test_verdicts_are_the_same_too(prometheus: str) -> None:
    """The windows of 50 Canaries end apart, as their steps began apart."""
    providers = Providers()
    specs = [MetricSpec(name=SUCCESS_RATE, minimum=99), MetricSpec(name=DURATION, maximum=100)]
    each_window = [
        (subject_in(namespace), window_of(60, ending=NOON - timedelta(milliseconds=317 * number), late=15))
        for number, namespace in enumerate(NAMESPACES)
    ]

    async def verdicts(analyst: Analyst, subject: Subject, window: Window) -> list[Verdict]:
        judged = [analyst.metric(spec, subject, window, server=prometheus) for spec in specs]
        counted = [question(subject, window, server=prometheus) for question in (analyst.traffic, analyst.drained)]
        return list(await asyncio.gather(*judged, *counted))

    together = Analyst(providers.provider_for, timeout=PATIENCE)
    found = await asyncio.gather(*(verdicts(together, *each) for each in each_window))
    for each, answers in zip(each_window, found, strict=True):
        one = Analyst(providers.provider_for, timeout=PATIENCE, most=1)
        assert answers == await verdicts(one, *each)
    providers.close()


async def test_a_long_question_is_sent_in_a_form(server: Server) -> None:
    """A URL of tens of thousands of characters is refused by whatever stands in front of a server."""
    providers, batches = Providers(), Batches(timeout=PATIENCE)
    provider = providers.provider_for(server.address)
    server.script = lambda handler: handler.result("vector", [])
    subjects = [subject_in(f"shop-{number}") for number in range(20)]
    window = MINUTE
    answers = await asyncio.gather(*(batches.ask(provider, builders(each), each, window) for each in subjects))
    assert [each for of_one in answers for each in of_one] == [()] * 20 * len(builders(subjects[0]))
    long = [len(asked["query"][0]) > 2048 for asked in server.asked]
    assert ["POST" if each else "GET" for each in long] == server.methods
    assert any(long)
    (time,) = {asked["time"][0] for asked in server.asked}
    assert time == f"{NOON.timestamp():.3f}"
    assert len(await provider.query(["up"], at=NOON, timeout=PATIENCE)) == 1
    assert server.methods[-1] == "GET"
    providers.close()


@pytest.mark.parametrize("status", [405, 411, 413, 414, 501])
async def test_where_forms_are_not_taken_questions_are_asked_alone(server: Server, status: int) -> None:
    providers, batches = Providers(), Batches(timeout=PATIENCE)

    def only_urls(handler: Handler) -> None:
        if handler.command == "GET":
            handler.result("vector", [{"metric": {}, "value": [1, "7"]}])
        else:
            handler.answer("no", status=status, kind="text/html")

    server.script = only_urls
    subjects = [subject_in(f"shop-{number}") for number in range(3)]
    provider, window = providers.provider_for(server.address), MINUTE
    answers = await asyncio.gather(
        *(batches.ask(provider, [partial(queries.sent, each)], each, window) for each in subjects)
    )
    assert answers == [[(Sample(7),)]] * 3
    providers.close()
