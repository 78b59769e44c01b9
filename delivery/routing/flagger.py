"""Objects that Flagger keeps: two controllers on one route fight, and each believes that the other is a hand edit."""

from collections.abc import Iterable

from delivery.cluster.objects import Kind, Object
from delivery.workloads.names import Names
from strategies.snapshot import Problem

FLAGGER_GROUP = "flagger.app/"


def owned_by_flagger(
    names: Names, objects: Iterable[tuple[Kind, Object | None]], canaries: Iterable[Object], *, target: str
) -> Problem | None:
    """Is one of the objects owned by a Canary of Flagger's, or does one of those roll out the same target?

    Given the objects that we would create or change, as far as they exist, and Flagger's Canaries with a target of
    this name in the namespace; `target` is the kind of ours. One that is suspended leaves the target alone, but what
    it owns goes when it is deleted.
    """
    for kind, body in objects:
        if body is not None and (owner := _owner(body)) is not None:
            what = f"{kind} {body['metadata']['name']} is owned by Canary {owner.get('name')} of flagger.app"
            return _problem(what, suspend=False)
    for canary in canaries:
        spec = canary.get("spec") or {}
        if (spec.get("targetRef") or {}).get("kind") == target and not spec.get("suspend"):
            name = canary["metadata"]["name"]
            return _problem(f"Canary {name} of flagger.app rolls out {target} {names.target}", suspend=True)
    return None


def is_flaggers(body: Object) -> bool:
    """Does a Canary of Flagger's own this object?"""
    return _owner(body) is not None


def _owner(body: Object) -> Object | None:
    owners = body["metadata"].get("ownerReferences") or ()
    return next((each for each in owners if each.get("kind") == "Canary" and _is_flagger(each)), None)


def _is_flagger(owner: Object) -> bool:
    return str(owner.get("apiVersion", "")).startswith(FLAGGER_GROUP)


def _problem(what: str, *, suspend: bool) -> Problem:
    out = "set spec.revertOnDeletion there, delete it and wait until the target serves"
    return Problem(
        reason="OwnedByFlagger", message=f"{what}: {out}" + (", or set spec.suspend there" if suspend else "")
    )
