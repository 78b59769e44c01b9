"""What somebody else's VirtualServices give to a canary."""

import pytest

from delivery.routing.beside import Given, given, serving
from delivery.routing.destinations import Destination

PRIMARY, CANARY = {"host": "reviews-primary"}, {"host": "reviews-canary"}
V1, V2, V3 = ({"host": "reviews", "subset": each} for each in ("v1", "v2", "v3"))
HOST = Destination("reviews-canary.shop.svc.cluster.local")
APEX = "reviews.shop.svc.cluster.local"
SUBSET = Destination(APEX, "v2")
BY_HEADER = [{"headers": {"end-user": {"exact": "jason"}}}]


def route(*rules, protocol="http", namespace="shop"):
    meta = {"name": "reviews", "namespace": namespace}
    return {"kind": "VirtualService", "metadata": meta, "spec": {"hosts": ["reviews"], protocol: list(rules)}}


def to(*shares, **rule):
    items = [{"destination": place, **({} if weight is None else {"weight": weight})} for place, weight in shares]
    return {"route": items, **rule}


@pytest.fixture
def read(names):
    def said(*rules, canary=HOST, wanted=(), matched=False, **options):
        return given(names, [(route(*rules, **options), wanted)], canary, matched=matched)

    return said


def test_flaggers_route_says_both_weights(read):
    found = read(to((PRIMARY, 80), (CANARY, 20)))

    assert (found.canary, found.everybody, found.mirror) == (20, 20, 0)
    assert found.others == ((Destination("reviews-primary.shop.svc.cluster.local"), 80),)


def test_weights_that_are_no_percent_are_made_one(read):
    assert read(to((PRIMARY, 999), (CANARY, 1))).canary == 1


def test_hosts_are_read_as_the_routes_namespace_reads_them(read):
    elsewhere = to((PRIMARY, 80), (CANARY, 20))
    assert read(elsewhere, namespace="other").canary is None
    complete = {"host": "reviews-canary.shop.svc.cluster.local"}
    assert read(to((PRIMARY, 80), (complete, 20)), namespace="other").canary == 20


def test_a_route_to_nobody_of_ours_says_nothing(read):
    assert read(to(({"host": "ratings"}, None))) == Given()


def test_a_route_to_the_primary_alone_gives_the_canary_nothing(read):
    assert read(to((PRIMARY, None))).canary == 0


def test_a_route_of_one_tester_is_no_release(read):
    jason = to((V2, None), match=BY_HEADER)

    assert read(jason, to((V1, None)), canary=SUBSET).canary == 0
    assert read(jason, to((V1, 50), (V2, 50)), canary=SUBSET).canary == 50


def test_where_some_are_tried_their_route_counts(read):
    found = read(to((CANARY, None), match=BY_HEADER), to((PRIMARY, 100), (CANARY, 0)), matched=True)

    assert (found.canary, found.everybody) == (100, 0)


def test_a_cookie_that_keeps_users_is_no_weight(read):
    cookie = to((PRIMARY, 0), (CANARY, 100), match=[{"headers": {"cookie": {"regex": ".*flagger.*"}}}])

    assert read(cookie, to((PRIMARY, 90), (CANARY, 10))).canary == 10
    for_some = [{"uri": {"prefix": "/api"}}]
    assert read(cookie, to((PRIMARY, 90), (CANARY, 10), match=for_some)).canary == 10


def test_copies_are_told(read):
    rule = to((PRIMARY, 100), (CANARY, 0), mirror=CANARY)
    assert read(rule).mirror == 100
    assert read({**rule, "mirrorPercentage": {"value": 30}}).mirror == 30
    several = [{"destination": CANARY, "percentage": {"value": 5}}]
    assert read(to((PRIMARY, 100), (CANARY, 0), mirrors=several)).mirror == 5
    assert read(to((PRIMARY, 100), (CANARY, 0), mirror=PRIMARY)).mirror == 0


def test_only_the_named_routes_count(read):
    first, second = to((PRIMARY, 50), (CANARY, 50), name="a"), to((PRIMARY, 90), (CANARY, 10), name="b")

    assert read(first, second, wanted=("b",)).canary == 10


def test_connections_are_split_too(read):
    rule = to((PRIMARY, 70), (CANARY, 30), match=[{"port": 9080}])

    assert read(rule, protocol="tcp").canary == 30


def test_a_canary_that_nobody_can_name_has_no_weight(read):
    assert read(to((V1, 50), (V2, 50)), canary=Destination("")).canary is None


def test_odd_rules_do_no_harm(read):
    assert read("nonsense", {}, {"route": [{}]}, to((PRIMARY, 80), (CANARY, 20), mirror="x")).canary == 20


def deployment(name, version):
    return {"metadata": {"name": name}, "spec": {"template": {"metadata": {"labels": {"version": version}}}}}


def test_who_serves_is_the_version_of_the_heaviest_other_subset(read):
    rule = {"spec": {"subsets": [{"name": each, "labels": {"version": each}} for each in ("v1", "v2", "v3")]}}
    there = [deployment(f"reviews-{each}", each) for each in ("v1", "v2", "v3")]
    others = read(to((V1, 10), (V2, 20), (V3, 70)), canary=SUBSET).others

    found = serving(rule, others, there, target="reviews-v2")
    assert found is not None
    assert found["metadata"]["name"] == "reviews-v3"
    assert serving(None, others, there, target="reviews-v2") is None
    assert serving(rule, (), there, target="reviews-v2") is None
