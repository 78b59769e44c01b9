"""Revisions: what makes one version of a workload another.

A revision is a hash of the pod template as the API server's JSON says it, never of decoded structures: those gain
fields with every upgrade of a library, and each gain would look like a new version of every workload. What tracked
ConfigMaps and Secrets hold comes beside it. The hash carries its own version, which says what it was made of, so that
a change of the method is recognised and starts no run.

    v1-TEMPLATE             of the template alone
    v2c-TEMPLATE-CONFIGS    and of what the ConfigMaps hold that it names
    v2-TEMPLATE-CONFIGS     and the Secrets too; without the last part when it names none
"""

import hashlib
import json
from collections.abc import Mapping
from enum import StrEnum
from functools import lru_cache
from typing import Any

from delivery.cluster.objects import CONFIG_MAPS, SECRETS, Kind
from delivery.workloads.configs.content import Digests, combined

UNREAD = "unread"
"""In the place of the configs' digest when the template is new and what its configs hold cannot be read yet."""
_DIGITS = 12  # 48 bits: enough to tell the versions of one workload apart
POD_TEMPLATE_HASH = "pod-template-hash"


class Scope(StrEnum):
    """What revisions are made of besides the template; the value is the hash's version."""

    TEMPLATE = "v1"
    CONFIG_MAPS = "v2c"
    CONFIGS = "v2"

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """The kinds whose contents count."""
        return {Scope.TEMPLATE: (), Scope.CONFIG_MAPS: (CONFIG_MAPS,), Scope.CONFIGS: (CONFIG_MAPS, SECRETS)}[self]


_METHODS: Mapping[str, Scope] = {each.value: each for each in Scope}


def revision(template: Mapping[str, Any], configs: Digests | None = None, *, scope: Scope = Scope.CONFIGS) -> str:
    """The revision of a pod template with configs of these contents: the hash's version and its digits.

    Without `configs`, of one that names none that is tracked.
    """
    return _joined(scope, template, combined(_within(scope, configs or {})))


def unread_revision(template: Mapping[str, Any], *, scope: Scope = Scope.CONFIGS) -> str:
    """Stands for a template whose configs cannot be read: it is new, and more nobody can tell."""
    return _joined(scope, template, UNREAD)


def matches(
    recorded: str, template: Mapping[str, Any], configs: Digests | None = None, *, scope: Scope = Scope.CONFIGS
) -> bool | None:
    """Is `recorded` the revision of this template with these configs? Compared by the method that recorded it.

    `scope` says of which kinds there are `configs`; what is not known of both is not compared, so without `configs`
    it is the template alone. None when the method is not known: nobody can tell, and it must never start a run.
    """
    version, digits, of_configs = _parts(recorded)
    method = _METHODS.get(version)
    if method is None:
        return None
    if _template_digest(template) != digits:
        return False
    if configs is None or not set(method.kinds) <= set(scope.kinds):
        return True
    return combined(_within(method, configs)) == of_configs


def configs_of(recorded: str, *, scope: Scope = Scope.CONFIGS) -> str:
    """The part of a revision that says what its configs hold; "" when it names none, or they are not known here."""
    version, _, of_configs = _parts(recorded)
    method = _METHODS.get(version)
    return of_configs if method is not None and set(method.kinds) <= set(scope.kinds) else ""


def only_configs_differ(recorded: str, other: str) -> bool:
    """Do two revisions have the same template and configs of different contents?"""
    (version, template, configs), (version_, template_, configs_) = _parts(recorded), _parts(other)
    return version == version_ and template == template_ and configs != configs_


def _joined(scope: Scope, template: Mapping[str, Any], of_configs: str) -> str:
    return "-".join(part for part in (scope.value, _template_digest(template), of_configs) if part)


def _within(scope: Scope, configs: Digests) -> Digests:
    return {config: each for config, each in configs.items() if config.kind in scope.kinds}


def _parts(recorded: str) -> tuple[str, str, str]:
    version, _, rest = recorded.partition("-")
    template, _, configs = rest.partition("-")
    return version, template, configs


def canonical(template: Mapping[str, Any]) -> dict[str, Any]:
    """The template without what says nothing: members that are null or empty, and what controllers add to it."""
    meta = dict(template.get("metadata") or {})
    meta.pop("creationTimestamp", None)
    meta["labels"] = {k: v for k, v in (meta.get("labels") or {}).items() if k != POD_TEMPLATE_HASH}
    pruned: dict[str, Any] = _pruned({**template, "metadata": meta})
    return pruned


def _pruned(value: Any) -> Any:
    """Without null and empty members; the elements of a list keep their places, because places mean something."""
    if isinstance(value, Mapping):
        members = {key: _pruned(member) for key, member in value.items()}
        return {key: member for key, member in members.items() if member not in (None, {}, [])}
    if isinstance(value, list):
        return [_pruned(element) for element in value]
    return value


def _template_digest(template: Mapping[str, Any]) -> str:
    return _digest_of(json.dumps(template, default=dict))


@lru_cache(maxsize=1024)
def _digest_of(text: str) -> str:
    """The digest of a template's JSON; every tick asks for the same few."""
    pruned = json.dumps(canonical(json.loads(text)), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(pruned.encode()).hexdigest()[:_DIGITS]
