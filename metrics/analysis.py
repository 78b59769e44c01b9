"""Answers the questions of a rollout: asks a provider, judges what comes back, and never raises.

Whatever goes wrong between the question and the number is a verdict too (`error`), with its cause and a way out in
one sentence, because the one who asks has to hold the rollout and tell people, not to handle exceptions.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeVar

from metrics import application, comparison, custom, own_counters, queries, rates, scraped, templates
from metrics.batching import MOST_WORKLOADS, Batches, Builder
from metrics.judges import presence, threshold
from metrics.judges.comparison import compare
from metrics.judges.counts import WindowCounts
from metrics.judges.settings import CompareWithPrimary
from metrics.providers.base import Kind, PeriodProvider, Provider, Query, QueryError, Samples
from metrics.raw_queries import What
from metrics.scraped import Scraped
from metrics.source import Source
from metrics.spec import (
    COUNT,
    DURATION,
    GRPC_FAILURES,
    REACHABILITY,
    SUCCESS_RATE,
    Counted,
    MetricSpec,
    Subject,
    Window,
)
from metrics.verdict import Outcome, Verdict

Found = TypeVar("Found")

ProviderFor = Callable[[str], Provider]
"""Finds the provider for a server's address. Raises ValueError for an address that cannot be one."""

SourceFor = Callable[[Source], Provider | PeriodProvider]
"""Finds the provider of a template's source. Raises ValueError for one that cannot be asked."""

BUILDERS: Mapping[Counted, Mapping[str, Callable[[Subject, Window], Query]]] = {
    Counted.BY_PROXIES: {
        DURATION: queries.duration_p99,
        REACHABILITY: queries.reachability,
        COUNT: queries.count,
    },
    Counted.BY_APPLICATION: {
        DURATION: application.duration_p99,
        COUNT: application.count,
    },
}
"""What is asked for each builtin metric but the success rate, by who counts."""

WAYS_OUT = {
    Kind.UNREACHABLE: "check that the metrics server is up and reachable from here",
    Kind.TIMEOUT: "check the metrics server's load and the query's cost",
    Kind.REFUSED: "correct the query or the access",
    Kind.NOT_PROMETHEUS: "correct the metrics server's address",
    Kind.SHAPE: "correct the query",
    Kind.FAULT: "this is a mistake in the controller, please report it",
}


