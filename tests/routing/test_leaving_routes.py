"""Routes of the user that a Canary lets go of: it names them no longer, or it is reverted."""

import copy
import dataclasses

import pytest

from delivery.cluster.errors import Fenced
from delivery.cluster.memory.patching import json_patch
from delivery.routing.by_reference import left_behind
from delivery.routing.claims import claim_of, key
from delivery.routing.route_spec import Reference
from delivery.workloads.ownership import FENCE
from strategies.traffic import Traffic
from tests.routing.by_reference import (
    CANARY,
    NAMES,
    REST,
    SUBSETS,
    after,
    books,
    http,
    observed,
    router,
    shares,
    spec_of,
    split,
    to,
)

RATINGS = dataclasses.replace(NAMES, canary="ratings")


def test_a_route_taken_out_of_the_canary_keeps_following_the_run_until_it_is_over():
    """Else it would keep the canary's share, and its requests would end with the canary's pods."""
    body, _ = after(
        books(split("a"), split("b")), spec_of(Reference("shop", "books", ("a", "b"))), Traffic.to_canary(30)
    )
    less = spec_of(Reference("shop", "books", ("a",)))

    body, _ = after(body, less, Traffic.to_canary(40))
    assert [shares(each) for each in http(body)] == [[60, 40], [60, 40]]
    body, _ = after(body, less, REST)
    assert [shares(each) for each in http(body)] == [[100, 0], [100, 0]]
    body, _ = after(body, less, Traffic.to_canary(40))
    assert [shares(each) for each in http(body)] == [[60, 40], [100, 0]]


def test_a_virtual_service_taken_out_of_the_canary_is_given_back():
    kept, gone = books(split()), books(split(), name="old")
    gone, _ = after(gone, spec_of(Reference("shop", "old")), Traffic.to_canary(30))
    [left] = left_behind(NAMES, spec_of(), [gone])
    assert left == Reference("shop", "old", leaving=True)

    spec = spec_of(Reference("shop", "books"), left)
    [_, change] = router.routes(NAMES, spec, REST, observed(kept, gone), epoch=8)
    gone = json_patch(gone, change.patch)

    assert shares(http(gone)[0]) == [100, 0]
    assert claim_of(gone, NAMES) is None
    assert gone["metadata"] == {**books(name="old")["metadata"], "annotations": {}}, "neither our note nor the fence"


def test_the_fence_of_a_route_that_is_given_back_stays_while_another_canary_writes_it():
    shared, _ = after(books(split(), name="old"), spec_of(Reference("shop", "old")), REST)
    theirs = dataclasses.replace(claim_of(shared, NAMES), canary="shop/ratings")
    shared["metadata"]["annotations"][key(RATINGS)] = theirs.text
    [left] = left_behind(NAMES, spec_of(), [shared])

    [change] = router.routes(NAMES, spec_of(left), REST, observed(shared), epoch=8)

    assert set(json_patch(shared, change.patch)["metadata"]["annotations"]) == {FENCE, key(RATINGS)}


def test_a_route_that_a_later_leader_wrote_is_not_given_back():
    gone, _ = after(books(split(), name="old"), spec_of(Reference("shop", "old")), REST)
    [left] = left_behind(NAMES, spec_of(), [gone])

    with pytest.raises(Fenced):
        router.routes(NAMES, spec_of(left), REST, observed(gone), epoch=1)


def test_a_note_that_somebody_spoiled_is_written_again():
    body, _ = after(books(split()), spec_of(), Traffic.to_canary(30))
    for spoiled in ("", "{", '{"canary":"shop/reviews"}', '{"canary":"shop/reviews","weight":"x"}', "[]", "7"):
        broken = copy.deepcopy(body)
        broken["metadata"]["annotations"][key(NAMES)] = spoiled
        assert claim_of(broken, NAMES) is None
        assert after(broken, spec_of(), Traffic.to_canary(30))[0] == body


def given_back(body, spec, *, names=NAMES):
    for change in router.give_back(names, spec, observed(body), epoch=7):
        body = json_patch(body, change.patch)
    assert router.give_back(names, spec, observed(body), epoch=7) == (), "once is enough"
    return body


def test_a_revert_leads_users_to_the_targets_pods_and_takes_our_marks_off():
    body, _ = after(books(split(), exportTo=["."]), spec_of(), Traffic.to_canary(100))

    assert given_back(body, spec_of()) == {**books(split(), exportTo=["."]), "metadata": MARKED_BY_NOBODY}


MARKED_BY_NOBODY = {**books()["metadata"], "annotations": {}}


def test_a_revert_of_subsets_gives_all_to_the_targets_subset():
    route = {"name": "main", "route": [to("reviews", 0, subset="stable"), to("reviews", 100, subset="next")]}
    spec = spec_of(subsets=SUBSETS)
    body, _ = after(books(route), spec, REST)
    assert shares(http(body)[0]) == [100, 0]

    assert shares(http(given_back(body, spec))[0]) == [0, 100]


def test_a_revert_leaves_no_route_to_a_service_that_goes():
    """The roles' Services are deleted: a route that names them alone gets the apex Service in addition."""
    route = {"name": "main", "route": [to("reviews-primary", 100), to(CANARY, 0)]}
    body, _ = after(books(route), spec_of(), Traffic.to_canary(100))

    [main] = http(given_back(body, spec_of()))

    apex = to("reviews.shop.svc.cluster.local", 100)
    assert main["route"] == [to("reviews-primary", 0), to(CANARY, 0), apex]


def test_a_revert_before_we_came_changes_nothing():
    assert router.give_back(NAMES, spec_of(), observed(books(split())), epoch=7) == ()
