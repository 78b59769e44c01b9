"""An interrupted look back goes on where it was, and a question is never too large or one of too many."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import pytest
from click.testing import CliRunner

from delivery.cli.judge import judge
from delivery.judge import fetching
from delivery.judge.asked import Asked
from delivery.judge.fetching import AT_ONCE, Fetcher, LookBackError
from delivery.judge.kept import Kept, KeptError
from delivery.judge.replay import replay
from metrics.providers import Providers
from metrics.providers.base import Kind, Query, QueryError
from tests.judge.conftest import arguments
from tests.judge.planted import BEGIN


class Watched:
    """A provider that notes what it is asked and how much at once; may give out after some range questions."""

    def __init__(self, provider, *, lasts: int | None = None, most: int | None = None) -> None:
        self.provider, self.lasts, self.most = provider, lasts, most
        self.ranges: list[tuple[Query, datetime]] = []
        self.samples: list[int] = []
        self.now = self.highest = 0

    async def query(self, queries: Sequence[Query], *, at: datetime, timeout: float) -> Mapping:
        return await self._asked(self.provider.query, queries, at, timeout)

    async def raw(self, queries: Sequence[Query], *, at: datetime, timeout: float) -> Mapping:
        counting = [each for each in queries if "increase(" not in each]
        if counting and self.lasts is not None and len(self.ranges) >= self.lasts:
            return {each: QueryError(Kind.UNREACHABLE, "the line is dead") for each in queries}
        found = await self._asked(self.provider.raw, queries, at, timeout)
        sizes = {each: sum(len(series.points) for series in found[each]) for each in counting}
        if self.most is not None and any(size > self.most for size in sizes.values()):
            return {each: QueryError(Kind.SHAPE, "the answer is too long") for each in queries}
        self.ranges += [(each, at) for each in counting]
        self.samples += sizes.values()
        return found

    async def _asked(self, ask, queries: Sequence[Query], at: datetime, timeout: float) -> Mapping:
        self.now += 1
        self.highest = max(self.highest, self.now)
        try:
            return await ask(queries, at=at, timeout=timeout)
        finally:
            self.now -= 1


ASKED = Asked(
    namespace="shop",
    primary="reviews-primary",
    canary="reviews",
    begin=BEGIN - timedelta(minutes=10),
    end=BEGIN + timedelta(hours=3),
)


@pytest.fixture
def provider(prometheus: str):
    providers = Providers(threads=AT_ONCE)
    yield providers.provider_for(prometheus)
    providers.close()


async def looked(provider, file, *, asked: Asked = ASKED):
    fetcher = Fetcher(provider, asked)
    with Kept(file, asked) as kept:
        found = await fetcher.episodes()
        await fetcher.counts(found, kept, lambda *_: None)
        return [replay(asked, each, kept) for each in found]


async def test_what_was_fetched_before_the_line_broke_is_not_fetched_again(provider, file) -> None:
    undisturbed = Watched(provider)
    wanted = await looked(undisturbed, None)

    broken = Watched(provider, lasts=2)
    with pytest.raises(LookBackError, match="the line is dead"):
        await looked(broken, file)
    rest = Watched(provider)
    stories = await looked(rest, file)

    assert stories == wanted
    assert set(broken.ranges) | set(rest.ranges) == set(undisturbed.ranges)
    assert not set(broken.ranges) & set(rest.ranges)

    again = Watched(provider)
    assert await looked(again, file) == wanted
    assert again.ranges == []


async def test_a_line_that_was_cut_off_is_fetched_again(provider, file) -> None:
    wanted = await looked(provider, file)
    whole = file.read_text()
    file.write_text(whole[: len(whole) - 20])
    assert await looked(provider, file) == wanted
    assert len(file.read_text().splitlines()) == len(whole.splitlines())


async def test_at_most_two_questions_are_under_way(provider) -> None:
    watched = Watched(provider)
    await looked(watched, None)
    assert watched.highest <= AT_ONCE


async def test_a_question_is_about_a_bounded_number_of_samples(provider, monkeypatch) -> None:
    wanted = await looked(provider, None)
    monkeypatch.setattr(fetching, "MOST_SAMPLES", 20_000)
    watched = Watched(provider)
    assert await looked(watched, None) == wanted
    assert max(watched.samples) <= 25_000  # a part has the lookback besides


async def test_what_is_refused_as_too_long_is_asked_in_halves(provider) -> None:
    wanted = await looked(provider, None)
    watched = Watched(provider, most=15_000)
    assert await looked(watched, None) == wanted


async def test_a_file_of_another_question_is_refused_by_name(provider, file) -> None:
    await looked(provider, file)
    other = Asked(namespace="shop", primary="reviews-primary", canary="ratings", begin=ASKED.begin, end=ASKED.end)
    with pytest.raises(KeptError, match="belongs to another question"):
        await looked(provider, file, asked=other)


def test_a_file_of_something_else_is_left_alone(ask, file) -> None:
    file.write_text("a letter\nto somebody\n")
    result = ask(resume=str(file))
    assert result.exit_code == 1
    assert "is no file of this command" in result.output
    assert file.read_text() == "a letter\nto somebody\n"


def test_an_interrupted_look_back_keeps_its_time(ask, prometheus, file) -> None:
    first = ask(resume=str(file), output="json", metric="errors")
    given = arguments(prometheus, resume=str(file), output="json", metric="errors")
    pairs = zip(given[::2], given[1::2], strict=True)
    later = [part for pair in pairs if pair[0] not in ("--from", "--to") for part in pair]
    assert CliRunner().invoke(judge, later).stdout == first.stdout


def test_whoever_interrupts_is_told_how_to_go_on(ask, file, monkeypatch) -> None:
    async def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Fetcher, "counts", interrupted)
    result = ask(resume=str(file))
    assert result.exit_code == 130
    assert f"goes on from {file}" in result.output.replace("\n", "")
