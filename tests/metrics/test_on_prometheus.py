"""The builtin questions, put to a real Prometheus about traffic that is known to the request.

The window is the minute before noon; scrapes come every 15 s. `up` exists from two hours before noon.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from metrics.analysis import Analyst
from metrics.providers import Providers, QueryError
from metrics.queries import REQUESTS
from metrics.spec import DURATION, SUCCESS_RATE, MetricSpec, Subject
from metrics.verdict import Counts, Outcome, Verdict
from tests.metrics.conftest import NOON, prometheus_with, subject_in, window_of
from tests.metrics.scenes import Scenes, Series, durations, flat, growing, requests, unreached

SCENES = Scenes({"up": [Series("up", {"job": "pods"}, flat(1, since=-7200))]})
scene = SCENES.scene

MINUTE = window_of(60, ending=NOON)
YESTERDAY = -86400.0


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with prometheus_with(SCENES.openmetrics(), tmp_path_factory.mktemp("prometheus")) as address:
        yield address


class Asker:
    """The analyst, with this test's namespace and the real Prometheus filled in."""

    def __init__(self, analyst: Analyst, namespace: str, server: str) -> None:
        self.analyst, self.subject, self.server = analyst, subject_in(namespace), server

    async def rate(self, minimum: float = 99, subject: Subject | None = None) -> Verdict:
        spec = MetricSpec(name=SUCCESS_RATE, minimum=minimum)
        return await self.analyst.metric(spec, subject or self.subject, MINUTE, server=self.server)

    async def p99(self, maximum: float = 500) -> Verdict:
        spec = MetricSpec(name=DURATION, maximum=maximum)
        return await self.analyst.metric(spec, self.subject, MINUTE, server=self.server)

    async def custom(self, query: str, **limits: float) -> Verdict:
        spec = MetricSpec(name="mine", query=query, **limits)
        return await self.analyst.metric(spec, self.subject, MINUTE, server=self.server)

    async def traffic(self, subject: Subject | None = None) -> Verdict:
        return await self.analyst.traffic(subject or self.subject, MINUTE, server=self.server)

    async def drained(self) -> Verdict:
        return await self.analyst.drained(self.subject, MINUTE, server=self.server)


@pytest.fixture
def providers() -> Iterator[Providers]:
    each = Providers()
    yield each
    each.close()


@pytest.fixture
def ask(request: pytest.FixtureRequest, prometheus: str, providers: Providers) -> Asker:
    return Asker(Analyst(providers.provider_for, timeout=30), request.node.originalname, prometheus)


# --- success rate -----------------------------------------------------------------------------------------------


@scene(requests(growing(500, by=10)))
async def test_only_successes_are_100_percent(ask: Asker) -> None:
    verdict = await ask.rate(minimum=100)
    assert (verdict.outcome, verdict.value) == (Outcome.PASS, 100)


@scene(requests(growing(500, by=10), code="503"))
async def test_only_failures_are_0_percent_although_no_success_was_ever_counted(ask: Asker) -> None:
    verdict = await ask.rate()
    assert (verdict.outcome, verdict.value) == (Outcome.FAIL, 0)


@scene(requests(growing(1000, by=24)), requests({-30: 4, -15: 4, 0: 4}, code="500"))
async def test_the_first_errors_of_a_pod_count(ask: Asker, providers: Providers) -> None:
    """Given 96 good requests and 4 errors that are the first ones ever: increase() of PromQL says none."""
    plain = (
        f'sum(increase({REQUESTS}{{destination_workload_namespace="{ask.subject.namespace}",response_code="500"}}[1m]))'
    )
    answer = (await providers.provider_for(ask.server).query([plain], at=NOON, timeout=30))[plain]
    assert not isinstance(answer, QueryError)
    assert answer[0].value == 0

    verdict = await ask.rate()
    assert (verdict.outcome, verdict.value) == (Outcome.FAIL, 96)
    assert verdict.message == "request-success-rate 96 % is below the minimum of 99 %"


