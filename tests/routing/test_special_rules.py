"""Who meets the canary by a special rule, and that nothing of it is left behind or laid over others' rules."""

import copy
import re
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from delivery.api.parse import parse_canary
from delivery.routing.istio import IstioRouter
from delivery.routing.route_spec import RouteSpec
from strategies.traffic import Traffic

P, C = "reviews-primary.shop.svc.cluster.local", "reviews-canary.shop.svc.cluster.local"
OURS = "progressive-delivery"
TESTER = {"headers": {"x-tester": {"exact": "yes"}}}
INSIDER = {"headers": {"x-insider": {"exact": "yes"}}, "queryParams": {"beta": {"exact": "1"}}}
LABELLED = {"sourceLabels": {"app": "productpage"}}
router = IstioRouter()


def a_spec(*, service=None, **analysis):
    body = {
        "apiVersion": "progressive.delivery/v1beta1",
        "kind": "Canary",
        "metadata": {"name": "reviews", "namespace": "shop", "uid": "u-1"},
        "spec": {
            "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "reviews"},
            "service": {"port": 9080, **(service or {})},
            "analysis": {"interval": "30s", **analysis},
        },
    }
    return RouteSpec.of(parse_canary(body))


def split(primary, canary):
    return [
        {"destination": {"host": P}, "weight": primary},
        {"destination": {"host": C}, "weight": canary},
    ]


def only(host):
    return [{"destination": {"host": host}, "weight": 100}]


@pytest.fixture
def render(names, seen, stored, apply):
    """The VirtualService after the changes for a traffic, over the one that was there."""

    def after(spec, traffic, found=None):
        changes = router.routes(names, spec, traffic, seen(found), epoch=7)
        if found is None:
            return stored(changes[0].body, version="41")
        for change in changes:
            found = apply(found, change)
        assert router.routes(names, spec, traffic, seen(found), epoch=7) == ()
        return found

    return after


@pytest.fixture
def view(names, seen):
    return lambda spec, found: router.read(names, spec, seen(found))


class TestABTesting:
    spec = a_spec(iterations=3, match=[INSIDER, LABELLED])
    traffic = Traffic(0, 100, matched=True)

    def test_who_matches_goes_to_the_canary_and_everybody_else_to_the_primary(self, render):
        assert render(self.spec, self.traffic)["spec"]["http"] == [
            {"name": f"{OURS}-matched", "match": [INSIDER, LABELLED], "route": split(0, 100)},
            {"name": OURS, "route": split(100, 0)},
        ]

    def test_it_is_read_back_as_what_it_is(self, render, view):
        said = view(self.spec, render(self.spec, self.traffic))
        assert (said.canary_weight, said.everybody_weight, said.applied_matches) == (100, 0, True)

    def test_no_condition_of_the_service_is_lost(self, render):
        """Query parameters and labels of both lists hold together, in every combination."""
        service = {"match": [{"uri": {"prefix": "/a"}, "queryParams": {"page": {"exact": "1"}}}, {"port": 80}]}
        spec = a_spec(service=service, iterations=3, match=[INSIDER, LABELLED])
        matched, everybody = render(spec, self.traffic)["spec"]["http"]
        assert matched["match"] == [
            {
                "uri": {"prefix": "/a"},
                "queryParams": {"page": {"exact": "1"}, "beta": {"exact": "1"}},
                "headers": INSIDER["headers"],
            },
            {"uri": {"prefix": "/a"}, "queryParams": {"page": {"exact": "1"}}, **LABELLED},
            {"port": 80, **INSIDER},
            {"port": 80, **LABELLED},
        ]
        assert everybody["match"] == service["match"]

    def test_the_rule_goes_when_the_run_is_over(self, render):
        found = render(self.spec, self.traffic)
        assert render(self.spec, Traffic(100, 0), found)["spec"]["http"] == [{"name": OURS, "route": split(100, 0)}]

    def test_a_rescue_is_for_everybody(self, render, view):
        found = render(self.spec, Traffic(0, 100), render(self.spec, self.traffic))
        assert found["spec"]["http"] == [{"name": OURS, "route": split(0, 100)}]
        assert view(self.spec, found).everybody_weight == 100

    def test_a_rule_taken_out_by_hand_is_told_as_users_taken_off(self, render, view):
        found = render(self.spec, self.traffic)
        del found["spec"]["http"][0]
        said = view(self.spec, found)
        assert (said.canary_weight, said.applied_matches) == (0, False)

    def test_a_rule_for_everybody_in_front_of_ours_counts(self, render, view):
        found = render(self.spec, self.traffic)
        found["spec"]["http"].insert(0, {"name": "maintenance", "route": only(P)})
        assert view(self.spec, found).canary_weight == 0
        assert [rule["name"] for rule in render(self.spec, self.traffic, found)["spec"]["http"]][-1] == "maintenance"


