"""Versions told apart by counters that somebody's application keeps, on a real Prometheus.

Scrapes come every 15 s; the window is the minute before noon, asked one scrape later.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from metrics.analysis import Analyst
from metrics.counters import Counters
from metrics.judges.settings import CompareWithPrimary
from metrics.matchers import Matchers
from metrics.providers import Providers
from metrics.providers.prometheus import PrometheusProvider
from metrics.source import DATADOG, Source
from metrics.spec import Counted, MetricSpec, Subject
from metrics.verdict import Outcome, Verdict
from tests.metrics.conftest import NOON, subject_in, window_of
from tests.metrics.scenes import SCRAPE, Samples, Scenes, Series, growing

SCENES = Scenes.looked_at(until=30)
scene = SCENES.scene
WHERE = 'namespace="{{ namespace }}", app="{{ workload }}"'
ORDERS = Counters(
    requests=f"orders_total{{{WHERE}}}",
    failures=f'orders_failed_total{{{WHERE}, reason!="{{{{ variables.expected }}}}"}}',
    noun="orders",
)
SETTLED = Counters(requests=f"orders_total{{{WHERE}}}", successes=f"orders_done_total{{{WHERE}}}")
SECONDS = Counters(buckets=f"order_seconds_bucket{{{WHERE}}}", noun="orders")
MINUTE = window_of(60, ending=NOON, late=SCRAPE)


def metric(counters: Counters = ORDERS, **fields: Any) -> MetricSpec:
    given = {"template": "shop/orders", "variables": {"expected": "declined"}, "counters": counters, **fields}
    return MetricSpec(name="orders", **given)


def later(by: float) -> Samples:
    return growing(100 * by, by=by, until=30)


def counter(name: str, samples: Samples, workload: str = "reviews", pod: str = "1", **labels: str) -> Series:
    common = {"namespace": "NAMESPACE", "app": workload, "pod": f"{workload}-{pod}"}
    return Series(name, {**common, **labels}, samples)


def histogram(workload: str, *by: float) -> list[Series]:
    """Orders within 0.1 s, 0.5 s and all, each scrape."""
    edges = ("0.1", "0.5", "+Inf")
    return [
        counter("order_seconds_bucket", later(each), workload, le=edge, instance=workload)
        for edge, each in zip(edges, by, strict=True)
    ]


class Asked:
    """The analyst, with this test's namespace and the real Prometheus filled in."""

    def __init__(self, namespace: str, server: str, providers: Providers) -> None:
        self.subject, self.server = subject_in(namespace), server
        self.analyst = Analyst(providers.provider_for, source_for=providers.source_for, timeout=30)

    async def compared(
        self, spec: MetricSpec, *, number: int = 1, memory: str = "", back: float = 0, subject: Subject | None = None,
        server: str | None = None,
    ) -> Verdict:  # fmt: skip
        window = window_of(60, ending=NOON - timedelta(seconds=back), late=SCRAPE)
        spec = replace(spec, compare=CompareWithPrimary())
        return await self.analyst.compared(
            spec, subject or self.subject, window, number=number, memory=memory, server=server or self.server
        )

    async def limits(self, spec: MetricSpec, subject: Subject | None = None) -> Verdict:
        return await self.analyst.metric(spec, subject or self.subject, MINUTE, server=self.server)


@pytest.fixture
async def ask(request: pytest.FixtureRequest, prometheus: str) -> AsyncIterator[Asked]:
    providers = Providers()
    yield Asked(request.node.originalname, prometheus, providers)
    providers.close()


FAULTY = [
    counter("orders_total", later(200)),
    counter("orders_failed_total", later(10), reason="crash"),
    counter("orders_failed_total", later(50), reason="declined"),
    *(counter("orders_total", later(400), "reviews-primary", pod) for pod in "123"),
    *(counter("orders_failed_total", later(1), "reviews-primary", pod, reason="crash") for pod in "123"),
]


@scene(*FAULTY)
async def test_a_canary_with_more_failures_is_found_and_the_sentence_has_the_templates_word(ask: Asked) -> None:
    verdict = await ask.compared(metric())

    assert verdict.outcome is Outcome.FAIL
    assert verdict.proven
    assert verdict.message.startswith("40 of 800 orders failed (5 %) against 12 of 4,800 (0.25 %) on the primary; with")
    assert verdict.evidence is not None
    assert verdict.evidence.load == pytest.approx(0.5)


