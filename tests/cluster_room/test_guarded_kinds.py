"""Kinds that a cluster may lack, serve in another version or hide: they hold nobody up, and are asked for seldom."""

import pytest
import structlog

from delivery.cluster.errors import Denied, Unavailable
from delivery.cluster.objects import SERVICES, Kind, Ref
from delivery.cluster.policies import AUTHORIZATION_POLICIES, NETWORK_POLICIES
from delivery.cluster.reflector import SELDOM_SECONDS

OLDER = Kind("security.istio.io", "v1beta1", "AuthorizationPolicy", "authorizationpolicies")


def optional(scene, *kinds, **versions):
    return scene.read(SERVICES, *kinds, optional={kind: versions.get(kind.kind, ()) for kind in kinds})


def refuse(scene, kind, *errors):
    """The next lists of a kind are answered so."""
    answer, left = scene.server.list, list(errors)

    async def list_(asked, *args, **given):
        listing = await answer(asked, *args, **given)
        if asked == kind and left:
            raise left.pop(0)
        return listing

    scene.server.list = list_


def lists(scene, kind):
    return [what for verb, what in scene.server.requests if verb == "list" and what == kind]


def test_one_that_is_not_served_is_synced_answered_and_missing(scene):
    scene.server.unknown = {NETWORK_POLICIES}
    reader = optional(scene, NETWORK_POLICIES)
    assert reader.synced
    assert reader.missing(NETWORK_POLICIES)
    assert reader.unanswered([NETWORK_POLICIES, SERVICES]) == []


def test_one_that_is_missing_is_asked_for_every_few_minutes_and_found_when_it_comes(scene):
    scene.server.unknown = {NETWORK_POLICIES}
    reader = optional(scene, NETWORK_POLICIES)
    scene.loop.advance(3600)
    assert 6 <= len(lists(scene, NETWORK_POLICIES)) <= 13
    scene.server.unknown = set()
    scene.server.write(NETWORK_POLICIES, "wall", spec={"podSelector": {"matchLabels": {"app": "reviews"}}})
    scene.loop.advance(SELDOM_SECONDS)
    assert [each["metadata"]["name"] for each in reader.list(NETWORK_POLICIES)] == ["wall"]


def test_an_older_version_is_read_where_the_newest_is_not_served(scene):
    scene.server.unknown = {AUTHORIZATION_POLICIES}
    scene.server.write(OLDER, "viewer", spec={"selector": {"matchLabels": {"app": "reviews"}}})
    reader = optional(scene, AUTHORIZATION_POLICIES, AuthorizationPolicy=("v1beta1",))
    assert reader.get(Ref(AUTHORIZATION_POLICIES, "shop", "viewer"))["choices"]
    scene.server.write(OLDER, "editor", spec={"selector": {"matchLabels": {"app": "reviews"}}})
    scene.loop.advance(1)
    assert len(reader.list(AUTHORIZATION_POLICIES)) == 2
    assert [what[0] for verb, what in scene.server.requests if verb == "watch" and what[0] != SERVICES] == [OLDER]


@pytest.fixture
def every_line():
    """Lines of every level, whatever somebody has configured before."""
    known = structlog.get_config()
    structlog.reset_defaults()
    with structlog.testing.capture_logs() as lines:
        yield lines
    structlog.configure(**known)


def test_one_that_we_must_not_see_is_said_once_and_holds_nobody_up(scene, every_line):
    refuse(scene, NETWORK_POLICIES, *[Denied("cannot list networkpolicies")] * 40)
    reader = optional(scene, NETWORK_POLICIES)
    scene.loop.advance(3600)
    assert reader.synced
    assert reader.unanswered([NETWORK_POLICIES]) == []
    assert [each["event"] for each in every_line] == ["watch_forbidden"]
    assert len(lists(scene, NETWORK_POLICIES)) <= 13


def test_one_whose_list_fails_is_synced_for_the_others_and_unanswered_for_those_who_need_it(scene):
    refuse(scene, NETWORK_POLICIES, Unavailable("a conversion webhook is down"))
    reader = optional(scene, NETWORK_POLICIES)
    assert reader.synced
    assert reader.unanswered([NETWORK_POLICIES]) == [NETWORK_POLICIES]
    scene.loop.advance(5)
    assert reader.unanswered([NETWORK_POLICIES]) == []
