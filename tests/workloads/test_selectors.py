"""What follows the one label in which the primary differs: scheduling rules about its own kind, and nothing else."""

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery.workloads.deployment import primary_body, target_template_of
from delivery.workloads.selectors import (
    MOVED_LABEL,
    Labelling,
    moved_label_of,
    primary_labels,
    rewritten,
    selector_problem,
)

OWN = {"matchLabels": {"app": "reviews"}}
COPY = {"matchLabels": {"app": "reviews-primary"}}


def copied(pod, namespace="shop"):
    template = {"metadata": {"labels": {"app": "reviews"}}, "spec": pod}
    return rewritten(template, key="app", old="reviews", new="reviews-primary", namespace=namespace)["spec"]


def required(kind, *terms):
    return {"affinity": {kind: {"requiredDuringSchedulingIgnoredDuringExecution": list(terms)}}}


def preferred(kind, *terms):
    weighed = [{"weight": 1, "podAffinityTerm": term} for term in terms]
    return {"affinity": {kind: {"preferredDuringSchedulingIgnoredDuringExecution": weighed}}}


def term(selector=OWN, **fields):
    return {"topologyKey": "zone", "labelSelector": copy.deepcopy(selector), **fields}


@pytest.mark.parametrize("kind", ["podAffinity", "podAntiAffinity"])
@pytest.mark.parametrize("rule", [required, preferred])
def test_affinity_of_both_kinds_follows_the_copy(kind, rule):
    assert copied(rule(kind, term())) == rule(kind, term(COPY))


@pytest.mark.parametrize("operator", ["In", "NotIn"])
def test_expressions_follow_too(operator):
    def expression(*values):
        return term({"matchExpressions": [{"key": "app", "operator": operator, "values": list(values)}]})

    after = copied(required("podAntiAffinity", expression("reviews", "ratings")))
    assert after == required("podAntiAffinity", expression("reviews-primary", "ratings"))


def test_topology_spread_counts_the_copys_pods():
    constraints = [term(whenUnsatisfiable="DoNotSchedule", matchLabelKeys=["pod-template-hash", "tier"])]
    after = copied({"topologySpreadConstraints": constraints})
    assert after["topologySpreadConstraints"][0]["labelSelector"] == COPY
    assert after["topologySpreadConstraints"][0]["matchLabelKeys"] == ["pod-template-hash", "tier"]


def test_keys_that_are_compared_by_each_pods_own_value_need_no_rewriting():
    pod = required("podAffinity", term(None, matchLabelKeys=["app"]), term({}, mismatchLabelKeys=["app"]))
    assert copied(pod) == pod


@pytest.mark.parametrize(
    "selector",
    [
        {"matchLabels": {"app": "ratings"}},
        {"matchLabels": {"name": "reviews"}},
        {"matchExpressions": [{"key": "app", "operator": "Exists"}]},
        {"matchExpressions": [{"key": "name", "operator": "In", "values": ["reviews"]}]},
    ],
)
def test_rules_about_others_stay(selector):
    pod = {**required("podAntiAffinity", term(selector)), "topologySpreadConstraints": [term(selector)]}
    assert copied(pod) == pod


@pytest.mark.parametrize(
    "where",
    [
        {},
        {"namespaces": []},
        {"namespaces": ["shop", "other"]},
        {"namespaceSelector": {}},
        {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "shop"}}},
        {"namespaces": ["shop"], "namespaceSelector": {"matchLabels": {"team": "books"}}},
    ],
)
def test_a_term_that_looks_at_the_own_namespace_follows(where):
    assert copied(required("podAntiAffinity", term(**where))) == required("podAntiAffinity", term(COPY, **where))


@pytest.mark.parametrize(
    "where",
    [
        {"namespaces": ["other"]},
        {"namespaceSelector": {"matchLabels": {"team": "books"}}},
        {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "other"}}},
        {"namespaceSelector": {"matchExpressions": [{"key": "team", "operator": "DoesNotExist"}]}},
    ],
)
def test_a_term_about_pods_of_the_same_name_elsewhere_stays(where):
    pod = required("podAntiAffinity", term(**where))
    assert copied(pod) == pod


