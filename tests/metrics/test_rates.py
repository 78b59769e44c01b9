"""A success rate comes with the numbers behind it, of both roles, on a real Prometheus."""


import pytest

from metrics.analysis import Analyst
from metrics.providers import Providers
from metrics.spec import SUCCESS_RATE, MetricSpec
from metrics.verdict import Outcome, Verdict
from tests.metrics.asker import MINUTE
from tests.metrics.conftest import subject_in
from tests.metrics.scenes import Scenes, growing, requests

SCENES = Scenes.looked_at()
scene = SCENES.scene


@pytest.fixture
async def verdict(request: pytest.FixtureRequest, prometheus: str) -> Verdict:
    """What is said of a minimum of 99 %."""
    providers = Providers()
    spec = MetricSpec(name=SUCCESS_RATE, minimum=99)
    try:
        analyst = Analyst(providers.provider_for, timeout=30)
        return await analyst.metric(spec, subject_in(request.node.originalname), MINUTE, server=prometheus)
    finally:
        providers.close()


@scene(
    requests(growing(1000, by=57), code="200"),
    requests(growing(100, by=3), code="503"),
    requests(growing(5000, by=1000), "reviews-primary", code="200"),
    requests(growing(5000, by=2), "reviews-primary", code="500"),
)
def test_a_failure_says_how_many_of_how_many_and_the_primarys(verdict: Verdict) -> None:
    assert verdict.outcome is Outcome.FAIL
    assert verdict.value == pytest.approx(95)
    assert verdict.evidence is not None
    assert verdict.evidence.sentence == ("12 of 240 requests failed (5 %) against 8 of 4,008 (0.2 %) on the primary")
    assert "the primary is as bad" not in verdict.message


@scene(
    requests(growing(1000, by=57), code="200"),
    requests(growing(100, by=3), code="503"),
    requests(growing(5000, by=95), "reviews-primary", code="200"),
    requests(growing(5000, by=5), "reviews-primary", code="500"),
)
def test_it_still_fails_when_the_primary_is_as_bad_and_says_so(verdict: Verdict) -> None:
    assert verdict.outcome is Outcome.FAIL
    assert "the primary is as bad: 12 of 240 requests failed (5 %) against 20 of 400 (5 %) on the primary" in (
        verdict.message
    )


@scene(requests(growing(1000, by=60), code="200"), requests(growing(50, by=7), code="0"))
def test_a_pass_has_its_numbers_too_and_hang_ups_are_not_among_them(verdict: Verdict) -> None:
    assert (verdict.outcome, verdict.value) == (Outcome.PASS, 100)
    assert verdict.evidence is not None
    assert (verdict.evidence.canary_requests, verdict.evidence.canary_bad) == (240, 0)


@scene(requests(growing(5000, by=100), "reviews-primary", code="200"))
def test_without_requests_to_the_canary_nothing_is_said(verdict: Verdict) -> None:
    assert (verdict.outcome, verdict.value) == (Outcome.INCONCLUSIVE, None)
    assert not verdict.undecided
