"""The builtin questions where the application counts, put to a real Prometheus about traffic that is known."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from delivery.workloads.pod_names import pods_of
from metrics.analysis import Analyst
from metrics.application import DURATION_BUCKETS, REQUESTS
from metrics.providers import Providers
from metrics.spec import DURATION, SUCCESS_RATE, Counted, MetricSpec, Subject
from metrics.verdict import Outcome, Verdict
from tests.metrics.asker import MINUTE
from tests.metrics.conftest import subject_in
from tests.metrics.scenes import Samples, Scenes, Series, flat, growing

SCENES = Scenes.looked_at()
scene = SCENES.scene
POD = "reviews-6f7d9bc48c-x2kzp"


def requests(samples: Samples, pod: str = POD, *, status: str = "200", namespace: str = "NAMESPACE") -> Series:
    """Requests as an application has counted them."""
    labels = {"kubernetes_namespace": namespace, "kubernetes_pod_name": pod, "status": status, "path": "/reviews"}
    return Series(REQUESTS, labels, samples)


def durations(by: dict[str, float], pod: str = POD) -> tuple[Series, ...]:
    """Its histogram: how much each bucket (upper edge in seconds) grows with each scrape."""
    labels = {"kubernetes_namespace": "NAMESPACE", "kubernetes_pod_name": pod, "status": "200"}
    return tuple(Series(DURATION_BUCKETS, {**labels, "le": edge}, growing(900, by=each)) for edge, each in by.items())


class Asker:
    def __init__(self, namespace: str, server: str, providers: Providers) -> None:
        self.analyst, self.server = Analyst(providers.provider_for, timeout=30), server
        pods = pods_of("Deployment", "reviews")
        self.subject = replace(subject_in(namespace), counted=Counted.BY_APPLICATION, target_pods=pods)

    async def rate(self, subject: Subject | None = None) -> Verdict:
        spec = MetricSpec(name=SUCCESS_RATE, minimum=99)
        return await self.analyst.metric(spec, subject or self.subject, MINUTE, server=self.server)

    async def p99(self) -> Verdict:
        spec = MetricSpec(name=DURATION, maximum=500)
        return await self.analyst.metric(spec, self.subject, MINUTE, server=self.server)


@pytest.fixture
def ask(request: pytest.FixtureRequest, prometheus: str) -> Iterator[Asker]:
    providers = Providers()
    yield Asker(request.node.originalname, prometheus, providers)
    providers.close()


@scene(requests(growing(500, by=10)))
async def test_only_successes_are_100_percent(ask: Asker) -> None:
    verdict = await ask.rate()
    assert (verdict.outcome, verdict.value) == (Outcome.PASS, 100)


@scene(requests(growing(500, by=10), status="503"))
async def test_only_failures_are_0_percent_although_no_success_was_ever_counted(ask: Asker) -> None:
    assert (await ask.rate()).value == 0


@scene(requests(growing(1000, by=24)), requests({-30: 4, -15: 4, 0: 4}, status="500"))
async def test_the_first_errors_of_a_pod_count(ask: Asker) -> None:
    assert (await ask.rate()).value == 96


@scene(requests(growing(500, by=10)), requests(growing(500, by=10), status="404"))
async def test_what_callers_did_wrong_is_no_failure(ask: Asker) -> None:
    assert (await ask.rate()).value == 100


@scene(
    requests(growing(500, by=10)),
    requests(growing(500, by=99), "reviews-primary-6f7d9bc48c-x2kzp", status="500"),
    requests(growing(500, by=99), "reviews-primary-x2kzp", status="500"),
    requests(growing(500, by=99), "reviews-v2-6f7d9bc48c-x2kzp", status="500"),
    requests(growing(500, by=99), "my-reviews-6f7d9bc48c-x2kzp", status="500"),
    requests(growing(500, by=99), namespace="elsewhere", status="500"),
)
async def test_neighbours_and_the_primary_are_not_taken_for_the_canary(ask: Asker) -> None:
    assert (await ask.rate()).value == 100


@scene(
    requests(growing(500, by=10), "reviews-x2kzp"), requests(growing(500, by=9), "reviews-primary-x2kzp", status="500")
)
async def test_the_pods_of_a_daemon_set_are_found_and_those_of_its_primary_are_not(ask: Asker) -> None:
    """One word after its name: a pattern for Deployments finds none of the canary's and all of the primary's."""
    subject = replace(ask.subject, target_pods=pods_of("DaemonSet", "reviews"))
    assert (await ask.rate(subject)).value == 100
    assert (await ask.rate()).outcome is Outcome.INCONCLUSIVE


@scene(requests(flat(500)))
async def test_without_requests_there_is_no_verdict(ask: Asker) -> None:
    assert (await ask.rate()).outcome is Outcome.INCONCLUSIVE


@scene(*durations({"0.1": 90, "0.5": 98, "1": 100, "+Inf": 100}))
async def test_seconds_are_told_in_milliseconds(ask: Asker) -> None:
    verdict = await ask.p99()
    assert (verdict.outcome, verdict.value) == (Outcome.FAIL, pytest.approx(750))


@scene(requests(growing(500, by=10)))
async def test_who_is_served_by_whom_and_who_is_left_is_not_claimed(ask: Asker) -> None:
    """An application counts probes too, and knows nothing of what did not arrive."""
    traffic = await ask.analyst.traffic(ask.subject, MINUTE, server=ask.server)
    drained = await ask.analyst.drained(ask.subject, MINUTE, server=ask.server)

    assert (traffic.outcome, traffic.counts) == (Outcome.INCONCLUSIVE, None)
    assert drained.outcome is Outcome.INCONCLUSIVE


async def test_a_name_that_the_server_may_cut_is_said_and_a_query_of_ones_own_still_works(ask: Asker) -> None:
    subject = replace(ask.subject, target="r" * 60, target_pods=pods_of("Deployment", "r" * 60))
    own = MetricSpec(name="mine", query="vector(7)")

    verdict = await ask.rate(subject)

    assert verdict.outcome is Outcome.ERROR
    assert "its name is too long; give the metric a query" in verdict.message
    assert (await ask.analyst.metric(own, subject, MINUTE, server=ask.server)).value == 7
