"""Everything of one Canary as it stands in the caches at one moment, before anybody judges it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from delivery.cluster.objects import (
    CANARIES,
    DEPLOYMENTS,
    DESTINATION_RULES,
    PODS,
    REPLICA_SETS,
    SERVICES,
    VIRTUAL_SERVICES,
    Object,
    Ref,
)
from delivery.cluster.reader import LABEL_INDEX, OWNER_INDEX, Reader
from delivery.controller.reading import Spec
from delivery.workloads.deployment import template_of
from delivery.workloads.names import Names
from delivery.workloads.revision import POD_TEMPLATE_HASH, matches
from delivery.workloads.selectors import match_labels, moved_label, primary_labels
from delivery.workloads.service_spec import ServiceSpec

NEEDED = (CANARIES, DEPLOYMENTS, PODS, SERVICES, VIRTUAL_SERVICES, DESTINATION_RULES)
"""The kinds without whose watches nothing may rise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """The objects of one Canary; None where the caches have none."""

    body: Object
    names: Names
    service: ServiceSpec
    target: Object | None
    primary: Object | None
    apex: Object | None
    canary_service: Object | None
    primary_service: Object | None
    canary_rule: Object | None
    primary_rule: Object | None
    virtual_service: Object | None
    pods: tuple[Object, ...]
    replica_sets: tuple[Object, ...]

    @property
    def ref(self) -> Ref:
        """The Canary itself."""
        return Ref.of(CANARIES, self.body)

    def template(self, revision: str) -> Mapping[str, Any] | None:
        """The target's pod template of a revision: from the target, the primary, or the target's ReplicaSets."""
        if self.target is not None and matches(revision, self.target["spec"]["template"]):
            return _template(self.target)
        if self.primary is not None and (found := template_of(self.primary, revision)) is not None:
            return found
        for each in self.replica_sets:
            if matches(revision, each["spec"]["template"]):
                return _without_hash(_template(each))
        return None

    def fenced(self) -> tuple[tuple[Any, Object], ...]:
        """The objects that carry our fence, with their kinds."""
        mine = (
            (VIRTUAL_SERVICES, self.virtual_service),
            (DESTINATION_RULES, self.canary_rule),
            (DESTINATION_RULES, self.primary_rule),
            (SERVICES, self.canary_service),
            (SERVICES, self.primary_service),
            (DEPLOYMENTS, self.primary),
        )
        return tuple((kind, body) for kind, body in mine if body is not None)


def _template(workload: Object) -> Mapping[str, Any]:
    template: Mapping[str, Any] = workload["spec"]["template"]
    return template


def _without_hash(template: Mapping[str, Any]) -> Mapping[str, Any]:
    """A ReplicaSet's template is the Deployment's with one label more."""
    metadata = template.get("metadata") or {}
    labels = {name: value for name, value in (metadata.get("labels") or {}).items() if name != POD_TEMPLATE_HASH}
    return {**template, "metadata": {**metadata, "labels": labels}}


def take(reader: Reader, body: Object, spec: Spec) -> Picture:
    """Look everything up. Costs no request."""
    names = spec.names

    def find(kind: Any, name: str) -> Object | None:
        return reader.get(Ref(kind, names.namespace, name))

    target = find(DEPLOYMENTS, names.target)
    primary = find(DEPLOYMENTS, names.primary)
    return Picture(
        body=body,
        names=names,
        service=spec.service,
        target=target,
        primary=primary,
        apex=find(SERVICES, names.apex),
        canary_service=find(SERVICES, names.canary_service),
        primary_service=find(SERVICES, names.primary_service),
        canary_rule=find(DESTINATION_RULES, names.canary_service),
        primary_rule=find(DESTINATION_RULES, names.primary_service),
        virtual_service=find(VIRTUAL_SERVICES, names.apex),
        pods=_pods(reader, names.namespace, target, primary),
        replica_sets=_replica_sets(reader, target, primary),
    )


def _pods(reader: Reader, namespace: str, target: Object | None, primary: Object | None) -> tuple[Object, ...]:
    """The pods of both roles, found by the one label in which the roles differ."""
    found: list[Object] = []
    for labels in _selections(target, primary):
        if labels:
            key = moved_label(labels)
            found += reader.indexed(PODS, LABEL_INDEX, f"{namespace}/{key}={labels[key]}")
    return tuple(found)


def _selections(target: Object | None, primary: Object | None) -> tuple[Mapping[str, str], Mapping[str, str]]:
    own = match_labels(target) if target is not None else {}
    copied = match_labels(primary) if primary is not None else primary_labels(own) if own else {}
    return own, copied


def _replica_sets(reader: Reader, *owners: Object | None) -> tuple[Object, ...]:
    found: list[Object] = []
    for owner in owners:
        if owner is not None:
            found += reader.indexed(REPLICA_SETS, OWNER_INDEX, owner["metadata"].get("uid", ""))
    return tuple(found)
