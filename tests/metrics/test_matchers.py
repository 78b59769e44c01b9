"""Matchers that are added to every builtin query, for a Prometheus that holds several clusters."""

import inspect
import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics import application, queries
from metrics.matchers import MatchersError, parse
from metrics.spec import Subject, Window

BUILDERS = [
    builder
    for room in (queries, application)
    for name, builder in inspect.getmembers(room, inspect.isfunction)
    if not name.startswith("_") and {"subject", "window"} <= set(inspect.signature(builder).parameters)
    if builder.__module__ == room.__name__ and name != "increase"
]


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("", ()),
        (" ", ()),
        ('cluster="prod"', (("cluster=", "prod"),)),
        ("""a="x", b!='y' ,c=~`z\\.*`,""", (("a=", "x"), ("b!=", "y"), ("c=~", "z\\.*"))),
        (r'a="say \"hi\"\\",a="b"', (("a=", 'say "hi"\\'), ("a=", "b"))),
        ('a="1",a="1"', (("a=", "1"),)),
    ],
)
def test_matchers_are_read_as_promql_writes_them(text: str, pairs: object) -> None:
    assert parse(text) == pairs


@pytest.mark.parametrize(
    "text", ["cluster=prod", 'cluster=="prod"', '{a="b"}', 'a="b" c="d"', 'a="b', ",", '__name__="up"', r'a="\d"', "a"]
)
def test_what_is_no_matcher_is_named_with_what_is_allowed(text: str) -> None:
    with pytest.raises(MatchersError, match="allowed"):
        parse(text)


@given(st.lists(st.tuples(st.sampled_from(["a=", "b_1!=", "c=~", "d!~"]), st.text())))
def test_what_a_selector_says_is_read_back(pairs: list[tuple[str, str]]) -> None:
    text = queries.selector("", {}, tuple(pairs)).removeprefix("{").removesuffix("}")
    assert parse(text) == tuple(dict.fromkeys(pairs))


@pytest.mark.parametrize("builder", BUILDERS, ids=lambda each: each.__name__)
def test_every_selector_of_a_builtin_query_has_the_matchers(
    builder: Callable[..., str], subject: Subject, window: Window
) -> None:
    marked = replace(subject, matchers=(("cluster=", "prod"), ("zone!~", 'a"b')))
    others = {name: "reviews" for name in inspect.signature(builder).parameters if name not in ("subject", "window")}
    query = builder(subject=marked, window=window, **others)
    alone = builder(subject=subject, window=window, **others)
    selectors = re.findall(r"\{[^}]*\}", query)
    assert selectors
    assert all('cluster="prod", zone!~"a\\"b"}' in each for each in selectors)
    assert re.search(r"\bup\b(?!\{)", query) is None
    assert 'cluster="prod"' not in alone
