"""A window with fewer requests than asked for says nothing, and says so with its numbers; on a real Prometheus."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from metrics.analysis import Analyst
from metrics.providers import Providers
from metrics.spec import DURATION, SUCCESS_RATE, MetricSpec
from metrics.verdict import Outcome, Verdict
from tests.metrics.asker import MINUTE
from tests.metrics.conftest import subject_in
from tests.metrics.scenes import Scenes, growing, requests

SCENES = Scenes.looked_at()
scene = SCENES.scene
Ask = Callable[[MetricSpec], Awaitable[Verdict]]


@pytest.fixture
async def ask(request: pytest.FixtureRequest, prometheus: str) -> AsyncIterator[Ask]:
    providers = Providers()
    analyst = Analyst(providers.provider_for, timeout=30)
    yield lambda spec: analyst.metric(spec, subject_in(request.node.originalname), MINUTE, server=prometheus)
    providers.close()


@scene(requests(growing(100, by=2), code="200"), requests(growing(100, by=1), code="503"))
async def test_fewer_requests_than_asked_for_say_nothing_however_many_failed(ask: Ask) -> None:
    verdict = await ask(MetricSpec(name=SUCCESS_RATE, minimum=99, min_samples=50))

    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert verdict.undecided
    assert "12 requests to the canary in this window are too few to tell, minSamples is 50" in verdict.message
    assert verdict.evidence is not None
    assert (verdict.evidence.canary_bad, verdict.evidence.missing) == (4, 38)


@scene(requests(growing(100, by=2), code="200"), requests(growing(100, by=1), code="503"))
async def test_as_many_as_asked_for_are_judged_and_it_is_said_what_would_have_passed(ask: Ask) -> None:
    verdict = await ask(MetricSpec(name=SUCCESS_RATE, minimum=75, min_samples=12))

    assert verdict.outcome is Outcome.FAIL
    assert verdict.evidence is not None
    assert verdict.evidence.changed_by == "with 1 failure fewer it would have gone on"


@scene(requests(growing(100, by=2), code="200"))
async def test_a_latency_of_few_requests_says_nothing_either(ask: Ask) -> None:
    verdict = await ask(MetricSpec(name=DURATION, maximum=500, min_samples=50))

    assert verdict.undecided
    assert "minSamples is 50" in verdict.message


@scene(requests(growing(5000, by=10), "reviews-primary", code="200"))
async def test_no_request_at_all_is_no_data_and_not_too_few(ask: Ask) -> None:
    for name in (SUCCESS_RATE, DURATION):
        verdict = await ask(MetricSpec(name=name, minimum=1, min_samples=50))

        assert verdict.outcome is Outcome.INCONCLUSIVE
        assert not verdict.undecided
