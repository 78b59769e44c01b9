"""The way back to the version that was promoted before, and who will not like it.

The target is its people's, and so is this write: it is theirs, with their rights, as `kubectl rollout undo` would be.
What comes of it is a rollout like any other, so nothing is promoted that was not analysed. A tool that keeps the target
equal to Git knows nothing of it, which is said before somebody is surprised.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from delivery.api.status import UnreadableStatus, load
from delivery.cluster.objects import DEPLOYMENTS, Object, Op, Ref
from delivery.workloads.revision import POD_TEMPLATE_HASH, matches, only_configs_differ
from strategies.status import Result, Status

_NUMBER = "deployment.kubernetes.io/revision"
_ARGO, _FLUX = "argocd.argoproj.io", "toolkit.fluxcd.io"


class NoWayBackError(Exception):
    """There is nothing to go back to, or this is not how. The text says what to do instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """The template to go back to, its revision as far as it is known, and what that means for images."""

    template: Mapping[str, Any]
    revision: str
    images: str
    promoted: bool


def target_of(canary: Object) -> Ref:
    """The Deployment to set back. NoWayBackError where going back is done otherwise."""
    spec, namespace = canary["spec"], canary["metadata"].get("namespace", "")
    target = spec["targetRef"]
    if (spec.get("promotion") or {}).get("method") == "switch":
        raise NoWayBackError(
            "promotion.method is switch: name the Deployment to go back to in spec.targetRef.name; within "
            "promotion.keepPreviousSeconds its users are led there at once"
        )
    if target.get("kind") == "Service":
        raise NoWayBackError(f"the target is a Service: set the selector of Service {target['name']} back")
    if target.get("kind") != DEPLOYMENTS.kind:
        kind = str(target.get("kind"))
        raise NoWayBackError(f"only a Deployment is set back; `kubectl rollout undo {kind.lower()}/{target['name']}`")
    return Ref(DEPLOYMENTS, namespace, target["name"])


def way_back(canary: Object, target: Object, replica_sets: Iterable[Object]) -> Way:
    """Where to go back to: from a version that was not promoted to the promoted one, from that to the one before."""
    status, now = _status(canary), target["spec"]["template"]
    past = _past(target, replica_sets)
    if not status.last_promoted_spec:
        raise NoWayBackError("nothing has been promoted yet")
    if only_configs_differ(status.revision, status.last_promoted_spec):
        raise NoWayBackError(
            f"{status.revision} and the promoted version differ in what ConfigMaps or Secrets hold; set these back"
        )
    if not matches(status.last_promoted_spec, now):
        return _to(status.last_promoted_spec, now, past)
    earlier = [revision for revision in _promoted_before(status) if not matches(revision, now)]
    if earlier:
        return _to(earlier[0], now, past)
    bad = {each.revision for each in status.history if each.result is Result.ROLLED_BACK}
    for template in past:
        if not any(matches(each, template) for each in (status.last_promoted_spec, *bad)):
            return Way(template=template, revision="", images=_images(now, template), promoted=False)
    raise NoWayBackError("no earlier version is known: neither the status nor an old ReplicaSet has one")


def ops_for(target: Object, way: Way) -> list[Op]:
    """The JSON patch that sets the target back, on what was read."""
    version = target["metadata"]["resourceVersion"]
    return [
        {"op": "test", "path": "/metadata/resourceVersion", "value": version},
        {"op": "replace", "path": "/spec/template", "value": way.template},
    ]


def keepers(target: Object) -> Sequence[str]:
    """Who keeps the target as somebody wrote it down, and what they will do next; nobody is one sentence, too."""
    return tuple(_keepers(target)) or (
        "no GitOps tool is seen on the target; whoever applies an older manifest brings the other version back",
    )


