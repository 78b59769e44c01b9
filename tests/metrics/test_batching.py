"""Many Canaries' questions become few queries, and nobody's answer or failure becomes another's."""

import asyncio
import gc
import re
import weakref
from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial, wraps

import pytest

from delivery.cluster.memory.virtual import VirtualLoop
from metrics.batching import GROWS_AFTER, MARK, MOST_TEXT, Answer, Batches
from metrics.providers import Kind, Query, QueryError, Sample, Samples
from metrics.spec import Subject, Window
from tests.metrics.conftest import NOON, subject_in, window_of

MARKED = re.compile(rf'label_replace\((.*?), "{MARK}", "(\d+)", "", ""\)')


def virtual(story: Callable[[], Coroutine[None, None, None]]) -> Callable[[], None]:
    """Lets a story happen in virtual time."""

    @wraps(story)
    def told() -> None:
        loop = VirtualLoop(None)
        try:
            loop.run_until_complete(story())
        finally:
            loop.close()

    return told


class Sums:
    """A provider whose queries are numbers and whose answers are these numbers; `refuse` says which it cannot take."""

    def __init__(self, refuse: Callable[[Query], QueryError | None] = lambda _: None) -> None:
        self.asked: list[tuple[float, Query]] = []
        self.moments: list[datetime] = []
        self.refuse = refuse
        self.takes = 0.0

    async def query(
        self, queries: Sequence[Query], *, at: datetime, timeout: float
    ) -> Mapping[Query, Samples | QueryError]:
        (query,) = queries
        self.asked.append((asyncio.get_running_loop().time(), query))
        self.moments.append(at)
        await asyncio.sleep(self.takes)
        if error := self.refuse(query):
            return {query: error}
        parts = MARKED.findall(query)
        if not parts:
            return {query: (Sample(float(query.split("@")[0])),)}
        return {query: tuple(Sample(float(text.split("@")[0]), {MARK: mark}) for text, mark in reversed(parts))}

    @property
    def at(self) -> list[float]:
        return [moment for moment, _ in self.asked]


def number(value: int, window: Window) -> Query:
    """A query whose answer is a number, which says how long after its window's moment it is evaluated."""
    return f"{value}@{window.later_ms}"


WINDOW = window_of(60, ending=NOON)


async def ask(batches: Batches, provider: Sums, value: int, *more: int, window: Window = WINDOW) -> list[Answer]:
    """The questions of the Canary in the namespace that is named by its first number."""
    return await batches.ask(provider, [partial(number, each) for each in (value, *more)], subject(value), window)


def subject(value: int) -> Subject:
    return subject_in(f"shop-{value}")


def values(answers: Sequence[Sequence[Answer]]) -> list[list[float | Kind]]:
    return [
        [each.kind if isinstance(each, QueryError) else each[0].value for each in of_canary] for of_canary in answers
    ]


async def test_questions_of_one_moment_are_one_query_and_everybody_gets_the_own_answer() -> None:
    provider, batches = Sums(), Batches(timeout=5)
    answers = await asyncio.gather(*(ask(batches, provider, each, 1000 + each) for each in range(10)))
    assert values(answers) == [[each, 1000 + each] for each in range(10)]
    assert len(provider.asked) == 1


async def test_the_same_question_is_asked_once_whoever_asks() -> None:
    """Given two checks of a Canary that need the same counts, then Prometheus counts once."""
    provider, batches = Sums(), Batches(timeout=5)
    answers = await asyncio.gather(*(ask(batches, provider, 1, each) for each in (2, 3)))
    assert values(answers) == [[1, 2], [1, 3]]
    assert [text for text, _ in MARKED.findall(provider.asked[0][1])] == ["1@0", "2@0", "3@0"]
    other = window_of(60, ending=NOON, late=1)
    await asyncio.gather(ask(batches, provider, 1), ask(batches, provider, 1, window=other))
    assert [text for text, _ in MARKED.findall(provider.asked[1][1])] == ["1@1000", "1@0"]


async def test_one_question_alone_is_asked_as_it_is() -> None:
    provider = Sums()
    assert values([await ask(Batches(timeout=5), provider, 7)]) == [[7]]
    assert provider.asked[0][1] == "7@0"


async def test_a_query_is_about_fifty_workloads_at_most() -> None:
    provider, batches = Sums(), Batches(timeout=5)
    answers = await asyncio.gather(*(ask(batches, provider, each, 1000 + each) for each in range(120)))
    assert values(answers) == [[each, 1000 + each] for each in range(120)]
    assert [len(MARKED.findall(query)) for _, query in provider.asked] == [100, 100, 40]


