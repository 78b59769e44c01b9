"""By what objects are found in the caches besides their names: each index answers without a request.

An index is a function of one object, and none may die of an odd one.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from delivery.cluster.cache import Index
from delivery.cluster.objects import (
    APPROVALS,
    AUTOSCALING_VERSIONS,
    CANARIES,
    DESTINATION_RULES,
    GROUP,
    PODS,
    REPLICA_SETS,
    SCALED_OBJECTS,
    SERVICES,
    VIRTUAL_SERVICES,
    Kind,
    Object,
)
from delivery.cluster.policies import CHOOSERS, FLAGGER_CANARIES, SIDECARS, by_egress, mentions
from delivery.cluster.route_index import by_claim, by_destination, by_reference

CANARY_LABEL = f"{GROUP}/canary"
"""The label that says to which Canary an object of ours belongs."""

CANARY_INDEX = "canary"
"""Finds objects by "namespace/value" of the label `progressive.delivery/canary`."""

OWNER_INDEX = "owner"
"""Finds Pods and ReplicaSets by the uid of an owner."""

LABEL_INDEX = "label"
"""Finds Pods by "namespace/key=value" of any of their labels."""

HOST_INDEX = "host"
"""Finds VirtualServices, DestinationRules and Sidecars of all namespaces by the first word of a host ("*" for
wildcards)."""

TARGET_INDEX = "target"
"""Finds Canaries, Flagger's too, by "namespace/name" of their target."""

MENTIONS_INDEX = "mentions"
"""Finds Services, and what else selects pods, by "namespace/key=value" of a label that a selector names; the
namespace is where it looks, "*" if that may be any."""

NAMESPACE_INDEX = "namespace"
"""Finds what selects pods by its namespace."""

DESTINATION_INDEX = "destination"
"""Finds VirtualServices of all namespaces by the first word of a host that one of their routes leads to."""

CLAIM_INDEX = "claim"
"""Finds VirtualServices by "namespace/name" of a Canary that has left such an annotation on them."""

REFERENCE_INDEX = "reference"
"""Finds Canaries by "namespace/name" of a VirtualService that their routeRefs name."""

SCALES_INDEX = "scales"
"""Finds autoscalers by "namespace/name" of the workload that they scale."""

APPROVES_INDEX = "approves"
"""Finds Approvals by "namespace/name" of the Canary that they are about."""

FLOOR = f"{GROUP}/floor"
"""The annotation of an autoscaler whose least number of pods a Canary has raised; its JSON names the Canary."""

FLOOR_INDEX = "floor"
"""Finds autoscalers by "namespace/name" of the Canary that has raised them."""


def by_label(label: str) -> Index:
    """An index by "namespace/value" of one label."""

    def values(body: Object) -> Iterable[str]:
        metadata = body["metadata"]
        value = (metadata.get("labels") or {}).get(label)
        return () if value is None else (f"{metadata.get('namespace', '')}/{value}",)

    return values


def by_labels(body: Object) -> Iterable[str]:
    """An index by "namespace/key=value" of every label."""
    metadata = body["metadata"]
    namespace = metadata.get("namespace", "")
    return [f"{namespace}/{key}={value}" for key, value in (metadata.get("labels") or {}).items()]


def by_owner(body: Object) -> Iterable[str]:
    """An index by the uids of the owners."""
    return [owner["uid"] for owner in body["metadata"].get("ownerReferences") or () if "uid" in owner]


def by_host(body: Object) -> Iterable[str]:
    """An index by the first word of each host; one that starts with a wildcard may be any, so all are found at "*"."""
    spec = _mapping(body.get("spec"))
    hosts = spec.get("hosts")
    for host in (*(hosts if isinstance(hosts, list) else ()), *((spec["host"],) if "host" in spec else ())):
        yield "*" if str(host).startswith("*") else str(host).split(".", 1)[0]


def by_target(body: Object) -> Iterable[str]:
    """An index by the namespace and name of a Canary's target."""
    target = _mapping(_mapping(body.get("spec")).get("targetRef"))
    return (f"{body['metadata'].get('namespace', '')}/{target.get('name')}",)


def by_scaled(body: Object) -> Iterable[str]:
    """An index by the namespace and name of what an autoscaler scales."""
    scaled = _mapping(_mapping(body.get("spec")).get("scaleTargetRef"))
    return (f"{body['metadata'].get('namespace', '')}/{scaled.get('name')}",)


def by_floor(body: Object) -> Iterable[str]:
    """An index by the namespace and the name of the Canary whose floor an autoscaler holds."""
    metadata = body["metadata"]
    text = (metadata.get("annotations") or {}).get(FLOOR)
    if text is None:
        return ()
    try:
        noted = _mapping(json.loads(text))
    except ValueError:
        return ()
    return (f"{metadata.get('namespace', '')}/{noted.get('canary')}",)


def by_canary(body: Object) -> Iterable[str]:
    """An index by the namespace and the name of the Canary that an Approval is about."""
    return (f"{body['metadata'].get('namespace', '')}/{_mapping(body.get('spec')).get('canary')}",)


def by_namespace(body: Object) -> Iterable[str]:
    """An index by namespace."""
    return (body["metadata"].get("namespace", ""),)


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}  # an index must not die of one odd object


_ROUTE_INDEXES: Mapping[Kind, Mapping[str, Index]] = {
    VIRTUAL_SERVICES: {DESTINATION_INDEX: by_destination, CLAIM_INDEX: by_claim},
    CANARIES: {REFERENCE_INDEX: by_reference},
}


def default_indexes(kind: Kind) -> dict[str, Index]:
    """The indexes that a kind has unless told otherwise."""
    indexes = {CANARY_INDEX: by_label(CANARY_LABEL)}
    if kind in (PODS, REPLICA_SETS):
        indexes[OWNER_INDEX] = by_owner
    if kind == APPROVALS:
        indexes[APPROVES_INDEX] = by_canary
    if kind == PODS:
        indexes[LABEL_INDEX] = by_labels
    if kind in (VIRTUAL_SERVICES, DESTINATION_RULES):
        indexes[HOST_INDEX] = by_host
    if kind in (CANARIES, FLAGGER_CANARIES):
        indexes[TARGET_INDEX] = by_target
    indexes |= _ROUTE_INDEXES.get(kind, {})
    if kind == SCALED_OBJECTS or kind in AUTOSCALING_VERSIONS:
        indexes |= {SCALES_INDEX: by_scaled, FLOOR_INDEX: by_floor}
    if kind == SIDECARS:
        indexes[HOST_INDEX] = by_egress
    if kind == SERVICES or kind in CHOOSERS:
        indexes[MENTIONS_INDEX] = mentions(kind)
    if kind in CHOOSERS:
        indexes[NAMESPACE_INDEX] = by_namespace
    return indexes
