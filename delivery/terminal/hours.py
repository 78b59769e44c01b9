"""The rollout window for people: what keeps it closed, when it opens, and what that means for this Canary now."""

from typing import Any

from delivery.terminal.screen import RuleLine, WindowLine
from delivery.terminal.seen import Seen
from strategies.permits import IGNORE_WINDOWS
from strategies.status import Phase, Status

WINDOW = "window"
"""The name of this gate in `status.waiting`."""


def window(seen: Seen, status: Status) -> WindowLine | None:
    """The Canary's rollout window; None if it has none, or if nobody can read its rules."""
    hours, rules = seen.hours, (seen.canary.get("spec") or {}).get("rolloutWindows")
    if hours is None or not isinstance(rules, dict):
        return None
    applies, closing = str(rules.get("appliesTo") or "start"), str(rules.get("onClose") or "proceed")
    waiting, run = status.waiting, status.run
    revision = run.revision if run is not None else status.revision
    ignored = _is_ignored(seen, status, revision)
    effect = _effect(run=run is not None, is_open=hours.window.open, applies=applies, closing=closing)
    return WindowLine(
        open=hours.window.open,
        until=hours.window.until,
        certain=hours.window.certain,
        closed_by=tuple(RuleLine(cron=each.cron, seconds=each.seconds, denies=each.denies) for each in hours.closed_by),
        time_zone=str(rules.get("timeZone") or "UTC"),
        applies_to=applies,
        on_close=closing,
        effect=f"revision {revision} may go out at any time ({IGNORE_WINDOWS})" if ignored else effect,
        holds=waiting is not None and WINDOW in waiting.gates,
        stops_runs=not hours.window.open and not ignored and (applies == "increase" or closing == "hold"),
    )


def _is_ignored(seen: Seen, status: Status, revision: str) -> bool:
    """Has somebody let this one revision out at any time?"""
    said: Any = (seen.canary["metadata"].get("annotations") or {}).get(IGNORE_WINDOWS)
    return bool(said) and said == revision and (status.run is not None or status.phase is Phase.WAITING)


def _effect(*, run: bool, is_open: bool, applies: str, closing: str) -> str:
    """What the rules mean for a run now, or for a revision that comes."""
    if not run and not is_open:
        return "a new revision waits until it opens"
    when, told = "now" if not is_open else "when it closes", f"onClose: {closing}"
    if closing == "rollback":
        return f"{when} the run is rolled back and begins anew when it opens ({told})"
    if closing == "hold" or applies == "increase":
        why = told if closing == "hold" else f"appliesTo: {applies}"
        return f"{when} the run keeps its weight: increases and the promotion wait until it opens ({why})"
    return f"{when} the run goes on to its end ({told})"