def test_a_match_taken_out_in_the_middle_of_a_run_matches_nobody(render):
    """Not everybody: an edit by itself sends no user to the canary."""
    found = render(a_spec(iterations=3, match=[INSIDER]), Traffic(0, 100, matched=True))
    found = render(a_spec(iterations=3), Traffic(0, 100, matched=True), found)
    assert found["spec"]["http"] == [{"name": OURS, "route": split(100, 0)}]


class TestMirroring:
    spec = a_spec(stepWeights=[10], mirror=True)

    def test_copies_go_to_the_canary_and_no_user_does(self, render, view):
        found = render(self.spec, Traffic(100, 0, mirror=30))
        assert found["spec"]["http"] == [
            {"name": OURS, "route": split(100, 0), "mirror": {"host": C}, "mirrorPercentage": {"value": 30}}
        ]
        assert (view(self.spec, found).mirror, view(self.spec, found).canary_weight) == (30, 0)

    def test_they_end(self, render, view):
        found = render(self.spec, Traffic(90, 10), render(self.spec, Traffic(100, 0, mirror=100)))
        assert found["spec"]["http"] == [{"name": OURS, "route": split(90, 10)}]

    def test_somebody_else_s_mirror_stays(self, render):
        found = render(self.spec, Traffic(100, 0))
        audit = {"mirror": {"host": "audit"}, "mirrorPercentage": {"value": 5}}
        found["spec"]["http"][0] |= audit
        for traffic in (Traffic(100, 0, mirror=30), Traffic(90, 10), Traffic(100, 0)):
            found = render(self.spec, traffic, found)
            assert {key: found["spec"]["http"][0][key] for key in audit} == audit

    def test_a_changed_percentage_is_a_hand_edit(self, render, view):
        found = render(self.spec, Traffic(100, 0, mirror=30))
        found["spec"]["http"][0]["mirrorPercentage"] = {"value": 90}
        assert not view(self.spec, found).applied_matches


class TestTesters:
    spec = a_spec(stepWeights=[10], testerMatch=[TESTER])

    def test_they_come_first(self, render, view):
        found = render(self.spec, Traffic(100, 0, testers=True))
        assert found["spec"]["http"] == [
            {"name": f"{OURS}-testers", "match": [TESTER], "route": only(C)},
            {"name": OURS, "route": split(100, 0)},
        ]
        said = view(self.spec, found)
        assert (said.testers, said.canary_weight) == (True, 0)

    def test_they_are_testers_of_this_service_only(self, render):
        spec = a_spec(service={"match": [{"uri": {"prefix": "/a"}}]}, stepWeights=[10], testerMatch=[TESTER])
        testers, _ = render(spec, Traffic(100, 0, testers=True))["spec"]["http"]
        assert testers["match"] == [{"uri": {"prefix": "/a"}, **TESTER}]

    def test_their_rule_carries_what_every_rule_carries(self, render):
        spec = a_spec(service={"timeout": "5s"}, stepWeights=[10], testerMatch=[TESTER])
        assert [rule["timeout"] for rule in render(spec, Traffic(90, 10, testers=True))["spec"]["http"]] == ["5s", "5s"]


