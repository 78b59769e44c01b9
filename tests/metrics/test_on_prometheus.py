"""The builtin success rate, put to a real Prometheus about traffic that is known to the request.

The window is the minute before noon; scrapes come every 15 s. `up` exists from two hours before noon.
"""

from dataclasses import replace

import pytest

from metrics.analysis import Analyst
from metrics.providers import Providers, QueryError
from metrics.queries import REQUESTS
from metrics.spec import Subject
from metrics.verdict import Counts, Outcome
from tests.metrics.asker import Asker
from tests.metrics.conftest import NOON
from tests.metrics.scenes import Scenes, flat, growing, requests

SCENES = Scenes.looked_at()
scene = SCENES.scene


@pytest.fixture
def ask(request: pytest.FixtureRequest, prometheus: str, providers: Providers) -> Asker:
    return Asker(Analyst(providers.provider_for, timeout=30), request.node.originalname, prometheus)


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
