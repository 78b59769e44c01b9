"""What would stop doing its work at the primary is found, of every kind; what goes on doing it is let alone."""

import pytest

from delivery.cluster.objects import SERVICES
from delivery.cluster.policies import (
    AUTHORIZATION_POLICIES,
    ENVOY_FILTERS,
    MESH_WIDE,
    NETWORK_POLICIES,
    PEER_AUTHENTICATIONS,
    POD_DISRUPTION_BUDGETS,
)
from delivery.routing.policies import roles_of, would_miss
from delivery.workloads.targets.deployment import DeploymentKind
from strategies.rollout.turn import MAX_MESSAGE
from tests.routing.guarded import BY_LABELS, NAMES, WITH_EXPRESSIONS, apart, kept, roles, selecting, target

SOURCE = {"action": "ALLOW", "rules": [{"from": [{"source": {"principals": ["cluster.local/ns/shop/sa/viewer"]}}]}]}


@pytest.mark.parametrize("kind", BY_LABELS, ids=str)
class TestEveryKindThatChoosesByLabels:
    def test_one_that_chooses_the_target_alone_would_miss_the_primary(self, kind):
        assert apart(kind, kept(kind, "viewer", selecting(kind, app="reviews"))) == ["viewer"]

    def test_one_that_names_another_label_too_would_miss_it_as_well(self, kind):
        assert apart(kind, kept(kind, "viewer", selecting(kind, app="reviews", team="books"))) == ["viewer"]

    @pytest.mark.parametrize("labels", [{"team": "books"}, {"version": "v1"}, {"app": "ratings"}, {}])
    def test_one_that_chooses_both_or_neither_is_let_alone(self, kind, labels):
        assert apart(kind, kept(kind, "viewer", selecting(kind, **labels))) == []

    def test_one_of_another_namespace_is_about_other_pods(self, kind):
        assert apart(kind, kept(kind, "viewer", selecting(kind, app="reviews"), namespace="attic")) == []

    def test_one_made_for_the_primary_alone_is_meant_so(self, kind):
        assert apart(kind, kept(kind, "viewer", selecting(kind, app="reviews-primary"))) == []

    def test_in_istios_root_namespace_it_chooses_everywhere_if_it_is_of_such_a_kind(self, kind):
        found = apart(kind, kept(kind, "viewer", selecting(kind, app="reviews"), namespace="istio-system"))
        assert found == (["viewer"] if kind in MESH_WIDE else [])


@pytest.mark.parametrize("kind", [each for each in BY_LABELS if each != SERVICES], ids=str)
class TestCopies:
    def test_a_copy_for_the_primary_is_enough(self, kind):
        copies = [
            kept(kind, name, {**selecting(kind, app=name), "rest": SOURCE}) for name in ("reviews", "reviews-primary")
        ]
        assert apart(kind, *copies) == []

    def test_one_for_the_primary_that_says_something_else_is_no_copy(self, kind):
        one = kept(kind, "one", {**selecting(kind, app="reviews"), "rest": SOURCE})
        other = kept(kind, "other", {**selecting(kind, app="reviews-primary"), "rest": {**SOURCE, "action": "DENY"}})
        assert apart(kind, one, other) == ["one"]

    def test_one_for_everybody_that_says_the_same_covers_the_primary(self, kind):
        one = kept(kind, "one", {**selecting(kind, app="reviews"), "rest": SOURCE})
        everybody = kept(kind, "everybody", {**selecting(kind, team="books"), "rest": SOURCE})
        assert apart(kind, one, everybody) == []

    def test_a_copy_in_another_namespace_is_none(self, kind):
        one = kept(kind, "one", selecting(kind, app="reviews"))
        other = kept(kind, "other", selecting(kind, app="reviews-primary"), namespace="attic")
        assert apart(kind, one, other) == ["one"]


@pytest.mark.parametrize("kind", WITH_EXPRESSIONS, ids=str)
class TestExpressions:
    @staticmethod
    def policy(kind, *expressions):
        field = next(iter(selecting(kind, a="b")))
        return kept(kind, "viewer", {field: {"matchExpressions": list(expressions)}})

    @pytest.mark.parametrize(
        ("operator", "values", "found"),
        [
            ("In", ["reviews"], ["viewer"]),
            ("In", ["reviews", "ratings"], ["viewer"]),
            ("In", ["reviews", "reviews-primary"], []),
            ("In", ["ratings"], []),
            ("In", ["reviews-primary"], []),
            ("NotIn", ["reviews"], ["viewer"]),
            ("NotIn", ["reviews-primary"], ["viewer"]),
            ("NotIn", ["reviews", "reviews-primary"], []),
            ("NotIn", ["ratings"], []),
            ("Exists", [], []),
            ("DoesNotExist", [], []),
        ],
    )
    def test_on_the_label_of_the_roles(self, kind, operator, values, found):
        assert apart(kind, self.policy(kind, {"key": "app", "operator": operator, "values": values})) == found

    def test_what_leaves_out_the_target_would_catch_the_primary(self, kind):
        everybody_else = self.policy(kind, {"key": "app", "operator": "NotIn", "values": ["reviews"]})
        assert apart(kind, everybody_else) == ["viewer"]


