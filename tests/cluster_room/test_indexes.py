"""Looking up who else is about a host or a target costs what is found, not what the cluster holds."""

import pytest

from delivery.cluster.indexes import by_host, by_target


@pytest.mark.parametrize(
    ("spec", "found"),
    [
        ({"hosts": ["reviews", "reviews.shop", "ratings.shop.svc.cluster.local"]}, ["reviews", "reviews", "ratings"]),
        ({"hosts": ["*.shop.svc.cluster.local", "*"]}, ["*", "*"]),
        ({"host": "reviews.shop.svc.cluster.local"}, ["reviews"]),
        ({}, []),
        (None, []),
        ({"hosts": None}, []),
        ({"hosts": 7}, []),
    ],
)
def test_hosts_are_found_by_their_first_word_and_wildcards_apart(spec, found):
    assert list(by_host({"metadata": {"name": "any"}, "spec": spec})) == found


@pytest.mark.parametrize(
    ("spec", "found"),
    [({"targetRef": {"name": "reviews"}}, "shop/reviews"), ({"targetRef": "odd"}, "shop/None"), (None, "shop/None")],
)
def test_canaries_are_found_by_their_target(spec, found):
    assert list(by_target({"metadata": {"name": "any", "namespace": "shop"}, "spec": spec})) == [found]
