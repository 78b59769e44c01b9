"""DaemonSets as targets: how they are copied, put to rest, woken and read; and what of that is nobody's revision."""

import copy

import pytest

from delivery.cluster.errors import Fenced
from delivery.cluster.memory.patching import json_patch
from delivery.cluster.memory.rejections import PatchFailedError
from delivery.workloads.revision import canonical, revision
from delivery.workloads.service_spec import ServiceSpec
from delivery.workloads.targets.daemonset import FLAGGERS, NOWHERE, awake, rests
from delivery.workloads.targets.registry import TARGET_KINDS
from delivery.workloads.targets.target_kind import TargetKind

KIND: TargetKind = TARGET_KINDS["DaemonSet"]
SPEC = ServiceSpec(port=9080)
COUNT = "deprecated.daemonset.template.generation"


@pytest.fixture
def agent(target):
    """The small world's target, as a DaemonSet on three nodes."""
    spec = target["spec"]
    for field in ("replicas", "progressDeadlineSeconds", "strategy"):
        del spec[field]
    spec["updateStrategy"] = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}
    spec["minReadySeconds"] = 5
    target["metadata"]["annotations"] = {COUNT: "4"}
    target["status"] = {
        "observedGeneration": 3,
        "desiredNumberScheduled": 3,
        "currentNumberScheduled": 3,
        "updatedNumberScheduled": 3,
        "numberReady": 3,
        "numberMisscheduled": 0,
    }
    return target


def template_of(agent):
    return KIND.template_of(agent)


def created(agent, names, stored, **more):
    asked = {"revision": revision(template_of(agent)), "floor": 0, "epoch": 7, "annotations": {}}
    change = KIND.create(agent, names, template_of(agent), **{**asked, **more})
    return stored(change.body, version="41")


def pod(name, count="4", *, digest="new", ready=True, waiting=None, **meta):
    labels = {"app": "reviews", "tier": "web", "pod-template-generation": count, "controller-revision-hash": digest}
    state = {"waiting": {"reason": waiting}} if waiting else {"running": {}}
    return {
        "metadata": {"name": name, "namespace": "shop", "labels": labels, **meta},
        "status": {
            "conditions": [{"type": "Ready", "status": str(ready), "lastTransitionTime": "2026-01-02T00:00:00Z"}],
            "containerStatuses": [{"name": "app", "restartCount": 0, "state": state}],
        },
    }


def observe(body, pods):
    return KIND.observe(body, pods, past=(), since=None)


class TestTheCopy:
    def test_it_says_how_pods_run_and_roll_but_not_how_many(self, agent, names, stored):
        primary = created(agent, names, stored)
        assert (primary["kind"], primary["metadata"]["name"]) == ("DaemonSet", "reviews-primary")
        assert "replicas" not in primary["spec"]
        for field in ("updateStrategy", "minReadySeconds", "revisionHistoryLimit"):
            assert primary["spec"][field] == agent["spec"][field]
        assert primary["spec"]["selector"] == {"matchLabels": {"app": "reviews-primary", "tier": "web"}}

    @pytest.mark.parametrize("key", [NOWHERE, FLAGGERS])
    def test_a_target_at_rest_makes_a_primary_that_runs(self, agent, names, stored, key):
        awake_revision = revision(template_of(agent))
        agent["spec"]["template"]["spec"]["nodeSelector"] = {key: "true", "disk": "ssd"}
        primary = created(agent, names, stored)
        assert primary["spec"]["template"]["spec"]["nodeSelector"] == {"disk": "ssd"}
        del agent["spec"]["template"]["spec"]["nodeSelector"]["disk"]
        assert revision(template_of(agent)) == awake_revision, "resting is no part of a revision"
        assert "nodeSelector" not in template_of(agent)["spec"]

    def test_the_promoted_template_is_the_analysed_one_without_the_rest(self, agent, names, stored, apply):
        primary = created(agent, names, stored)
        agent["spec"]["template"]["spec"]["containers"][0]["image"] = "reviews:v2"
        agent["spec"]["template"]["spec"]["nodeSelector"] = {NOWHERE: "true"}
        agent["spec"]["updateStrategy"]["rollingUpdate"]["maxUnavailable"] = 2
        new = revision(template_of(agent))
        template = KIND.template(new, target=agent, primary=primary, past=())
        after = apply(primary, KIND.promote(primary, template, revision=new, epoch=8, target=agent))
        assert after["spec"]["template"]["spec"]["containers"][0]["image"] == "reviews:v2"
        assert "nodeSelector" not in after["spec"]["template"]["spec"]
        assert after["spec"]["updateStrategy"] == agent["spec"]["updateStrategy"]
        assert canonical(KIND.template(new, target=None, primary=after, past=())) == canonical(template)
        assert KIND.promote(after, template, revision=new, epoch=8, target=agent) is None

    def test_a_status_that_churns_does_not_get_in_its_way(self, agent, names, stored):
        primary = created(agent, names, stored)
        template = copy.deepcopy(template_of(agent))
        template["spec"]["containers"][0]["image"] = "reviews:v2"
        change = KIND.promote(primary, template, revision="v1-b", epoch=8, target=agent)
        primary["metadata"]["resourceVersion"] = "99"
        json_patch(primary, change.patch)
        primary["metadata"]["generation"] = 2
        with pytest.raises(PatchFailedError):
            json_patch(primary, change.patch)

    def test_a_template_that_is_nowhere_is_not_made_up(self, agent, names, stored):
        primary = created(agent, names, stored)
        assert KIND.template("v1-gone", target=agent, primary=primary, past=()) is None
        assert KIND.template("v1-gone", target=None, primary=None, past=()) is None


