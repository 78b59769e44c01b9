"""What is noted of an object that was there already, and what a primary that people made is taken for."""

import copy
import json

import pytest

from delivery.cluster.objects import DEPLOYMENTS, Change, Ref
from delivery.workloads import adoption
from delivery.workloads.overlay import Absent, Exact
from delivery.workloads.ownership import CANARY_LABEL, MANAGED_BY, ORIGINAL, is_adopted, is_ours
from delivery.workloads.selectors import MOVED_LABEL
from delivery.workloads.written import WRITTEN, Written

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


@pytest.fixture
def theirs(target):
    """A Deployment of the primary's name that people have made by hand, beside the target."""
    for rule in ("affinity", "topologySpreadConstraints"):  # they name the pods they are for
        target["spec"]["template"]["spec"].pop(rule, None)
    body = copy.deepcopy(target)
    body["metadata"] |= {
        "name": "reviews-primary",
        "uid": "p-1",
        "labels": {"app": "reviews-primary", MANAGED_BY: "Helm"},
        "annotations": {"team": "books", LAST_APPLIED: "{}", "progressive.delivery/x": "1"},
    }
    own = {"app": "reviews-primary", "tier": "web"}
    body["spec"]["selector"]["matchLabels"] = dict(own)
    body["spec"]["template"]["metadata"]["labels"] |= own
    body["status"] = {"readyReplicas": 2}
    return body


def noted(body):
    return json.loads(body["metadata"]["annotations"][ORIGINAL])


@pytest.fixture
def adopted(theirs, names, apply):
    """As it is after the first write."""

    def write():
        change = Change(ref=Ref.of(DEPLOYMENTS, theirs), tests=(), ops=(), why="take it over")
        return apply(theirs, adoption.adopting(change, theirs, names, {"progressive.delivery/noted": "yes"}))

    return write


class TestNoting:
    def test_what_tools_and_we_write_about_an_object_is_no_part_of_what_it_said(self, theirs, names):
        (text,) = adoption.note(theirs, names, ("replicas", "paused")).values()

        assert json.loads(text) == {
            "labels": theirs["metadata"]["labels"],
            "annotations": {"team": "books"},
            "spec": {"replicas": 3},
        }

    def test_the_label_of_a_canary_is_none_of_the_users_either(self, theirs, names):
        theirs["metadata"]["labels"][CANARY_LABEL] = "other"

        (text,) = adoption.note(theirs, names).values()

        assert set(json.loads(text)["labels"]) == {"app", MANAGED_BY}

    def test_what_is_ours_or_not_there_has_said_nothing_before(self, names, adopted):
        assert adoption.note(None, names) == {}
        assert adoption.note(adopted(), names) == {}

    def test_what_it_said_before_is_what_it_says_again(self, theirs, names, adopted):
        body = adopted()
        body["metadata"]["annotations"][WRITTEN] = str(
            Written(labels=frozenset({"app", "ours"}), annotations=frozenset({"team"}))
        )
        body["metadata"]["annotations"][ORIGINAL] = next(iter(adoption.note(theirs, names, ("replicas",)).values()))

        wish = adoption.before(body, noted=("ours-too",), fields=("replicas", "paused"))

        assert wish["metadata"]["labels"] == {"app": "reviews-primary", "ours": Absent()}
        assert wish["metadata"]["annotations"] == {"team": "books", "ours-too": Absent()}
        assert wish["spec"] == {"replicas": Exact(3), "paused": Absent()}

    def test_a_note_that_nobody_can_read_gives_nothing_back(self, adopted):
        body = adopted()
        body["metadata"]["annotations"][ORIGINAL] = "{"

        assert adoption.before(body, fields=("replicas",)) == {}


class TestThePrimary:
    def test_one_that_runs_what_the_target_runs_is_a_primary(self, theirs, target):
        assert adoption.is_primary(theirs, target, serves=False)

    def test_one_that_runs_something_else_is_one_only_if_users_are_with_it(self, theirs, target):
        theirs["spec"]["template"]["spec"]["containers"][0]["image"] = "reviews:v0"

        assert not adoption.is_primary(theirs, target, serves=False)
        assert adoption.is_primary(theirs, target, serves=True)

    def test_one_without_ready_pods_is_none(self, theirs, target):
        theirs["status"]["readyReplicas"] = 0

        assert not adoption.is_primary(theirs, target, serves=True)

    def test_one_whose_pods_the_target_selects_is_none(self, theirs, target):
        theirs["spec"]["template"]["metadata"]["labels"] |= target["spec"]["selector"]["matchLabels"]

        assert not adoption.is_primary(theirs, target, serves=True)

    def test_one_that_another_label_tells_apart_than_it_says_is_none(self, theirs, target):
        theirs["metadata"]["annotations"][MOVED_LABEL] = "tier"

        assert not adoption.is_primary(theirs, target, serves=True)

    def test_its_first_write_marks_it_and_leaves_it_to_its_own_manager(self, theirs, names, adopted):
        body = adopted()

        assert is_ours(body, names)
        assert is_adopted(body)
        assert body["metadata"]["labels"] == {**theirs["metadata"]["labels"], CANARY_LABEL: "reviews"}
        assert body["metadata"]["annotations"]["progressive.delivery/noted"] == "yes"
        assert noted(body)["labels"] == theirs["metadata"]["labels"]
        assert body["spec"] == theirs["spec"]

    def test_one_without_any_label_is_marked_too(self, theirs, adopted):
        theirs["metadata"].pop("labels")

        assert adopted()["metadata"]["labels"] == {CANARY_LABEL: "reviews"}

    def test_until_then_it_reads_as_it_will(self, theirs, names):
        read = adoption.as_ours(theirs, names)

        assert is_ours(read, names)
        assert read["metadata"]["labels"].items() >= {"app": "reviews-primary"}.items()
        assert {**read, "metadata": {**read["metadata"], "labels": None}} == {
            **theirs,
            "metadata": {**theirs["metadata"], "labels": None},
        }
        assert adoption.as_ours(None, names) is None
