"""Whatever selectors say: the roles are told apart or refused, an index finds it, and no odd shape breaks a cache."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as some

from delivery.cluster.indexes import default_indexes
from delivery.cluster.policies import GUARDED, NETWORK_POLICIES
from delivery.routing.policies import telling_apart
from delivery.workloads.selectors import selects
from tests.routing.guarded import LABELS, WITH_EXPRESSIONS, apart, kept, raw, roles, selecting

VALUES = some.sampled_from(["reviews", "reviews-primary", "ratings", "v1", "books", "x"])

KEYS = some.sampled_from(["app", "version", "team", "absent"])

EXPRESSIONS = some.builds(
    lambda key, operator, values: {"key": key, "operator": operator, "values": values},
    KEYS,
    some.sampled_from(["In", "NotIn", "Exists", "DoesNotExist"]),
    some.lists(VALUES, max_size=3),
)

SELECTORS = some.fixed_dictionaries(
    {},
    optional={
        "matchLabels": some.dictionaries(KEYS, VALUES, max_size=3),
        "matchExpressions": some.lists(EXPRESSIONS, max_size=3),
    },
)

PRIMARY = {**LABELS, "app": "reviews-primary"}


@given(SELECTORS, some.sampled_from(WITH_EXPRESSIONS))
def test_whatever_a_selector_says_both_roles_are_chosen_or_neither_or_it_is_refused(selector, kind):
    """But for one that was made for the primary by the primary's own label."""
    field = next(iter(selecting(kind, a="b")))
    found = apart(kind, kept(kind, "any", {field: selector}))
    chosen = (selects(selector, LABELS), selects(selector, PRIMARY))
    if chosen[0] == chosen[1]:
        assert found == []
    elif found == []:
        by_name = "reviews-primary" in json.dumps(
            [e for e in selector.get("matchExpressions", []) if e["operator"] == "In"]
        )
        assert chosen == (False, True)
        assert by_name or selector.get("matchLabels", {}).get("app") == "reviews-primary"


@given(some.lists(some.tuples(SELECTORS, some.sampled_from(["a", "b"])), max_size=4))
def test_the_index_finds_whatever_tells_the_roles_apart(specs):
    """What is looked up by the labels alone is all that there is."""
    bodies = [
        kept(NETWORK_POLICIES, f"p{number}", {"podSelector": selector, "policyTypes": [rest]})
        for number, (selector, rest) in enumerate(specs)
    ]
    every = telling_apart(NETWORK_POLICIES, bodies, roles())
    assert apart(NETWORK_POLICIES, *bodies) == [name for _, name in every]


@pytest.mark.parametrize("kind", list(GUARDED), ids=str)
def test_a_cache_keeps_of_it_who_it_is_and_whom_it_chooses_and_not_what_it_says(kind):
    spec = {
        "selector": {"matchLabels": {"app": "reviews"}}, "podSelector": {"matchLabels": {"app": "reviews"}},
        "workloadSelector": {"labels": {"app": "reviews"}}, "rules": ["long"] * 100,
        "egress": [{"hosts": ["./*"], "to": []}], "analysis": {"long": "x" * 1000},
    }  # fmt: skip
    body = GUARDED[kind](raw(kind, "viewer", spec))
    assert set(body) <= {"apiVersion", "kind", "metadata", "spec", "choices", "egress"}
    assert set(body["metadata"]) == {"name", "namespace", "uid", "resourceVersion"}
    assert len(json.dumps(body)) < 450


@pytest.mark.parametrize("kind", list(GUARDED), ids=str)
@pytest.mark.parametrize(
    "odd", [None, "text", 3, [], {"matchLabels": 3}, {"matchExpressions": [None, {"operator": "In"}]}]
)
def test_no_odd_shape_breaks_a_projection_or_an_index(kind, odd):
    fields = (
        "selector",
        "podSelector",
        "workloadSelector",
        "ingress",
        "egress",
        "namespaceSelector",
        "targetRef",
        "targetRefs",
    )
    for spec in (dict.fromkeys(fields, odd), {name: [odd] for name in fields}, {"ingress": [{"from": [odd]}]}):
        body = GUARDED[kind](raw(kind, "odd", spec))
        for index in default_indexes(kind).values():
            assert isinstance(list(index(body)), list)
