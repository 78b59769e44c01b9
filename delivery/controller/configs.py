"""What the ConfigMaps and Secrets of one Canary hold, as far as a decision needs it: digests, asked for once.

The caches know metadata alone. A content is asked for by one GET when its config is named by the target's template
and its resourceVersion is news; it is made into a digest and let go. So a steady tick reads nothing, and nothing of a
content stays in memory. What cannot be read holds the run and says so; it neither starts a run nor ends one.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import structlog

from delivery.cluster.errors import ClusterError, Denied, Unavailable
from delivery.cluster.indexes import CANARY_INDEX
from delivery.cluster.objects import SECRETS, Kind, Object, resource_version
from delivery.cluster.protocols import Clock
from delivery.cluster.reader import Reader
from delivery.controller.entry import Content, Entry
from delivery.workloads.configs.content import Digests, digest, is_tracked, opted_out
from delivery.workloads.configs.copies import salt_of, source_of
from delivery.workloads.configs.references import Config, references
from delivery.workloads.names import Names
from delivery.workloads.ownership import is_ours
from delivery.workloads.revision import Scope
from delivery.workloads.targets.target_kind import Template
from strategies.snapshot import Problem

log = structlog.get_logger(__name__)

READ_SECONDS = 5.0
"""How long one GET may take."""

RETRY_SECONDS = 2.0
DENIED_SECONDS = 60.0
"""How long after a GET that failed, or was not allowed, the next is tried."""

GRACE_SECONDS = 10.0
"""How long something may be unread or missing before people are told: who applies several files takes a moment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Configs:
    """The configs of one Canary at one moment.

    `digests` are of those that the target's template names and that are tracked; None when nobody can tell. That is so
    when nothing is tracked, or `problem` says why, or `pending` does: it may be known in a moment. `salts` are their
    keys. `copies` are ours, with their kinds. `named` are all that the template names, tracked or not. `again_in`:
    seconds after which to try again to read what could not be read, when no event will tell.
    """

    scope: Scope = Scope.TEMPLATE
    digests: Digests | None = None
    salts: Mapping[Config, str] = field(default_factory=dict)
    copies: tuple[tuple[Kind, Object], ...] = ()
    named: tuple[Config, ...] = ()
    problem: Problem | None = None
    pending: str = ""
    again_in: float | None = None