class TestRest:
    @pytest.mark.parametrize("own", [None, {"disk": "ssd"}])
    def test_there_and_back_again_leaves_the_template_as_it_was(self, agent, apply, own):
        if own:
            agent["spec"]["template"]["spec"]["nodeSelector"] = own
        before = copy.deepcopy(agent)
        resting = apply(agent, KIND.rest(agent, epoch=7))
        assert resting["spec"]["template"]["spec"]["nodeSelector"] == {**(own or {}), NOWHERE: "true"}
        assert rests(resting)
        assert KIND.rest(resting, epoch=7) is None
        woken = apply(resting, KIND.at_least(resting, 3, epoch=7, why="up"))
        assert woken == before
        assert KIND.at_least(woken, 3, epoch=7, why="up") is None

    @pytest.mark.parametrize("keys", [[FLAGGERS], [FLAGGERS, NOWHERE]])
    def test_flaggers_way_of_resting_is_known_and_lifted(self, agent, apply, keys):
        agent["spec"]["template"]["spec"]["nodeSelector"] = {"disk": "ssd", **dict.fromkeys(keys, "true")}
        assert KIND.rest(agent, epoch=7) is None
        woken = apply(agent, KIND.at_least(agent, 1, epoch=7, why="up"))
        assert woken["spec"]["template"]["spec"]["nodeSelector"] == {"disk": "ssd"}

    def test_it_holds_only_for_the_spec_that_was_seen(self, agent):
        change = KIND.rest(agent, epoch=7)
        agent["metadata"]["generation"] = 4
        with pytest.raises(PatchFailedError):
            json_patch(agent, change.patch)

    def test_the_target_gets_no_fence_and_our_primary_does(self, agent, names, stored, apply):
        assert apply(agent, KIND.rest(agent, epoch=9))["metadata"] == agent["metadata"]
        primary = created(agent, names, stored)
        primary["spec"]["template"]["spec"]["nodeSelector"] = {FLAGGERS: "true"}
        after = apply(primary, KIND.at_least(primary, 1, epoch=9, why="floor"))
        assert after["metadata"]["annotations"]["progressive.delivery/fence"] == "9"
        with pytest.raises(Fenced):
            KIND.at_least(primary, 1, epoch=6, why="late")

    def test_nothing_of_the_template_is_changed_in_place(self, agent):
        agent["spec"]["template"]["spec"]["nodeSelector"] = {NOWHERE: "true"}
        before = copy.deepcopy(agent)
        awake(agent["spec"]["template"])
        assert agent == before