def test_what_keeps_away_from_the_other_role_still_does():
    assert copied(required("podAntiAffinity", term(COPY))) == required("podAntiAffinity", term(OWN))


@given(st.lists(st.sampled_from(["reviews", "reviews-primary", "ratings"]), min_size=1, max_size=3))
def test_every_copy_has_one_way_back(values):
    expression = {"matchExpressions": [{"key": "app", "operator": "In", "values": values}]}
    labels = {"matchLabels": {"app": values[0]}}
    pod = {**required("podAffinity", term(expression)), "topologySpreadConstraints": [term(labels)]}
    template = {"metadata": {"labels": {"app": "reviews"}}, "spec": pod}
    there = rewritten(template, key="app", old="reviews", new="reviews-primary", namespace="shop")
    assert rewritten(there, key="app", old="reviews-primary", new="reviews", namespace="shop") == template


def test_every_label_of_the_selector_is_kept_and_only_one_changes_its_value(target, names):
    labels = {"app": "reviews", "tier": "web", "app.kubernetes.io/name": "reviews"}
    target["spec"]["selector"]["matchLabels"] = labels
    target["spec"]["template"]["metadata"]["labels"] = {**labels, "version": "v1"}
    body = primary_body(target, names, revision="v1-x", replicas=1, epoch=1, annotations={})
    changed = {**labels, "app": "reviews-primary"}
    assert body["spec"]["selector"]["matchLabels"] == changed
    assert body["spec"]["template"]["metadata"]["labels"] == {**changed, "version": "v1"}
    assert target_template_of(body)["metadata"]["labels"] == {**labels, "version": "v1"}


def test_a_label_of_the_object_follows_where_it_says_the_same(target, names):
    target["metadata"]["labels"] = {"app": "reviews", "tier": "web", "name": "reviews"}
    body = primary_body(target, names, revision="v1-x", replicas=1, epoch=1, annotations={})
    found = {key: value for key, value in body["metadata"]["labels"].items() if "/" not in key}
    assert found == {"app": "reviews-primary", "tier": "web", "name": "reviews"}


class TestFlags:
    """What the operator of the process may say about labels of primaries."""

    CHOSEN = Labelling(preferred=("tier", "app"), copied=("app", "example.com/"))

    def made(self, target, names, **options):
        return primary_body(target, names, revision="v1-x", replicas=1, epoch=1, annotations={}, **options)

    def test_another_label_may_tell_the_roles_apart(self, target, names):
        body = self.made(target, names, labelling=self.CHOSEN)
        assert body["spec"]["selector"]["matchLabels"] == {"app": "reviews", "tier": "web-primary"}
        assert primary_labels({"app": "reviews", "tier": "web"}, ("tier",)) == body["spec"]["selector"]["matchLabels"]

    def test_a_primary_keeps_its_label_when_the_flag_changes(self, target, names):
        body = self.made(target, names, labelling=self.CHOSEN)
        assert moved_label_of(body) == "tier"
        assert target_template_of(body)["metadata"]["labels"] == target["spec"]["template"]["metadata"]["labels"]
        usual = self.made(target, names)
        assert moved_label_of(usual) == "app"
        assert MOVED_LABEL not in usual["metadata"]["annotations"]

    def test_a_selector_that_does_not_allow_the_chosen_label_is_refused(self, target):
        target["spec"]["selector"]["matchExpressions"] = [{"key": "tier", "operator": "Exists"}]
        assert selector_problem(target) is None
        assert "matchExpressions on tier" in selector_problem(target, preferred=("tier",)).message

    def test_only_labels_with_the_given_prefixes_are_copied(self, target, names):
        target["metadata"]["labels"] = {"app": "reviews", "team": "books", "example.com/a": "b"}
        body = self.made(target, names, labelling=self.CHOSEN)
        found = set(body["metadata"]["labels"])
        assert found == {"app", "example.com/a", "app.kubernetes.io/managed-by", "progressive.delivery/canary"}

    def test_tracking_labels_are_never_copied(self, target, names):
        target["metadata"]["labels"] = {"kustomize.toolkit.fluxcd.io/name": "shop", "argocd.argoproj.io/instance": "x"}
        everything = Labelling(copied=("*", "kustomize"))
        assert len(self.made(target, names, labelling=everything)["metadata"]["labels"]) == 2