class TestWhatChoosesNobodyByLabels:
    @pytest.mark.parametrize(
        "spec",
        [
            {"rules": []},
            {"selector": {}},
            {"targetRefs": [{"kind": "Service", "name": "reviews"}], "rules": []},
            {"targetRef": {"kind": "Gateway", "name": "waypoint"}},
        ],
    )
    def test_a_policy_for_a_whole_namespace_or_attached_by_name_stays_with_both(self, spec):
        assert apart(AUTHORIZATION_POLICIES, kept(AUTHORIZATION_POLICIES, "viewer", spec)) == []

    def test_a_budget_without_a_selector_is_for_nobody_and_covers_nobody(self):
        one = kept(
            POD_DISRUPTION_BUDGETS, "one", {**selecting(POD_DISRUPTION_BUDGETS, app="reviews"), "maxUnavailable": 1}
        )
        nobody = kept(POD_DISRUPTION_BUDGETS, "nobody", {"maxUnavailable": 1})
        assert apart(POD_DISRUPTION_BUDGETS, one, nobody) == ["one"]

    def test_one_with_an_empty_selector_is_for_everybody(self):
        one = kept(
            POD_DISRUPTION_BUDGETS, "one", {**selecting(POD_DISRUPTION_BUDGETS, app="reviews"), "maxUnavailable": 1}
        )
        every = kept(POD_DISRUPTION_BUDGETS, "every", {"selector": {}, "maxUnavailable": 1})
        assert apart(POD_DISRUPTION_BUDGETS, one, every) == []

    def test_a_namespaces_peer_authentication_covers_both_with_the_same_word(self):
        one = kept(
            PEER_AUTHENTICATIONS, "one", {"selector": {"matchLabels": {"app": "reviews"}}, "mtls": {"mode": "STRICT"}}
        )
        every = kept(PEER_AUTHENTICATIONS, "default", {"mtls": {"mode": "STRICT"}})
        loose = kept(PEER_AUTHENTICATIONS, "default", {"mtls": {"mode": "PERMISSIVE"}})
        assert apart(PEER_AUTHENTICATIONS, one, every) == []
        assert apart(PEER_AUTHENTICATIONS, one, loose) == ["one"]

    def test_a_service_without_a_selector_selects_nobody(self):
        assert apart(SERVICES, kept(SERVICES, "legacy", {"type": "ExternalName", "externalName": "x"})) == []


class TestRoles:
    def test_a_target_whose_primary_is_told_by_another_label(self):
        body = target()
        body["spec"]["selector"]["matchLabels"] = {"service": "reviews-pods", "team": "books"}
        body["spec"]["template"]["metadata"]["labels"] = {"service": "reviews-pods", "team": "books", "app": "reviews"}
        of = roles(body)
        assert (
            apart(
                PEER_AUTHENTICATIONS,
                kept(PEER_AUTHENTICATIONS, "x", selecting(PEER_AUTHENTICATIONS, app="reviews")),
                of=of,
            )
            == []
        )
        spec = selecting(PEER_AUTHENTICATIONS, service="reviews-pods")
        assert apart(PEER_AUTHENTICATIONS, kept(PEER_AUTHENTICATIONS, "x", spec), of=of) == ["x"]

    def test_without_a_target_there_is_nothing_to_tell_apart(self):
        assert roles_of(NAMES, DeploymentKind(), None, None, "istio-system") is None


class TestTheRefusal:
    def test_it_names_kind_and_name_and_the_way_out(self):
        found = {AUTHORIZATION_POLICIES: {("shop", "viewer"): None}, NETWORK_POLICIES: {("attic", "ratings"): None}}
        problem = would_miss(NAMES, found, ())
        assert problem.reason == "PolicyWouldMiss"
        assert problem.message.startswith("AuthorizationPolicy/viewer, NetworkPolicy/attic/ratings tell reviews from ")
        assert problem.message.endswith("or list them in spec.preflight.acknowledge")

    def test_what_is_acknowledged_is_not_named_again(self):
        found = {AUTHORIZATION_POLICIES: {("shop", "viewer"): None}, NETWORK_POLICIES: {("attic", "ratings"): None}}
        assert "viewer" not in would_miss(NAMES, found, ["AuthorizationPolicy/viewer"]).message
        assert would_miss(NAMES, found, ["AuthorizationPolicy/viewer", "NetworkPolicy/attic/ratings"]) is None
        assert would_miss(NAMES, {}, ()) is None

    @pytest.mark.parametrize("count", [2, 20, 200])
    def test_many_are_counted_so_that_the_way_out_is_never_cut_off(self, count):
        found = {ENVOY_FILTERS: {("shop", f"filter-number-{number}"): None for number in range(count)}}
        message = would_miss(NAMES, found, ()).message
        assert len(message) <= MAX_MESSAGE
        assert message.endswith("spec.preflight.acknowledge")
        named = message.count("EnvoyFilter/")
        assert named == count or f"and {count - named} more" in message