class Analyst:
    """Asks and judges. `timeout` in seconds covers one question; builtin ones wait up to `wait` seconds before it, to
    be asked together with others, about `most` targets at once. Questions may be asked concurrently.
    """

    def __init__(
        self,
        provider_for: ProviderFor,
        *,
        source_for: SourceFor | None = None,
        timeout: float = 5.0,
        wait: float = 0.0,
        most: int = MOST_WORKLOADS,
    ) -> None:
        if timeout <= 0:
            raise ValueError(f"timeout: given {timeout}, needs to be above 0 seconds")
        self._provider_for = provider_for
        self._source_for = source_for
        self._timeout = timeout
        self._batches = Batches(timeout=timeout, wait=wait, most=most)

    def close(self) -> None:
        """Ask no more."""
        self._batches.close()

    async def metric(self, spec: MetricSpec, subject: Subject, window: Window, *, server: str) -> Verdict:
        """The verdict on one metric of the target's pods over the window."""
        if problem := spec.problem or unaskable(spec, subject):
            return Verdict(Outcome.ERROR, limit=spec.limit, message=problem)
        try:
            if (spec.name == SUCCESS_RATE and not spec.is_own) or (spec.measured is not None and spec.unit == "%"):
                return rates.judge(spec, *await self._answered(spec, subject, window, server))
            if spec.min_samples and (too_few := rates.few(spec, *await self._answered(spec, subject, window, server))):
                return too_few
            (samples,) = await self._measured(spec, subject, window, server)
        except templates.TemplateError as error:
            return Verdict(Outcome.ERROR, limit=spec.limit, message=f"metric {spec.name!r}: {error}")
        except QueryError as error:
            return Verdict(Outcome.ERROR, limit=spec.limit, message=f"{spec.name} {explained(error)}")
        return threshold.judge(spec, samples)

    async def compared(
        self, spec: MetricSpec, subject: Subject, window: Window, *, number: int, memory: str, server: str
    ) -> Verdict:
        """The verdict on window `number` of a run, by the metric's limits and against the primary.

        `memory` is that of the verdict on the window before, "" for the first one; without `spec.compare` it is as
        `metric` says.
        """
        if spec.compare is None:
            return await self.metric(spec, subject, window, server=server)
        limits, against = await asyncio.gather(
            self.metric(spec, subject, window, server=server),
            self._against_primary(spec, spec.compare, subject, window, number, memory, server),
        )
        return comparison.together(limits, against)

    async def _against_primary(
        self,
        spec: MetricSpec,
        settings: CompareWithPrimary,
        subject: Subject,
        window: Window,
        number: int,
        memory: str,
        server: str,
    ) -> Verdict:
        if problem := comparison.problem(spec, subject):
            return Verdict(Outcome.ERROR, message=problem)
        try:
            counts = await self._counts(spec, subject, window, number, server)
        except QueryError as error:
            return Verdict(Outcome.ERROR, message=f"{spec.name} {explained(error)}")
        except ValueError as error:
            return Verdict(Outcome.ERROR, message=f"{spec.name} could not be compared: {error}")
        return compare(counts, memory, settings)

    async def _counts(
        self, spec: MetricSpec, subject: Subject, window: Window, number: int, server: str
    ) -> WindowCounts:
        """Raises QueryError, and ValueError, with a sentence, where nothing can be compared."""
        if spec.counters is None:
            builtin = await self.scraped(comparison.what_of(spec), subject, window, server=server)
            return comparison.counts_of(spec, number, window, builtin)
        provider, whose = self._counting(spec, subject, server)
        found = await _surely(
            scraped.fetch_parts(
                provider, self._batches, spec.counters, spec.variables, whose, window, timeout=self._timeout
            )
        )
        return comparison.counts_of_parts(spec.counters, number, window, found)

    def _counting(self, spec: MetricSpec, subject: Subject, server: str) -> tuple[Provider, Subject]:
        """Who tells what a template's counters count, and the subject in its words: matchers of the Canary's own
        Prometheus say nothing of another one. Raises QueryError.
        """
        if spec.source is None:
            return self._provider(server), subject
        provider = self._service(spec.source)
        if isinstance(provider, PeriodProvider):
            raise QueryError(Kind.REFUSED, f"a service of type {spec.source.type} does not tell counters")
        return provider, replace(subject, matchers=())

    async def traffic(self, subject: Subject, window: Window, *, server: str) -> Verdict:
        """How many requests each role got in the window: pass with counts, or inconclusive with counts of 0.

        Inconclusive without counts where no proxies count.
        """
        if subject.counted is not Counted.BY_PROXIES:
            return presence.UNCOUNTED
        asked = [partial(queries.by_answer, subject), partial(queries.sent, subject)]
        try:
            answered, sent = await self._ask(asked, subject, window, server)
            canary, primary = rates.by_role(answered, subject)
            return presence.traffic(canary=canary.reached, primary=primary.reached, sent=total(sent))
        except QueryError as error:
            return Verdict(Outcome.ERROR, message=f"traffic {explained(error)}")

    async def drained(self, subject: Subject, window: Window, *, server: str) -> Verdict:
        """Whether nobody sends requests to the canary any more. Pass: none in the window; fail: `value` of them.

        An error too when Prometheus has lost sight of the namespace, because nobody looking is not nobody asking; and
        inconclusive where no proxies count, because an application does not know its callers from its probes.
        """
        if subject.counted is not Counted.BY_PROXIES:
            return presence.UNCOUNTED_DRAIN
        asked = [
            partial(queries.canary_by_workload, subject),
            partial(queries.canary_by_service, subject),
            partial(queries.went_dark, subject),
        ]
        try:
            by_workload, by_service, dark = await self._ask(asked, subject, window, server)
            requests = max(total(by_workload), total(by_service))
        except QueryError as error:
            return Verdict(Outcome.ERROR, message=f"drain {explained(error)}")
        return presence.drained(
            target=subject.target,
            namespace=subject.namespace,
            seconds=window.seconds,
            requests=requests,
            dark=bool(dark),
        )

    async def scraped(self, what: What, subject: Subject, window: Window, *, server: str) -> Scraped:
        """What a comparison of both roles counts over the window. Raises QueryError."""
        provider = self._provider(server)
        return await _surely(scraped.fetch(provider, self._batches, what, subject, window, timeout=self._timeout))

    async def _answered(self, spec: MetricSpec, subject: Subject, window: Window, server: str) -> list[rates.Answered]:
        """The canary's requests, and the primary's where they can be told. Raises QueryError and TemplateError."""
        if spec.counters is not None:
            provider, whose = self._counting(spec, subject, server)
            parts = own_counters.counting(spec.counters, whose, spec.variables)
            found = _found(await self._batches.ask(provider, parts, whose, window))
            return own_counters.by_role(spec.counters, [total(each) for each in found])
        if subject.counted is Counted.BY_PROXIES:
            (samples,) = await self._ask([partial(queries.by_answer, subject)], subject, window, server)
            return rates.by_role(samples, subject, spec.grpc_failures)
        asked = [partial(application.answered, subject), partial(application.good, subject)]
        answered, good = [total(answer) for answer in await self._ask(asked, subject, window, server)]
        return [rates.Answered(answered, answered, good)]

    async def _measured(self, spec: MetricSpec, subject: Subject, window: Window, server: str) -> list[Samples]:
        """What a metric's query selects. A query of somebody's own is asked alone: what it returns is not known.

        Raises QueryError and templates.TemplateError.
        """
        if not spec.is_own:
            return await self._ask([partial(BUILDERS[subject.counted][spec.name], subject)], subject, window, server)
        if spec.measured is not None:
            provider, whose = self._counting(spec, subject, server)
            asked = [own_counters.p99(spec.measured, whose, spec.variables)]
            return _found(await self._batches.ask(provider, asked, whose, window))
        service = self._provider(server) if spec.source is None else self._service(spec.source)
        return [await custom.measure(service, spec, subject, window, timeout=self._timeout)]

    async def _ask(self, asked: Sequence[Builder], subject: Subject, window: Window, server: str) -> list[Samples]:
        """The answers, in order. Raises the first QueryError among them."""
        return _found(await self._batches.ask(self._provider(server), asked, subject, window))

    def _service(self, source: Source) -> Provider | PeriodProvider:
        """Raises QueryError."""
        if self._source_for is None:
            raise QueryError(Kind.FAULT, "nobody here knows services of templates")
        try:
            return self._source_for(source)
        except ValueError as error:
            raise QueryError(Kind.REFUSED, str(error)) from error

    def _provider(self, server: str) -> Provider:
        """Raises QueryError."""
        try:
            return self._provider_for(server)
        except ValueError as error:
            raise QueryError(Kind.NOT_PROMETHEUS, str(error)) from error