class TestRefusals:
    def test_pods_that_do_not_update_by_themselves(self, agent):
        assert KIND.problem(agent, SPEC) is None
        agent["spec"]["updateStrategy"] = {"type": "OnDelete"}
        problem = KIND.problem(agent, SPEC)
        assert problem.reason == "UpdateStrategyUnsupported"
        assert "DaemonSet reviews has updateStrategy.type OnDelete, allowed is RollingUpdate" in problem.message

    @pytest.mark.parametrize("where", ["containers", "initContainers"])
    def test_a_port_of_the_node_which_only_one_of_the_roles_could_have(self, agent, where):
        ports = [{"containerPort": 9080}, {"containerPort": 9090, "hostPort": 9090}]
        agent["spec"]["template"]["spec"][where] = [{"name": "app", "ports": ports}]
        problem = KIND.problem(agent, SPEC)
        assert problem.reason == "HostPortUnsupported"
        assert "hostPort 9090" in problem.message

    def test_selectors_that_no_copy_can_be_made_of(self, agent):
        agent["spec"]["selector"] = {}
        problem = KIND.problem(agent, SPEC)
        assert problem.reason == "SelectorUnsupported"
        assert problem.message.startswith("the selector of DaemonSet reviews has no matchLabels; give the DaemonSet")


class TestReading:
    def test_at_rest_on_all_nodes(self, agent):
        seen = observe(agent, [pod("a"), pod("b"), pod("c")])
        assert (seen.replicas, seen.ready, seen.updated, seen.updated_ready, seen.most) == (3, 3, 3, 3, 3)
        assert seen.settled
        assert len(seen.ready_since) == 3

    def test_sent_to_no_node(self, agent):
        agent["spec"]["template"]["spec"]["nodeSelector"] = {NOWHERE: "true"}
        seen = observe(agent, [])
        assert (seen.replicas, seen.ready, seen.most) == (0, 0, None)

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("observedGeneration", 2),
            ("updatedNumberScheduled", 2),
            ("currentNumberScheduled", 2),
            ("numberMisscheduled", 1),
        ],
    )
    def test_it_has_not_settled_while_a_node_has_no_new_pod_or_an_old_one(self, agent, field, value):
        agent["status"][field] = value
        assert not observe(agent, [pod("a"), pod("b"), pod("c")]).settled

    def test_a_status_of_an_older_spec_says_nothing_of_nodes(self, agent):
        agent["status"]["observedGeneration"] = 2
        assert observe(agent, [pod("a")]).most is None

    def test_in_a_roll_the_new_pods_are_told_by_the_count_of_templates(self, agent):
        agent["status"]["updatedNumberScheduled"] = 2
        pods = [pod("a"), pod("b", ready=False), pod("c", "3", digest="old")]
        seen = observe(agent, pods)
        assert (seen.ready, seen.updated, seen.updated_ready) == (2, 2, 1)

    def test_going_back_to_an_earlier_template_counts_pods_that_still_have_it(self, agent):
        """Their count of templates is an earlier one for ever; by that alone the canary would never be ready."""
        agent["status"]["updatedNumberScheduled"] = 2
        pods = [pod("a", "2"), pod("b", "4"), pod("c", "3", digest="other")]
        assert observe(agent, pods).updated_ready == 2
        agent["status"]["updatedNumberScheduled"] = 3
        assert observe(agent, [pod("a", "2"), pod("b", "2")]).updated_ready == 2

    def test_trouble_is_that_of_the_new_pods_only(self, agent):
        agent["status"]["updatedNumberScheduled"] = 1
        broken = pod("a", "3", digest="old", ready=False, waiting="CrashLoopBackOff")
        assert observe(agent, [broken, pod("b")]).trouble is None
        assert observe(agent, [pod("a", ready=False, waiting="CrashLoopBackOff")]).trouble.reason == "CrashLoopBackOff"

    def test_pods_of_others_do_not_count(self, agent):
        other, elsewhere = pod("a"), pod("b", namespace="attic")
        other["metadata"]["labels"]["app"] = "reviews-primary"
        assert observe(agent, [other, elsewhere, pod("c", deletionTimestamp="2026-01-02T00:00:00Z")]).ready == 0

    def test_the_primary_has_the_revision_that_it_was_made_from(self, agent, names, stored):
        primary = created(agent, names, stored, revision="v1-recorded")
        assert observe(primary, []).revision == "v1-recorded"
        del primary["metadata"]["annotations"]["progressive.delivery/revision"]
        assert observe(primary, []).revision == revision(template_of(agent))