async def test_a_query_has_a_bounded_length() -> None:
    def long(value: int, window: Window) -> Query:
        return number(value, window) + "#" * (MOST_TEXT // 3)

    provider, batches = Sums(), Batches(timeout=5)
    asked = [batches.ask(provider, [partial(long, each)], subject(each), WINDOW) for each in range(5)]
    assert values(await asyncio.gather(*asked)) == [[each] for each in range(5)]
    assert [len(MARKED.findall(query)) for _, query in provider.asked] == [2, 2, 0]


async def test_every_window_is_led_back_to_its_own_moment() -> None:
    """Given windows that end apart, then the query is evaluated at the latest, and each looks back from there."""
    provider, batches = Sums(), Batches(timeout=5)
    ends = [NOON - timedelta(milliseconds=each) for each in (1500, 0, 250)]
    windows = [window_of(60, ending=end, late=15) for end in ends]
    await asyncio.gather(*(ask(batches, provider, each, window=window) for each, window in enumerate(windows)))
    assert provider.moments == [NOON + timedelta(seconds=15)]
    assert [text for text, _ in MARKED.findall(provider.asked[0][1])] == ["0@1500", "1@0", "2@250"]


@virtual
async def test_the_first_question_is_asked_at_once_and_those_after_it_in_rounds() -> None:
    """Given a Canary each 0.1 s and rounds of a second, then a lone question does not wait and many are few queries."""
    provider, batches = Sums(), Batches(timeout=5, wait=1.0)

    async def later(each: int) -> list[Answer]:
        await asyncio.sleep(each / 10)
        return await ask(batches, provider, each)

    answers = await asyncio.gather(*map(later, range(31)))
    assert values(answers) == [[each] for each in range(31)]
    assert provider.at == pytest.approx([0, 1, 2, 3], abs=0.15)
    await asyncio.sleep(10)
    before = asyncio.get_running_loop().time()
    await ask(batches, provider, 99)
    assert asyncio.get_running_loop().time() == before


@virtual
async def test_a_full_query_does_not_wait() -> None:
    provider, batches = Sums(), Batches(timeout=5, wait=1.0, most=3)
    await ask(batches, provider, 0)
    await asyncio.gather(*(ask(batches, provider, each) for each in range(1, 4)))
    assert provider.at == [0, 0]


@virtual
async def test_a_slow_query_holds_nobody_who_comes_after_it() -> None:
    provider, batches = Sums(), Batches(timeout=5, wait=1.0)
    provider.takes = 4.0
    slow = asyncio.create_task(ask(batches, provider, 0))
    await asyncio.sleep(1.5)
    provider.takes = 0.0
    assert values([await ask(batches, provider, 1)]) == [[1]]
    assert not slow.done()
    await slow


def about(value: int) -> Callable[[Query], QueryError | None]:
    """Refuses whatever has to do with the Canary of a number."""
    text = re.compile(rf"(?<!\d){value}@")
    return lambda query: QueryError(Kind.REFUSED, "many-to-many") if text.search(query) else None


async def test_one_question_that_is_refused_takes_no_others_with_it() -> None:
    provider, batches = Sums(about(5)), Batches(timeout=5)
    answers = await asyncio.gather(*(ask(batches, provider, each) for each in range(16)))
    assert values(answers) == [[Kind.REFUSED if each == 5 else each] for each in range(16)]
    assert len(provider.asked) <= 9


async def test_a_batch_that_gets_no_answer_holds_only_itself() -> None:
    """Given a server that hangs up on one query in two, then the other batch's Canaries have their numbers."""
    provider, batches = Sums(), Batches(timeout=5, most=2)
    provider.refuse = lambda query: QueryError(Kind.UNREACHABLE, "hung up") if "0@" in query else None
    answers = await asyncio.gather(*(ask(batches, provider, each) for each in (0, 1, 2, 3)))
    assert values(answers) == [[Kind.UNREACHABLE], [Kind.UNREACHABLE], [2], [3]]
    assert len(provider.asked) == 2


def longer_than(most: int) -> Callable[[Query], QueryError | None]:
    def refuse(query: Query) -> QueryError | None:
        return QueryError(Kind.REFUSED, "too long") if len(MARKED.findall(query)) > most else None

    return refuse


@virtual
async def test_a_server_that_takes_no_long_queries_is_asked_short_ones_and_later_long_ones_again() -> None:
    provider, batches = Sums(longer_than(4)), Batches(timeout=5)
    everybody = range(16)
    for _ in range(2):
        provider.asked.clear()
        answers = await asyncio.gather(*(ask(batches, provider, each) for each in everybody))
        assert values(answers) == [[each] for each in everybody]
    assert len(provider.asked) == 4
    provider.refuse = lambda _: None
    for _ in range(5):
        await asyncio.sleep(GROWS_AFTER)
        provider.asked.clear()
        await asyncio.gather(*(ask(batches, provider, each) for each in everybody))
    assert len(provider.asked) == 1


async def test_a_server_that_cannot_take_queries_together_is_asked_one_by_one() -> None:
    """Whatever it says to them: an old version, a proxy that forbids forms, an answer without the marks."""
    for answer in (Kind.REFUSED, Kind.NOT_PROMETHEUS, Kind.SHAPE):
        provider, batches = Sums(), Batches(timeout=5)
        provider.refuse = lambda query, kind=answer: QueryError(kind, "no") if MARK in query else None  # type: ignore[misc]
        for _ in range(4):
            provider.asked.clear()
            answers = await asyncio.gather(*(ask(batches, provider, each, 1000 + each) for each in range(4)))
            assert values(answers) == [[each, 1000 + each] for each in range(4)]
        assert len(provider.asked) == 8


@virtual
async def test_a_round_that_took_too_long_is_asked_in_smaller_ones_next_time() -> None:
    provider, batches = Sums(), Batches(timeout=5)
    provider.refuse = lambda query: (
        QueryError(Kind.TIMEOUT, "no answer within 5 s") if len(MARKED.findall(query)) > 4 else None
    )
    provider.takes = 5.0
    assert values(await asyncio.gather(*(ask(batches, provider, each) for each in range(8)))) == [[Kind.TIMEOUT]] * 8
    assert len(provider.asked) == 1
    provider.takes = 0.0
    assert values(await asyncio.gather(*(ask(batches, provider, each) for each in range(8)))) == [[n] for n in range(8)]


async def test_a_server_that_is_away_is_not_thought_to_be_asked_too_much() -> None:
    provider, batches = Sums(lambda _: QueryError(Kind.UNREACHABLE, "away")), Batches(timeout=5)
    for _ in range(3):
        await asyncio.gather(*(ask(batches, provider, each) for each in range(8)))
    provider.asked.clear()
    provider.refuse = lambda _: None
    await asyncio.gather(*(ask(batches, provider, each) for each in range(8)))
    assert len(provider.asked) == 1


async def test_an_answer_without_marks_is_nobodys() -> None:
    class Forgetful(Sums):
        async def query(
            self, queries: Sequence[Query], *, at: datetime, timeout: float
        ) -> Mapping[Query, Samples | QueryError]:
            answers = await super().query(queries, at=at, timeout=timeout)
            return {query: (Sample(1), Sample(2)) if MARK in query else answers[query] for query in queries}

    provider, batches = Forgetful(), Batches(timeout=5)
    answers = await asyncio.gather(*(ask(batches, provider, each) for each in (8, 9)))
    assert values(answers) == [[8], [9]]


async def test_a_provider_that_raises_is_an_answer_too() -> None:
    def broken(_: Query) -> QueryError | None:
        raise RuntimeError("boom")

    provider, batches = Sums(broken), Batches(timeout=5)
    answers = await asyncio.gather(*(ask(batches, provider, each) for each in (1, 2)))
    assert values(answers) == [[Kind.FAULT], [Kind.FAULT]]


async def test_who_gives_up_is_not_asked_for_and_the_others_are() -> None:
    provider, batches = Sums(), Batches(timeout=5)
    tasks = [asyncio.create_task(ask(batches, provider, each)) for each in range(3)]
    await asyncio.sleep(0)
    tasks[1].cancel()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(answers[1], asyncio.CancelledError)
    assert values([answers[0], answers[2]]) == [[0], [2]]  # type: ignore[list-item]
    assert not any("1@" in query for _, query in provider.asked)


async def test_providers_do_not_wait_for_each_other() -> None:
    one, other, batches = Sums(), Sums(), Batches(timeout=5)
    await asyncio.gather(ask(batches, one, 1), ask(batches, other, 2))
    assert (len(one.asked), len(other.asked)) == (1, 1)


@virtual
async def test_closing_answers_everybody() -> None:
    provider, batches = Sums(), Batches(timeout=5, wait=1)
    provider.takes = 3.0
    under_way = asyncio.create_task(ask(batches, provider, 1))
    await asyncio.sleep(0.1)
    waiting = asyncio.create_task(ask(batches, provider, 2))
    await asyncio.sleep(0.1)
    batches.close()
    assert values(await asyncio.gather(under_way, waiting)) == [[Kind.UNREACHABLE], [Kind.UNREACHABLE]]


@pytest.mark.parametrize(
    ("wait", "most", "named"), [(-1, 50, "wait: given -1"), (61, 50, "wait: given 61"), (0, 0, "most: given 0")]
)
def test_what_is_out_of_range_is_refused(wait: float, most: int, named: str) -> None:
    with pytest.raises(ValueError, match=named):
        Batches(timeout=5, wait=wait, most=most)


@virtual
async def test_a_provider_that_is_forgotten_is_not_kept_by_what_it_was_asked() -> None:
    """Sources of templates come and go with their Secrets' contents."""
    provider, batches = Sums(), Batches(timeout=5)
    await batches.ask(provider, [lambda _: "7"], subject_in("shop"), window_of(60, ending=NOON))
    await asyncio.sleep(0)
    known = weakref.ref(provider)
    del provider
    gc.collect()
    assert known() is None