async def _surely(found: Awaitable[Found]) -> Found:
    """What was found. Raises QueryError, and ValueError with a sentence; what else goes wrong is a fault of ours."""
    try:
        return await found
    except (QueryError, ValueError):
        raise
    except Exception as error:
        raise QueryError(Kind.FAULT, f"the provider failed with {type(error).__name__}: {error}") from error


def _found(answers: Sequence[Samples | QueryError]) -> list[Samples]:
    for answer in answers:
        if isinstance(answer, QueryError):
            raise answer
    return [answer for answer in answers if not isinstance(answer, QueryError)]


def unaskable(spec: MetricSpec, subject: Subject) -> str:
    """Why a builtin metric cannot be asked about this subject, in one sentence; "" if it can."""
    if spec.is_own:
        return comparison.uncounted(spec) if spec.min_samples and spec.counters is None else ""
    if subject.counted is Counted.BY_PROXIES:
        if spec.name == REACHABILITY and subject.by_subset:
            return (
                f"metric {spec.name!r} is told by the canary's Service, and both roles are subsets of one; take it out"
            )
        return ""
    if spec.name not in (SUCCESS_RATE, *BUILDERS[subject.counted]):
        return f"metric {spec.name!r} needs a mesh, whose proxies see what never arrived; take it out"
    if spec.grpc_failures != GRPC_FAILURES:
        return f"metric {spec.name!r}: grpcFailureStatuses needs a mesh, an application does not say them; take it out"
    if subject.target_pods:
        return ""
    return (
        f"metric {spec.name!r} is asked by the names of pods, and those of {subject.target} cannot be told from others "
        "because its name is too long; give the metric a query or the target a shorter name"
    )


def total(samples: Samples) -> float:
    """A count of requests, 0 where no series was found. Raises QueryError if it is no finite count."""
    values = [sample.value for sample in samples]
    if not values:
        return 0.0
    if len(values) > 1 or not 0.0 <= values[0] < float("inf"):
        raise QueryError(Kind.SHAPE, f"a count of requests came back as {len(values)} series, the first {values[0]}")
    return values[0]


def explained(error: QueryError) -> str:
    """Why something got no answer, and the way out, in one clause."""
    return f"could not be measured: {error.message}; {WAYS_OUT[error.kind]}"
