"""Routes as Istio defines them: hosts, matches, order, gateways, retries, faults; and what is not understood."""

import re
from typing import Any

import pytest

from delivery.sandbox.mesh import Load
from tests.sandbox.mesh.things import (
    CANARY,
    LOAD,
    PRIMARY,
    destination_rule,
    pod,
    reached,
    route,
    see,
    service,
    shop,
    to,
    virtual_service,
)

CATCH_ALL = to("reviews-primary")


@pytest.mark.parametrize("host", ["reviews", "reviews.shop", "reviews.shop.svc", "reviews.shop.svc.cluster.local", "*"])
def test_a_host_may_be_written_in_all_of_istios_ways(host: str) -> None:
    mesh = shop(CANARY, virtual_service(to("reviews-canary.shop"), hosts=[host]))
    mesh.advance(1)
    assert reached(mesh, "reviews") == 100


def test_a_host_of_another_namespace_is_another_host() -> None:
    mesh = shop(PRIMARY, CANARY, virtual_service(to("reviews-canary.shop"), namespace="other"))
    mesh.advance(1)
    assert reached(mesh, "reviews-primary") == 100


def test_of_two_virtual_services_for_a_host_the_older_one_decides() -> None:
    older = virtual_service(to("reviews-canary"), name="z", created="2026-01-01T00:00:00Z")
    younger = virtual_service(CATCH_ALL, name="a", created="2026-01-02T00:00:00Z")
    mesh = shop(PRIMARY, CANARY, younger, older)
    mesh.advance(1)
    assert (reached(mesh, "reviews"), reached(mesh, "reviews-primary")) == (100, 0)

    see(mesh, older, event="DELETED")
    mesh.advance(2)
    assert reached(mesh, "reviews-primary") == 100


def test_those_of_a_gateway_are_one_with_the_rule_for_everything_last() -> None:
    gateway: dict[str, Any] = {"gateways": ["istio-system/public"], "hosts": ["shop.example.com"]}
    new = {**to("reviews-canary"), "match": [{"uri": {"prefix": "/new"}}]}
    user = Load("shop", "reviews", 10, gateway="istio-system/public", authority="shop.example.com", path="/new/1")
    mesh = shop(
        PRIMARY,
        CANARY,
        virtual_service(CATCH_ALL, name="a", created="1", **gateway),
        virtual_service(new, name="b", created="2", **gateway),
        loads=(user,),
    )
    mesh.advance(1)
    assert reached(mesh, "reviews") == 10


MATCHES: list[tuple[dict[str, Any], dict[str, Any], bool]] = [
    ({"uri": {"exact": "/a"}}, {"path": "/a"}, True),
    ({"uri": {"exact": "/a"}}, {"path": "/ab"}, False),
    ({"uri": {"prefix": "/A"}, "ignoreUriCase": True}, {"path": "/ab"}, True),
    ({"uri": {"regex": "/v[0-9]+"}}, {"path": "/v12"}, True),
    ({"uri": {"regex": "/v[0-9]+"}}, {"path": "/v12/x"}, False),
    ({"headers": {"X-User": {"exact": "insider"}}}, {"headers": {"x-user": "insider"}}, True),
    ({"headers": {"x-user": {}}}, {"headers": {"x-user": "any"}}, True),
    ({"headers": {"x-user": {}}}, {}, False),
    (
        {"headers": {"cookie": {"regex": "^(.*?;)?(canary=always)(;.*)?$"}}},
        {"headers": {"Cookie": "a=b;canary=always"}},
        True,
    ),
    ({"withoutHeaders": {"x-bot": {}}}, {"headers": {"x-bot": "1"}}, False),
    ({"withoutHeaders": {"x-bot": {}}}, {}, True),
    ({"queryParams": {"v": {"exact": "2"}}}, {"query": {"v": "2"}}, True),
    ({"queryParams": {"v": {"exact": "2"}}}, {"query": {"v": "3"}}, False),
    ({"method": {"exact": "POST"}}, {"method": "POST"}, True),
    ({"authority": {"prefix": "shop."}}, {"authority": "shop.example.com"}, True),
    ({"port": 9080}, {}, True),
    ({"port": 8080}, {}, False),
    ({"sourceLabels": {"app": "web", "tier": "edge"}}, {"source": "web", "source_labels": {"tier": "edge"}}, True),
    ({"sourceLabels": {"app": "web"}}, {"source": "batch"}, False),
    ({"sourceNamespace": "ops"}, {"source_namespace": "ops"}, True),
    ({"gateways": ["mesh"]}, {}, True),
    ({"gateways": ["istio-system/public"]}, {}, False),
    ({"uri": {"prefix": "/a"}, "method": {"exact": "GET"}}, {"path": "/a", "method": "PUT"}, False),
]