@scene(requests({0: 19}), requests({0: 1}, code="500"))
async def test_a_pod_that_was_scraped_only_once_counts(ask: Asker) -> None:
    assert (await ask.rate()).value == 95


@scene(
    requests({-90: 9000, -75: 9000, -45: 5, -30: 10, -15: 15, 0: 15}),
    requests({-90: 400, -75: 400, -45: 1, -30: 1, -15: 1, 0: 5}, code="500"),
)
async def test_a_proxy_that_restarted_between_two_scrapes_counts_from_zero(ask: Asker) -> None:
    assert (await ask.rate()).value == 75
    counts = (await ask.traffic()).counts
    assert counts is not None
    assert counts.canary == 20


@scene(requests({-75: 9000, -60: 9010, -45: 9020, -30: 4, -15: 14, 0: 24}))
async def test_a_reset_within_the_window_is_not_a_fall(ask: Asker) -> None:
    """20 before it and 24 after it were seen; PromQL's own increase() knows those within the window, 34."""
    counts = (await ask.traffic()).counts
    assert counts is not None
    assert 30 <= counts.canary <= 45


@scene(
    requests(growing(500, by=10)),
    requests({-15: 10, 0: 30}),
    requests({-15: 10, 0: 30}, code="502"),
)
async def test_pods_are_added_up(ask: Asker) -> None:
    assert (await ask.rate()).value == 70


@scene(requests(growing(500, by=25)), requests(growing(900, by=25), code="0", response_flags="DC"))
async def test_a_client_that_hung_up_is_neither_success_nor_failure(ask: Asker) -> None:
    assert (await ask.rate()).value == 100


@scene(requests(growing(900, by=25), code="0", response_flags="DC"))
async def test_hang_ups_alone_say_nothing(ask: Asker) -> None:
    assert (await ask.rate()).outcome is Outcome.INCONCLUSIVE


@scene(
    *(
        requests(growing(500, by=10), request_protocol="grpc", grpc_response_status=status)
        for status in ("0", "5", "7", "2", "4", "13", "14", "15", "1", "16")
    )
)
async def test_grpc_failures_come_with_http_200_and_count(ask: Asker) -> None:
    """Half of the ten codes are the server's fault."""
    assert (await ask.rate()).value == 50


@scene(
    requests(growing(500, by=10), request_protocol="grpc", grpc_response_status="14", code="503"),
    requests(growing(500, by=10), request_protocol="grpc", grpc_response_status="0"),
)
async def test_a_request_that_failed_in_both_ways_failed_once(ask: Asker) -> None:
    assert (await ask.rate()).value == 50


@scene(requests(growing(500, by=10), code="404"), requests(growing(500, by=10), code="302"))
async def test_a_clients_own_error_is_no_failure(ask: Asker) -> None:
    assert (await ask.rate()).value == 100


@scene(
    requests(growing(500, by=10), code="500"),
    requests(growing(5000, by=100), "reviews-primary"),
    requests(growing(5000, by=100), "reviews-v2"),
    requests(growing(5000, by=100), destination_workload_namespace="elsewhere"),
    requests(growing(5000, by=100), reporter="source"),
)
async def test_nobody_elses_successes_hide_the_canarys_failures(ask: Asker) -> None:
    assert (await ask.rate()).value == 0


@scene(requests(growing(500, by=10), 'a"b\\c{}'), requests(growing(500, by=10), "aXb", code="500"))
async def test_a_name_is_taken_literally(ask: Asker) -> None:
    strange = Subject(
        namespace=ask.subject.namespace,
        name="x",
        target='a"b\\c{}',
        primary="a.b",
        apex_service='a"b',
        primary_service="a.b",
        canary_service="(",
    )
    assert (await ask.rate(subject=strange)).value == 100
    counts = (await ask.traffic(strange)).counts
    assert counts == Counts(canary=40, primary=0, expected=40)