class TestSessionAffinity:
    affinity: ClassVar = {
        "cookieName": "c.k",
        "maxAge": 60,
        "domain": "example.com",
        "path": "/",
        "httpOnly": True,
        "sameSite": "Lax",
        "secure": True,
        "partitioned": True,
    }
    tail = "Domain=example.com; Path=/; HttpOnly; SameSite=Lax; Secure; Partitioned"

    def test_whoever_met_the_canary_stays_with_it(self, render):
        spec = a_spec(stepWeights=[10], sessionAffinity=self.affinity)
        sticky, everybody = render(spec, Traffic(90, 10, cookie="run-1"))["spec"]["http"]
        assert sticky["route"] == only(C)
        (condition,) = sticky["match"]
        assert list(condition) == ["headers"]
        given = everybody["route"][1]["headers"]["response"]["add"]
        assert given == {"Set-Cookie": f"c.k=run-1; Max-Age=60; {self.tail}"}
        assert "headers" not in everybody["route"][0]

    def test_whoever_met_the_primary_stays_for_an_interval(self, render):
        spec = a_spec(stepWeights=[10], sessionAffinity={**self.affinity, "primaryCookieName": "p"})
        canary, primary, everybody = render(spec, Traffic(90, 10, cookie="run-1"))["spec"]["http"]
        assert (canary["route"], primary["route"]) == (only(C), only(P))
        given = everybody["route"][0]["headers"]["response"]["add"]
        assert given == {"Set-Cookie": f"p=run-1; Max-Age=30; {self.tail}"}

    @pytest.mark.parametrize(
        ("header", "holds"),
        [
            ("c.k=run-1", True),
            ("a=b; c.k=run-1", True),
            ("c.k=run-1; a=b", True),
            ("a=b; c.k=run-1; d=e", True),
            ("xc.k=run-1", False),
            ("cxk=run-1", False),
            ("c.k=run-12", False),
            ("c.k=old; a=b", False),
            ("a=c.k=run-1", False),
        ],
    )
    def test_a_cookie_is_compared_as_a_whole(self, render, header, holds):
        """Neither a longer name nor a longer value is taken for it."""
        spec = a_spec(stepWeights=[10], sessionAffinity=self.affinity)
        sticky = render(spec, Traffic(90, 10, cookie="run-1"))["spec"]["http"][0]
        pattern = sticky["match"][0]["headers"]["cookie"]["regex"]
        assert (re.fullmatch(pattern, header) is not None) == holds

    def test_the_cookie_of_a_run_that_is_over_is_taken_away(self, render):
        spec = a_spec(
            service={"headers": {"response": {"set": {"x": "y"}}}}, stepWeights=[10], sessionAffinity=self.affinity
        )
        found = render(spec, Traffic(90, 10, cookie="run-1"))
        expired, everybody = render(spec, Traffic(100, 0, expired="run-1"), found)["spec"]["http"]
        assert expired["route"][0]["headers"]["response"]["add"]["Set-Cookie"].startswith("c.k=run-1; Max-Age=-1; ")
        assert everybody["route"] == split(100, 0)  # and nowhere else
        assert everybody["headers"] == expired["headers"] == {"response": {"set": {"x": "y"}}}

    def test_other_headers_of_a_destination_stay(self, render):
        spec = a_spec(stepWeights=[10], sessionAffinity=self.affinity)
        found = render(spec, Traffic(100, 0))
        theirs = {"request": {"set": {"x": "y"}}, "response": {"add": {"x-served-by": "canary"}}}
        found["spec"]["http"][0]["route"][1]["headers"] = copy.deepcopy(theirs)
        found = render(spec, Traffic(90, 10, cookie="run-1"), found)
        added = found["spec"]["http"][1]["route"][1]["headers"]["response"]["add"]
        assert set(added) == {"Set-Cookie", "x-served-by"}
        found = render(spec, Traffic(100, 0), found)
        assert found["spec"]["http"][0]["route"][1]["headers"] == theirs


