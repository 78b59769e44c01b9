"""What the look back says is what the controller would have said: the same windows asked one by one, as in a run."""

import asyncio
import json
from datetime import datetime, timedelta

import pytest
from click.testing import CliRunner

from delivery.cli.judge import judge
from metrics.analysis import Analyst
from metrics.judges.settings import CompareWithPrimary
from metrics.providers import Providers
from metrics.spec import DURATION, SUCCESS_RATE, MetricSpec, Subject, Window
from metrics.verdict import Outcome
from tests.judge.conftest import arguments
from tests.judge.planted import SCRAPE

SUBJECT = Subject(
    namespace="shop",
    name="reviews",
    target="reviews",
    primary="reviews-primary",
    apex_service="reviews",
    primary_service="reviews-primary",
    canary_service="reviews-canary",
)


@pytest.fixture
def providers():
    each = Providers()
    yield each
    each.close()


def looked_back(server: str, metric: str):
    result = CliRunner().invoke(judge, arguments(server, output="json", metric=metric))
    return json.loads(result.stdout)["episodes"]


async def verdicts(server: str, spec: MetricSpec, windows):
    """What is said of each window, with the memory of the one before."""
    providers, memory, out = Providers(), "", []
    analyst = Analyst(providers.provider_for, timeout=30)
    for each in windows:
        end = datetime.fromisoformat(each["end"])
        window = Window(start=end - timedelta(seconds=60), end=end, at=end + timedelta(seconds=SCRAPE))
        said = await analyst.compared(spec, SUBJECT, window, number=each["number"], memory=memory, server=server)
        memory = said.memory
        out.append(said)
    providers.close()
    return out


@pytest.mark.parametrize(("name", "metric"), [(SUCCESS_RATE, "errors"), (DURATION, "latency")])
def test_the_loop_says_what_the_look_back_says(prometheus, name: str, metric: str) -> None:
    spec = MetricSpec(name=name, compare=CompareWithPrimary())
    for episode in looked_back(prometheus, metric):
        windows = episode["windows"][:20]
        for said, told in zip(asyncio.run(verdicts(prometheus, spec, windows)), windows, strict=True):
            wanted = told["verdicts"][metric]
            assert said.outcome.value == wanted["outcome"], (told["number"], said)
            if wanted["evidence"] is not None:
                assert said.evidence is not None
                assert said.evidence.canary_requests == wanted["evidence"]["canary_requests"]
                assert said.evidence.strength == wanted["evidence"].get("strength")


async def test_a_broken_limit_fails_beside_an_undecided_comparison(prometheus, providers) -> None:
    analyst = Analyst(providers.provider_for, timeout=30)
    lenient = CompareWithPrimary(max_increase_percent=1000)
    spec = MetricSpec(name=SUCCESS_RATE, minimum=99.9, compare=lenient)
    end = datetime.fromisoformat("2026-03-01T09:40:00+00:00")
    window = Window(start=end - timedelta(seconds=60), end=end, at=end + timedelta(seconds=SCRAPE))
    verdict = await analyst.compared(spec, SUBJECT, window, number=1, memory="", server=prometheus)
    assert verdict.outcome is Outcome.FAIL
    assert "below the minimum of 99.9" in verdict.message
    assert "the primary is as bad" in verdict.message
    assert not verdict.proven
    assert verdict.memory


async def test_with_too_few_requests_a_window_says_nothing(prometheus, providers) -> None:
    analyst = Analyst(providers.provider_for, timeout=30)
    end = datetime.fromisoformat("2026-03-01T10:25:00+00:00")
    window = Window(start=end - timedelta(seconds=60), end=end, at=end + timedelta(seconds=SCRAPE))
    for name, limits in ((SUCCESS_RATE, {"minimum": 99.0}), (DURATION, {"maximum": 1.0})):
        spec = MetricSpec(name=name, min_samples=1000, **limits)
        few = await analyst.metric(spec, SUBJECT, window, server=prometheus)
        assert few.undecided
        assert "150 requests to the canary in this window are too few to tell" in few.message
        enough = await analyst.metric(
            MetricSpec(name=name, min_samples=150, **limits), SUBJECT, window, server=prometheus
        )
        assert enough.outcome is Outcome.FAIL