def _keepers(target: Object) -> Iterator[str]:
    meta = target["metadata"]
    labels, notes = meta.get("labels") or {}, meta.get("annotations") or {}
    managers = {str(each.get("manager", "")) for each in meta.get("managedFields") or ()}
    tracked = str(notes.get(f"{_ARGO}/tracking-id", "")).partition(":")[0]
    by_argo = any(each.startswith("argocd") for each in managers)
    application = tracked or labels.get(f"{_ARGO}/instance")
    application = application or (labels.get("app.kubernetes.io/instance", "") if by_argo else "")
    if application or by_argo:
        yield (
            f"Argo CD (application {application or 'unknown'}) will bring the other version back, at once with "
            "selfHeal and else with the next sync; revert it in Git, too"
        )
    for tool, kind in (("kustomize", "Kustomization"), ("helm", "HelmRelease")):
        if name := labels.get(f"{tool}.{_FLUX}/name"):
            place = labels.get(f"{tool}.{_FLUX}/namespace", "")
            yield (
                f"Flux ({kind} {place}/{name}) will bring the other version back with its next reconciliation; revert "
                "it in Git, too"
            )
    release = notes.get("meta.helm.sh/release-name")
    if release and f"helm.{_FLUX}/name" not in labels:
        yield f"Helm (release {release}) will bring the other version back with its next upgrade; roll it back, too"
    if "kubectl.kubernetes.io/last-applied-configuration" in notes:
        yield "the next kubectl apply of the manifest brings the other version back; correct it, too"


def _status(canary: Object) -> Status:
    try:
        return load(canary.get("status"))
    except UnreadableStatus as error:
        raise NoWayBackError(f"the Canary's status cannot be read: {error}") from error


def _promoted_before(status: Status) -> list[str]:
    """What was promoted before the present version, the latest first."""
    found = [past.revision for past in reversed(status.history) if past.result is Result.PROMOTED]
    return [each for each in (status.previous_spec, *found) if each and each != status.last_promoted_spec]


def _past(target: Object, replica_sets: Iterable[Object]) -> list[Mapping[str, Any]]:
    """The templates of the Deployment's ReplicaSets, the latest first."""
    uid = target["metadata"].get("uid")
    ours = [
        each
        for each in replica_sets
        if any(owner.get("uid") == uid for owner in each["metadata"].get("ownerReferences") or ())
    ]
    return [_without_hash(each["spec"]["template"]) for each in sorted(ours, key=_number, reverse=True)]


def _number(replica_set: Object) -> int:
    text = (replica_set["metadata"].get("annotations") or {}).get(_NUMBER, "0")
    return int(text) if text.isdigit() else 0


def _to(revision: str, now: Mapping[str, Any], past: Sequence[Mapping[str, Any]]) -> Way:
    found = next((template for template in past if matches(revision, template)), None)
    if found is None:
        raise NoWayBackError(
            f"the template of {revision} is in no ReplicaSet any more (revisionHistoryLimit); apply its manifest"
        )
    return Way(template=found, revision=revision, images=_images(now, found), promoted=True)


def _images(now: Mapping[str, Any], then: Mapping[str, Any]) -> str:
    """Which images change, in few words."""
    before, after = _by_container(now), _by_container(then)
    changed = [name for name, image in after.items() if before.get(name) != image]
    words = (f"{after[name]} instead of {before.get(name, 'none')}" for name in changed)
    return ", ".join(words) or "the same images, another template"


def _by_container(template: Mapping[str, Any]) -> dict[str, str]:
    containers = (template.get("spec") or {}).get("containers") or ()
    return {str(each.get("name")): str(each.get("image")) for each in containers}


def _without_hash(template: Mapping[str, Any]) -> Mapping[str, Any]:
    """A ReplicaSet's template is the Deployment's with one label more."""
    meta = template.get("metadata") or {}
    labels = {name: value for name, value in (meta.get("labels") or {}).items() if name != POD_TEMPLATE_HASH}
    return {**template, "metadata": {**meta, "labels": labels}}