@scene(
    counter("orders_total", later(40000)),
    counter("orders_failed_total", later(80), reason="crash"),
    counter("orders_total", later(40000), "reviews-primary"),
    counter("orders_failed_total", later(80), "reviews-primary", reason="crash"),
)
async def test_a_canary_as_good_as_its_primary_passes_over_some_windows(ask: Asked) -> None:
    memory, outcomes = "", []
    for number in range(8):
        verdict = await ask.compared(metric(), number=number, memory=memory, back=60 * (7 - number))
        memory = verdict.memory
        outcomes.append(verdict.outcome)

    assert outcomes[-1] is Outcome.PASS, verdict.message
    assert Outcome.FAIL not in outcomes
    assert verdict.evidence is not None
    assert verdict.evidence.canary_requests == 8 * 160_000, "disjoint windows count each order once"


@scene(
    counter("orders_total", later(100)),
    counter("orders_done_total", later(80)),
    counter("orders_total", later(100), "reviews-primary"),
    counter("orders_done_total", later(100), "reviews-primary"),
)
async def test_successes_may_be_counted_instead_of_failures(ask: Asked) -> None:
    verdict = await ask.compared(metric(SETTLED))

    assert verdict.message.startswith("80 of 400 requests failed (20 %) against 0 of 400 (0 %) on the primary")


@scene(*histogram("reviews", 50, 60, 100), *histogram("reviews-primary", 90, 99, 100))
async def test_buckets_of_seconds_are_compared_at_their_edges_in_milliseconds(ask: Asked) -> None:
    verdict = await ask.compared(metric(SECONDS))

    assert verdict.outcome is Outcome.FAIL
    assert "160 of 400 orders took longer than 500 ms (40 %) against 4 of 400 (1 %) on the primary" in verdict.message


@scene(
    *FAULTY,
    counter("orders_failed_total", {0: 7}, pod="new", reason="crash"),
    counter("orders_total", {0: 9}, pod="new"),
)
async def test_the_first_failures_of_a_new_pod_count(ask: Asked) -> None:
    verdict = await ask.compared(metric())

    assert verdict.evidence is not None
    assert (verdict.evidence.canary_bad, verdict.evidence.canary_requests) == (47, 809)


@scene(
    *FAULTY,
    counter("orders_failed_total", {-1800: 5000, -15: 5000, 0: 5002}, pod="2", reason="crash"),
    counter("orders_total", {-1800: 9000, -15: 9000, 0: 9004}, pod="2"),
)
async def test_a_pod_that_could_not_be_scraped_for_long_is_not_new(ask: Asked) -> None:
    verdict = await ask.compared(metric())

    assert verdict.evidence is not None
    assert (verdict.evidence.canary_bad, verdict.evidence.canary_requests) == (42, 804)


@scene(
    counter("orders_total", later(10), shard="a"),
    counter("orders_total", later(50), "reviews-primary", shard="b"),
    counter("orders_total", later(50), "reviews-primary", pod="1", shard="c"),
)
async def test_the_label_of_a_pod_may_be_another(ask: Asked) -> None:
    """By the label `shard` the primary has two pods of 50, by the usual one it has one of 100."""
    usual, other = [(await ask.compared(metric(replace(ORDERS, pod_label=label)))).evidence for label in ("", "shard")]

    assert usual is not None
    assert other is not None
    assert (usual.load, other.load) == (pytest.approx(0.1), pytest.approx(0.2))


@scene(*(counter("orders_total", later(10), workload) for workload in ("reviews", "reviews-primary")))
async def test_a_selector_of_both_versions_is_told_and_not_judged(ask: Asked) -> None:
    wide = Counters(
        requests='orders_total{namespace="{{ namespace }}", pod=~"{{ workload }}-.+"}', failures=ORDERS.failures
    )
    verdict = await ask.compared(metric(wide))

    assert verdict.outcome is Outcome.ERROR
    assert "requests selects series of both versions" in verdict.message
    assert 'app="reviews-primary"' in verdict.message


@scene(*FAULTY)
@pytest.mark.parametrize(
    ("place", "queries"), [('app="{{ workload }}"', 2), ('pod=~"{{ pods }}"', 4), ('app=~"{{ workload }}"', 4)]
)
async def test_both_versions_are_fetched_together_where_a_label_tells_them_with_the_same_counts(
    ask: Asked, monkeypatch: pytest.MonkeyPatch, place: str, queries: int
) -> None:
    asked: list[str] = []
    raw = PrometheusProvider.raw

    async def counted(self: PrometheusProvider, queries: Sequence[str], **more: Any) -> Any:
        asked.extend(queries)
        return await raw(self, queries, **more)

    monkeypatch.setattr(PrometheusProvider, "raw", counted)
    where = f'namespace="{{{{ namespace }}}}", {place}'
    counters = Counters(requests=f"orders_total{{{where}}}", failures=f'orders_failed_total{{{where}, reason="crash"}}')
    pods = replace(ask.subject, target_pods="reviews-[0-9]", primary_pods="reviews-primary-[0-9]")
    verdict = await ask.compared(metric(counters), subject=pods)

    assert "40 of 800 requests failed (5 %) against 12 of 4,800 (0.25 %) on the primary" in verdict.message
    assert len(asked) == queries


