"""Reads what holds Canaries besides their own status: Freezes, and the rollout windows by the clock.

Neither is needed to show the rest. Who may not list Freezes is told so, and sees what the Canary's condition says.
"""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import click

from delivery.cli.reaching import Cluster, DeniedError, MissingError
from delivery.cluster.objects import FREEZES, Object

if TYPE_CHECKING:
    from delivery.terminal.seen import Hours

HOME = "progressive-delivery"


@dataclass(frozen=True, slots=True)
class Freezes:
    """Those that could be read; `notes` say why others could not."""

    bodies: tuple[Object, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def known(self) -> bool:
        """Could all be read?"""
        return not self.notes


def in_home(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the option --controller-namespace, as its argument `controller_namespace`."""
    return click.option(
        "--controller-namespace",
        default=HOME,
        show_default=True,
        envvar="DELIVERY_LEASE_NAMESPACE",
        help="Namespace of the controller, where a Freeze is for all Canaries.",
    )(command)


async def freezes(cluster: Cluster, *places: str | None) -> Freezes:
    """The Freezes of these namespaces (None: of all)."""
    read = await asyncio.gather(*(_of(cluster, place) for place in dict.fromkeys(places)))
    bodies = tuple(body for each in read for body in each.bodies)
    return Freezes(bodies=bodies, notes=tuple(note for each in read for note in each.notes))


async def _of(cluster: Cluster, place: str | None) -> Freezes:
    try:
        return Freezes(bodies=tuple(await cluster.list(FREEZES, namespace=place)))
    except (DeniedError, MissingError) as error:
        return Freezes(notes=(f"whether a Freeze holds rollouts is not known: {error.message}",))


def hours(canary: Object, now: datetime) -> "Hours | None":
    """The Canary's rollout window at this moment; None without one, or with rules that the controller refuses."""
    rules = (canary.get("spec") or {}).get("rolloutWindows")
    return _hours(json.dumps(rules), now) if rules else None


@lru_cache(maxsize=256)
def _hours(rules: str, now: datetime) -> "Hours | None":
    """Many Canaries of a list have the same rules."""
    from delivery.api.windows import RolloutWindows
    from delivery.gates.calendar import Calendar, closers
    from delivery.terminal.seen import Hours, Rule

    try:
        windows = RolloutWindows.model_validate_json(rules)
    except ValueError:
        return None
    denies = frozenset(map(id, windows.deny))
    closed_by = tuple(
        Rule(cron=each.cron, seconds=each.duration_seconds, denies=id(each) in denies) for each in closers(windows, now)
    )
    return Hours(window=Calendar.of(windows).at(now), closed_by=closed_by)
