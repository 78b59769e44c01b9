"""The copies of configs that the primary uses in place of the user's.

Each is named by its content, so it never changes: an edit of the user's config makes another copy beside it, the
primary goes from one to the other with its template, and back the same way. Nothing that serves users is edited.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from delivery.cluster.objects import SECRETS, Action, Change, Object, Ref, resource_version
from delivery.workloads.configs.content import Digests, digest
from delivery.workloads.configs.references import Config, renamed
from delivery.workloads.names import PRIMARY_SUFFIX, Names
from delivery.workloads.ownership import FENCE, annotations, check_fence, is_ours, owner_labels

SOURCE = "progressive.delivery/config"
"""On a copy: the name of the config that it was made from."""

SALT = "progressive.delivery/salt"
"""On a copy of a Secret: the key of its digest (see content). Who reads it may read the content beside it."""

CONFIGS = "progressive.delivery/configs"
"""On the primary: which copy stands for which config, as JSON."""

_NAME_MAX = 253


def copy_name(config: Config, content: str) -> str:
    """NAME-primary-DIGEST; a long name is cut, and the digest, of which the name is a part, keeps it unique."""
    ending = f"{PRIMARY_SUFFIX}-{content}"
    return config.name[: _NAME_MAX - len(ending)].rstrip("-.") + ending


def digest_of_name(name: str) -> str:
    """The digest in a copy's name."""
    return name.rpartition("-")[2]


def copy_names(digests: Digests) -> dict[Config, str]:
    """The copies that stand for configs of these contents."""
    return {config: copy_name(config, content) for config, content in digests.items()}


def source_of(copied: Object, config_kind: Any) -> Config | None:
    """Which config a copy was made from; None when it does not say so."""
    name = annotations(copied).get(SOURCE)
    return Config(config_kind, str(name)) if name else None


def salt_of(copied: Object) -> str:
    """The key under which a copy's source is digested; "" when it has none."""
    return str(annotations(copied).get(SALT, ""))


def copy_change(config: Config, body: Object, names: Names, *, salt: str, epoch: int) -> Change:
    """The creation of a copy of `body`, the whole config as it is now."""
    noted = {SOURCE: config.name, FENCE: str(epoch), **({SALT: salt} if config.kind == SECRETS else {})}
    name = copy_name(config, digest(body, canary=names.canary, salt=salt))
    content = {field: body[field] for field in ("data", "binaryData", "type", "immutable") if field in body}
    metadata = {
        "name": name,
        "namespace": names.namespace,
        "labels": owner_labels(names),
        "annotations": noted,
    }
    whole = {"apiVersion": config.kind.api_version, "kind": config.kind.kind, "metadata": metadata, **content}
    return Change(
        ref=Ref(config.kind, names.namespace, name), action=Action.CREATE, body=whole, why=f"keep what {config} holds"
    )


def collect_changes(copies: Iterable[tuple[Any, Object]], names: Names, kept: Digests, epoch: int) -> list[Change]:
    """The deletions of our copies that are not kept, each on the version that was seen. Raises Fenced."""
    needed = {(config.kind, name) for config, name in copy_names(kept).items()}
    found = []
    for kind, body in copies:
        ref = Ref.of(kind, body)
        if not is_ours(body, names) or (kind, ref.name) in needed:
            continue
        check_fence(ref, body, epoch)
        version = resource_version(body)
        found.append(Change(ref=ref, action=Action.DELETE, version=version, why="no revision in use needs it"))
    return found


def for_primary(template: Mapping[str, Any], digests: Digests) -> dict[str, Any]:
    """A target's template as the primary runs it: with copies in the place of configs."""
    return renamed(template, copy_names(digests))


def copies_noted(digests: Digests) -> str:
    """What stands on the primary beside such a template."""
    rows = {str(config): name for config, name in copy_names(digests).items()}
    return json.dumps(rows, sort_keys=True, separators=(",", ":"))


def primary_digests(primary: Object) -> dict[Config, str]:
    """What the configs of the primary's template hold, as noted on it; empty without a note that can be read."""
    return {config: digest_of_name(name) for config, name in _noted(primary).items()}


def restored(primary: Object) -> Object:
    """The primary with the user's own names of configs in its template."""
    back = {Config(config.kind, name): config.name for config, name in _noted(primary).items()}
    if not back:
        return primary
    return {**primary, "spec": {**primary["spec"], "template": renamed(primary["spec"]["template"], back)}}


def _noted(primary: Object) -> dict[Config, str]:
    try:
        rows = json.loads(annotations(primary).get(CONFIGS) or "{}")
    except ValueError:
        return {}
    if not isinstance(rows, dict):
        return {}
    parsed = {Config.parse(str(key)): name for key, name in rows.items() if isinstance(name, str)}
    return {config: name for config, name in parsed.items() if config is not None}
