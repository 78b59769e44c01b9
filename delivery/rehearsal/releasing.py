"""A new version of the target, as its people would release it."""

import copy
from collections.abc import Callable
from typing import Any

from delivery.cluster.memory import MERGE_PATCH, Store
from delivery.cluster.objects import DEPLOYMENTS, SERVICES, Object, Ref
from delivery.rehearsal.cast import NEW_VERSION, Body, Cast, UnplayableError
from delivery.workloads.ownership import CANARY_LABEL

VERSION = "version"

REHEARSED = "rehearsed"


def release(store: Store, cast: Cast) -> Callable[[], None]:
    """How the new version comes: another template, another Deployment behind the Service, or another one named.

    Raises UnplayableError where nobody can tell.
    """
    if cast.target.kind == SERVICES:
        return lambda: _behind_the_service(store, cast)
    if cast.canary.spec.promotion.method != "switch":
        return lambda: _template(store, cast.target)
    next_one = _given_too(store, cast)
    if next_one is None and cast.canary.spec.subset_ref is not None:
        raise UnplayableError(
            "subsetRef with promotion.method switch: give the Deployment of the next version too; no subset selects "
            "the pods of one that is made up"
        )
    return lambda: _named(store, cast, next_one)


def _template(store: Store, target: Ref) -> None:
    patch = {"spec": {"template": {"metadata": {"annotations": {NEW_VERSION: REHEARSED}}}}}
    store.patch(target, patch, content_type=MERGE_PATCH, manager="kubectl")


def _behind_the_service(store: Store, cast: Cast) -> None:
    """Another Deployment of the same application, to which the Service is led."""
    service = _there(store, cast.target)
    selector = service["spec"].get("selector") or {}
    behind = [
        body
        for body in store.scan(DEPLOYMENTS, cast.target.namespace)
        if selector.items() <= body["spec"]["template"]["metadata"].get("labels", {}).items()
    ]
    if not behind:
        raise UnplayableError(f"Service {cast.target.name} selects the pods of no Deployment that was given")
    _another(store, behind[0])
    patch = {"spec": {"selector": {**selector, VERSION: REHEARSED}}}
    store.patch(cast.target, patch, content_type=MERGE_PATCH, manager="kubectl")


def _given_too(store: Store, cast: Cast) -> str | None:
    """The name of another version's Deployment, if people gave one."""
    others = (body["metadata"] for body in store.scan(DEPLOYMENTS, cast.target.namespace))
    names = (str(meta["name"]) for meta in others if CANARY_LABEL not in (meta.get("labels") or {}))
    return next((name for name in names if name != cast.target.name), None)


def _named(store: Store, cast: Cast, given: str | None) -> None:
    name = given or _another(store, _there(store, cast.target))
    store.patch(cast.key, {"spec": {"targetRef": {"name": name}}}, content_type=MERGE_PATCH, manager="kubectl")


def _another(store: Store, body: Object) -> str:
    """A Deployment of the next version beside that of this one; its name."""
    made: Body = {"apiVersion": "apps/v1", "kind": "Deployment", "spec": copy.deepcopy(dict(body["spec"]))}
    name = f"{body['metadata']['name']}-{REHEARSED}"
    made["metadata"] = {"name": name, "namespace": body["metadata"]["namespace"]}
    labels: list[dict[str, Any]] = [
        made["spec"]["selector"]["matchLabels"],
        made["spec"]["template"]["metadata"]["labels"],
    ]
    for each in labels:
        each[VERSION] = REHEARSED
    store.create(DEPLOYMENTS, made, namespace=made["metadata"]["namespace"], manager="kubectl")
    return name


def _there(store: Store, ref: Ref) -> Object:
    found = store.peek(ref)
    if found is None:
        raise UnplayableError(f"{ref.kind.kind} {ref.name} is not there")
    return found
