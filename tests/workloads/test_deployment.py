"""The primary: made from the target, promoted, scaled, fenced; and what stays as somebody else left it."""

import copy

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from delivery.cluster.errors import Fenced
from delivery.cluster.memory.patching import json_patch
from delivery.cluster.memory.rejections import PatchFailedError
from delivery.cluster.objects import DEPLOYMENTS, Action, Ref
from delivery.workloads import deployment, selectors
from delivery.workloads.revision import revision

FENCE = "progressive.delivery/fence"


def body_of(target, names, **given_):
    asked = {"revision": "v1-a", "replicas": 3, "epoch": 7, "annotations": {}}
    return deployment.primary_body(target, names, **{**asked, **given_})


def next_template(target, image="reviews:v2"):
    template = copy.deepcopy(target["spec"]["template"])
    template["spec"]["containers"][0]["image"] = image
    return template


class TestMaking:
    def test_it_keeps_every_selector_label_and_changes_one(self, target, names):
        body = body_of(target, names)
        assert body["metadata"]["name"] == "reviews-primary"
        assert body["spec"]["selector"] == {"matchLabels": {"app": "reviews-primary", "tier": "web"}}
        assert body["spec"]["template"]["metadata"]["labels"] == {
            "app": "reviews-primary",
            "tier": "web",
            "version": "v1",
        }

    @pytest.mark.parametrize(
        ("labels", "key"),
        [
            ({"name": "a", "app": "b"}, "app"),
            ({"app.kubernetes.io/name": "a", "name": "b"}, "name"),
            ({"app.kubernetes.io/name": "a", "aaa": "b"}, "app.kubernetes.io/name"),
            ({"zone": "a", "kind": "b"}, "kind"),
        ],
    )
    def test_which_label_changes(self, labels, key):
        assert selectors.moved_label(labels) == key

    def test_rules_about_its_own_pods_follow_the_copy(self, target, names):
        pod = body_of(target, names)["spec"]["template"]["spec"]
        term = pod["affinity"]["podAntiAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"][0]
        expression = term["podAffinityTerm"]["labelSelector"]["matchExpressions"][0]
        assert expression["values"] == ["reviews-primary"]
        assert pod["topologySpreadConstraints"][0]["labelSelector"]["matchLabels"] == {"app": "reviews-primary"}

    def test_required_affinity_follows_and_rules_about_others_stay(self, target, names):
        rule = {"topologyKey": "zone", "labelSelector": {"matchLabels": {"app": "reviews"}}}
        other = {"topologyKey": "zone", "labelSelector": {"matchLabels": {"app": "ratings", "tier": "reviews"}}}
        target["spec"]["template"]["spec"]["affinity"]["podAffinity"] = {
            "requiredDuringSchedulingIgnoredDuringExecution": [rule, other]
        }
        made = body_of(target, names)["spec"]["template"]["spec"]["affinity"]["podAffinity"]
        first, second = made["requiredDuringSchedulingIgnoredDuringExecution"]
        assert first["labelSelector"]["matchLabels"] == {"app": "reviews-primary"}
        assert second == other

    def test_it_rolls_like_the_target(self, target, names):
        target["spec"]["minReadySeconds"] = 5
        spec = body_of(target, names, replicas=4)["spec"]
        for field in ("strategy", "minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds"):
            assert spec[field] == target["spec"][field]
        assert spec["replicas"] == 4

    def test_it_is_ours_but_nobody_garbage_collects_it(self, target, names):
        meta = body_of(target, names, annotations={"kept": "selector"})["metadata"]
        assert meta["labels"] == {
            "app": "reviews-primary",
            "team": "books",
            "app.kubernetes.io/managed-by": "progressive-delivery",
            "progressive.delivery/canary": "reviews",
        }
        assert meta["annotations"] == {"kept": "selector", "progressive.delivery/revision": "v1-a", FENCE: "7"}
        assert "ownerReferences" not in meta

    def test_labels_by_which_gitops_tools_would_prune_it_are_left_out(self, target, names):
        target["metadata"]["labels"] |= {"argocd.argoproj.io/instance": "x", "app.kubernetes.io/instance": "y"}
        assert {"argocd.argoproj.io/instance", "app.kubernetes.io/instance"}.isdisjoint(
            body_of(target, names)["metadata"]["labels"]
        )

    def test_the_target_is_not_changed(self, target, names):
        before = copy.deepcopy(target)
        body_of(target, names)
        assert target == before

    def test_the_way_back_gives_the_targets_revision(self, target, names, stored):
        of_target = revision(target["spec"]["template"])
        primary = stored(body_of(target, names, revision=of_target))
        assert revision(deployment.target_template_of(primary)) == of_target
        assert revision(deployment.template_of(primary, of_target)) == of_target

    def test_a_primary_that_runs_something_else_gives_no_template(self, target, names, stored):
        of_target = revision(target["spec"]["template"])
        primary = stored(body_of(target, names, revision=of_target))
        primary["spec"]["template"]["spec"]["containers"][0]["image"] = "by:hand"
        assert deployment.template_of(primary, of_target) is None
        assert deployment.template_of(primary, "v9-unknown") is None


