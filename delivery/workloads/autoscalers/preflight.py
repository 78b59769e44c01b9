"""What has to be clear about a workload's autoscalers before a run may start; each answer has the way out."""

from collections.abc import Iterable, Mapping
from typing import Any

from delivery.cluster.objects import Kind, Object
from delivery.workloads.autoscalers.copying import bounds_problem
from delivery.workloads.autoscalers.flavours import paused_at, scaled
from delivery.workloads.autoscalers.spec import AutoscalerSpec
from delivery.workloads.names import Names
from strategies.reasons import Reason
from strategies.snapshot import Problem

Found = tuple[Kind, Object]
"""An autoscaler and its kind."""


def problem(
    spec: AutoscalerSpec | None,
    names: Names,
    *,
    target_kind: str,
    source: Object | None,
    served: bool,
    on_target: Iterable[Found],
    on_primary: Iterable[Found],
) -> Problem | None:
    """The first thing that is wrong. `served`: the API server shows us the kind that is named.

    `on_target` and `on_primary` are what scales either; of the primary's, without our own.
    """
    return (
        (_of_source(spec, names, target_kind, source, served=served) if spec is not None else None)
        or _others(spec, list(on_target), names.target)
        or _on_primary(list(on_primary), names.primary)
    )


def unnamed(kind: Kind, body: Object) -> Problem:
    """An autoscaler scales the target, and the Canary does not say so."""
    what = f"{kind.kind} {body['metadata']['name']}"
    return _problem("AutoscalerHoldsBack", f"{what} scales the target; name it in spec.autoscalerRef")


def unfit(names: Names, target_kind: str, source: Object) -> bool:
    """Does it scale something else than the target?"""
    ref = scaled(source)
    return (ref.get("kind"), ref.get("name")) != (target_kind, names.target)


def scaling(found: Iterable[Found], target_kind: str) -> list[Found]:
    """Those that people made for a workload of this kind: KEDA makes one for each of its own, and answers for it."""
    return [
        (kind, body)
        for kind, body in found
        if scaled(body).get("kind") == target_kind
        and not any(map(_is_keda, body["metadata"].get("ownerReferences") or ()))
    ]


def _is_keda(owner: Mapping[str, Any]) -> bool:
    return owner.get("kind") == "ScaledObject"


def _of_source(
    spec: AutoscalerSpec, names: Names, target_kind: str, source: Object | None, *, served: bool
) -> Problem | None:
    if not served:
        return _problem(
            "AutoscalerNotFound",
            f"spec.autoscalerRef names {spec}, and the API server does not serve that kind, or not to the controller; "
            "install it, grant it, or take the field out",
        )
    if source is None:
        return _problem(
            "AutoscalerNotFound",
            f"spec.autoscalerRef names {spec}, which does not exist; create it, correct the name, or take the field "
            "out",
        )
    if unfit(names, target_kind, source):
        other = scaled(source)
        return _problem(
            "AutoscalerOfAnotherTarget",
            f"{spec} scales {other.get('kind')} {other.get('name')}, not {target_kind} {names.target}; let it scale "
            "the target, or name another autoscaler",
        )
    if not spec.flavour.pausable and spec.flavour.bounds(source)[0] < 1:
        return _problem(
            "AutoscalerUnsupported",
            f"{spec} has minReplicas 0, so it would wake the target while it rests; set at least 1",
        )
    if spec.flavour.pausable and (at := paused_at(source)) not in (None, "0"):
        return _problem(
            "AutoscalerUnsupported",
            f"{spec} is paused at {at} pods, so the target can neither rest nor be scaled; take the annotation off",
        )
    return bounds_problem(spec, source)


def _others(spec: AutoscalerSpec | None, found: list[Found], target: str) -> Problem | None:
    """Two autoscalers of one workload fight; and one that KEDA has wakes a target that we send to rest."""
    others = [
        each for each in found if spec is None or (each[0].kind, each[1]["metadata"]["name"]) != (spec.kind, spec.name)
    ]
    if spec is not None and others:
        return _problem(
            "AutoscalerConflict",
            f"{_named(others)} scales {target} besides {spec}; delete one of them",
        )
    keda = [each for each in others if each[0].kind == "ScaledObject"]
    if keda:
        return _problem(
            "AutoscalerConflict",
            f"{_named(keda)} scales {target} and would wake it while it rests; name it in spec.autoscalerRef",
        )
    return None


def _on_primary(found: list[Found], primary: str) -> Problem | None:
    if not found:
        return None
    return _problem(
        "AutoscalerConflict",
        f"{_named(found)} scales {primary}, which is this Canary's own; delete it: spec.autoscalerRef gives the "
        "primary a copy of the target's autoscaler",
    )


def _named(found: list[Found]) -> str:
    kind, body = found[0]
    return f"{kind.kind} {body['metadata']['name']}"


def _problem(reason: Reason, message: str) -> Problem:
    return Problem(reason=reason, message=message)
