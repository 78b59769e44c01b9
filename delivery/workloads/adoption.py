"""Taking over what is there already, so that nobody has to delete what serves users to get a Canary.

Only what does the right thing as it stands is taken over, and only what belongs to nobody: then the first write adds
labels and annotations, and no user notices. What the object said before is recorded in that very write. An adopted
object stays the user's: a revert takes off what we put there, and never deletes it.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from delivery.cluster.objects import GROUP, Change, Object, Op, pointer
from delivery.workloads import deployment, selectors
from delivery.workloads.names import Names
from delivery.workloads.overlay import Absent, Exact
from delivery.workloads.ownership import CANARY_LABEL, ORIGINAL, annotations, is_ours, labels, owner_labels, signs
from delivery.workloads.revision import canonical
from delivery.workloads.written import Written

_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
SERVICE_FIELDS = ("ports", "trafficDistribution")
"""What we write into the spec of a role's Service besides its selector."""


def is_free(body: Object, names: Names) -> bool:
    """Does the object belong to nobody, not even to another Canary, and is it here to stay?"""
    meta = body["metadata"]
    other = labels(body).get(CANARY_LABEL, names.canary) != names.canary
    return not (other or meta.get("ownerReferences") or meta.get("deletionTimestamp"))


def note(current: Object | None, names: Names, fields: Iterable[str] = ()) -> dict[str, str]:
    """The annotation of the write that takes an object over: labels, annotations and these fields of its spec."""
    if current is None or is_ours(current, names):
        return {}
    spec = current.get("spec") or {}
    noted = {key: value for key, value in annotations(current).items() if not _is_left_out(key)}
    marked = {key: value for key, value in labels(current).items() if key != CANARY_LABEL}
    found = {"labels": marked, "annotations": noted, "spec": {name: spec[name] for name in fields if name in spec}}
    return {ORIGINAL: json.dumps(found, sort_keys=True, separators=(",", ":"))}


def _is_left_out(key: str) -> bool:
    return key == _LAST_APPLIED or key.startswith(f"{GROUP}/")


def before(body: Object, *, noted: Iterable[str] = (), fields: Iterable[str] = ()) -> dict[str, Any]:
    """What an adopted object must say to be as it was: labels, annotations and fields of the spec that we wrote.

    `noted` are keys of annotations that we write on every such object; `fields` were given to `note`.
    """
    try:
        found = json.loads(str(annotations(body).get(ORIGINAL, "")))
        was: Mapping[str, Any] = {part: dict(found[part]) for part in ("labels", "annotations", "spec")}
    except (ValueError, TypeError, KeyError):
        return {}
    wrote = Written.on(body)
    keys = {"labels": wrote.labels, "annotations": {*wrote.annotations, *noted}}
    metadata = {part: {key: was[part].get(key, Absent()) for key in each} for part, each in keys.items()}
    spec = {name: Exact(was["spec"][name]) if name in was["spec"] else Absent() for name in fields}
    return {"metadata": metadata, "spec": spec} if spec else {"metadata": metadata}


# -- the primary


def is_primary(primary: Object, target: Object | None, *, serves: bool) -> bool:
    """May a workload of the primary's name be one, as it stands?

    It selects its own pods only, as our copy would; it has ready pods; and it runs what the target runs, unless users
    are with it already (`serves`).
    """
    if target is None:
        return False
    own, copied = selectors.match_labels(target), selectors.match_labels(primary)
    if not own or not copied or primary["spec"]["selector"].get("matchExpressions"):
        return False
    key = selectors.label_between(own, copied)
    if key is None or key != selectors.moved_label_of(primary):
        return False
    pods = ((primary["spec"].get("template") or {}).get("metadata") or {}).get("labels") or {}
    apart = not selectors.selects(target["spec"]["selector"], pods)
    ready = int((primary.get("status") or {}).get("readyReplicas") or 0) > 0
    return apart and ready and (serves or _same_template(primary, target))


def _same_template(primary: Object, target: Object) -> bool:
    return canonical(deployment.target_template_of(primary)) == canonical(target["spec"]["template"])


def as_ours(primary: Object | None, names: Names) -> Object | None:
    """A primary that is about to be adopted, as it reads once it is: its revision is that of the target's template."""
    if primary is None or is_ours(primary, names):
        return primary
    meta = primary["metadata"]
    return {**primary, "metadata": {**meta, "labels": {**labels(primary), **owner_labels(names)}}}


def adopting(change: Change, primary: Object, names: Names, noted: Mapping[str, str]) -> Change:
    """The first write of an adopted primary: it is marked as ours and what was there before is recorded."""
    own = selectors.match_labels(primary)
    told = selectors.noted_label(own, selectors.moved_label_of(primary))
    marks = {**noted, **told, **note(primary, names)}
    ops: list[Op] = [
        {"op": "add", "path": pointer("metadata", "annotations", key), "value": value} for key, value in marks.items()
    ]
    if primary["metadata"].get("labels") is None:
        ops.append({"op": "add", "path": "/metadata/labels", "value": {}})
    for key, value in signs(primary, names).items():
        ops.append({"op": "add", "path": pointer("metadata", "labels", key), "value": value})
    return replace(change, ops=(*change.ops, *ops))


# -- the roles' Services


def is_role_service(service: Object, selector: Mapping[str, str]) -> bool:
    """Does a Service of a role's name select that role's pods already?"""
    return bool(selector) and dict(service["spec"].get("selector") or {}) == dict(selector)
