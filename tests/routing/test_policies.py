"""What would stop doing its work at the primary is found, of every kind; what goes on doing it is let alone."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as some

from delivery.cluster.indexes import default_indexes
from delivery.cluster.objects import SERVICES
from delivery.cluster.policies import (
    AUTHORIZATION_POLICIES,
    ENVOY_FILTERS,
    GUARDED,
    MESH_WIDE,
    NAMESPACE_LABEL,
    NETWORK_POLICIES,
    PEER_AUTHENTICATIONS,
    POD_AUTOSCALERS,
    POD_DISRUPTION_BUDGETS,
    POD_MONITORS,
    REQUEST_AUTHENTICATIONS,
)
from delivery.routing.policies import roles_of, telling_apart, would_miss
from delivery.workloads.selectors import selects
from delivery.workloads.targets.deployment import DeploymentKind
from strategies.rollout.turn import MAX_MESSAGE
from tests.routing.guarded import BY_LABELS, LABELS, NAMES, WITH_EXPRESSIONS, apart, kept, raw, roles, selecting, target

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


VALUES = some.sampled_from(["reviews", "reviews-primary", "ratings", "v1", "books", "x"])
KEYS = some.sampled_from(["app", "version", "team", "absent"])
EXPRESSIONS = some.builds(
    lambda key, operator, values: {"key": key, "operator": operator, "values": values},
    KEYS,
    some.sampled_from(["In", "NotIn", "Exists", "DoesNotExist"]),
    some.lists(VALUES, max_size=3),
)
SELECTORS = some.fixed_dictionaries(
    {},
    optional={
        "matchLabels": some.dictionaries(KEYS, VALUES, max_size=3),
        "matchExpressions": some.lists(EXPRESSIONS, max_size=3),
    },
)
PRIMARY = {**LABELS, "app": "reviews-primary"}


@given(SELECTORS, some.sampled_from(WITH_EXPRESSIONS))
def test_whatever_a_selector_says_both_roles_are_chosen_or_neither_or_it_is_refused(selector, kind):
    """But for one that was made for the primary by the primary's own label."""
    field = next(iter(selecting(kind, a="b")))
    found = apart(kind, kept(kind, "any", {field: selector}))
    chosen = (selects(selector, LABELS), selects(selector, PRIMARY))
    if chosen[0] == chosen[1]:
        assert found == []
    elif found == []:
        by_name = "reviews-primary" in json.dumps(
            [e for e in selector.get("matchExpressions", []) if e["operator"] == "In"]
        )
        assert chosen == (False, True)
        assert by_name or selector.get("matchLabels", {}).get("app") == "reviews-primary"


@given(some.lists(some.tuples(SELECTORS, some.sampled_from(["a", "b"])), max_size=4))
def test_the_index_finds_whatever_tells_the_roles_apart(specs):
    """What is looked up by the labels alone is all that there is."""
    bodies = [
        kept(NETWORK_POLICIES, f"p{number}", {"podSelector": selector, "policyTypes": [rest]})
        for number, (selector, rest) in enumerate(specs)
    ]
    every = telling_apart(NETWORK_POLICIES, bodies, roles())
    assert apart(NETWORK_POLICIES, *bodies) == [name for _, name in every]


@pytest.mark.parametrize("kind", list(GUARDED), ids=str)
def test_a_cache_keeps_of_it_who_it_is_and_whom_it_chooses_and_not_what_it_says(kind):
    spec = {
        "selector": {"matchLabels": {"app": "reviews"}}, "podSelector": {"matchLabels": {"app": "reviews"}},
        "workloadSelector": {"labels": {"app": "reviews"}}, "rules": ["long"] * 100,
        "egress": [{"hosts": ["./*"], "to": []}], "analysis": {"long": "x" * 1000},
    }  # fmt: skip
    body = GUARDED[kind](raw(kind, "viewer", spec))
    assert set(body) <= {"apiVersion", "kind", "metadata", "spec", "choices", "egress"}
    assert set(body["metadata"]) == {"name", "namespace", "uid", "resourceVersion"}
    assert len(json.dumps(body)) < 450


@pytest.mark.parametrize("kind", list(GUARDED), ids=str)
@pytest.mark.parametrize(
    "odd", [None, "text", 3, [], {"matchLabels": 3}, {"matchExpressions": [None, {"operator": "In"}]}]
)
def test_no_odd_shape_breaks_a_projection_or_an_index(kind, odd):
    fields = (
        "selector",
        "podSelector",
        "workloadSelector",
        "ingress",
        "egress",
        "namespaceSelector",
        "targetRef",
        "targetRefs",
    )
    for spec in (dict.fromkeys(fields, odd), {name: [odd] for name in fields}, {"ingress": [{"from": [odd]}]}):
        body = GUARDED[kind](raw(kind, "odd", spec))
        for index in default_indexes(kind).values():
            assert isinstance(list(index(body)), list)
