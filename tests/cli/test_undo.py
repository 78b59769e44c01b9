"""`delivery undo` sets the user's own Deployment back, and says who will not leave it there."""

from typing import Any

import pytest
from click.testing import CliRunner, Result

from delivery.cli import main
from delivery.cluster.objects import CANARIES, DEPLOYMENTS, REPLICA_SETS, Ref
from delivery.workloads.revision import revision
from tests.cli.served import Served

STARTED = {"started": "2026-03-01T12:00:00Z"}


def template(version: str) -> dict[str, Any]:
    return {
        "metadata": {"labels": {"app": "reviews", "version": version}},
        "spec": {"containers": [{"name": "reviews", "image": f"reviews:{version}"}]},
    }


def past(version: str, result: str) -> dict[str, Any]:
    run = {"id": f"run-{version}", "revision": revision(template(version)), "reason": result, "result": result}
    return {**run, **STARTED, "ended": "2026-03-01T13:00:00Z"}


def scene(served: Served, now: str, status: dict[str, Any], *versions: str, **metadata: Any) -> None:
    """A Canary whose target has a template now, and ReplicaSets of those that it had, oldest first."""
    spec = {"selector": {"matchLabels": {"app": "reviews"}}, "template": template(now)}
    served.create(DEPLOYMENTS, {"metadata": {"name": "reviews", **metadata}, "spec": spec})
    uid = served.get(DEPLOYMENTS, "reviews")["metadata"]["uid"]
    owner = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "reviews", "uid": uid}
    for number, version in enumerate(versions, 1):
        body = template(version)
        body["metadata"]["labels"]["pod-template-hash"] = f"h{number}"
        meta = {
            "name": f"reviews-{version}",
            "ownerReferences": [owner],
            "annotations": {"deployment.kubernetes.io/revision": str(number)},
        }
        selector = {"matchLabels": {"app": "reviews", "pod-template-hash": f"h{number}"}}
        served.create(REPLICA_SETS, {"metadata": meta, "spec": {"selector": selector, "template": body}})
    served.canary("reviews", status=status)


def at(phase: str, promoted: str, revision_now: str = "", *history: dict[str, Any], **more: Any) -> dict[str, Any]:
    of = revision(template(revision_now or promoted))
    return {
        "phase": phase,
        "revision": of,
        "lastAppliedSpec": of,
        "lastPromotedSpec": revision(template(promoted)),
        "history": list(history),
        **more,
    }


def undo(served: Served, *options: str) -> Result:
    return CliRunner().invoke(main, ["undo", "reviews", *options, "--kubeconfig", str(served.kubeconfig)])


def image(served: Served) -> str:
    body = served.get(DEPLOYMENTS, "reviews")
    assert "pod-template-hash" not in body["spec"]["template"]["metadata"]["labels"]
    return str(body["spec"]["template"]["spec"]["containers"][0]["image"])


def test_a_version_that_failed_gives_way_to_the_promoted_one(served: Served) -> None:
    scene(served, "v3", at("Failed", "v2", "v3", past("v3", "RolledBack")), "v1", "v2", "v3")
    result = undo(served)

    assert result.exit_code == 0, result.output
    assert image(served) == "reviews:v2"
    way = f"goes back to revision {revision(template('v2'))}: reviews:v2 instead of reviews:v3"
    assert result.stdout.splitlines() == [
        f"reviews: Deployment default/reviews {way}",
        "next: no GitOps tool is seen on the target; whoever applies an older manifest brings the other version back",
    ]


def test_the_promoted_version_gives_way_to_the_one_promoted_before(served: Served) -> None:
    history = (past("v1", "Promoted"), past("v2", "RolledBack"), past("v3", "Promoted"))
    scene(served, "v3", at("Succeeded", "v3", "", *history), "v1", "v2", "v3")
    assert undo(served).exit_code == 0

    assert image(served) == "reviews:v1"


