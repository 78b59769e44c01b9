"""A query about the target becomes one about the primary, and no other name is touched."""

import pytest

from delivery.workloads.autoscalers.queries import follow, renamed


@pytest.mark.parametrize(
    ("query", "after"),
    [
        ('up{app="reviews"}', 'up{app="reviews-primary"}'),
        ('up{service="reviews-canary"}', 'up{service="reviews-primary"}'),
        ('up{pod=~"reviews-[0-9a-z]+-.*"}', 'up{pod=~"reviews-primary-[0-9a-z]+-.*"}'),
        ('up{host="reviews.shop.svc.cluster.local"}', 'up{host="reviews-primary.shop.svc.cluster.local"}'),
        ('up{app="reviews"} / up{app="reviews"}', 'up{app="reviews-primary"} / up{app="reviews-primary"}'),
        ('up{app="reviews-primary"}', 'up{app="reviews-primary"}'),
        ('up{app="reviews-v2"}', 'up{app="reviews-v2"}'),
        ('up{app="my-reviews"}', 'up{app="my-reviews"}'),
        ('up{app="reviews-canary-db"}', 'up{app="reviews-canary-db"}'),
        ("reviews_total + book_reviews", "reviews_total + book_reviews"),
    ],
)
def test_only_the_targets_own_name_is_replaced(query, after):
    assert renamed(query, "reviews", "reviews-primary") == after


def test_a_name_is_no_pattern():
    assert renamed('up{app="axb"}', "a.b", "a.b-primary") == 'up{app="axb"}'


def test_a_trigger_without_a_query_is_copied_and_never_shared():
    trigger = {"type": "cpu", "metadata": {"value": "50"}}
    (copied,) = follow([trigger], target="reviews", primary="reviews-primary", queries={"": "vector(1)"})
    assert copied == trigger
    copied["metadata"]["value"] = "60"
    assert trigger["metadata"]["value"] == "50"