class TestRefusals:
    def test_expressions_on_the_label_that_changes(self, target, names):
        target["spec"]["selector"]["matchExpressions"] = [{"key": "app", "operator": "In", "values": ["reviews"]}]
        problem = selectors.selector_problem(target)
        assert problem.reason == "SelectorUnsupported"
        assert "matchExpressions on app" in problem.message
        with pytest.raises(ValueError, match="matchExpressions on app"):
            body_of(target, names)

    def test_expressions_on_another_label_are_copied(self, target, names):
        expressions = [{"key": "track", "operator": "NotIn", "values": ["test"]}]
        target["spec"]["selector"]["matchExpressions"] = expressions
        assert selectors.selector_problem(target) is None
        assert body_of(target, names)["spec"]["selector"]["matchExpressions"] == expressions

    @pytest.mark.parametrize(
        ("selector", "says"),
        [({}, "no matchLabels"), ({"matchLabels": {}}, "no matchLabels"), ({"matchLabels": {"app": "r" * 60}}, "63")],
    )
    def test_selectors_that_no_copy_can_be_made_of(self, target, selector, says):
        target["spec"]["selector"] = selector
        problem = selectors.selector_problem(target)
        assert problem.reason == "SelectorUnsupported"
        assert says in problem.message


class TestPromoting:
    @pytest.fixture
    def primary(self, target, names, stored):
        return stored(body_of(target, names, revision=revision(target["spec"]["template"])), version="41")

    def test_it_gets_the_template_and_the_revision_in_one_write(self, primary, target, apply):
        template = next_template(target)
        change = deployment.promote_change(primary, template, revision="v1-b", epoch=8, spec=target["spec"])
        after = apply(primary, change)
        assert after["spec"]["template"]["spec"]["containers"][0]["image"] == "reviews:v2"
        assert after["spec"]["template"]["metadata"]["labels"]["app"] == "reviews-primary"
        assert after["metadata"]["annotations"]["progressive.delivery/revision"] == "v1-b"
        assert after["metadata"]["annotations"][FENCE] == "8"
        assert after["spec"]["replicas"] == 3

    def test_it_is_what_was_analysed(self, primary, target, apply):
        template = next_template(target)
        new = revision(template)
        after = apply(primary, deployment.promote_change(primary, template, revision=new, epoch=8))
        assert deployment.template_of(after, new) is not None

    def test_a_template_from_a_replica_set_loses_its_hash(self, primary, target, apply):
        template = next_template(target)
        template["metadata"]["labels"]["pod-template-hash"] = "5d8"
        after = apply(primary, deployment.promote_change(primary, template, revision=revision(template), epoch=8))
        assert "pod-template-hash" not in after["spec"]["template"]["metadata"]["labels"]

    def test_it_holds_only_for_the_generation_and_fence_that_were_seen(self, primary, target, tested):
        change = deployment.promote_change(primary, next_template(target), revision="v1-b", epoch=8)
        assert tested(change, "metadata", "generation") == 1
        assert tested(change, "metadata", "annotations", FENCE) == "7"
        later = copy.deepcopy(primary)
        later["metadata"]["annotations"][FENCE] = "9"
        with pytest.raises(PatchFailedError):
            json_patch(later, change.patch)
        later = copy.deepcopy(primary)
        later["metadata"]["generation"] = 2
        with pytest.raises(PatchFailedError):
            json_patch(later, change.patch)

    def test_a_status_that_churns_does_not_get_in_its_way(self, primary, target):
        change = deployment.promote_change(primary, next_template(target), revision="v1-b", epoch=8)
        primary["metadata"]["resourceVersion"] = "99"
        primary["status"] = {"readyReplicas": 1}
        assert json_patch(primary, change.patch)["status"] == {"readyReplicas": 1}

    def test_the_way_it_rolls_follows_the_target(self, primary, target, apply):
        primary["spec"]["minReadySeconds"] = 30
        target["spec"]["strategy"] = {"type": "Recreate"}
        change = deployment.promote_change(
            primary, target["spec"]["template"], revision="v1-b", epoch=8, spec=target["spec"]
        )
        after = apply(primary, change)
        assert after["spec"]["strategy"] == {"type": "Recreate"}
        assert "minReadySeconds" not in after["spec"]

    def test_a_later_leaders_primary_is_not_touched(self, primary, target):
        with pytest.raises(Fenced, match=r"reviews-primary carries fence 7, ours is 6"):
            deployment.promote_change(primary, next_template(target), revision="v1-b", epoch=6)

    def test_nothing_is_written_twice(self, primary, target, apply):
        template = next_template(target)
        asked = {"revision": "v1-b", "epoch": 8, "spec": target["spec"]}
        after = apply(primary, deployment.promote_change(primary, template, **asked))
        assert deployment.promote_change(after, template, **asked) is None
        assert deployment.promote_change(after, template, **{**asked, "epoch": 9}) is None, "a new leader is no reason"

    def test_a_primary_just_made_is_not_promoted_for_what_the_server_pads_its_template_with(self, primary, target):
        assert primary["spec"]["template"]["metadata"]["creationTimestamp"] is None
        template = target["spec"]["template"]
        asked = {"revision": revision(template), "epoch": 7, "spec": target["spec"]}
        assert deployment.promote_change(primary, template, **asked) is None

    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
    @given(
        labels=st.dictionaries(st.text(min_size=1, max_size=4), st.text(max_size=4), max_size=3),
        notes=st.dictionaries(st.text(min_size=1, max_size=4), st.text(max_size=4), max_size=3),
        fields=st.dictionaries(st.sampled_from(["paused", "foreign"]), st.booleans()),
        bare=st.booleans(),
    )
    def test_what_others_added_survives(self, primary, target, apply, labels, notes, fields, bare):
        found = copy.deepcopy(primary)
        found["metadata"]["labels"] |= {f"x/{key}": value for key, value in labels.items()}
        if bare:
            del found["metadata"]["annotations"]
        else:
            found["metadata"]["annotations"] |= {f"x/{key}": value for key, value in notes.items()}
        found["spec"] |= fields
        template = next_template(target)
        change = deployment.promote_change(found, template, revision="v1-b", epoch=8, spec=target["spec"])
        after = apply(found, change)
        assert deployment.promote_change(after, template, revision="v1-b", epoch=8, spec=target["spec"]) is None
        for body in (after, found):
            body["spec"].pop("template")
            ours = ("progressive.delivery/revision", FENCE)
            kept = {k: v for k, v in body["metadata"].pop("annotations", {}).items() if k not in ours}
            body["kept"] = kept
        assert after == found