@scene(*FAULTY)
async def test_counters_elsewhere_are_asked_there_without_the_matchers_of_here(ask: Asked) -> None:
    foreign: Matchers = (("cluster=", "ours"),)
    spec = metric(source=Source(address=ask.server))
    verdict = await ask.compared(spec, subject=replace(ask.subject, matchers=foreign), server="http://127.0.0.1:1")

    assert verdict.outcome is Outcome.FAIL
    assert "800 orders failed" in verdict.message


async def test_what_cannot_be_counted_is_an_error_with_a_way_out(ask: Asked) -> None:
    datadog = metric(
        source=Source(
            type=DATADOG, address=ask.server, credentials=(("datadog_api_key", "a"), ("datadog_application_key", "b"))
        )
    )
    meshless = replace(ask.subject, counted=Counted.BY_APPLICATION)

    for verdict, words in (
        (await ask.compared(datadog), "a service of type datadog does not tell counters"),
        (await ask.compared(metric(), subject=replace(ask.subject, by_service=True)), "{{ role_service }}"),
        (await ask.compared(replace(metric(), variables={})), "variable 'expected' has no value"),
        (await ask.compared(replace(metric(), counters=None, query="vector(1)")), "a MetricTemplate with counters"),
        (await ask.limits(MetricSpec(name="mine", query="vector(1)", min_samples=5)), "a MetricTemplate with counters"),
        (await ask.compared(metric(maximum=100), subject=meshless), "in a mesh only"),
    ):
        assert verdict.outcome is Outcome.ERROR
        assert words in verdict.message


# -- limits and minSamples


@scene(*FAULTY)
async def test_without_a_query_limits_are_about_the_percentage_that_failed(ask: Asked) -> None:
    fails = await ask.limits(metric(maximum=1.0))
    passes = await ask.limits(metric(maximum=5.0))

    assert (fails.outcome, fails.value, passes.outcome) == (Outcome.FAIL, 5.0, Outcome.PASS)
    assert "orders 5 % is above the maximum of 1 %" in fails.message
    assert fails.evidence is not None
    assert fails.evidence.sentence == "40 of 800 orders failed (5 %) against 12 of 4,800 (0.25 %) on the primary"
    assert fails.evidence.changed_by == "with 32 failures fewer it would have gone on"


@scene(*FAULTY)
async def test_with_a_query_limits_are_about_its_value(ask: Asked) -> None:
    verdict = await ask.limits(metric(query="vector(7)", maximum=5.0, min_samples=800))

    assert (verdict.outcome, verdict.value) == (Outcome.FAIL, 7.0)


@scene(*histogram("reviews", 50, 100, 100), *histogram("reviews-primary", 100, 100, 100))
async def test_without_a_query_limits_of_buckets_are_about_the_99th_percentile(ask: Asked) -> None:
    verdict = await ask.limits(metric(SECONDS, maximum=400.0))

    assert verdict.value == pytest.approx(492.0)
    assert "orders 492 ms is above the maximum of 400 ms" in verdict.message


@scene(*FAULTY, *histogram("reviews", 50, 100, 100))
@pytest.mark.parametrize(("counters", "found"), [(ORDERS, 800), (SECONDS, 400)])
@pytest.mark.parametrize("query", ["", "vector(7)"])
async def test_fewer_than_asked_for_say_nothing(ask: Asked, counters: Counters, found: int, query: str) -> None:
    verdict = await ask.limits(metric(counters, query=query, maximum=0.0, min_samples=found + 1))

    assert verdict.undecided
    assert f"{found} orders to the canary in this window are too few to tell" in verdict.message
    assert (await ask.limits(metric(counters, query=query, maximum=0.0, min_samples=found))).outcome is Outcome.FAIL


@scene(
    counter("orders_total", later(50), "reviews-primary"), counter("orders_failed_total", later(50), "reviews-primary")
)
async def test_none_at_all_is_no_data_and_not_too_few(ask: Asked) -> None:
    for verdict in (await ask.limits(metric(maximum=1.0, min_samples=50)), await ask.compared(metric(maximum=1.0))):
        assert verdict.outcome is Outcome.INCONCLUSIVE
        assert not verdict.undecided
    assert "no orders reached the canary" in verdict.message


@scene(*FAULTY, *histogram("reviews", 50, 60, 100), *histogram("reviews-primary", 90, 99, 100))
async def test_a_template_that_becomes_one_of_durations_begins_the_comparison_anew(ask: Asked) -> None:
    first = await ask.compared(metric(), number=1, back=60)
    second = await ask.compared(metric(SECONDS), number=2, memory=first.memory)

    assert second.outcome is Outcome.FAIL
    assert "orders took longer than" in second.message
    assert "begun anew: what was remembered is of other counters" in second.message
