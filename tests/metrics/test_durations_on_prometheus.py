"""Durations, and queries of one's own, put to a real Prometheus about traffic that is known to the request."""

import pytest

from metrics.analysis import Analyst
from metrics.providers import Providers
from metrics.verdict import Outcome
from tests.metrics.asker import Asker
from tests.metrics.scenes import Scenes, durations, flat, growing, requests

SCENES = Scenes.looked_at()
scene = SCENES.scene


@pytest.fixture
def ask(request: pytest.FixtureRequest, prometheus: str, providers: Providers) -> Asker:
    return Asker(Analyst(providers.provider_for, timeout=30), request.node.originalname, prometheus)


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