class TestHostsAndGateways:
    @pytest.mark.parametrize(
        ("hosts", "expected"),
        [
            ([], ["reviews.shop.svc.cluster.local"]),
            (["r.example.com"], ["r.example.com", "reviews.shop.svc.cluster.local"]),
            (["*"], ["*"]),
            (["reviews"], ["reviews"]),
            (["reviews.shop"], ["reviews.shop"]),
            (["reviews.other"], ["reviews.other", "reviews.shop.svc.cluster.local"]),
        ],
    )
    def test_the_apex_host_is_there_unless_it_is_among_them(self, render, hosts, expected):
        spec = a_spec(service={"hosts": hosts}, stepWeights=[10])
        assert render(spec, Traffic(90, 10))["spec"]["hosts"] == expected

    @pytest.mark.parametrize(
        ("given", "expected"), [([], ["mesh"]), (["edge"], ["edge"]), (["edge", "mesh"], ["edge", "mesh"])]
    )
    def test_gateways_are_as_given(self, render, given, expected):
        assert render(a_spec(service={"gateways": given}), Traffic(90, 10))["spec"]["gateways"] == expected

    def test_a_delegate_has_neither(self, render):
        spec = a_spec(service={"delegation": True})
        assert sorted(render(spec, Traffic(90, 10))["spec"]) == ["http"]

    def test_becoming_a_delegate_takes_them_out_and_back(self, render):
        plain, delegate = a_spec(), a_spec(service={"delegation": True})
        found = render(delegate, Traffic(90, 10), render(plain, Traffic(90, 10)))
        assert sorted(found["spec"]) == ["http"]
        assert sorted(render(plain, Traffic(90, 10), found)["spec"]) == ["gateways", "hosts", "http"]

    @pytest.mark.parametrize(
        ("service", "port"),
        [
            ({"portDiscovery": True}, None),
            ({"portDiscovery": True, "gateways": ["mesh"]}, None),
            ({"portDiscovery": True, "gateways": ["edge"]}, {"number": 9080}),
            ({"portDiscovery": True, "delegation": True}, {"number": 9080}),
            ({"gateways": ["edge"]}, None),
        ],
    )
    def test_a_port_is_named_where_a_gateway_could_not_tell_which(self, render, service, port):
        (rule,) = render(a_spec(service=service), Traffic(90, 10))["spec"]["http"]
        assert {item["destination"].get("port", {}).get("number") for item in rule["route"]} == {
            port["number"] if port else None
        }


    @pytest.mark.parametrize("gateways", [["mesh", "edge"], ["edge", "mesh"]])
    def test_for_gateways_and_mesh_each_rule_is_there_twice_so_that_further_ports_are_not_led_astray(
        self, render, view, gateways
    ):
        spec = a_spec(
            service={"portDiscovery": True, "gateways": gateways, "match": [{"uri": {"prefix": "/a"}}]},
            testerMatch=[TESTER],
            mirror=True,
            stepWeights=[10],
        )
        traffic = Traffic(90, 10, mirror=40, testers=True)
        found = render(spec, traffic)
        rules = found["spec"]["http"]
        assert [rule["name"].removeprefix(OURS) for rule in rules] == ["-testers-gateways", "-testers", "-gateways", ""]
        edge, mesh = rules[2:]
        assert edge["match"] == [{"uri": {"prefix": "/a"}, "gateways": ["edge"]}]
        assert mesh["match"] == [{"uri": {"prefix": "/a"}}]
        ports = [[item["destination"].get("port") for item in rule["route"]] for rule in (edge, mesh)]
        assert ports == [[{"number": 9080}] * 2, [None] * 2]
        assert (edge["mirror"]["port"], mesh["mirror"]) == ({"number": 9080}, {"host": C})
        assert [item["weight"] for item in edge["route"]] == [90, 10]
        assert (view(spec, found).canary_weight, view(spec, found).mirror) == (10, 40)

    def test_a_condition_about_the_mesh_alone_has_no_twin(self, render):
        match = [{"uri": {"prefix": "/a"}, "gateways": ["mesh"]}]
        spec = a_spec(service={"portDiscovery": True, "gateways": ["mesh", "edge"], "match": match})
        (rule,) = render(spec, Traffic(90, 10))["spec"]["http"]
        assert rule["match"] == match

    def test_the_twins_go_when_they_are_no_longer_needed(self, render):
        spec = a_spec(service={"portDiscovery": True, "gateways": ["mesh", "edge"]})
        found = render(spec, Traffic(90, 10))
        assert len(found["spec"]["http"]) == 2
        (rule,) = render(a_spec(service={"gateways": ["mesh", "edge"]}), Traffic(90, 10), found)["spec"]["http"]
        assert rule["name"] == OURS

    def test_copies_name_their_port_at_gateways_too(self, render):
        spec = a_spec(service={"portDiscovery": True, "gateways": ["edge"]}, mirror=True, stepWeights=[10])
        (rule,) = render(spec, Traffic(100, 0, mirror=40))["spec"]["http"]
        assert rule["mirror"] == {"host": C, "port": {"number": 9080}}


