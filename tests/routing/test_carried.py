"""What the rule carries: as the Canary says, taken out with it, and never what somebody else put there."""

import pytest

from delivery.api.parse import parse_canary
from delivery.cluster.objects import VIRTUAL_SERVICES
from delivery.routing.carried import CARRIED
from delivery.routing.istio import IstioRouter
from delivery.routing.route_spec import RouteSpec
from delivery.workloads.service_spec import ServiceSpec
from strategies.traffic import Traffic

router = IstioRouter()
RULE = {
    "timeout": "5s",
    "retries": {"attempts": 3, "perTryTimeout": "1s", "retryOn": "5xx"},
    "rewrite": {"uri": "/"},
    "headers": {"request": {"add": {"x-team": "books"}}},
    "corsPolicy": {"allowOrigins": [{"exact": "https://books.example.com"}], "maxAge": "24h"},
}


def canary(**service):
    spec = {"targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "reviews"}, "analysis": {}}
    meta = {"name": "reviews", "namespace": "shop", "uid": "u-1"}
    kind = {"apiVersion": "progressive.delivery/v1beta1", "kind": "Canary"}
    return parse_canary({**kind, "metadata": meta, "spec": {**spec, "service": {"port": 9080, **service}}})


def a_spec(**service):
    return RouteSpec(service=ServiceSpec(**service))


@pytest.fixture
def view(names, seen):
    return lambda body: router.read(names, a_spec(port=9080), seen(body))


@pytest.fixture
def render(names, seen):
    def changes(spec, found=None, *, weight=10):
        return router.routes(names, spec, Traffic.to_canary(weight), seen(found), epoch=7)

    return changes


@pytest.fixture
def made(render, stored):
    """The VirtualService that we made for a service."""
    return lambda spec, **more: stored(render(spec, **more)[0].body, version="41")


def ours(body):
    return next(rule for rule in body["spec"]["http"] if rule.get("name") == "progressive-delivery")


def carried_by(body):
    return {name: value for name, value in ours(body).items() if name not in ("name", "route")}


def test_a_canary_says_it_in_istio_s_words():
    spec = ServiceSpec.of(canary(**{**RULE, "rewrite": {"uri": "/", "type": "ReplacePrefixMatch"}}))
    assert spec.rule == RULE
    assert ServiceSpec.of(canary()).rule == {}
    assert ServiceSpec.of(canary(timeout=None, rewrite={"type": "x"})).rule == {}


def test_the_rule_is_made_with_it(made):
    body = made(a_spec(port=9080, rule=RULE))
    assert carried_by(body) == RULE
    assert body["metadata"]["annotations"][CARRIED] == "corsPolicy,headers,retries,rewrite,timeout"


def test_nothing_is_written_when_all_is_there(view, render, made, names):
    spec = a_spec(port=9080, rule=RULE)
    body = made(spec)
    assert render(spec, body) == ()
    assert view(body).applied_matches


def test_a_step_changes_weights_only(render, made):
    spec = a_spec(port=9080, rule=RULE)
    (change,) = render(spec, made(spec), weight=50)
    paths = [op["path"] for op in change.ops if op["path"].startswith("/spec")]
    assert paths == ["/spec/http/0/route/0/weight", "/spec/http/0/route/1/weight"]


def test_an_edit_of_the_canary_reaches_the_rule_and_takes_out_what_it_no_longer_names(view, render, made, apply, names):
    body = made(a_spec(port=9080, rule=RULE))
    edited = a_spec(port=9080, rule={"timeout": "9s"})
    after = apply(body, render(edited, body)[0])
    assert carried_by(after) == {"timeout": "9s"}
    assert after["metadata"]["annotations"][CARRIED] == "timeout"
    assert render(edited, after) == ()

    bare = a_spec(port=9080)
    last = apply(after, render(bare, after)[0])
    assert carried_by(last) == {}
    assert CARRIED not in last["metadata"]["annotations"]
    assert render(bare, last) == ()
    assert view(last).applied_matches


def test_what_somebody_else_put_there_stays(render, made, apply):
    bare = a_spec(port=9080)
    body = made(bare)
    ours(body)["timeout"] = "3s"
    ours(body)["fault"] = {"abort": {"httpStatus": 503}}
    assert render(bare, body) == ()

    after = apply(body, render(a_spec(port=9080, rule={"retries": {"attempts": 1}}), body)[0])
    assert carried_by(after) == {"timeout": "3s", "fault": {"abort": {"httpStatus": 503}}, "retries": {"attempts": 1}}
    last = apply(after, render(bare, after)[0])
    assert carried_by(last) == {"timeout": "3s", "fault": {"abort": {"httpStatus": 503}}}


def test_a_hand_edit_of_what_is_ours_is_seen_and_repaired(view, render, made, apply, names):
    spec = a_spec(port=9080, rule={"timeout": "5s"})
    body = made(spec)
    ours(body)["timeout"] = "60s"
    assert not view(body).applied_matches
    after = apply(body, render(spec, body)[0])
    assert carried_by(after) == {"timeout": "5s"}
    assert view(after).applied_matches


def test_it_finds_the_rule_wherever_it_stands(render, made, apply):
    spec = a_spec(port=9080, rule={"timeout": "5s"})
    body = made(a_spec(port=9080))
    body["spec"]["http"].insert(0, {"name": "theirs", "match": [{"uri": {"prefix": "/v2"}}], "route": []})
    body["spec"]["http"].insert(1, {"name": "late", "route": [{"destination": {"host": "elsewhere"}}]})
    after = apply(body, render(spec, body)[0])
    assert [rule["name"] for rule in after["spec"]["http"]] == ["theirs", "progressive-delivery", "late"]
    assert carried_by(after) == {"timeout": "5s"}
    assert after["kind"] == VIRTUAL_SERVICES.kind