class Tracker:
    """Reads configs. `scope` says which kinds are tracked."""

    def __init__(self, reader: Reader, clock: Clock, scope: Scope) -> None:
        self._reader = reader
        self._clock = clock
        self._scope = scope

    async def read(self, entry: Entry, names: Names, template: Template | None) -> Configs:
        """What the configs hold that the target's template names. Raises nothing for what cannot be read."""
        wanted = references(template) if template is not None and self._scope.kinds else {}
        entry.contents = {config: each for config, each in entry.contents.items() if config in wanted}
        known = Configs(scope=self._scope, copies=tuple(self._copies(names)), named=tuple(wanted))
        if template is None or not self._scope.kinds:
            return known
        found, problem = await self._contents(entry, names, known, wanted)
        if problem is not None:
            return self._without(entry, known, problem)
        entry.unread_since = None
        return replace(
            known,
            digests={config: each.digest for config, each in found.items()},
            salts={config: each.salt for config, each in found.items()},
        )

    async def _contents(
        self, entry: Entry, names: Names, known: Configs, wanted: Mapping[Config, bool]
    ) -> tuple[dict[Config, Content], Problem | None]:
        """What the tracked ones hold, or why that is not known of the first of which it is not."""
        found: dict[Config, Content] = {}
        for config in wanted:
            if config.kind not in self._scope.kinds:
                continue
            try:
                content = await self._content(entry, config, names, known.copies)
            except ClusterError as error:
                return found, _unreadable(config, error)
            if content is None and not wanted[config]:
                return found, _missing(config, names)
            if content is not None and content.digest:
                found[config] = content
        return found, None

    def _without(self, entry: Entry, known: Configs, problem: Problem) -> Configs:
        """Not known: for a moment as if nothing had been seen, then told. What is forbidden will not pass by itself."""
        now = self._clock.monotonic()
        if entry.unread_since is None:
            entry.unread_since = now
        left = entry.unread_since + GRACE_SECONDS - now
        if left > 0 and not self._forbidden(known):
            return replace(known, pending=problem.message, again_in=RETRY_SECONDS)
        return replace(known, problem=problem, again_in=max(GRACE_SECONDS, entry.unread_until - now))

    def _forbidden(self, known: Configs) -> bool:
        return any(self._reader.denied(config.kind) for config in known.named if config.kind in self._scope.kinds)

    async def _content(
        self, entry: Entry, config: Config, names: Names, copies: Iterable[tuple[Kind, Object]]
    ) -> Content | None:
        """What is known of a config, after a GET if its version is news; None when it is surely absent."""
        ref = config.ref(names.namespace)
        if self._reader.denied(config.kind):
            raise Denied(f"list {config.kind.plural}: not allowed")
        if not self._reader.answered(config.kind):
            raise Unavailable(f"list {config.kind.plural}: not answered yet")
        seen = self._reader.get(ref)
        if seen is None and ref in entry.absent:
            return None
        salt = _copied_salt(config, copies)
        if seen is not None:
            entry.absent.pop(ref, None)
            if opted_out(seen):
                return Content()
            known = entry.contents.get(config, Content())
            if (known.version, known.salt) == (resource_version(seen), salt or _uid(config, seen)):
                return known
        return await self._fetch(entry, config, names, salt)

    async def _fetch(self, entry: Entry, config: Config, names: Names, salt: str) -> Content | None:
        """One GET, unless one has failed shortly before: a rollback must not wait for many of them."""
        ref = config.ref(names.namespace)
        if self._clock.monotonic() < entry.unread_until:
            raise ClusterError(entry.unread)
        try:
            body = await self._reader.content(ref, timeout=READ_SECONDS)
        except ClusterError as error:
            pause = DENIED_SECONDS if isinstance(error, Denied) else RETRY_SECONDS
            entry.unread_until, entry.unread = self._clock.monotonic() + pause, str(error)
            log.warning("config_unread", config=str(ref), error=str(error))
            raise
        if body is None:
            entry.absent[ref] = None
            return None
        salt = salt or _uid(config, body)
        counts = is_tracked(config.kind, body) and not opted_out(body)
        told = digest(body, canary=names.canary, salt=salt) if counts else ""
        entry.contents[config] = Content(version=resource_version(body), salt=salt, digest=told)
        return entry.contents[config]

    def _copies(self, names: Names) -> Iterable[tuple[Kind, Object]]:
        """Our copies for this Canary, the oldest of each kind first."""
        for kind in self._scope.kinds:
            found = self._reader.indexed(kind, CANARY_INDEX, f"{names.namespace}/{names.canary}")
            ours = [body for body in found if is_ours(body, names) and source_of(body, kind) is not None]
            for body in sorted(ours, key=lambda each: str(each["metadata"].get("creationTimestamp", ""))):
                yield kind, body


def _copied_salt(config: Config, copies: Iterable[tuple[Kind, Object]]) -> str:
    """The key that the digests of a config have had; "" without a copy."""
    made = (body for kind, body in copies if source_of(body, kind) == config)
    return next(filter(None, map(salt_of, made)), "")


def _uid(config: Config, body: Object) -> str:
    """The key of a Secret's first digest. ConfigMaps keep no secrets."""
    return str(body["metadata"].get("uid", "")) if config.kind == SECRETS else ""


def _missing(config: Config, names: Names) -> Problem:
    return Problem(
        reason="ConfigNotFound",
        message=f"{config.kind} {names.namespace}/{config.name} does not exist and the target's pods do not start "
        "without it; create it, correct the name in the template or make it optional there",
    )


def _unreadable(config: Config, error: ClusterError) -> Problem:
    return Problem(
        reason="ConfigUnreadable",
        message=f"{config}: {error}; let the controller get, list and watch {config.kind.plural}, or run it with a "
        "--config-tracking that leaves them out. Nothing rises meanwhile",
    )
