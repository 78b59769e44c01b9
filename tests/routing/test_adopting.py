"""A VirtualService that was there before us: what taking it over adds, and that giving it back takes that out."""

import copy
import json

import pytest

from delivery.cluster.objects import DESTINATION_RULES, VIRTUAL_SERVICES, Ref
from delivery.routing.adopting import may_adopt
from delivery.routing.istio import IstioRouter
from delivery.workloads.ownership import ORIGINAL_ROUTES
from strategies.traffic import Traffic

ROUTER = IstioRouter()
APEX = {"destination": {"host": "reviews"}}
EVERYBODY = {"name": "all", "timeout": "3s", "fault": {"abort": {"httpStatus": 500}}, "route": [APEX]}
SPECIAL = {"match": [{"uri": {"prefix": "/admin"}}], "route": [{"destination": {"host": "admin"}}]}


def theirs(**spec):
    """The user's VirtualService as the API server stores it."""
    given = {"hosts": ["reviews"], "http": [SPECIAL, EVERYBODY], **spec}
    meta = {"name": "reviews", "namespace": "shop", "uid": "u", "resourceVersion": "7", "labels": {"team": "books"}}
    kind = {"apiVersion": VIRTUAL_SERVICES.api_version, "kind": "VirtualService"}
    return {**kind, "metadata": meta, "spec": {key: value for key, value in copy.deepcopy(given).items() if value}}


@pytest.fixture
def taken(names, spec, seen, apply):
    """A VirtualService after our first write, with this share for the canary."""

    def take(route, weight=0):
        (change,) = ROUTER.routes(names, spec, Traffic.to_canary(weight), seen(route), epoch=3)
        return apply(route, change)

    return take


@pytest.fixture
def back(names, spec, seen, apply):
    """The same after it was given back."""

    def give(route):
        (change,) = ROUTER.give_back(names, spec, seen(route), epoch=3)
        after = apply(route, change)
        assert ROUTER.give_back(names, spec, seen(after), epoch=3) == ()
        return after

    return give


def without_empty(body):
    meta = {key: value for key, value in body["metadata"].items() if value != {}}
    return {**body, "metadata": meta}


@pytest.mark.parametrize(
    "spec_before",
    [
        {},
        {"hosts": ["reviews.shop.svc.cluster.local", "reviews.example.com"], "gateways": ["mesh", "public"]},
        {"http": [EVERYBODY]},
        {"http": [SPECIAL]},
        {"http": None},
        {"http": [{**EVERYBODY, "match": [{"uri": {"prefix": "/"}}]}, SPECIAL]},
        {"exportTo": ["."], "tls": [{"match": [{"sniHosts": ["a"]}], "route": [APEX]}]},
    ],
)
def test_it_comes_back_to_the_letter(names, spec, seen, taken, back, spec_before):
    before = theirs(**spec_before)
    during = taken(before)
    assert ROUTER.routes(names, spec, Traffic.to_canary(0), seen(during), epoch=3) == ()
    assert ROUTER.read(names, spec, seen(during)).canary_weight == 0
    assert without_empty(back(taken(during, 40))) == before


def test_our_rule_carries_what_everybodys_did(taken):
    during = taken(theirs())
    assert [rule.get("name") for rule in during["spec"]["http"]] == [None, "progressive-delivery", "all"]
    ours = during["spec"]["http"][1]
    assert (ours["timeout"], ours["fault"]) == ("3s", EVERYBODY["fault"])
    assert [each["weight"] for each in ours["route"]] == [100, 0]


def test_the_first_record_is_never_overwritten(taken):
    before = theirs()
    first = taken(before)
    second = taken(first, 30)
    noted = {each["metadata"]["annotations"][ORIGINAL_ROUTES] for each in (first, second)}
    assert [json.loads(each) for each in noted] == [before["spec"]]


def test_hosts_and_gateways_stay(taken):
    during = taken(theirs(hosts=["reviews", "more.example.com"], gateways=["public", "mesh"]))
    assert (during["spec"]["hosts"], during["spec"]["gateways"]) == (
        ["reviews", "more.example.com"],
        ["public", "mesh"],
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"hosts": ["ratings"]},
        {"hosts": None},
        {"gateways": ["public"]},
        {"http": [{"route": [APEX, {"destination": {"host": "ratings"}}]}]},
        {"http": [{"route": [{"destination": {"host": "reviews", "subset": "v1"}}]}]},
        {"http": [{"redirect": {"uri": "/x"}}]},
        {"http": [{"delegate": {"name": "x"}}]},
        {"http": [{"route": [{"destination": {"host": "reviews.other"}}]}]},
    ],
)
def test_what_does_something_else_may_not_be_taken(names, spec, changes):
    assert may_adopt(names, spec, theirs())
    assert not may_adopt(names, spec, theirs(**changes))


@pytest.mark.parametrize(
    "meta",
    [
        {"labels": {"progressive.delivery/canary": "another"}},
        {"ownerReferences": [{"kind": "App", "name": "shop"}]},
        {"deletionTimestamp": "2026-01-01T00:00:00Z"},
    ],
)
def test_what_belongs_to_somebody_may_not_be_taken(names, spec, meta):
    route = theirs()
    route["metadata"] |= meta
    assert not may_adopt(names, spec, route)


def test_a_rule_that_the_canary_made_is_deleted_and_one_that_others_added_to_is_kept(names, spec, seen, back, stored):
    (change,) = ROUTER.routes(names, spec, Traffic.to_canary(0), seen(), epoch=3)
    made = stored(change.body)
    (gone,) = ROUTER.give_back(names, spec, seen(made), epoch=3)
    assert (gone.action, gone.version) == ("delete", "1")

    made["spec"]["http"].insert(0, SPECIAL)
    kept = back(made)
    assert kept["spec"]["http"][0] == SPECIAL
    assert kept["spec"]["http"][1]["route"] == [{"destination": {"host": "reviews.shop.svc.cluster.local"}}]
    assert not kept["metadata"].get("labels")
    assert not kept["metadata"].get("annotations")


@pytest.mark.parametrize("member", [{"hosts": ["a.example.com"]}, {"gateways": ["public"]}])
def test_a_rule_for_more_than_the_mesh_is_kept(names, spec, seen, stored, member):
    (change,) = ROUTER.routes(names, spec, Traffic.to_canary(0), seen(), epoch=3)
    made = stored(change.body)
    made["spec"] |= member
    (kept,) = ROUTER.give_back(names, spec, seen(made), epoch=3)
    assert kept.action == "patch"


@pytest.mark.parametrize(
    ("rule", "free"),
    [
        ({"host": "reviews-primary"}, True),
        ({"host": "reviews-primary.shop.svc.cluster.local", "trafficPolicy": {"tls": {"mode": "DISABLE"}}}, True),
        ({"host": "reviews-primary", "subsets": [{"name": "v1"}]}, False),
        ({"host": "reviews"}, False),
    ],
)
def test_destination_rules(names, spec, seen, rule, free):
    meta = {"name": "reviews-primary", "namespace": "shop", "resourceVersion": "7"}
    body = {"apiVersion": DESTINATION_RULES.api_version, "kind": "DestinationRule", "metadata": meta, "spec": rule}
    ref = Ref(DESTINATION_RULES, "shop", "reviews-primary")
    assert (ref in ROUTER.adoptable(names, spec, seen(body))) is free