def test_without_a_record_the_latest_replica_set_that_has_not_failed_is_taken(served: Served) -> None:
    history = (past("v2", "RolledBack"), past("v3", "Promoted"))
    scene(served, "v3", at("Succeeded", "v3", "", *history), "v0", "v1", "v2", "v3")
    result = undo(served)

    assert image(served) == "reviews:v1"
    assert "back to the latest one of its ReplicaSets that has not failed: reviews:v1" in result.stdout


def test_a_dry_run_writes_nothing(served: Served) -> None:
    scene(served, "v3", at("Failed", "v2", "v3"), "v2", "v3")
    result = undo(served, "--dry-run")

    assert "would go back to revision" in result.stdout
    assert image(served) == "reviews:v3"


@pytest.mark.parametrize(
    ("metadata", "says"),
    [
        (
            {"annotations": {"argocd.argoproj.io/tracking-id": "shop:apps/Deployment:default/reviews"}},
            "application shop",
        ),
        ({"labels": {"argocd.argoproj.io/instance": "shop"}}, "next: Argo CD (application shop) will bring the other"),
        (
            {"labels": {"kustomize.toolkit.fluxcd.io/name": "shop", "kustomize.toolkit.fluxcd.io/namespace": "flux"}},
            "next: Flux (Kustomization flux/shop) will bring the other version back",
        ),
        (
            {
                "labels": {"helm.toolkit.fluxcd.io/name": "shop", "helm.toolkit.fluxcd.io/namespace": "flux"},
                "annotations": {"meta.helm.sh/release-name": "shop"},
            },
            "next: Flux (HelmRelease flux/shop) will bring",
        ),
        ({"annotations": {"meta.helm.sh/release-name": "shop"}}, "next: Helm (release shop) will bring"),
        (
            {"annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}"}},
            "next: the next kubectl apply of the manifest brings the other version back",
        ),
    ],
)
def test_who_keeps_the_target_is_named_with_what_they_will_do(
    served: Served, metadata: dict[str, Any], says: str
) -> None:
    scene(served, "v3", at("Failed", "v2", "v3"), "v2", "v3", **metadata)
    result = undo(served)

    assert result.exit_code == 0
    assert says in result.stdout
    assert result.stdout.count("next: ") == 1


def test_a_template_that_is_gone_is_said_to_be(served: Served) -> None:
    scene(served, "v3", at("Failed", "v2", "v3"), "v3")
    result = undo(served)

    assert (result.exit_code, "is in no ReplicaSet any more (revisionHistoryLimit)" in result.stderr) == (1, True)
    assert image(served) == "reviews:v3"


def test_versions_that_differ_in_their_configs_only_are_not_set_back_by_a_template(served: Served) -> None:
    same = revision(template("v2"))
    status = {**at("Failed", "v2"), "revision": f"{same}-aaaaaaaaaaaa", "lastPromotedSpec": f"{same}-bbbbbbbbbbbb"}
    scene(served, "v2", status, "v1", "v2")
    result = undo(served)

    assert (result.exit_code, "differ in what ConfigMaps or Secrets hold" in result.stderr) == (1, True)


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ({"promotion": {"method": "switch"}}, "name the Deployment to go back to in spec.targetRef.name"),
        ({"targetRef": {"kind": "DaemonSet"}}, "`kubectl rollout undo daemonset/reviews`"),
        ({"targetRef": {"kind": "Service", "apiVersion": "v1"}}, "set the selector of Service reviews back"),
    ],
)
def test_where_going_back_is_done_otherwise_that_is_said(served: Served, spec: dict[str, Any], says: str) -> None:
    scene(served, "v3", at("Failed", "v2", "v3"), "v2", "v3")
    merge = "application/merge-patch+json"
    ref = Ref(CANARIES, "default", "reviews")
    served.then(lambda: served.store.patch(ref, {"spec": {**spec, "service": {"name": "r"}}}, content_type=merge))
    result = undo(served)

    assert (result.exit_code, says in result.stderr) == (1, True), result.output
    assert image(served) == "reviews:v3"