@pytest.mark.parametrize(("match", "request_", "meant"), MATCHES)
def test_a_match_takes_what_it_says(match: dict[str, Any], request_: dict[str, Any], meant: bool) -> None:
    caller = Load("shop", "reviews", 10, **request_)
    first = {**to("reviews-canary"), "match": [{"headers": {"never": {"exact": "so"}}}, match]}
    mesh = shop(PRIMARY, CANARY, virtual_service(first, CATCH_ALL), loads=(caller,))
    mesh.advance(1)
    assert (reached(mesh, "reviews"), reached(mesh, "reviews-primary")) == ((10, 0) if meant else (0, 10))


def test_subsets_are_pods_with_more_labels() -> None:
    pods = [pod(f"{version}-{n}", app="reviews-primary", version=version) for version in ("v1", "v2") for n in (1, 2)]
    rule = {
        "route": [to("reviews", "one")["route"][0] | {"weight": 90}, to("reviews", "two")["route"][0] | {"weight": 10}]
    }
    mesh = shop(*pods, destination_rule("reviews", one="v1", two="v2"), virtual_service(rule))
    mesh.advance(1)
    assert [reached(mesh, "reviews-primary", destination_version=version) for version in ("v1", "v2")] == [90, 10]

    see(mesh, destination_rule("reviews", one="v1"))
    mesh.advance(2)
    assert mesh.by("flag", fate="lost") == {("NC",): pytest.approx(10)}


def test_a_delegates_rules_hold_under_the_condition_that_names_it() -> None:
    root = virtual_service(
        {"match": [{"uri": {"prefix": "/books"}}], "delegate": {"name": "books"}}, to("reviews-primary")
    )
    books = virtual_service({**to("reviews-canary"), "match": [{"method": {"exact": "GET"}}]}, name="books")
    del books["spec"]["hosts"]
    loads = tuple(
        Load("shop", "reviews", 10, path=path, method=method, source=f"{method}{path}")
        for path, method in (("/books/1", "GET"), ("/books/1", "PUT"), ("/other", "GET"))
    )
    mesh = shop(PRIMARY, CANARY, root, books, loads=loads)
    mesh.advance(1)
    assert reached(mesh, "reviews", source_workload="GET/books/1") == 10
    assert reached(mesh, "reviews") == 10
    see(mesh, books, event="DELETED")
    mesh.advance(2)
    assert reached(mesh, "reviews") == 10


def test_a_virtual_service_is_for_those_whom_it_is_exported_to() -> None:
    mesh = shop(
        PRIMARY,
        CANARY,
        virtual_service(to("reviews-canary"), exportTo=["."]),
        loads=(LOAD, Load("shop", "reviews", 10, source="x", source_namespace="other")),
    )
    mesh.advance(1)
    assert reached(mesh, "reviews") == 100
    assert reached(mesh, "reviews-primary", source_workload_namespace="other") == 10


def test_retries_heal_what_the_caller_sees_and_the_pods_count_each_try() -> None:
    retries = {"attempts": 2, "retryOn": "5xx"}
    failing = pod("primary-1", app="reviews-primary", error_share="0.5")
    mesh = shop(failing, virtual_service({**CATCH_ALL, "retries": retries}))
    mesh.advance(10)

    assert mesh.requests(reporter="source", response_code="500") == 125  # an eighth of 1000
    assert reached(mesh, "reviews-primary") == 1750
    assert mesh.bad() == pytest.approx(125)


def test_a_retry_goes_to_a_pod_that_was_not_tried() -> None:
    pods = [pod("good", app="reviews-primary"), pod("bad", app="reviews-primary", error_share="1", error_kind="503")]
    mesh = shop(*pods, virtual_service({**CATCH_ALL, "retries": {"attempts": 1, "retryOn": "gateway-error"}}))
    mesh.advance(1)
    assert mesh.bad() == 0
    assert (reached(mesh, "reviews-primary", pod="bad"), reached(mesh, "reviews-primary", pod="good")) == (50, 100)