@scene(
    requests(growing(500, by=10), cluster="prod"),
    requests(growing(5000, by=100), code="500", cluster="test"),
)
async def test_of_several_clusters_only_that_of_the_matchers_is_seen(ask: Asker) -> None:
    prod, test = (replace(ask.subject, matchers=(("cluster=", each),)) for each in ("prod", "test"))
    assert (await ask.rate(subject=prod)).value == 100
    assert (await ask.rate(subject=test)).value == 0


@scene(requests(flat(500)), requests(flat(3), code="500"))
async def test_without_requests_there_is_no_rate(ask: Asker) -> None:
    verdict = await ask.rate()
    assert (verdict.outcome, verdict.value, verdict.limit) == (Outcome.INCONCLUSIVE, None, "min 99")


async def test_of_a_workload_that_nobody_knows_there_is_no_rate(ask: Asker) -> None:
    assert (await ask.rate()).outcome is Outcome.INCONCLUSIVE
    assert (await ask.p99()).outcome is Outcome.INCONCLUSIVE


# --- what is new and what is not ------------------------------------------------------------------------------------


@scene(requests({-1200: 900, -500: 900, -45: 905, 0: 910}))
async def test_a_pod_that_was_not_scraped_for_minutes_is_not_taken_for_a_new_one(ask: Asker) -> None:
    counts = (await ask.traffic()).counts
    assert counts is not None
    assert counts.canary == 10


@scene(requests({YESTERDAY - 45: 5000, YESTERDAY - 30: 5002, YESTERDAY - 15: 5004, YESTERDAY: 5006}))
async def test_when_prometheus_itself_is_new_old_counts_are_not_taken_for_new_ones(ask: Asker) -> None:
    window = window_of(60, ending=NOON + timedelta(seconds=YESTERDAY))
    counts = (await ask.analyst.traffic(ask.subject, window, server=ask.server)).counts
    assert counts is not None
    assert 0 < counts.canary < 10


@scene(requests({-45: 7, -30: 9}), requests(growing(90, by=1)))
async def test_what_a_pod_counted_before_it_went_counts(ask: Asker) -> None:
    counts = (await ask.traffic()).counts
    assert counts is not None
    assert counts.canary == 13


@scene(requests({-290: 1, -265: 4, -200: 4, -185: 90, -91: 91, -61: 99, -1: 120}), requests(growing(500, by=7)))
async def test_disjoint_windows_add_up_to_what_was_counted(ask: Asker) -> None:
    """Five minutes, whatever way the scrapes fall: each request is in exactly one window."""
    ends = [NOON - timedelta(minutes=back) for back in range(5)]
    asked = [ask.analyst.traffic(ask.subject, window_of(60, ending=end), server=ask.server) for end in ends]
    counts = [verdict.counts for verdict in await asyncio.gather(*asked)]
    assert sum(each.canary for each in counts if each is not None) == 120 + 7 * 20


@scene(requests({-60: 10, -45: 20, -30: 30, -15: 40, 0: 50, 15: 90}))
async def test_a_question_is_evaluated_at_its_own_moment(ask: Asker) -> None:
    """The last requests of the window are scraped after its end, and a later look must not change the answer."""
    window = window_of(60, ending=NOON, late=15)
    counts = (await ask.analyst.traffic(ask.subject, window, server=ask.server)).counts
    assert counts is not None
    assert counts.canary == 70


# --- duration ---------------------------------------------------------------------------------------------------


@scene(*durations({"100": growing(990, by=99), "500": growing(1000, by=100), "+Inf": growing(1000, by=100)}))
async def test_p99_is_the_bucket_edge_that_99_of_100_are_within(ask: Asker) -> None:
    verdict = await ask.p99(maximum=100)
    assert (verdict.outcome, verdict.value, verdict.limit) == (Outcome.PASS, 100, "max 100 ms")


