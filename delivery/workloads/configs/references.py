"""Where a pod template names ConfigMaps and Secrets, and how other names are put there.

Followed are volumes (configMap, secret, projected) and env and envFrom of containers of every sort: what decides how
the program behaves. Not followed are imagePullSecrets, tokens of service accounts and what drivers of volumes read
(csi, azureFile and the like): these open doors, and are renewed without the program's being another.
"""

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from delivery.cluster.objects import CONFIG_MAPS, SECRETS, Kind, Ref

CLUSTERS_OWN = frozenset({"kube-root-ca.crt"})
"""ConfigMaps that the cluster writes into every namespace and renews by itself: no release, and a copy would age."""

_KINDS = {each.kind: each for each in (CONFIG_MAPS, SECRETS)}
_CONTAINERS = ("initContainers", "containers", "ephemeralContainers")


@dataclass(frozen=True, slots=True, order=True)
class Config:
    """A ConfigMap or Secret of the workload's own namespace."""

    kind: Kind
    name: str

    @classmethod
    def parse(cls, text: str) -> "Config | None":
        """The reverse of str; None for anything else."""
        kind, slash, name = text.partition("/")
        return cls(_KINDS[kind], name) if slash and name and kind in _KINDS else None

    def ref(self, namespace: str) -> Ref:
        """Where it is found."""
        return Ref(self.kind, namespace, self.name)

    def __str__(self) -> str:
        return f"{self.kind.kind}/{self.name}"


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a template names a config: `holder[member]` is the name."""

    kind: Kind
    holder: Any
    member: str

    @property
    def config(self) -> Config:
        return Config(self.kind, str(self.holder[self.member]))


def references(template: Mapping[str, Any]) -> dict[Config, bool]:
    """The configs that a pod template names, each with whether its pods start without it; by kind and name.

    One that is optional in one place and mandatory in another is mandatory.
    """
    found: dict[Config, bool] = {}
    for place in _places(template):
        optional = bool(place.holder.get("optional"))
        found[place.config] = optional and found.get(place.config, True)
    return {config: found[config] for config in sorted(found) if config.name not in CLUSTERS_OWN}


def renamed(template: Mapping[str, Any], names: Mapping[Config, str]) -> dict[str, Any]:
    """The template with other names for these configs, wherever it names them."""
    out: dict[str, Any] = copy.deepcopy(dict(template))
    for place in _places(out):
        if place.config in names:
            place.holder[place.member] = names[place.config]
    return out


def _places(template: Mapping[str, Any]) -> Iterator[_Place]:
    pod = template.get("spec") or {}
    for volume in pod.get("volumes") or ():
        yield from _named(volume, ("configMap", CONFIG_MAPS, "name"), ("secret", SECRETS, "secretName"))
        for source in (volume.get("projected") or {}).get("sources") or ():
            yield from _named(source, ("configMap", CONFIG_MAPS, "name"), ("secret", SECRETS, "name"))
    for sort in _CONTAINERS:
        for container in pod.get(sort) or ():
            yield from _environment(container)


def _environment(container: Mapping[str, Any]) -> Iterator[_Place]:
    for source in container.get("envFrom") or ():
        yield from _named(source, ("configMapRef", CONFIG_MAPS, "name"), ("secretRef", SECRETS, "name"))
    for variable in container.get("env") or ():
        source = variable.get("valueFrom") or {}
        yield from _named(source, ("configMapKeyRef", CONFIG_MAPS, "name"), ("secretKeyRef", SECRETS, "name"))


def _named(source: Mapping[str, Any], *sorts: tuple[str, Kind, str]) -> Iterator[_Place]:
    for field, kind, member in sorts:
        holder = source.get(field)
        if holder and holder.get(member):
            yield _Place(kind, holder, member)
