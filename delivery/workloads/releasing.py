"""Giving objects back: what the user had is as it was before us, and nothing on it says that we were there.

The opposite of an overlay. What we wrote into a user's object is known from our annotations on it; the rest of it,
edits since then too, is theirs and stays. Nothing here deletes: what we made goes by `removal`.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from delivery.cluster.objects import GROUP, SERVICES, Action, Change, Kind, Object, Op, Ref, resource_version
from delivery.workloads.adoption import before
from delivery.workloads.names import Names
from delivery.workloads.overlay import Absent, Exact, overlay
from delivery.workloads.ownership import (
    CANARY_LABEL,
    MANAGED_BY,
    MANAGER,
    ORIGINAL_SELECTOR,
    annotations,
    check_fence,
    is_adopted,
    is_ours,
    labels,
    preconditions,
)
from delivery.workloads.ports import arranged, port_ops
from delivery.workloads.service_spec import Metadata, ServiceSpec, Unmanaged
from delivery.workloads.written import Written, shared_fields
from strategies.snapshot import Problem

_SIGN = (MANAGED_BY, MANAGER)


def release(
    kind: Kind, body: Object, wanted: Mapping[str, Any], *, epoch: int, why: str, extra: Sequence[Op] = ()
) -> Change | None:
    """The change that lays `wanted` over an object and takes our labels and annotations off; None if that is so.

    `extra` are operations on lists. Raises Fenced when a later leader was there.
    """
    ref = Ref.of(kind, body)
    check_fence(ref, body, epoch)
    meta = wanted.get("metadata") or {}
    marks = {key: Absent() for key in annotations(body) if key.startswith(f"{GROUP}/")}
    signs = {key: Absent() for key, value in labels(body).items() if key == CANARY_LABEL or (key, value) == _SIGN}
    unsigned = {"labels": {**(meta.get("labels") or {}), **signs}}
    unmarked = {"annotations": {**(meta.get("annotations") or {}), **marks}}
    ops = overlay(body, {**wanted, "metadata": {**meta, **unsigned, **unmarked}})
    if not ops and not extra:
        return None
    return Change(ref=ref, tests=preconditions(kind, body), ops=(*ops, *extra), why=why)


def removal(
    kind: Kind,
    body: Object | None,
    names: Names,
    *,
    epoch: int,
    noted: Iterable[str] = (),
    fields: Iterable[str] = (),
) -> Change | None:
    """The deletion of an object that we made for this Canary, as it was read; None for any other and for one that goes.

    One that was there before us is given back instead (`noted` and `fields` as in adoption.before). Raises Fenced when
    a later leader was there.
    """
    if body is None or not is_ours(body, names) or "deletionTimestamp" in body["metadata"]:
        return None
    if is_adopted(body):
        why = "it was there before the Canary"
        return release(kind, body, before(body, noted=noted, fields=fields), epoch=epoch, why=why)
    ref = Ref.of(kind, body)
    check_fence(ref, body, epoch)
    why = "this was made for a Canary that no longer needs it"
    return Change(ref=ref, action=Action.DELETE, version=resource_version(body), why=why)


def apex_as_before(
    names: Names,
    spec: ServiceSpec,
    apex: Object | None,
    *,
    target: Mapping[str, str],
    primary: Mapping[str, str],
    noted: str = "",
    serving: Mapping[str, str] | None = None,
    epoch: int,
) -> Change | None:
    """The change after which the apex Service selects what it selected before us; None when it does.

    One that we made is left to the user with the target's labels as its selector: taking it away would take the
    address from who calls it. `target` and `primary` are the labels that select their pods. `noted` is the selector as
    recorded on the primary, for a Service that selects it without a record of its own. `serving`: the labels of the
    pods that users are left with, where these are not always the target's; a record that does not select them is of a
    version that serves no more, and `target` is selected instead.
    """
    if apex is None:
        return None
    why = "the apex Service selects what it did before the Canary"
    if is_ours(apex, names):
        return release(SERVICES, apex, {"spec": {"selector": Exact(dict(target))}}, epoch=epoch, why=why)
    original = recorded_selector(str(annotations(apex).get(ORIGINAL_SELECTOR, "") or noted))
    if serving is not None and not (original and original.items() <= serving.items()):
        original = dict(target)
    if original is None or not _is_moved(apex, primary):
        return None
    have = apex["spec"].get("ports") or []
    ports = arranged(have, None, (), before=Written.on(apex).ports)
    nothing = replace(spec, traffic_distribution=None, unmanaged=Unmanaged())
    fields = shared_fields(apex, Metadata(), nothing, (), ours=False)
    selector = Exact(original) if original else Absent()
    wanted = {"metadata": fields["metadata"], "spec": {**fields["spec"], "selector": selector}}
    return release(SERVICES, apex, wanted, epoch=epoch, why=why, extra=port_ops(have, ports))


def _is_moved(apex: Object, primary: Mapping[str, str]) -> bool:
    """Have we written a user's Service?"""
    return ORIGINAL_SELECTOR in annotations(apex) or dict(apex["spec"].get("selector") or {}) == dict(primary)


def recorded_selector(text: str) -> dict[str, str] | None:
    """A recorded selector, {} for none at all; None when there is no record, or nobody can read it."""
    try:
        found = json.loads(text)
    except ValueError:
        return None
    if found is None:
        return {}
    return {str(key): str(value) for key, value in found.items()} if isinstance(found, dict) else None


def selector_lost(names: Names, apex: Object | None, *, primary: Mapping[str, str], noted: str) -> Problem | None:
    """Is the selector that the user's apex Service had before us not recorded any more, although we have moved it?"""
    if apex is None or is_ours(apex, names):
        return None
    text = str(annotations(apex).get(ORIGINAL_SELECTOR, "") or noted)
    if not _is_moved(apex, primary) or recorded_selector(text) is not None:
        return None
    return Problem(
        reason="OriginalLost",
        message=f"what Service {names.apex} selected before the Canary is no longer recorded, so nothing is given back "
        f"and the primary serves on; write it to the Service's annotation {ORIGINAL_SELECTOR} as JSON, or set "
        "spec.revertOnDeletion to false",
    )
