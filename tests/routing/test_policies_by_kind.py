"""What each kind of guard says besides whom it chooses: who may call, whose tokens count, how many pods stay."""

import pytest

from delivery.cluster.objects import SERVICES
from delivery.cluster.policies import (
    NAMESPACE_LABEL,
    NETWORK_POLICIES,
    POD_AUTOSCALERS,
    POD_DISRUPTION_BUDGETS,
    POD_MONITORS,
    REQUEST_AUTHENTICATIONS,
)
from tests.routing.guarded import apart, kept, selecting


class TestNetworkPolicies:
    """Who may call, and be called: a primary that is no longer let through is an outage of somebody else's making."""

    @staticmethod
    def peers(direction, *peers, name="ratings", subject=None, namespace="shop", ports=()):
        word = {"ingress": "from", "egress": "to"}[direction]
        rule = {word: list(peers), **({"ports": list(ports)} if ports else {})}
        subject = {"matchLabels": {"app": "ratings"}} if subject is None else subject
        return kept(NETWORK_POLICIES, name, {"podSelector": subject, direction: [rule]}, namespace)

    @pytest.mark.parametrize("direction", ["ingress", "egress"])
    def test_a_policy_of_another_service_that_lets_only_the_target_through_is_named(self, direction):
        found = self.peers(direction, {"podSelector": {"matchLabels": {"app": "reviews"}}})
        assert apart(NETWORK_POLICIES, found) == ["ratings"]

    @pytest.mark.parametrize(
        "peers",
        [
            [{"podSelector": {"matchLabels": {"app": name}}} for name in ("reviews", "reviews-primary")],
            [{"podSelector": {"matchLabels": {"team": "books"}}}],
            [{"podSelector": {}}],
            [{"namespaceSelector": {}}],
            [{"ipBlock": {"cidr": "10.0.0.0/8"}}],
            [],
        ],
    )
    def test_one_that_lets_both_through_is_fine(self, peers):
        assert apart(NETWORK_POLICIES, self.peers("ingress", *peers)) == []

    def test_policies_add_up_so_another_one_may_let_the_primary_through(self):
        one = self.peers("ingress", {"podSelector": {"matchLabels": {"app": "reviews"}}}, name="one")
        other = self.peers("ingress", {"podSelector": {"matchLabels": {"app": "reviews-primary"}}}, name="other")
        assert apart(NETWORK_POLICIES, one, other) == []

    def test_but_not_to_other_ports_or_to_other_pods(self):
        one = self.peers("ingress", {"podSelector": {"matchLabels": {"app": "reviews"}}}, name="one")
        ours = {"podSelector": {"matchLabels": {"app": "reviews-primary"}}}
        ports = self.peers("ingress", ours, name="ports", ports=[{"port": 80}])
        pods = self.peers("ingress", ours, name="pods", subject={"matchLabels": {"app": "details"}})
        assert apart(NETWORK_POLICIES, one, ports, pods) == ["one"]

    def test_everybody_but_the_target_would_let_the_primary_through(self):
        others = {"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["reviews"]}]}
        assert apart(NETWORK_POLICIES, self.peers("ingress", {"podSelector": others})) == ["ratings"]

    @pytest.mark.parametrize(
        ("namespaces", "found"),
        [
            ({"matchLabels": {"kubernetes.io/metadata.name": "shop"}}, ["ratings"]),
            ({"matchLabels": {"kubernetes.io/metadata.name": "attic"}}, []),
            ({"matchExpressions": [{"key": NAMESPACE_LABEL, "operator": "In", "values": ["shop"]}]}, ["ratings"]),
            ({"matchExpressions": [{"key": NAMESPACE_LABEL, "operator": "In", "values": ["attic"]}]}, []),
            ({"matchLabels": {"env": "live"}}, ["ratings"]),
            ({}, ["ratings"]),
            (None, []),
        ],
    )
    def test_a_policy_of_another_namespace_is_found_if_it_may_look_into_ours(self, namespaces, found):
        peer = {"podSelector": {"matchLabels": {"app": "reviews"}}}
        if namespaces is not None:
            peer["namespaceSelector"] = namespaces
        assert apart(NETWORK_POLICIES, self.peers("ingress", peer, namespace="attic")) == found

    def test_a_copy_of_the_subject_is_enough_for_what_it_says_of_others(self):
        rest = {"ingress": [{"from": [{"podSelector": {"matchLabels": {"app": "productpage"}}}]}]}
        copies = [
            kept(NETWORK_POLICIES, name, {"podSelector": {"matchLabels": {"app": name}}, **rest})
            for name in ("reviews", "reviews-primary")
        ]
        assert apart(NETWORK_POLICIES, *copies) == []
        assert apart(NETWORK_POLICIES, copies[0]) == ["reviews"]


class TestRequestAuthentications:
    """Without it the primary takes no token for what it is: a policy that asks for a principal refuses every user."""

    @staticmethod
    def tokens(name, *, of, issuer="books"):
        spec = {**selecting(REQUEST_AUTHENTICATIONS, **of), "jwtRules": [{"issuer": f"https://{issuer}.example"}]}
        return kept(REQUEST_AUTHENTICATIONS, name, spec)

    def test_one_that_reads_the_tokens_of_the_target_alone_is_named(self):
        assert apart(REQUEST_AUTHENTICATIONS, self.tokens("jwt", of={"app": "reviews"})) == ["jwt"]

    @pytest.mark.parametrize(("issuer", "found"), [("books", []), ("elsewhere", ["jwt"])])
    def test_the_one_of_the_primary_has_to_believe_the_same_issuer(self, issuer, found):
        own = self.tokens("jwt", of={"app": "reviews"})
        other = self.tokens("jwt-primary", of={"app": "reviews-primary"}, issuer=issuer)
        assert apart(REQUEST_AUTHENTICATIONS, own, other) == found


class TestPodDisruptionBudgets:
    """Without it a drained node may take all of the primary's pods at once, and with them every user's answer."""

    @staticmethod
    def budget(name, *apps, least=1):
        chosen = {"matchExpressions": [{"key": "app", "operator": "In", "values": list(apps)}]}
        return kept(POD_DISRUPTION_BUDGETS, name, {"selector": chosen, "minAvailable": least})

    def test_one_that_keeps_the_pods_of_the_target_alone_is_named(self):
        assert apart(POD_DISRUPTION_BUDGETS, self.budget("pdb", "reviews")) == ["pdb"]

    def test_one_that_keeps_the_pods_of_both_is_fine(self):
        assert apart(POD_DISRUPTION_BUDGETS, self.budget("pdb", "reviews", "reviews-primary")) == []

    @pytest.mark.parametrize(("least", "found"), [(1, []), (0, ["pdb"])])
    def test_the_one_of_the_primary_has_to_keep_as_many(self, least, found):
        own, other = self.budget("pdb", "reviews"), self.budget("pdb-primary", "reviews-primary", least=least)
        assert apart(POD_DISRUPTION_BUDGETS, own, other) == found


class TestPodMonitors:
    @pytest.mark.parametrize(
        ("where", "found"),
        [
            ({"any": True}, ["app"]),
            ({"matchNames": ["shop", "attic"]}, ["app"]),
            ({"matchNames": ["attic"]}, []),
            ({}, []),
        ],
    )
    def test_one_in_another_namespace_looks_where_it_says(self, where, found):
        spec = {**selecting(POD_MONITORS, app="reviews"), "namespaceSelector": where}
        assert apart(POD_MONITORS, kept(POD_MONITORS, "app", spec, namespace="monitoring")) == found


class TestVerticalPodAutoscalers:
    @staticmethod
    def scaler(workload, name="scaler", kind="Deployment"):
        return kept(
            POD_AUTOSCALERS,
            name,
            {"targetRef": {"kind": kind, "name": workload}, "updatePolicy": {"updateMode": "Auto"}},
        )

    def test_one_that_names_the_target_would_miss_the_primary(self):
        assert apart(POD_AUTOSCALERS, self.scaler("reviews")) == ["scaler"]

    def test_one_for_each_is_fine_and_so_is_one_of_something_else(self):
        assert apart(POD_AUTOSCALERS, self.scaler("reviews", "a"), self.scaler("reviews-primary", "b")) == []
        assert apart(POD_AUTOSCALERS, self.scaler("ratings"), self.scaler("reviews", kind="StatefulSet")) == []


class TestServices:
    def test_another_service_of_the_targets_pods_would_have_no_pods(self):
        """Its users would meet nobody once the target rests: no route of ours leads from its host."""
        assert apart(SERVICES, kept(SERVICES, "reviews-legacy", {"selector": {"app": "reviews"}})) == ["reviews-legacy"]

    def test_a_second_service_is_never_a_copy(self):
        two = [kept(SERVICES, name, {"selector": {"app": name}}) for name in ("reviews", "reviews-primary")]
        assert apart(SERVICES, *two) == ["reviews"]