@scene(
    *durations({"100": growing(990, by=90), "500": growing(1000, by=90), "+Inf": growing(1000, by=90)}),
    *durations({"100": {0: 0}, "500": {0: 40}, "+Inf": {0: 40}}),
)
async def test_a_slow_new_pod_is_seen_in_its_first_scrape(ask: Asker) -> None:
    """360 fast requests of the old pod, 40 slow ones of the new: p99 lies at 9/10 of the slow ones' bucket."""
    verdict = await ask.p99(maximum=450)
    assert verdict.outcome is Outcome.FAIL
    assert verdict.value == pytest.approx(460)
    assert verdict.message == "request-duration 460 ms is above the maximum of 450 ms"


@scene(
    *durations({"100": growing(990, by=90), "60000": growing(990, by=90), "+Inf": growing(990, by=90)}),
    *durations({"100": flat(0), "60000": growing(990, by=90), "+Inf": growing(990, by=90)}, code="101"),
    *durations({"100": flat(0), "60000": growing(990, by=90), "+Inf": growing(990, by=90)}, code="0"),
    *durations({"100": flat(0), "60000": growing(990, by=90), "+Inf": growing(990, by=90)}, "reviews-primary"),
)
async def test_upgraded_connections_hang_ups_and_the_primary_do_not_make_the_canary_slow(ask: Asker) -> None:
    assert (await ask.p99(maximum=100)).outcome is Outcome.PASS


@scene(*durations({"100": flat(990), "500": flat(1000), "+Inf": flat(1000)}))
async def test_without_requests_there_is_no_duration(ask: Asker) -> None:
    verdict = await ask.p99()
    assert (verdict.outcome, verdict.value) == (Outcome.INCONCLUSIVE, None)


# --- traffic ----------------------------------------------------------------------------------------------------


@scene(
    requests(growing(500, by=5)),
    requests(growing(500, by=45), "reviews-primary"),
    requests(growing(500, by=50), "somebody", reporter="source", destination_service_name="reviews"),
)
async def test_traffic_is_counted_by_role(ask: Asker) -> None:
    verdict = await ask.traffic()
    assert verdict.outcome is Outcome.PASS
    assert verdict.counts == Counts(canary=20, primary=180, expected=200)
    assert verdict.counts.share == 10


@scene(
    requests(growing(500, by=45), "reviews-primary"),
    requests(growing(500, by=45), "reviews-primary", reporter="source"),
    unreached(growing(500, by=5), "reviews-canary"),
    unreached(growing(500, by=5), "reviews-canary-2"),
)
async def test_a_canary_that_nobody_reaches_is_expected_but_not_seen(ask: Asker) -> None:
    """Callers get 503 UH: no pod ever counted those, only the callers' proxies did."""
    verdict = await ask.traffic()
    assert verdict.outcome is Outcome.PASS
    assert verdict.counts == Counts(canary=0, primary=180, expected=200)


@scene(requests(flat(500)), requests(flat(500), "reviews-primary"))
async def test_no_traffic_is_inconclusive_with_counts(ask: Asker) -> None:
    verdict = await ask.traffic()
    assert (verdict.outcome, verdict.counts) == (Outcome.INCONCLUSIVE, Counts(0, 0, 0))


# --- drained ----------------------------------------------------------------------------------------------------


@scene(requests(flat(500)), requests(growing(500, by=45), "reviews-primary"))
async def test_drained_when_nobody_asks_the_canary(ask: Asker) -> None:
    assert (await ask.drained()).outcome is Outcome.PASS


@scene(requests(growing(500, by=3)), requests(growing(500, by=2), reporter="source"))
async def test_not_drained_while_a_pod_still_gets_requests(ask: Asker) -> None:
    verdict = await ask.drained()
    assert (verdict.outcome, verdict.value) == (Outcome.FAIL, 12)
    assert verdict.message == "reviews still got 12 requests in the last 60 s"


@scene(requests(flat(500)), unreached(growing(500, by=3), "reviews-canary"))
async def test_not_drained_while_somebody_calls_the_canary_service_in_vain(ask: Asker) -> None:
    assert (await ask.drained()).outcome is Outcome.FAIL


