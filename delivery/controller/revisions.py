"""A Canary's revisions in terms of objects: which one the target is at, what one consists of, what its configs need.

Pure. A revision is a digest; what it was made of is found again where it stands: the template on the target, the
primary or in the past of the target, the contents of its configs in copies that are named by them.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from delivery.cluster.objects import Change, Kind, Object, Ref, pointer
from delivery.controller.configs import Configs
from delivery.controller.picture import Picture
from delivery.workloads.configs.content import Digests, combined, recalled
from delivery.workloads.configs.copies import (
    CONFIGS,
    collect_changes,
    copies_noted,
    copy_names,
    digest_of_name,
    for_primary,
    primary_digests,
    restored,
    source_of,
)
from delivery.workloads.configs.references import Config, references
from delivery.workloads.deployment import promoted_revision
from delivery.workloads.names import Names
from delivery.workloads.revision import UNREAD, configs_of, matches, only_configs_differ, revision, unread_revision
from delivery.workloads.targets.target_kind import Template
from strategies.decision import Wanted
from strategies.snapshot import Workload
from strategies.status import Status


@dataclass(frozen=True, slots=True)
class Resolved:
    """What a revision consists of: the target's template, and what those of its configs hold that are tracked."""

    template: Template
    configs: Digests

    @property
    def for_primary(self) -> Template:
        """The template with copies in the place of configs."""
        return for_primary(self.template, self.configs) if self.configs else self.template


@dataclass(frozen=True, slots=True, kw_only=True)
class Copying:
    """A copy to make of a config, if it still holds what the digest says."""

    config: Config
    digest: str
    salt: str
    names: Names
    epoch: int


def current(picture: Picture, seen: Workload, status: Status) -> Workload:
    """The target with its revision, spoken in the version in which the status has recorded it.

    What cannot be compared counts as unchanged: a revision recorded in a version that we do not know, and configs
    that cannot be read. Only a new template is news even then, of which it is said that its configs are unread; at
    rest, people have a moment to apply them.
    """
    if picture.target is None:
        return seen
    if picture.primary is not None and picture.workload.serves(picture.target, picture.primary):
        return replace(seen, revision=promoted_revision(picture.primary))
    template, configs = picture.workload.template_of(picture.target), picture.configs
    for recorded in _recorded(status, readable=configs.digests is not None):
        if recorded and matches(recorded, template, configs.digests, scope=configs.scope) is not False:
            return replace(seen, revision=recorded, outdated=_outdated(seen, recorded, status))
    if configs.pending and status.run is None and status.revision:
        return replace(seen, revision=status.revision)
    if configs.digests is None and (configs.problem is not None or configs.pending):
        new = unread_revision(template, scope=configs.scope)
    else:
        new = revision(template, configs.digests, scope=configs.scope)
    return replace(seen, revision=new, outdated=_outdated(seen, new, status))


def _recorded(status: Status, *, readable: bool) -> tuple[str, ...]:
    """The revisions that the status knows; the one that was seen last goes first when only templates are compared."""
    run = status.run.revision if status.run else ""
    known = (run, status.last_promoted_spec, status.last_applied_spec)
    return known if readable else (run, status.revision, *known)


def _outdated(seen: Workload, new: str, status: Status) -> bool:
    """May pods be there that began with the same template and other configs? Nobody replaces those by themselves."""
    known = (status.last_applied_spec, status.last_promoted_spec)
    resting = seen.replicas == 0 and seen.settled
    return not resting and any(only_configs_differ(each, new) for each in known)


def resolve(picture: Picture, wanted: str) -> Resolved | None:
    """What a revision consists of; None when some of it is nowhere to be found."""
    primary = restored(picture.primary) if picture.primary is not None else None
    template = picture.workload.template(wanted, target=picture.target, primary=primary, past=picture.past)
    if template is None:
        return None
    configs = _contents(picture, configs_of(wanted, scope=picture.configs.scope), template)
    return Resolved(template, configs) if configs is not None else None


def _contents(picture: Picture, of_configs: str, template: Template) -> Digests | None:
    if not of_configs:
        return {}
    if of_configs == UNREAD:
        return None
    live = picture.configs.digests or {}
    on_primary = primary_digests(picture.primary) if picture.primary is not None else {}
    for known in (live, on_primary):
        if combined(known) == of_configs:
            return known
    return recalled(of_configs, _candidates(picture.configs, references(template), live, on_primary))


def _candidates(configs: Configs, wanted: Iterable[Config], *known: Digests) -> dict[Config, list[str]]:
    """What each config held at one time or another, each content once."""
    found: dict[Config, dict[str, None]] = {config: {} for config in wanted}
    for digests in known:
        for config, each in digests.items():
            found.get(config, {})[each] = None
    for kind, body in configs.copies:
        source = source_of(body, kind)
        if source is not None and source in found:
            found[source][digest_of_name(body["metadata"]["name"])] = None
    return {config: list(each) for config, each in found.items()}


def uncopied(picture: Picture, configs: Digests) -> list[Config]:
    """The configs of which there is no copy with this content."""
    have = {(kind, body["metadata"]["name"]) for kind, body in picture.configs.copies}
    return [config for config, name in copy_names(configs).items() if (config.kind, name) not in have]


def is_copied(picture: Picture, status: Status) -> bool:
    """Has every config of the run its copy? What is analysed must be there to be promoted."""
    if status.run is None:
        return True
    resolved = resolve(picture, status.run.revision)
    return not picture.configs.pending and (resolved is None or not uncopied(picture, resolved.configs))


def copying(wanted: Wanted, picture: Picture, *, epoch: int) -> tuple[Copying, ...]:
    """The copies that the wanted revisions lack and that can be made of what the configs hold now."""
    live, configs = picture.configs.digests or {}, picture.configs
    found: dict[Config, Copying] = {}
    for each in wanted.kept:
        resolved = resolve(picture, each)
        for config in uncopied(picture, resolved.configs) if resolved is not None else ():
            digest = resolved.configs[config] if resolved is not None else ""
            if live.get(config) == digest:
                salt = configs.salts.get(config, "")
                found[config] = Copying(config=config, digest=digest, salt=salt, names=picture.names, epoch=epoch)
    return tuple(found.values())


def collecting(wanted: Wanted, picture: Picture, *, epoch: int) -> tuple[Change, ...]:
    """The deletions of copies that nobody needs any more. Raises Fenced when a later leader has written one."""
    if not wanted.collect or picture.primary is None or picture.configs.problem is not None:
        return ()
    kept = primary_digests(picture.primary)
    return tuple(collect_changes(picture.configs.copies, picture.names, kept, epoch))


def fenced_copies(wanted: Wanted, picture: Picture) -> tuple[tuple[Kind, Object], ...]:
    """The copies that must carry our fence: those that a leader which has not heard of us might delete."""
    needed: set[Ref] = set()
    for each in wanted.kept:
        resolved = resolve(picture, each)
        for config, name in copy_names(resolved.configs).items() if resolved is not None else ():
            needed.add(Ref(config.kind, picture.names.namespace, name))
    return tuple((kind, body) for kind, body in picture.configs.copies if Ref.of(kind, body) in needed)


def with_note(change: Change, primary: Object, configs: Digests) -> Change:
    """A promotion that notes on the primary which copies its template names, in the same write."""
    path = pointer("metadata", "annotations", CONFIGS)
    if configs:
        return replace(change, ops=(*change.ops, {"op": "add", "path": path, "value": copies_noted(configs)}))
    if CONFIGS in (primary["metadata"].get("annotations") or {}):
        return replace(change, ops=(*change.ops, {"op": "remove", "path": path}))
    return change
