"""What holds a Canary that is neither a check nor a pod: gates, people, Freezes and the clock, read at one moment."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from delivery.terminal.approvals import approvals
from delivery.terminal.freezes import freezes, frozen_until
from delivery.terminal.hours import WINDOW, window
from delivery.terminal.screen import ApprovalLine, FreezeLine, GateLine, WindowLine
from delivery.terminal.seen import Seen
from delivery.terminal.sentences import FREEZE
from strategies.status import Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """Everything that holds a Canary, or may. `gates` are those that are closed; `running`: a run is open."""

    gates: tuple[GateLine, ...] = ()
    approvals: tuple[ApprovalLine, ...] = ()
    freezes: tuple[FreezeLine, ...] = ()
    window: WindowLine | None = None
    paused: bool = False
    running: bool = False

    @property
    def ends(self) -> dict[str, datetime]:
        """When the gates that open by the clock do so, by the names that they have in the status."""
        until = frozen_until(self.freezes)
        found = {FREEZE: until} if until is not None else {}
        if self.window is not None and not self.window.open and self.window.until is not None:
            found[WINDOW] = self.window.until
        return found

    @property
    def stops(self) -> tuple[str, ...]:
        """Which of them keep an open run from its next increase and its promotion."""
        stopping = self.window is not None and self.window.stops_runs
        return tuple(each for each in self.ends if each != WINDOW or stopping)

    def names(self, *, spec_paused: bool) -> tuple[str, ...]:
        """What holds a run or a revision that waits, or in a freeze whatever comes, in few words."""
        found = [FREEZE] if self.freezes else []
        found += ["pause"] if self.paused or spec_paused else []
        stopped = self.window is not None and self.window.stops_runs and self.running
        found += [WINDOW] if stopped else []
        return tuple(dict.fromkeys((*found, *(each.name.rpartition("/")[2] for each in self.gates))))


def holding(seen: Seen, status: Status, now: datetime) -> Holding:
    """What holds it at this moment."""
    gates = tuple(_gates(status))
    return Holding(
        gates=gates,
        approvals=approvals(seen.canary, status, gates, now),
        freezes=freezes(seen, status, now),
        window=window(seen, status),
        paused=status.paused is not None,
        running=status.run is not None,
    )


def _gates(status: Status) -> Iterator[GateLine]:
    waiting = status.waiting
    if waiting is None:
        return
    said = _said(waiting.message, waiting.gates)
    for name in waiting.gates:
        message = said.get(name, waiting.message if len(waiting.gates) == 1 else "")
        yield GateLine(name=name, before=waiting.before.value, since=waiting.since, message=message)


def _said(message: str, names: tuple[str, ...]) -> dict[str, str]:
    """What is said of each gate: the names part the message, not the signs in what is said."""
    if not names:
        return {}
    parts = re.split(rf"(?:^|; )({'|'.join(map(re.escape, names))}): ", message)
    return dict(zip(parts[1::2], parts[2::2], strict=True))