class TestTCP:
    spec = a_spec(service={"appProtocol": "TCP", "match": [{"port": 9080, "gateways": ["mesh"]}]}, stepWeights=[10])

    def test_weights_of_connections(self, render, view):
        found = render(self.spec, Traffic(90, 10))
        assert "http" not in found["spec"]
        assert found["spec"]["tcp"] == [{"match": [{"port": 9080, "gateways": ["mesh"]}], "route": split(90, 10)}]
        assert view(self.spec, found).canary_weight == 10

    def test_a_port_is_named_at_gateways(self, render):
        spec = a_spec(service={"appProtocol": "tcp", "portDiscovery": True, "gateways": ["edge"]}, stepWeights=[10])
        (rule,) = render(spec, Traffic(90, 10))["spec"]["tcp"]
        assert [item["destination"]["port"] for item in rule["route"]] == [{"number": 9080}] * 2

    def test_a_step_changes_two_numbers(self, names, render, seen):
        found = render(self.spec, Traffic(90, 10))
        (change,) = router.routes(names, self.spec, Traffic(80, 20), seen(found), epoch=7)
        assert [op["path"] for op in change.ops if "annotations" not in op["path"]] == [
            "/spec/tcp/0/route/0/weight",
            "/spec/tcp/0/route/1/weight",
        ]

    def test_other_tcp_rules_and_tls_stay(self, render):
        found = render(self.spec, Traffic(90, 10))
        other = {"match": [{"port": 27017}], "route": [{"destination": {"host": "mongo"}}]}
        found["spec"]["tcp"].insert(0, other)
        found["spec"]["tls"] = [{"match": [{"port": 443, "sniHosts": ["a"]}], "route": []}]
        after = render(self.spec, Traffic(70, 30), found)
        assert after["spec"]["tcp"] == [other, {**found["spec"]["tcp"][1], "route": split(70, 30)}]
        assert after["spec"]["tls"] == found["spec"]["tls"]

    def test_a_service_that_changes_its_protocol_takes_its_rules_along(self, render, view):
        http = a_spec(stepWeights=[10])
        found = render(self.spec, Traffic(90, 10), render(http, Traffic(90, 10)))
        assert sorted(found["spec"]) == ["gateways", "hosts", "tcp"]
        found = render(http, Traffic(90, 10), found)
        assert sorted(found["spec"]) == ["gateways", "hosts", "http"]
        assert view(http, found).canary_weight == 10

    def test_a_hand_edit_of_its_weights_is_told(self, render, view):
        found = render(self.spec, Traffic(90, 10))
        found["spec"]["tcp"][0]["route"] = split(100, 0)
        assert (view(self.spec, found).canary_weight, view(self.spec, found).applied_matches) == (0, False)


SPECS = [
    a_spec(stepWeights=[10], testerMatch=[TESTER], sessionAffinity={"cookieName": "c", "primaryCookieName": "p"}),
    a_spec(iterations=3, match=[INSIDER], service={"match": [{"uri": {"prefix": "/a"}}], "timeout": "3s"}),
    a_spec(stepWeights=[10], mirror=True, service={"hosts": ["r.example.com"], "gateways": ["edge", "mesh"]}),
]
CONDITIONS = st.sampled_from([None, [{"uri": {"prefix": "/x"}}], [{"headers": {"a": {"exact": "b"}}}]])
FOREIGN = st.fixed_dictionaries(
    {"name": st.text("abc", min_size=1, max_size=3)},
    optional={
        "match": CONDITIONS.filter(bool),
        "fault": st.just({"delay": {"fixedDelay": "1s"}}),
        "timeout": st.just("1s"),
        "route": st.just([{"destination": {"host": "ratings"}}]),
        "mirror": st.just({"host": "audit"}),
    },
)
TRAFFIC = st.builds(
    lambda weight, mirror, matched, testers, cookie: Traffic(
        100 - weight, weight, mirror=mirror, matched=matched, testers=testers, cookie=cookie
    ),
    weight=st.integers(0, 100),
    mirror=st.integers(0, 100),
    matched=st.booleans(),
    testers=st.booleans(),
    cookie=st.sampled_from(["", "run-1"]),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)
@given(
    spec=st.sampled_from(SPECS),
    before=st.lists(FOREIGN, max_size=2),
    behind=st.lists(FOREIGN, max_size=2),
    extra=st.dictionaries(st.sampled_from(["fault", "retries"]), st.just({"x": 1}), max_size=2),
    run=st.lists(TRAFFIC, min_size=1, max_size=5),
)
def test_in_a_whole_run_only_what_is_ours_changes_and_at_its_end_nothing_has(
    render, view, spec, before, behind, extra, run
):
    found = render(spec, Traffic(100, 0))
    found["spec"]["http"][0] |= extra
    found["spec"]["http"] = [
        *(rule for rule in before if rule.get("match")),
        *found["spec"]["http"],
        *behind,
    ]
    began = copy.deepcopy(found)
    for traffic in run:
        found = render(spec, traffic, found)
        foreign = [rule for rule in found["spec"]["http"] if not rule["name"].startswith(OURS)]
        assert foreign == [rule for rule in began["spec"]["http"] if not rule["name"].startswith(OURS)]
        assert {**found["spec"], "http": []} == {**began["spec"], "http": []}
        said = view(spec, found)
        nobody = traffic.matched and not spec.audience
        assert said.everybody_weight == traffic.everybody
        assert (said.canary_weight, said.mirror) == ((0, 0) if nobody else (traffic.canary, traffic.mirror))
        assert said.applied_matches
        for rule in found["spec"]["http"]:
            if rule["name"].startswith(OURS):
                assert sum(item["weight"] for item in rule["route"]) == 100
    found = render(spec, Traffic(100, 0), found)
    assert found["spec"] == began["spec"]
