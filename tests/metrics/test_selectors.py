"""Selectors of somebody's own counters: what is taken, what is refused, and what each role's are."""

from dataclasses import replace
from typing import Any

import pytest

from metrics import selectors
from metrics.counters import Counters, Part, Role
from metrics.spec import Subject

ORDERS = 'orders_total{namespace="{{ namespace }}", app="{{ workload }}"}'


def of_requests(text: str) -> Counters:
    return Counters(requests=text, failures=ORDERS)


def refused(counters: Counters, variables: dict[str, str] | None = None) -> selectors.SelectorError:
    with pytest.raises(selectors.SelectorError) as caught:
        selectors.check(counters, variables)
    return caught.value


@pytest.mark.parametrize(
    "text",
    [
        ORDERS,
        'orders:total{pod=~"{{ pods }}"}',
        'orders_total{service="{{ role_service }}", code!~"4..|404",}',
        "{{ variables.name }}_total{app='{{ workload }}', zone=\"{{ variables.zone }}\"}",
        'orders_total{\n  app=~"{{ workload }}",  # ours\n}\n',
    ],
)
def test_a_selector_is_taken(text: str) -> None:
    selectors.check(of_requests(text))


@pytest.mark.parametrize(
    "text",
    [
        'rate(orders_total{app="{{ workload }}"}[1m])',
        'sum(orders_total{app="{{ workload }}"})',
        'orders_total{app="{{ workload }}"}[5m]',
        'orders_total{app="{{ workload }}"} offset 5m',
        'orders_total{app="{{ workload }}"} @ 0',
        'orders_total{app="{{ workload }}"} + 1',
        'orders_total{app="{{ workload }}"} or other{app="{{ workload }}"}',
        'a{app="{{ workload }}"} + b{app="{{ workload }}"}',
        '{app="{{ workload }}"}',
        "orders_total{app={{ workload }}}",
        'orders_total{ {{ variables.more }}, app="{{ workload }}"}',
    ],
)
def test_whatever_else_prometheus_understands_is_refused_with_an_example(text: str) -> None:
    error = refused(of_requests(text))

    assert error.field == "requests"
    assert text in error.given.replace("\\'", "'")
    assert "orders_total{app=" in error.allowed
    assert "without functions, ranges, offsets and arithmetic" in error.allowed


def test_what_counts_both_versions_alike_is_refused_with_what_tells_them() -> None:
    error = refused(of_requests('orders_total{namespace="{{ namespace }}", app="{{ target }}"}'))

    assert "counts both versions alike" in error.given
    assert "{{ workload }}, {{ pods }}, {{ role_service }}" in error.allowed


@pytest.mark.parametrize("name", ["interval", "revision", "variables"])
def test_an_unknown_placeholder_is_refused_with_the_known_ones(name: str) -> None:
    error = refused(of_requests(f'orders_total{{app="{{{{ workload }}}}", x="{{{{ {name} }}}}"}}'))

    assert error.field == "requests"
    assert name in error.given
    assert "{{ workload }}, {{ pods }}" in error.allowed


def test_the_field_that_is_wrong_is_named() -> None:
    assert refused(Counters(requests=ORDERS, failures="up")).field == "failures"
    assert refused(Counters(requests=ORDERS, successes="up")).field == "successes"
    assert refused(Counters(buckets="up")).field == "buckets"


def test_a_variable_cannot_make_another_query_of_a_selector() -> None:
    text = 'orders_total{app="{{ workload }}", zone="{{ variables.zone }}"}'
    selectors.check(of_requests(text), {"zone": "eu"})

    assert "'zone' has no value" in refused(of_requests(text), {}).given
    refused(of_requests(text), {"zone": 'eu"} or secrets{a="'})
    refused(of_requests(text), {"zone": 'eu"}[5m] or vector(1) #'})


@pytest.mark.parametrize(
    "given",
    [{}, {"requests": "a"}, {"failures": "a"}, {"buckets": "a", "requests": "a"},
     {"requests": "a", "failures": "a", "successes": "a"}],
)  # fmt: skip
def test_another_choice_of_selectors_counts_nothing(given: Any) -> None:
    with pytest.raises(ValueError, match="requests with one of failures and successes, or buckets alone"):
        Counters(**given)


# -- each role's


def test_each_role_has_its_own_names_in_the_same_places(subject: Subject) -> None:
    subject = replace(subject, target_pods="reviews-[0-9]{5}", primary_pods="reviews-primary-[0-9]{5}")
    text = 'a{w="{{ workload }}", p=~"{{ pods }}", s="{{ role_service }}", t="{{ target }}", v=\'{{ variables.v }}\'}'

    canary, primary = (
        selectors.of(Counters(buckets=text), role, subject, {"v": "1"})[Part.BUCKETS]
        for role in (Role.CANARY, Role.PRIMARY)
    )

    assert canary == 'a{w="reviews", p=~"reviews-[0-9]{5}", s="reviews-canary", t="reviews", v="1"}'
    assert primary == ('a{w="reviews-primary", p=~"reviews-primary-[0-9]{5}", s="reviews-primary", t="reviews", v="1"}')


@pytest.mark.parametrize(
    ("place", "changed", "way_out"),
    [
        ("workload", {"by_service": True}, "role_service"),
        ("pods", {"by_service": True, "target_pods": "x"}, "role_service"),
        ("pods", {}, "workload"),
        ("role_service", {"by_subset": True}, "workload"),
    ],
)
def test_a_place_that_a_role_has_nothing_for_is_refused_with_another(
    subject: Subject, place: str, changed: Any, way_out: str
) -> None:
    counters = Counters(buckets=f'a{{x="{{{{ {place} }}}}"}}')

    with pytest.raises(selectors.SelectorError) as caught:
        selectors.of(counters, Role.CANARY, replace(subject, **changed), {})

    assert f"{{{{ {place} }}}}" in caught.value.given
    assert f"{{{{ {way_out} }}}}" in caught.value.allowed


def test_labels_are_added_to_a_selector_with_and_without_some() -> None:
    assert selectors.with_labels("a", {"le=": "+Inf"}) == 'a{le="+Inf"}'
    assert selectors.with_labels('a{b="}"}', {"le=": "+Inf"}) == 'a{b="}", le="+Inf"}'


@pytest.mark.parametrize(
    ("primary", "canary", "both"),
    [
        (
            'a{x="1", w="b.primary", z!="2"}',
            'a{x="1", w="b", z!="2"}',
            ('a{x="1", w=~"b[.]primary|b", z!="2"}', "w", "b.primary", "b"),
        ),
        ('a{w="{}", v="1"}', 'a{w="b", v="1"}', ('a{w=~"[{][}]|b", v="1"}', "w", "{}", "b")),
        ('a{w=~"b-.+"}', 'a{w=~"c-.+"}', None),
        ('a{w!="b"}', 'a{w!="c"}', None),
        ('a{w="b", v="b"}', 'a{w="c", v="c"}', None),
        ('b_total{w="b"}', 'c_total{w="c"}', None),
        ('a{w="b"}', 'a{w="b"}', None),
    ],
)
def test_two_roles_are_asked_together_where_one_label_tells_them(primary: str, canary: str, both: Any) -> None:
    assert selectors.joined(primary, canary) == both
