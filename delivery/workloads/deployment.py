"""The primary Deployment: how it is made from the target, brought to a revision, scaled, and read back.

The primary is the target's copy under another name with one selector label changed. Everything that says how pods
run is the target's; how many there are, and every field that somebody else added to the copy, is not touched here.
"""

import copy
from collections.abc import Mapping
from typing import Any

from delivery.cluster.objects import DEPLOYMENTS, Change, Kind, Object, Ref
from delivery.workloads import selectors
from delivery.workloads.names import PRIMARY_SUFFIX, Names
from delivery.workloads.overlay import Absent, Exact, overlay, patch_change, plain
from delivery.workloads.overlay import refence_change as refence
from delivery.workloads.ownership import (
    FENCE,
    REVISION,
    annotations,
    check_fence,
    generation_tests,
    is_managed,
    labels,
    owner_labels,
)
from delivery.workloads.revision import canonical, matches

COPIED = ("strategy", "minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds")
"""What the primary has of the target besides the pod template."""

TRACKING = ("toolkit.fluxcd.io", "argocd.argoproj.io", "app.kubernetes.io/instance")
"""Parts of the labels by which GitOps tools know what is theirs: they prune a copy that carries one."""


def primary_body(
    target: Object,
    names: Names,
    *,
    revision: str,
    replicas: int | None,
    epoch: int,
    annotations: Mapping[str, str],
    kind: Kind = DEPLOYMENTS,
    copied: tuple[str, ...] = COPIED,
    labelling: selectors.Labelling = selectors.USUAL,
) -> dict[str, Any]:
    """The workload to create as primary, running the target's present template with `replicas` pods.

    Of another `kind` than a Deployment the fields in `copied` are taken over, and `replicas` None is left out.
    `annotations` go into the same write (what was there before us must not be lost by a crash). Raises ValueError
    when the target's selector does not allow a copy; `selectors.selector_problem` says so beforehand.
    """
    if problem := selectors.selector_problem(target, kind, labelling.preferred):
        raise ValueError(problem.message)
    spec, own = target["spec"], selectors.match_labels(target)
    key = selectors.moved_label(own, labelling.preferred)
    moved = selectors.primary_labels(own, labelling.preferred)
    old, new, here = own[key], moved[key], names.namespace
    return {
        "apiVersion": kind.api_version,
        "kind": kind.kind,
        "metadata": {
            "name": names.primary,
            "namespace": here,
            "labels": {**_copied_labels(target, labelling, {key: new}), **owner_labels(names)},
            "annotations": {**annotations, **selectors.noted_label(own, key), REVISION: revision, FENCE: str(epoch)},
        },
        "spec": {
            **{name: copy.deepcopy(spec[name]) for name in copied if name in spec},
            **({} if replicas is None else {"replicas": replicas}),
            "selector": {**copy.deepcopy(spec["selector"]), "matchLabels": moved},
            "template": selectors.rewritten(spec["template"], key=key, old=old, new=new, namespace=here),
        },
    }


def _copied_labels(target: Object, labelling: selectors.Labelling, moved: Mapping[str, str]) -> dict[str, str]:
    """Labels of the target object for the primary object; the one that tells the roles apart follows where it is."""
    own = selectors.match_labels(target)
    kept = {name: value for name, value in labels(target).items() if labelling.copies(name) and not _is_tracking(name)}
    return {**kept, **{key: new for key, new in moved.items() if key in kept and kept[key] == own[key]}}


def _is_tracking(label: str) -> bool:
    return any(mark in label for mark in TRACKING)


def target_template_of(primary: Object) -> dict[str, Any]:
    """The target's pod template that the primary runs: the way back of the copy."""
    own, key = selectors.match_labels(primary), selectors.moved_label_of(primary)
    template, here = primary["spec"]["template"], primary["metadata"].get("namespace", "")
    old = own[key].removesuffix(PRIMARY_SUFFIX)
    return selectors.rewritten(template, key=key, old=own[key], new=old, namespace=here)


def template_of(primary: Object, revision: str) -> dict[str, Any] | None:
    """The target's template of `revision`, if the primary runs it; None when it runs anything else."""
    template = target_template_of(primary)
    return template if matches(revision, template) else None


def promote_change(
    primary: Object,
    template: Mapping[str, Any],
    *,
    revision: str,
    epoch: int,
    spec: Mapping[str, Any] | None = None,
    kind: Kind = DEPLOYMENTS,
    copied: tuple[str, ...] = COPIED,
) -> Change | None:
    """The change that brings the primary to `template` (the target's, of `revision`); None when it is there.

    `spec` is the target's spec, for the fields in `copied`; None leaves them as they are. The number of replicas is
    not touched. Raises Fenced when a later leader has written the primary.
    """
    own, key = selectors.match_labels(primary), selectors.moved_label_of(primary)
    old, here = own[key].removesuffix(PRIMARY_SUFFIX), primary["metadata"].get("namespace", "")
    moved = selectors.rewritten(template, key=key, old=old, new=own[key], namespace=here)
    # Compared without what says nothing: the server shows a null creationTimestamp in every template.
    same = canonical(primary["spec"]["template"]) == canonical(moved)
    wanted: dict[str, Any] = {} if same else {"template": Exact(moved)}
    if spec is not None:
        wanted |= {name: Exact(spec[name]) if name in spec else Absent() for name in copied}
    return patch_change(
        kind,
        primary,
        {"metadata": {"annotations": {REVISION: revision}}, "spec": wanted},
        epoch=epoch,
        why=f"bring the primary to {revision}",
    )


def scale_change(workload: Object, replicas: int, *, epoch: int, why: str) -> Change | None:
    """The change to `replicas` pods, 0 or more; None when that is wanted already.

    Holds only for the generation, the replicas and the fence that the decision saw. Our own Deployment gets the
    fence; the target is the user's and gets nothing but the number. Raises Fenced for a later leader's object.
    """
    check_fence(Ref.of(DEPLOYMENTS, workload), workload, epoch)
    have = workload["spec"].get("replicas")
    if have == replicas:
        return None
    wanted: dict[str, Any] = {"spec": {"replicas": replicas}}
    if is_managed(workload):
        wanted["metadata"] = {"annotations": {FENCE: str(epoch)}}
    return Change(
        ref=Ref.of(DEPLOYMENTS, workload),
        tests=(*generation_tests(workload), {"op": "test", "path": "/spec/replicas", "value": have}),
        ops=overlay(workload, plain(wanted)),
        why=why,
    )


def refence_change(workload: Object, epoch: int) -> Change | None:
    """Put our epoch on a Deployment and change nothing else; None when it is there."""
    return refence(DEPLOYMENTS, workload, epoch=epoch)


def promoted_revision(primary: Object) -> str:
    """The revision that the primary was made from, as annotated; "" without one."""
    return str(annotations(primary).get(REVISION, ""))
