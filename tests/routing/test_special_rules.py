"""Who meets the canary by a special rule, and that nothing of it is left behind or laid over others' rules."""

import copy
import re
from typing import ClassVar

import pytest

from strategies.traffic import Traffic
from tests.routing.special import INSIDER, LABELLED, OURS, TESTER, C, P, a_spec, only, split


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
