"""The primary's autoscaler, made from the target's and kept like it all the time.

Its bounds are worked out from the source, the Canary and the floor each time, so that nothing has to be remembered to
give the floor back, and a crash between two writes loses nothing.
"""

import json
from collections.abc import Mapping
from typing import Any

from delivery.cluster.objects import Change, Kind, Object
from delivery.workloads.autoscalers.flavours import PAUSE_PREFIX, Flavour
from delivery.workloads.autoscalers.queries import follow
from delivery.workloads.autoscalers.spec import AutoscalerSpec
from delivery.workloads.autoscalers.writing import change
from delivery.workloads.deployment import TRACKING
from delivery.workloads.names import PRIMARY_SUFFIX, Names
from delivery.workloads.overlay import Absent, Exact, create_change
from delivery.workloads.ownership import annotations, labels, owner_labels
from delivery.workloads.selectors import PREFERRED
from strategies.snapshot import Problem

COPIED = "progressive.delivery/copied"
"""The annotation of a copy that names the labels and annotations which it has from its source."""

_OWN = ("progressive.delivery/", PAUSE_PREFIX, "kubectl.kubernetes.io/", "meta.helm.sh/", *(
    f"autoscaling.alpha.kubernetes.io/{name}" for name in ("conditions", "current-metrics")
), "scaledobject.keda.sh/name")  # fmt: skip
"""Labels and annotations that speak of the source alone: how it stands, who applied it, that it is paused."""


def primary_change(
    kind: Kind, spec: AutoscalerSpec, names: Names, *, source: Object, clone: Object | None, floor: int, epoch: int
) -> Change | None:
    """The change after which the primary's autoscaler is like the target's, with at least `floor` pods; None if it is.

    `floor` 0: the bounds are the source's own, or those of `primaryScalerReplicas`. Fields, labels and annotations
    that somebody else added to the copy stay. Raises Fenced for a later leader's object.
    """
    wanted = {"metadata": _metadata(source, clone, names), "spec": _spec(spec, names, source, floor=floor)}
    if clone is None:
        identity = {"name": spec.primary, "namespace": names.namespace}
        body = {"metadata": {**identity, **wanted["metadata"]}, "spec": wanted["spec"]}
        return create_change(kind, body, epoch=epoch, why=f"create the primary's autoscaler from {spec}")
    return change(kind, clone, wanted, epoch=epoch, why=f"keep the primary's autoscaler like {spec}")


def bounds_of(spec: AutoscalerSpec, source: Object, *, floor: int = 0) -> tuple[int, int]:
    """The fewest and the most pods of the primary.

    At least one: a primary without pods serves nobody, whatever its triggers say. The floor ends at the most.
    """
    least, most = spec.flavour.bounds(source)
    most = spec.most or most
    least = spec.least or max(1, least)
    return min(max(least, floor), most), most


def bounds_problem(spec: AutoscalerSpec, source: Object) -> Problem | None:
    """Why these bounds cannot be written, if so."""
    _, most = spec.flavour.bounds(source)
    most = spec.most or most
    if (spec.least or 0) <= most:
        return None
    return Problem(
        reason="AutoscalerUnsupported",
        message=f"spec.autoscalerRef.primaryScalerReplicas.minReplicas: given {spec.least}, but the primary gets at "
        f"most {most} replicas; give maxReplicas there too",
    )


def _metadata(source: Object, clone: Object | None, names: Names) -> dict[str, Any]:
    """The source's labels and annotations, what the copy had of it before and it has no longer taken away."""
    kept = {"labels": _renamed(_kept(labels(source)), names), "annotations": _kept(annotations(source))}
    noted = json.dumps({part: sorted(values) for part, values in kept.items() if values}, separators=(",", ":"))
    gone = {part: _gone(clone, part, values) for part, values in kept.items()}
    return {
        "labels": {**gone["labels"], **kept["labels"], **owner_labels(names)},
        "annotations": {**gone["annotations"], **kept["annotations"], COPIED: noted},
    }


def _kept(given: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value
        for name, value in given.items()
        if not name.startswith(_OWN) and not any(mark in name for mark in TRACKING)
    }


def _renamed(given: Mapping[str, Any], names: Names) -> dict[str, Any]:
    """Labels that name the workload name the primary on its copy."""
    return {
        name: names.primary if name in PREFERRED and value == names.target else value for name, value in given.items()
    }


def _gone(clone: Object | None, part: str, kept: Mapping[str, Any]) -> dict[str, Any]:
    """What was copied once and is no longer on the source."""
    if clone is None:
        return {}
    try:
        before = json.loads(annotations(clone).get(COPIED, "{}"))
        return {name: Absent() for name in before.get(part, ()) if name not in kept}
    except (ValueError, AttributeError, TypeError):
        return {}  # somebody wrote into it: then what is there is theirs


def _spec(spec: AutoscalerSpec, names: Names, source: Object, *, floor: int) -> dict[str, Any]:
    flavour, given = spec.flavour, source["spec"]
    least, most = bounds_of(spec, source, floor=floor)
    wanted: dict[str, Any] = {name: Exact(value) for name, value in given.items()}
    wanted |= {name: Absent() for name in flavour.members if name not in given}
    wanted["scaleTargetRef"] = Exact({**given["scaleTargetRef"], "name": names.primary})
    wanted[flavour.least] = least
    if flavour.most in given or spec.most is not None:
        wanted[flavour.most] = most
    elif flavour.pausable:
        wanted[flavour.most] = Absent()
    return {**wanted, **(_keda(flavour, spec, names, given) if flavour.pausable else {})}


def _keda(flavour: Flavour, spec: AutoscalerSpec, names: Names, given: Mapping[str, Any]) -> dict[str, Any]:
    """What a ScaledObject's copy has otherwise.

    Nothing may send the primary below its floor (`idleReplicaCount`), or back to the replicas of the day on which it
    was made, when the copy goes (`restoreToOriginalReplicaCount`). Two HorizontalPodAutoscalers need two names.
    """
    triggers = given.get("triggers") or ()
    queries = follow(triggers, target=names.target, primary=names.primary, queries=spec.queries)
    out: dict[str, Any] = {flavour.idle: Absent(), "triggers": Exact(queries)}
    if given.get("advanced"):
        advanced = {name: value for name, value in given["advanced"].items() if name != "restoreToOriginalReplicaCount"}
        config = advanced.get("horizontalPodAutoscalerConfig") or {}
        if config.get("name"):
            name = config["name"] + PRIMARY_SUFFIX
            advanced["horizontalPodAutoscalerConfig"] = {**config, "name": name}
        out["advanced"] = Exact(advanced)
    return out