class TestScaling:
    def test_the_target_gets_a_number_and_nothing_else(self, target, apply, tested):
        change = deployment.scale_change(target, 0, epoch=7, why="drained")
        assert change.ref == Ref(DEPLOYMENTS, "shop", "reviews")
        assert tested(change, "metadata", "generation") == 3
        assert tested(change, "spec", "replicas") == 3
        assert tested(change, "metadata", "annotations", FENCE) is None
        after = apply(target, change)
        target["spec"]["replicas"] = 0
        assert after == target

    def test_our_primary_gets_the_fence_too(self, target, names, stored, apply):
        primary = stored(body_of(target, names))
        after = apply(primary, deployment.scale_change(primary, 5, epoch=9, why="floor"))
        assert after["spec"]["replicas"] == 5
        assert after["metadata"]["annotations"][FENCE] == "9"

    def test_a_number_that_is_there_is_not_written(self, target):
        assert deployment.scale_change(target, 3, epoch=7, why="same") is None

    def test_somebody_else_scaled_meanwhile(self, target):
        change = deployment.scale_change(target, 0, epoch=7, why="drained")
        target["spec"]["replicas"] = 5
        with pytest.raises(PatchFailedError):
            json_patch(target, change.patch)

    def test_annotations_that_came_meanwhile_are_not_overwritten(self, target):
        del target["metadata"]["annotations"]
        change = deployment.refence_change(target, 7)
        target["metadata"]["annotations"] = {"somebody": "else"}
        with pytest.raises(PatchFailedError):
            json_patch(target, change.patch)

    def test_without_annotations_the_number_can_still_be_set(self, target, apply):
        del target["metadata"]["annotations"]
        assert apply(target, deployment.scale_change(target, 1, epoch=7, why="up"))["spec"]["replicas"] == 1


class TestFencing:
    def test_taking_over_changes_the_fence_alone(self, target, names, stored, apply):
        primary = stored(body_of(target, names, epoch=7))
        change = deployment.refence_change(primary, 8)
        assert change.action is Action.PATCH
        after = apply(primary, change)
        assert after["metadata"]["annotations"].pop(FENCE) == "8"
        primary["metadata"]["annotations"].pop(FENCE)
        assert after == primary

    def test_what_is_taken_over_is_not_taken_over_again(self, target, names, stored):
        assert deployment.refence_change(stored(body_of(target, names, epoch=7)), 7) is None

    def test_a_write_of_the_old_leader_no_longer_matches(self, target, names, stored, apply):
        primary = stored(body_of(target, names, epoch=7))
        late = deployment.promote_change(primary, next_template(target), revision="v1-b", epoch=7)
        taken_over = apply(primary, deployment.refence_change(primary, 8))
        with pytest.raises(PatchFailedError):
            json_patch(taken_over, late.patch)

    def test_a_leader_of_the_past_finds_out(self, target, names, stored):
        primary = stored(body_of(target, names, epoch=7))
        for write in (
            lambda: deployment.refence_change(primary, 6),
            lambda: deployment.scale_change(primary, 9, epoch=6, why="late"),
        ):
            with pytest.raises(Fenced):
                write()
