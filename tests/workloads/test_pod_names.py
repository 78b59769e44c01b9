"""Pods are told by their names from everybody else's."""

import re

import pytest

from delivery.workloads.pod_names import pods_of

DEPLOYED, ON_NODES = pods_of("Deployment", "reviews"), pods_of("DaemonSet", "reviews")


@pytest.mark.parametrize("name", ["reviews-6f7d9bc48c-x2kzp", "reviews-759fb9f54-bvdgt", "reviews-5d4df-zzzzz"])
def test_the_pods_of_a_deployment(name):
    assert re.fullmatch(DEPLOYED, name)
    assert not re.fullmatch(ON_NODES, name)


@pytest.mark.parametrize("name", ["reviews-x2kzp", "reviews-bvdgt"])
def test_the_pods_of_a_daemon_set(name):
    assert re.fullmatch(ON_NODES, name)
    assert not re.fullmatch(DEPLOYED, name)


@pytest.mark.parametrize(
    "name",
    [
        "reviews",
        "reviews-primary",
        "reviews-primary-x2kzp",
        "reviews-primary-6f7d9bc48c-x2kzp",
        "reviews-v2-x2kzp",
        "reviews-v2-6f7d9bc48c-x2kzp",
        "myreviews-6f7d9bc48c-x2kzp",
        "reviews-6f7d9bc48c-x2kzpp",
    ],
)
def test_nobody_elses(name):
    assert not re.fullmatch(DEPLOYED, name)
    assert not re.fullmatch(ON_NODES, name)


def test_a_dot_in_a_name_is_a_dot():
    assert re.fullmatch(pods_of("Deployment", "a.b"), "a.b-6f7d9bc48c-x2kzp")
    assert not re.fullmatch(pods_of("Deployment", "a.b"), "aXb-6f7d9bc48c-x2kzp")


@pytest.mark.parametrize(("kind", "longest"), [("Deployment", 46), ("DaemonSet", 57)])
def test_a_name_that_the_server_may_cut_finds_nobody(kind, longest):
    assert pods_of(kind, "r" * longest)
    assert pods_of(kind, "r" * (longest + 1)) == ""