@scene(requests(growing(500, by=10, until=-120)))
async def test_nobody_looking_is_not_nobody_asking(ask: Asker) -> None:
    """Scrapes of the whole namespace ended two minutes ago."""
    verdict = await ask.drained()
    assert verdict.outcome is Outcome.ERROR
    assert "no samples of namespace" in verdict.message


async def test_what_was_never_seen_is_drained(ask: Asker) -> None:
    assert (await ask.drained()).outcome is Outcome.PASS


# --- queries of one's own -------------------------------------------------------------------------------------------


@scene(requests(growing(500, by=10)), requests(growing(400, by=10), code="500"))
async def test_a_query_of_ones_own_is_filled_in_and_judged(ask: Asker) -> None:
    query = """
      sum(  # of the canary's pods
        last_over_time(istio_requests_total{
          destination_workload_namespace="{{ namespace }}", destination_workload="{{ target }}"
        }[{{ interval }}])
      )
    """
    verdict = await ask.custom(query, maximum=899)
    assert (verdict.outcome, verdict.message) == (Outcome.FAIL, "mine 900 is above the maximum of 899")


@scene(requests(growing(500, by=10)), requests(growing(400, by=10), code="500"))
async def test_a_query_that_finds_several_series_is_an_error(ask: Asker) -> None:
    verdict = await ask.custom('istio_requests_total{destination_workload_namespace="{{ namespace }}"}', maximum=1e9)
    assert verdict.outcome is Outcome.ERROR
    assert "2 series" in verdict.message


@pytest.mark.parametrize(
    ("query", "outcome", "words"),
    [
        ("sum(", Outcome.ERROR, "parse error"),
        ("up[5m]", Outcome.ERROR, "range of values"),
        ('"text"', Outcome.ERROR, "not return a number"),
        ("sum({{ pods }})", Outcome.ERROR, "'pods' is not known"),
        ("vector(0) / vector(0)", Outcome.INCONCLUSIVE, "NaN"),
        ("vector(1) / vector(0)", Outcome.INCONCLUSIVE, "infinite"),
        ("no_such_metric", Outcome.INCONCLUSIVE, "no data"),
        ("7", Outcome.FAIL, "mine 7 is above the maximum of 5"),
    ],
)
async def test_what_a_query_can_do_wrong_is_said(ask: Asker, query: str, outcome: Outcome, words: str) -> None:
    verdict = await ask.custom(query, maximum=5)
    assert verdict.outcome is outcome
    assert words in verdict.message


# --- whose pods they are is nobody's business -----------------------------------------------------------------------


def through(samples: dict[float, float], role: str, code: str = "200", workload: str = "reviews-v2") -> Series:
    """Requests that callers sent to a role's service."""
    return requests(samples, workload, code=code, reporter="source", destination_service_name=role)


@scene(
    through(growing(500, by=9), "reviews-canary"),
    through(growing(500, by=1), "reviews-canary", code="503"),
    through(growing(900, by=90), "reviews-primary", workload="reviews-v1"),
    requests(growing(900, by=90), "reviews", code="503"),
    requests(growing(900, by=90), "reviews-canary", code="503", destination_service_name="reviews-canary"),
)
async def test_of_a_subject_known_by_its_services_the_callers_tell(ask: Asker) -> None:
    """One request would be counted at both ends, and a workload of the same name is somebody else's."""
    by_service = replace(ask.subject, by_service=True)
    assert (await ask.rate(subject=by_service)).value == 90
    counts = (await ask.traffic(by_service)).counts
    assert counts == Counts(canary=40, primary=360, expected=400)


@scene(
    requests(growing(900, by=90), "reviews"),
    through(flat(900), "reviews-canary"),
    through(growing(900, by=90), "reviews-primary", workload="reviews"),
)
async def test_a_subject_known_by_its_services_is_drained_whoever_is_behind_the_other_one(ask: Asker) -> None:
    by_service = replace(ask.subject, by_service=True)
    assert (await ask.analyst.drained(by_service, MINUTE, server=ask.server)).outcome is Outcome.PASS
    assert (await ask.drained()).outcome is Outcome.FAIL
