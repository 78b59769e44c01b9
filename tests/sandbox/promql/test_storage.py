"""What is kept: every value to the last bit, ends of series, and no more than was allowed."""

import math
import struct
from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery.sandbox.promql.errors import QueryFailedError
from delivery.sandbox.promql.exposition import Sample
from delivery.sandbox.promql.labels import Labels, Matcher, labels_of, regular_expression
from delivery.sandbox.promql.series import Series
from delivery.sandbox.promql.storage import BLOCK_SCRAPES, Source, Storage

ODD = st.sampled_from(
    [0.0, -0.0, 1.0, -1.0, 127.0, 128.0, -129.0, 2.0**31, 2.0**53, 1e300, 0.1, math.nan, math.inf, -math.inf]
)


def bits(values: list[float]) -> list[bytes]:
    return [struct.pack("<d", value) for value in values]


@given(st.lists(st.one_of(ODD, st.integers(-300, 300).map(float), st.floats()), min_size=1, max_size=60))
def test_every_value_comes_back_to_the_last_bit(values: list[float]) -> None:
    times = array("q", range(0, 1000 * len(values), 1000))
    series = Series(labels_of("x"))
    for index, value in enumerate(values):
        series.add(times, index, value)
    assert series.points(0, 10**9)[0] == list(times)
    assert [math.isnan(each) for each in series.points(0, 10**9)[1]] == [math.isnan(each) for each in values]
    known = [value for value in values if not math.isnan(value)]
    assert bits([value for value in series.points(0, 10**9)[1] if not math.isnan(value)]) == bits(known)


def test_a_counter_takes_few_bytes() -> None:
    """Given a counter at rest and one that grows by 100 a scrape, then they take far less than 8 bytes a sample."""
    times = array("q", range(240))
    resting, growing = Series(labels_of("x")), Series(labels_of("y"))
    for index in times:
        resting.add(times, index, 12345.0)
        growing.add(times, index, 12345.0 + 100 * index)
    assert resting.chunks[0].size < 240
    assert growing.chunks[0].size < 240 * 4


def names(storage: Storage, *matchers: Matcher) -> list[Labels]:
    return [series.labels for series in storage.select(matchers)]


def sample(name: str, value: float = 1.0, **labels: str) -> Sample:
    return name, tuple(labels.items()), value


def test_a_series_that_is_missing_from_a_scrape_has_ended() -> None:
    storage = Storage()
    source = Source(storage)
    source.record(1000, [sample("x", pod="a"), sample("x", pod="b")])
    source.record(2000, [sample("x", pod="b")])
    a, b = storage.select([Matcher("pod", "=", "a")])[0], storage.select([Matcher("pod", "=", "b")])[0]
    assert a.value_at(1999, 300_000) == (1000, 1.0)
    assert a.value_at(2000, 300_000) is None
    assert a.points(0, 9000) == ([1000], [1.0])
    assert b.value_at(9000, 300_000) == (2000, 1.0)

    source.lost(3000)
    assert b.value_at(3000, 300_000) is None

    source.record(4000, [sample("x", 7.0, pod="a")])
    assert a.value_at(4000, 300_000) == (4000, 7.0)
    assert a.points(0, 9000) == ([1000, 4000], [1.0, 7.0])


def test_a_sample_keeps_its_own_labels_before_those_of_the_target() -> None:
    storage = Storage()
    Source(storage, (("job", "mesh"), ("instance", "i"))).record(1000, [sample("x", job="own", empty="")])
    assert names(storage) == [labels_of("x", {"job": "own", "instance": "i"})]


def test_of_two_samples_of_one_series_in_a_scrape_the_first_counts() -> None:
    storage = Storage()
    Source(storage).record(1000, [sample("x", 1), sample("x", 2)])
    assert storage.select([])[0].points(0, 9000) == ([1000], [1.0])


def test_time_does_not_go_backwards() -> None:
    source = Source(Storage())
    source.record(1000, [])
    with pytest.raises(ValueError, match="not later than the one before"):
        source.record(1000, [])


def test_old_samples_are_forgotten_and_their_series_with_them() -> None:
    """Given an hour of retention and scrapes each 15 s, when 3 hours pass, then 1 to 2 hours are known."""
    storage = Storage(retention=3600)
    source = Source(storage)
    source.record(0, [sample("gone"), sample("stays")])
    for at in range(15_000, 3 * 3_600_000, 15_000):
        source.record(at, [sample("stays", at)])
    assert names(storage) == [labels_of("stays")]
    assert names(storage, Matcher("__name__", "=", "gone")) == []
    times, _ = storage.select([])[0].points(0, 2**62)
    assert 3_600_000 <= times[-1] - times[0] <= 2 * 3_600_000
    assert times == list(range(times[0], times[-1] + 1, 15_000))


def test_space_is_limited_however_often_is_scraped() -> None:
    storage = Storage(retention=10**9, max_bytes=50_000)
    source = Source(storage)
    for at in range(1, BLOCK_SCRAPES * 40):
        source.record(at, [sample("x", at * 0.1, pod=str(pod)) for pod in range(3)])
    block = BLOCK_SCRAPES * 8 * 3 + 1000
    assert storage.size < 50_000 + block
    assert len(storage.select([])) == 3
    assert storage.select([])[0].value_at(10**9, 10**9) == (BLOCK_SCRAPES * 40 - 1, (BLOCK_SCRAPES * 40 - 1) * 0.1)


def test_what_makes_new_labels_for_each_scrape_is_not_remembered_for_ever() -> None:
    source = Source(Storage())
    for at in range(1, 3000):
        source.record(at, [sample("x", at, pod=str(pod)) for pod in range(5)])
    assert len(source._known) < 2000


@pytest.mark.parametrize(
    "pattern", [r"\pN", "[[:alpha:]]", r"\Qa.b\E", "a(?=b)", "a(?s:.)", r"(a)\1", "a*+", "(", "a{,3}"]
)
def test_a_regular_expression_with_another_meaning_is_refused(pattern: str) -> None:
    with pytest.raises(QueryFailedError, match="regular expression"):
        regular_expression(pattern)


def test_a_literal_regular_expression_of_the_builtin_queries_is_understood() -> None:
    assert regular_expression("reviews-canary|a[.]b").fullmatch("a.b")
    assert not regular_expression("reviews").fullmatch("reviews\n")