def test_many_retries_of_many_sorts_of_pods_are_worked_out_at_once() -> None:
    shares = ("1", "1", "1", "0.9")
    pods = [
        pod(f"p{index}", app="reviews-primary", error_share=share, latency_ms=str(10 + index))
        for index, share in enumerate(shares)
    ]
    mesh = shop(*pods, virtual_service({**CATCH_ALL, "retries": {"attempts": 25, "retryOn": "5xx"}}))
    mesh.advance(1)
    # 26 tries are six rounds through the four pods and a half: 0.9 ** 6 or, if it is among the last two, ** 7
    assert mesh.bad() == pytest.approx(100 * (0.9**6 + 0.9**7) / 2)


def test_nothing_of_the_application_is_retried_unasked() -> None:
    mesh = shop(pod("p", app="reviews-primary", error_share="1", error_kind="503"))
    mesh.advance(1)
    assert reached(mesh, "reviews-primary") == 100


def test_a_timeout_cuts_the_slow_ones_off() -> None:
    slow = pod("primary-1", app="reviews-primary", latency_ms="100", latency_spread="0.5")
    mesh = shop(slow, virtual_service({**CATCH_ALL, "timeout": "100ms"}))
    mesh.advance(10)

    assert mesh.requests(reporter="source", response_code="504", response_flags="UT") == 500
    assert mesh.requests(reporter="source", response_code="200") == 500
    assert reached(mesh, "reviews-primary", response_code="0", response_flags="DC") == 500
    assert (mesh.lost(), mesh.bad()) == (0, pytest.approx(500))


def test_each_try_may_have_a_limit_of_its_own() -> None:
    slow = pod("primary-1", app="reviews-primary", latency_ms="100", latency_spread="0.5")
    retries = {"attempts": 1, "perTryTimeout": "100ms", "retryOn": "gateway-error"}
    mesh = shop(slow, virtual_service({**CATCH_ALL, "retries": retries}))
    mesh.advance(10)
    assert mesh.requests(reporter="source", response_code="504") == 250


def test_faults_are_the_proxys_own() -> None:
    fault = {
        "abort": {"percentage": {"value": 10}, "httpStatus": 418},
        "delay": {"percentage": {"value": 50}, "fixedDelay": "2s"},
    }
    mesh = shop(PRIMARY, virtual_service({**CATCH_ALL, "fault": fault}))
    mesh.advance(10)

    assert mesh.requests(reporter="source", response_code="418", response_flags="FI") == 100
    assert reached(mesh, "reviews-primary") == 900
    fast = next(
        each.value
        for each in mesh.samples()
        if each.name.endswith("_bucket")
        and {("le", "1000"), ("reporter", "source"), ("response_code", "200")} <= set(each.labels)
    )
    assert fast == 450


@pytest.mark.parametrize(
    ("answer", "code"), [({"redirect": {"uri": "/"}}, "301"), ({"directResponse": {"status": 204}}, "204")]
)
def test_redirects_and_direct_answers_reach_no_pod(answer: dict[str, Any], code: str) -> None:
    mesh = shop(PRIMARY, virtual_service(answer))
    mesh.advance(1)
    assert mesh.requests(reporter="source", response_code=code) == 100
    assert mesh.requests(reporter="destination") == 0
    assert mesh.lost() == 0


