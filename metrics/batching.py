"""Asks for the numbers of many Canaries in one query, without changing any of them.

A thousand Canaries that ask one by one are several thousand queries a minute. Their windows begin and end at different
moments, and each has to be evaluated at its own, or asking again after a crash would give another answer. So a query
for many is the queries for each, every one of them led back to its own moment by an offset, marked by a label, and
joined by `or`: Prometheus reckons each as if it had been asked alone, and who else was in the batch changes nothing.

How many go together is learnt. A server that cannot take a long query is asked shorter ones, and one question that is
refused is found by halves, so that it takes no others with it.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from weakref import WeakKeyDictionary

from metrics.providers.base import Kind, Provider, Query, QueryError, Sample, Samples
from metrics.spec import Subject, Window

MOST_WORKLOADS = 50
"""How many targets a query is about at most."""
MOST_TEXT = 40_000
"""How long a query is at most, in characters; one question alone may be longer. Prometheus up to 2.x takes time with
the square of a query's parts (each evaluates in a context of the one before), so longer ones would take longer than
their parts; and proxies limit what they let through."""
GROWS_AFTER = 300.0
"""Seconds after which a server that could not take a long query is offered longer ones again."""
MARK = "asked"
"""The label that says to which question a sample is the answer. Builtin queries give samples without labels."""

Builder = Callable[[Window], Query]
"""The query for a window, to be evaluated `window.later_ms` after `window.at`."""
Answer = Samples | QueryError

TOO_MUCH = frozenset({Kind.REFUSED, Kind.SHAPE, Kind.NOT_PROMETHEUS, Kind.TIMEOUT})
"""Errors that a shorter query may be spared."""
CLOSED = QueryError(Kind.UNREACHABLE, "the metrics client is closed")


@dataclass(frozen=True, slots=True, eq=False)
class _Question:
    """One query that somebody waits for. `text` is what it is when asked alone."""

    workload: tuple[str, str]
    build: Builder
    window: Window
    text: Query
    answer: asyncio.Future[Answer]

    def settle(self, answer: Answer) -> None:
        """Give the answer, if it is still wanted."""
        if not self.answer.done():
            self.answer.set_result(answer)


class _Same(list[_Question]):
    """Questions that are the same, of one or several askers; at least one."""

    def settle(self, answer: Answer) -> None:
        for question in self:
            question.settle(answer)


@dataclass(slots=True, eq=False)
class _Line:
    """Who waits for one provider, and how much that takes: queries about `most` workloads, 0: one question each."""

    most: int
    waiting: list[_Question] = field(default_factory=list)
    workloads: set[tuple[str, str]] = field(default_factory=set)
    full: asyncio.Event = field(default_factory=asyncio.Event)
    asked_at: float = float("-inf")
    grows_at: float = float("-inf")
    collecting: bool = False

    def join(self, question: _Question) -> None:
        self.waiting.append(question)
        self.workloads.add(question.workload)
        if len(self.workloads) >= self.most:
            self.full.set()

    def leave(self, now: float) -> list[_Same]:
        """Everybody who still waits, those with the same question together; the line is empty then."""
        left: dict[tuple[Query, datetime], _Same] = {}
        for each in self.waiting:
            if not each.answer.done():
                left.setdefault((each.text, each.window.at), _Same()).append(each)
        self.waiting.clear()
        self.workloads.clear()
        self.full.clear()
        self.asked_at = now
        return list(left.values())


class Batches:
    """Puts questions to providers together. `timeout` in seconds is that of a round of questions.

    The first question after a while is asked at once, with all others of the same moment; those that follow within
    `wait` seconds are collected, so that a provider gets at most one round in that time, or a query that is full.
    `most` is how many targets a query is about. Used from one event loop, in whose time it waits.
    """

    def __init__(self, *, timeout: float, wait: float = 0.0, most: int = MOST_WORKLOADS) -> None:
        if not 0 <= wait <= 60:
            raise ValueError(f"wait: given {wait}, allowed are 0 to 60 seconds")
        if most < 1:
            raise ValueError(f"most: given {most}, at least 1 workload is needed")
        self._timeout, self._wait, self._most = timeout, wait, most
        self._lines: WeakKeyDictionary[Provider, _Line] = WeakKeyDictionary()  # sources of templates come and go
        self._tasks: set[asyncio.Task[None]] = set()

    async def ask(
        self, provider: Provider, builders: Sequence[Builder], subject: Subject, window: Window
    ) -> list[Answer]:
        """The answer to each of `builders`, in their order. A builder's own exceptions are raised."""
        loop, workload = asyncio.get_running_loop(), (subject.namespace, subject.target)
        asked = [_Question(workload, each, window, each(window), loop.create_future()) for each in builders]
        line = self._lines.setdefault(provider, _Line(self._most))
        for question in asked:
            line.join(question)
        if not line.collecting:
            line.collecting = True
            self._start(self._collect(provider, line))
        try:
            return [await question.answer for question in asked]
        finally:
            for question in asked:
                question.answer.cancel()  # nothing, unless nobody waits for it any more

    def close(self) -> None:
        """Ask no more; who still waits gets an error."""
        for task in self._tasks:
            task.cancel()
        for line in self._lines.values():
            for question in line.leave(line.asked_at):
                question.settle(CLOSED)

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work, name="metrics batch")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _collect(self, provider: Provider, line: _Line) -> None:
        """Wait for others, then ask for all who came."""
        now = asyncio.get_running_loop().time
        try:
            await asyncio.sleep(0)  # the other questions of this moment are on their way
            while line.waiting:
                await _at_most(line.asked_at + self._wait - now(), line.full)
                for batch in batches(line.leave(now()), line.most):
                    self._start(self._answer(provider, line, batch))
        finally:
            line.collecting = False

    async def _answer(self, provider: Provider, line: _Line, batch: Sequence[_Same]) -> None:
        try:
            await self._together(provider, line, batch, asyncio.get_running_loop().time() + self._timeout)
        except Exception as error:
            fault = QueryError(Kind.FAULT, f"the provider failed with {type(error).__name__}: {error}")
            for question in batch:
                question.settle(fault)
        finally:
            for question in batch:
                question.settle(CLOSED)

    async def _together(self, provider: Provider, line: _Line, batch: Sequence[_Same], deadline: float) -> None:
        """Ask for all of them in one query; by halves if that was refused and there is time."""
        loop = asyncio.get_running_loop()
        if len(batch) == 1:
            query, at = batch[0][0].text, batch[0][0].window.at
        else:
            query, at = joined([(each[0].build, each[0].window) for each in batch])
        left = max(0.001, round(deadline - loop.time(), 3))
        found = (await provider.query([query], at=at, timeout=left))[query]
        if len(batch) == 1:
            batch[0].settle(found)
            return
        answers = found if isinstance(found, QueryError) else parted(found, len(batch))
        self._learn(line, batch, answers, loop.time())
        if not isinstance(answers, QueryError):
            for question, answer in zip(batch, answers, strict=True):
                question.settle(answer)
        elif answers.kind in TOO_MUCH and loop.time() < deadline:
            middle = len(batch) // 2
            halves = (batch[:middle], batch[middle:])
            await asyncio.gather(*(self._together(provider, line, half, deadline) for half in halves))
        else:
            for question in batch:
                question.settle(answers)

    def _learn(self, line: _Line, batch: Sequence[_Same], answers: object, now: float) -> None:
        """Halve what a query is about when it was too much; some time later, double it again."""
        if not isinstance(answers, QueryError):
            if line.most < self._most and now >= line.grows_at:
                line.most = min(self._most, max(1, 2 * line.most))
        elif answers.kind in TOO_MUCH:
            line.most = min(line.most, len({each[0].workload for each in batch}) // 2)
            line.grows_at = now + GROWS_AFTER


def batches(questions: Sequence[_Same], most: int) -> Iterator[list[_Same]]:
    """Cut into what may go together: at most `most` workloads (0: one question) and MOST_TEXT characters."""
    batch: list[_Same] = []
    workloads: set[tuple[str, str]] = set()
    length = 0
    for each in questions:
        workload, text = each[0].workload, each[0].text
        too_many = len(workloads | {workload}) > max(1, most) or not most
        if batch and (too_many or length + len(text) > MOST_TEXT):
            yield batch
            batch, workloads, length = [], set(), 0
        batch.append(each)
        workloads.add(workload)
        length += len(text)
    if batch:
        yield batch


def joined(questions: Sequence[tuple[Builder, Window]]) -> tuple[Query, datetime]:
    """One query for all of them, and when it is to be evaluated: at the latest of their moments."""
    at = max(window.at for _, window in questions)
    parts = []
    for number, (build, window) in enumerate(questions):
        text = build(replace(window, later_ms=milliseconds(at) - milliseconds(window.at)))
        parts.append(f'label_replace({text}, "{MARK}", "{number}", "", "")')
    while len(parts) > 1:  # pairs of pairs: servers limit how deeply a query may be nested
        parts = [" or ".join(parts[start : start + 2]) for start in range(0, len(parts), 2)]
        parts = [f"({part})" for part in parts]
    return parts[0], at


def parted(samples: Samples, number: int) -> list[Answer] | QueryError:
    """The samples of each question, without their marks."""
    found: list[list[Sample]] = [[] for _ in range(number)]
    for sample in samples:
        mark = sample.labels.get(MARK, "")
        if not mark.isdecimal() or int(mark) >= number:
            return QueryError(Kind.SHAPE, "the answers to several questions cannot be told from each other")
        labels = {name: value for name, value in sample.labels.items() if name != MARK}
        found[int(mark)].append(Sample(sample.value, labels))
    return [tuple(each) for each in found]


def milliseconds(moment: datetime) -> int:
    """Since 1970, rounded as a query's time is when it is sent."""
    return int(f"{moment.timestamp():.3f}".replace(".", ""))


async def _at_most(seconds: float, event: asyncio.Event) -> None:
    """Until the event, or so many seconds."""
    if seconds <= 0:
        return
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return
