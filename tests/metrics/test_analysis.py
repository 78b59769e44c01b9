"""Whatever goes wrong between a question and its number is a verdict, never an exception."""

import asyncio
import json
import sys
import threading
from collections.abc import Mapping, Sequence
from datetime import datetime

import pytest

from metrics.analysis import WAYS_OUT, Analyst
from metrics.providers import Kind, Provider, Providers, Query, QueryError, Sample, Samples
from metrics.spec import MetricSpec, Subject, Window
from metrics.verdict import Outcome, Verdict
from tests.metrics.conftest import NOON, Handler, Server, window_of

RATE = MetricSpec(name="request-success-rate", minimum=99)
PATIENCE = 20.0


class Fixed:
    """A provider that has one answer to everything, or raises it."""

    def __init__(self, answer: Samples | QueryError | Exception) -> None:
        self.answer = answer
        self.moments: list[datetime] = []

    async def query(
        self, queries: Sequence[Query], *, at: datetime, timeout: float
    ) -> Mapping[Query, Samples | QueryError]:
        self.moments.append(at)
        if isinstance(self.answer, Exception) and not isinstance(self.answer, QueryError):
            raise self.answer
        return dict.fromkeys(queries, self.answer)


async def every_question(provider: Provider, subject: Subject, window: Window) -> list[Verdict]:
    analyst = Analyst(lambda _: provider)
    return [
        await analyst.metric(RATE, subject, window, server="s"),
        await analyst.traffic(subject, window, server="s"),
        await analyst.drained(subject, window, server="s"),
    ]


@pytest.mark.parametrize("kind", list(Kind))
async def test_a_providers_error_is_an_error_with_its_cause_and_a_way_out(
    kind: Kind, subject: Subject, window: Window
) -> None:
    for verdict in await every_question(Fixed(QueryError(kind, "it rained")), subject, window):
        assert (verdict.outcome, verdict.value, verdict.counts) == (Outcome.ERROR, None, None)
        assert "it rained" in verdict.message
        assert WAYS_OUT[kind] in verdict.message


@pytest.mark.parametrize("raised", [RuntimeError("boom"), KeyError("x"), ValueError("address: given 'x'")])
async def test_a_provider_that_raises_is_an_error_too(raised: Exception, subject: Subject, window: Window) -> None:
    for verdict in await every_question(Fixed(raised), subject, window):
        assert verdict.outcome is Outcome.ERROR
        assert str(raised) in verdict.message


@pytest.mark.parametrize("samples", [(Sample(float("nan")),), (Sample(float("inf")),), (Sample(1), Sample(2))])
async def test_a_count_that_is_none_is_an_error(samples: Samples, subject: Subject, window: Window) -> None:
    _, traffic, drained = await every_question(Fixed(samples), subject, window)
    assert (traffic.outcome, drained.outcome) == (Outcome.ERROR, Outcome.ERROR)


async def test_an_address_that_cannot_be_one_is_an_error(subject: Subject, window: Window) -> None:
    providers = Providers()
    verdict = await Analyst(providers.provider_for).metric(RATE, subject, window, server="prometheus:9090")
    assert verdict.outcome is Outcome.ERROR
    assert "'prometheus:9090'" in verdict.message
    assert "http" in verdict.message
    providers.close()


async def test_what_can_never_be_judged_is_not_asked(subject: Subject, window: Window) -> None:
    provider = Fixed((Sample(1),))
    analyst = Analyst(lambda _: provider)
    for spec in (MetricSpec(name="latency"), MetricSpec(name="mine", query="{{ pods }}")):
        assert (await analyst.metric(spec, subject, window, server="s")).outcome is Outcome.ERROR
    assert provider.moments == []


async def test_questions_are_asked_as_of_the_windows_moment(subject: Subject) -> None:
    provider = Fixed((Sample(100),))
    await every_question(provider, subject, window_of(60, ending=NOON, late=15))
    assert {moment.isoformat() for moment in provider.moments} == {"2026-03-01T12:00:15+00:00"}


async def test_ones_own_questions_are_asked_at_the_same_time(subject: Subject, window: Window, server: Server) -> None:
    providers = Providers(threads=8)
    together = threading.Barrier(8, timeout=PATIENCE)

    def meet(handler: Handler) -> None:
        together.wait()
        handler.answer(json.dumps({"data": {"result": [1, "100"]}}))

    server.script = meet
    analyst = Analyst(providers.provider_for, timeout=PATIENCE)
    own = [MetricSpec(name="mine", query=f"vector({number})") for number in range(8)]
    asked = [analyst.metric(spec, subject, window, server=server.address) for spec in own]
    assert {verdict.outcome for verdict in await asyncio.gather(*asked)} == {Outcome.PASS}
    providers.close()


async def test_a_question_that_nobody_wants_any_more_can_be_cancelled(
    subject: Subject, window: Window, server: Server
) -> None:
    providers = Providers()

    def silence(handler: Handler) -> None:
        server.release.wait(PATIENCE)
        handler.close_connection = True

    server.script = silence
    analyst = Analyst(providers.provider_for, timeout=PATIENCE)
    task = asyncio.create_task(analyst.traffic(subject, window, server=server.address))
    await asyncio.to_thread(server.begun.acquire, timeout=PATIENCE)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    providers.close()


def test_a_timeout_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="timeout: given 0"):
        Analyst(lambda _: Fixed(()), timeout=0)


async def test_importing_the_room_does_not_load_the_client() -> None:
    program = "import sys, metrics.analysis; print({'requests', 'prometheus_api_client'} & {*sys.modules})"
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE)
    output, _ = await asyncio.wait_for(process.communicate(), 60)
    assert output.strip() == b"set()"
