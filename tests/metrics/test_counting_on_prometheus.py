"""Requests that are counted, on a real Prometheus: what is new and what is not, whose they are, and when none come."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from metrics.analysis import Analyst
from metrics.providers import Providers
from metrics.verdict import Counts, Outcome
from tests.metrics.asker import MINUTE, Asker
from tests.metrics.conftest import NOON, window_of
from tests.metrics.scenes import Scenes, Series, flat, growing, requests, unreached

SCENES = Scenes.looked_at()
scene = SCENES.scene
YESTERDAY = -86400.0


@pytest.fixture
def ask(request: pytest.FixtureRequest, prometheus: str, providers: Providers) -> Asker:
    return Asker(Analyst(providers.provider_for, timeout=30), request.node.originalname, prometheus)


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
