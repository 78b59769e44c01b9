"""Waits for the outcome of a revision by watching its Canary.

The revision is the target's as it is read at the beginning: its template's part of it, since what its ConfigMaps and
Secrets hold is not everybody's to read. When the target gets another template before its run, the wait is over: what
was waited for will not come.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import click

from delivery.api.status import load
from delivery.cli.looking import KINDS, readable
from delivery.cli.reaching import Cluster, ReachError, UnreachableError
from delivery.cluster.objects import CANARIES, Object
from delivery.terminal.figures import printable
from delivery.terminal.outcome import OPEN, Fate, IsIt, Standing, standing
from delivery.workloads.revision import matches, revision


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is waited for: a revision ("" for the target's), its outcome, and with `finished` that all is at rest."""

    name: str
    revision: str = ""
    finished: bool = False
    waits: bool = True
    quiet: bool = False


async def wait(cluster: Cluster, wish: Wish, *, timeout: float | None) -> Standing:
    """How it stands in the end, or after `timeout` seconds, or at once if nobody waits."""
    canary = await cluster.canary(wish.name)
    waiting = Waiting(cluster, wish, canary, await _template(cluster, canary, wish))
    if wish.waits and not waiting.done:
        try:
            async with asyncio.timeout(timeout):
                await waiting.until_done()
        except TimeoutError:
            pass
    return waiting.now


def sentence(found: Standing) -> str:
    """How it stands, in one line."""
    what = f"{found.namespace}/{found.name} {found.revision}".rstrip()
    step = f", step {found.step}, wanted {found.wanted} %" if found.outcome is Fate.RUNNING and found.step else ""
    why = f": {found.reason}" + (f": {found.message}" if found.message else "") if found.reason else ""
    if found.outcome is Fate.NOT_SEEN:
        return printable(
            f"{what}: the controller has not begun with the target's version yet (phase {found.phase}{why})"
        )
    return printable(f"{what}: {found.outcome.value}{step}{why}")


def is_done(found: Standing, *, finished: bool) -> bool:
    """Is there nothing more to wait for? What was replaced or deleted never comes to rest."""
    over = (Fate.SUPERSEDED, Fate.DELETED)
    return found.outcome not in OPEN and (not finished or found.rest or found.outcome in over)


class Waiting:
    """One revision, and how it stands as seen last. Raises ReachError for a status that cannot be read."""

    def __init__(self, cluster: Cluster, wish: Wish, canary: Object, template: Object | None) -> None:
        self._cluster, self._wish, self._canary = cluster, wish, canary
        self._template = template
        self._is_it = _is_it(wish, template)
        with readable(wish.name):
            self._known = frozenset(past.id for past in load(canary.get("status")).history)
        self.now = self._look(canary)

    @property
    def done(self) -> bool:
        """Is there nothing more to wait for?"""
        return is_done(self.now, finished=self._wish.finished)

    async def until_done(self) -> None:
        """Watch until there is nothing more to wait for."""
        said = ""
        async for event in self._cluster.watch(CANARIES, namespace=self.now.namespace):
            if event.object["metadata"]["name"] != self._wish.name:
                continue
            before, self._canary = self.now, event.object
            if event.type == "DELETED":
                self.now = replace(before, outcome=Fate.DELETED)
                return
            self.now = await self._superseded(self._look(event.object))
            text = sentence(self.now)
            if text != said and not self._wish.quiet:
                click.echo(text, err=True)
            said = text
            if self.done:
                return

    def _look(self, canary: Object) -> Standing:
        meta = canary["metadata"]
        with readable(self._wish.name):
            status = load(canary.get("status"))
        return standing(status, self._is_it, known=self._known, namespace=meta["namespace"], name=meta["name"])

    async def _superseded(self, found: Standing) -> Standing:
        """Has the target another version by now, before its run began?"""
        if found.outcome is not Fate.NOT_SEEN or self._template is None:
            return found
        try:
            template = await _template(self._cluster, self._canary, replace(self._wish, revision=""))
        except UnreachableError:
            return found
        if template is None or revision(template) == revision(self._template):
            return found
        return replace(found, outcome=Fate.SUPERSEDED, reason="NewerRevision", message="the target has another version")


def _is_it(wish: Wish, template: Object | None) -> IsIt:
    if wish.revision:
        return _called(wish.revision)
    return lambda recorded: template is not None and matches(recorded, template) is True


def _called(name: str) -> Callable[[str], bool]:
    return lambda recorded: recorded.startswith(name)


async def _template(cluster: Cluster, canary: Object, wish: Wish) -> Object | None:
    """The target's pod template; None of a named revision's."""
    if wish.revision:
        return None
    spec: Any = canary.get("spec") or {}
    target = spec.get("targetRef") or {}
    kind = KINDS.get(str(target.get("kind", "")))
    if kind is None or kind.kind == "Service":
        raise ReachError(f"a {target.get('kind')} has no template to tell its version by; give --revision")
    body = await cluster.get(kind, str(target.get("name", "")), namespace=canary["metadata"]["namespace"])
    template: Object = body["spec"]["template"]
    return template
