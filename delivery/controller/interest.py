"""Which Canaries does a change of an object concern? Answered from names alone, without looking at anything else."""

from collections.abc import Iterable, Mapping
from typing import Any

from delivery.cluster.objects import (
    APPROVALS,
    AUTOSCALING_VERSIONS,
    CANARIES,
    CONFIG_MAPS,
    DAEMON_SETS,
    DEPLOYMENTS,
    DESTINATION_RULES,
    FREEZES,
    PODS,
    REPLICA_SETS,
    SCALED_OBJECTS,
    SECRETS,
    SERVICES,
    VIRTUAL_SERVICES,
    Kind,
    Object,
    Ref,
)
from delivery.cluster.policies import CHOOSERS, FLAGGER_CANARIES, SIDECARS, by_egress, mentions
from delivery.cluster.route_index import destination_hosts, references_of
from delivery.workloads.autoscalers.flavours import scaled
from delivery.workloads.names import Names
from delivery.workloads.ownership import CANARY_LABEL, labels

Place = tuple[str, str, str]
"""Where something can be seen: a kind, a namespace and a name; or one of the words below, for what is no object."""

HOST = "host"
MENTIONS = "mentions"


class Interest:
    """Remembers the names that each Canary looks at, and answers who has to look again."""

    def __init__(self) -> None:
        self._places: dict[str, tuple[Place, ...]] = {}
        self._watchers: dict[Place, dict[str, None]] = {}

    def note(
        self,
        key: str,
        names: Names,
        refs: Iterable[Ref],
        *,
        target: Kind = DEPLOYMENTS,
        labels: Iterable[str] = (),
        further: Iterable[Place] = (),
    ) -> None:
        """What a Canary looks at, whose target is of this kind: the objects of its names, and those of the mesh.

        `labels` are KEY=VALUE of pods whose owners it does not know; `further` what it looks at besides.
        """
        places = (
            *_places(names, target),
            *((ref.kind.kind, ref.namespace, ref.name) for ref in refs),
            *(("label", names.namespace, each) for each in labels),
            *further,
        )
        if self._places.get(key) == places:
            return
        self.forget(key)
        self._places[key] = places
        for place in places:
            self._watchers.setdefault(place, {})[key] = None

    def forget(self, key: str) -> None:
        """The Canary is gone."""
        for place in self._places.pop(key, ()):
            watchers = self._watchers.get(place, {})
            watchers.pop(key, None)
            if not watchers:
                self._watchers.pop(place, None)

    def of(self, kind: Kind, body: Object) -> Mapping[str, None]:
        """The keys of the Canaries that a change of this object concerns, without repetition, in a fixed order."""
        found: dict[str, None] = {}
        meta = body["metadata"]
        if kind == CANARIES:
            found[f"{meta.get('namespace', '')}/{meta['name']}"] = None
        if kind == APPROVALS:
            found[f"{meta.get('namespace', '')}/{(body.get('spec') or {}).get('canary')}"] = None
        if kind in _COPIED and CANARY_LABEL in labels(body):
            found[f"{meta.get('namespace', '')}/{labels(body)[CANARY_LABEL]}"] = None
        for place in _seen_from(kind, body):
            found.update(self._watchers.get(place, {}))
        return found


def _places(names: Names, target: Kind) -> Iterable[Place]:
    namespace = names.namespace
    for name in (names.target, names.primary):
        yield ("scaled", namespace, name)
    for name in (names.target, names.primary):
        yield (target.kind, namespace, name)
    for name in (names.apex, names.canary_service, names.primary_service):
        yield (SERVICES.kind, namespace, name)
    yield (HOST, "", names.apex)


def _seen_from(kind: Kind, body: Object) -> Iterable[Place]:
    """The places from which an object can be seen."""
    meta = body["metadata"]
    namespace, name = meta.get("namespace", ""), meta["name"]
    spec: Mapping[str, Any] = body.get("spec") or {}
    if kind in (CANARIES, FLAGGER_CANARIES):
        target = spec.get("targetRef") or {}
        yield (str(target.get("kind")), namespace, str(target.get("name")))
        yield from ((VIRTUAL_SERVICES.kind, *route) for route in references_of(body))
    elif kind in (PODS, REPLICA_SETS):
        yield from _owning_workloads(kind, body)
        if kind == PODS:
            yield from (("label", namespace, f"{key}={value}") for key, value in (meta.get("labels") or {}).items())
    elif kind == FREEZES:
        yield (kind.kind, namespace, "")  # whatever it is called
    else:
        yield (kind.kind, namespace, name)
    if kind in _SCALERS:
        yield ("scaled", namespace, str(scaled(body).get("name")))
    hosts = [*(spec.get("hosts") or ()), *([spec["host"]] if "host" in spec else ())] if kind in _ROUTED else []
    led_to = destination_hosts(body) if kind == VIRTUAL_SERVICES else ()
    for host in dict.fromkeys((*hosts, *led_to)):
        yield (HOST, "", str(host).split(".", 1)[0])
    if kind == SIDECARS:
        yield from ((HOST, "", host) for host in by_egress(body))
    if kind in _MENTIONING:
        yield from ((MENTIONS, "", each) for each in _MENTIONING[kind](body))


_COPIED = (CONFIG_MAPS, SECRETS)
_ROUTED = (VIRTUAL_SERVICES, DESTINATION_RULES)
_SCALERS = (*AUTOSCALING_VERSIONS, SCALED_OBJECTS)
_MENTIONING = {kind: mentions(kind) for kind in (SERVICES, *CHOOSERS)}


def _owning_workloads(kind: Kind, body: Object) -> Iterable[Place]:
    """A Deployment names its ReplicaSets NAME-HASH, which own its pods; a DaemonSet owns its pods itself."""
    meta = body["metadata"]
    for owner in meta.get("ownerReferences") or ():
        name, owning = str(owner.get("name", "")), DEPLOYMENTS
        if owner.get("kind") == DAEMON_SETS.kind:
            owning = DAEMON_SETS
        elif kind == PODS:
            name = name.rpartition("-")[0]
        yield (owning.kind, meta.get("namespace", ""), name)