BAD: list[tuple[dict[str, Any], str]] = [
    (
        {**CATCH_ALL, "match": [{"colour": "red"}]},
        r"spec\.http\[0\]\.match\[0\]\.colour: unknown to this mesh; known",
    ),
    (
        {**CATCH_ALL, "match": [{"uri": {"regex": "("}}]},
        r"match\[0\]\.uri\.regex: '\(': .*allowed is a regular",
    ),
    (
        {**CATCH_ALL, "match": [{"uri": {"exact": "a", "prefix": "b"}}]},
        r"\.uri: \['exact', 'prefix'\]; allowed is one of",
    ),
    ({**CATCH_ALL, "timeout": "soon"}, r"http\[0\]\.timeout: given 'soon', allowed a duration"),
    ({**CATCH_ALL, "retries": {"retryOn": "sometimes"}}, r"retries\.retryOn: 'sometimes'; allowed are 5xx, cancelled"),
    (
        {**CATCH_ALL, "fault": {"abort": {"httpStatus": 99}}},
        r"fault\.abort\.httpStatus: 99; allowed is a number",
    ),
    ({**CATCH_ALL, "mirrorPercentage": {"value": 200}}, r"mirrorPercentage\.value: 200; allowed .* from 0 to 100"),
    ({"route": [{"destination": {}}]}, r"route\[0\]\.destination\.host: missing"),
    ({"route": [{"weight": 100}]}, r"route\[0\]\.destination: missing"),
    (route(primary=0, canary=0), r"http\[0\]\.route: weights sum to 0"),
    ({"name": "nothing"}, r"http\[0\]: needs exactly one of route, redirect, directResponse, delegate"),
    ({"route": "reviews"}, r"http\[0\]\.route: 'reviews'; allowed is a list"),
]


@pytest.mark.parametrize(("rule", "says"), BAD)
def test_what_is_not_understood_is_named_and_the_last_good_routes_stay(rule: dict[str, Any], says: str) -> None:
    mesh = shop(PRIMARY, CANARY, virtual_service(to("reviews-canary")))
    see(mesh, virtual_service(rule))
    mesh.advance(1)

    (problem,) = mesh.problems.items()
    assert problem[0] == ("VirtualService", "shop", "reviews")
    assert re.search(says, problem[1])
    assert reached(mesh, "reviews") == 100

    see(mesh, virtual_service(CATCH_ALL))
    mesh.advance(2)
    assert not mesh.problems
    assert reached(mesh, "reviews-primary") == 100


def test_what_has_no_effect_here_is_said() -> None:
    rule = destination_rule("reviews")
    rule["spec"]["trafficPolicy"] = {"outlierDetection": {"interval": "1s"}, "tls": {"mode": "ISTIO_MUTUAL"}}
    mesh = shop(PRIMARY, rule)
    ((name, said),) = mesh.notices.items()
    assert name == ("DestinationRule", "shop", "reviews")
    assert said == ("spec.trafficPolicy.outlierDetection: has no effect in this mesh",)


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ({"host": "reviews.elsewhere.svc.cluster.local"}, "spec.host: reviews.elsewhere"),
        ({"host": "*.shop.svc.cluster.local", "subsets": [{"name": "a"}]}, "with subsets; allowed is the name of one"),
        ({"host": "reviews", "exportTo": ["."]}, "spec.exportTo: ['.']"),
        ({"host": "reviews", "trafficPolicy": {"tls": {"mode": "NONE"}}}, "trafficPolicy.tls.mode: 'NONE'; one of"),
        ({}, "spec.host: missing"),
    ],
)
def test_destination_rules_that_are_not_understood_are_named(spec: dict[str, Any], says: str) -> None:
    mesh = shop(PRIMARY, {**destination_rule("reviews"), "spec": spec})
    assert says in str(mesh.problems["DestinationRule", "shop", "reviews"])


def test_headers_are_read_for_both_ways() -> None:
    branch = {**CATCH_ALL["route"][0], "headers": {"response": {"add": {"Set-Cookie": "canary=1"}}}}
    rule = {"route": [branch], "headers": {"request": {"set": {"x-a": "1"}, "remove": ["X-B"]}}}
    mesh = shop(PRIMARY, virtual_service(rule))
    decided = mesh.decide(LOAD)
    assert decided is not None
    assert decided.branches[0].response_headers.applied({"set-cookie": "a=b"}) == {"set-cookie": "a=b,canary=1"}
    assert decided.request_headers.applied({"x-b": "2"}) == {"x-a": "1"}


def test_a_service_with_several_ports_is_asked_on_the_one_that_was_meant() -> None:
    several = service("reviews-canary", "reviews", ports=(9080, 9090))
    rule = {"route": [{"destination": {"host": "reviews-canary", "port": {"number": 9999}}}]}
    mesh = shop(CANARY, several, virtual_service(to("reviews-canary")))
    mesh.advance(1)
    assert reached(mesh, "reviews") == 100
    see(mesh, virtual_service(rule))
    mesh.advance(2)
    assert mesh.lost(flag="NC") == pytest.approx(100)
