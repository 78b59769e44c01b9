"""The end of every decision: delivered notes are struck, the status is cut to its size, and nothing is left over."""

from dataclasses import replace

from strategies.decision import Decision
from strategies.rollout.budget import fit
from strategies.rollout.turn import Turn
from strategies.status import Stage, Status

STRIKE_AFTER_SECONDS = 60.0
"""Delivered notes that no other write took along are struck by a write of their own after so long."""


def _strike(turn: Turn, *, before: Status) -> None:
    """Take delivered notes out of the outbox, together with another change or when they have become old.

    While a run goes on, its next step takes them along: telling somebody costs no second write.
    """
    delivered = [note for note in turn.status.outbox if note.id in turn.seen.delivered]
    if not delivered:
        return
    changed = turn.status != before
    resting = turn.status.run is None and turn.status.stage is Stage.NONE
    old = [note for note in delivered if resting and turn.reached(note.at, STRIKE_AFTER_SECONDS)]
    if changed or old:
        kept = tuple(note for note in turn.status.outbox if note not in delivered)
        turn.status = replace(turn.status, outbox=kept)


def closed(turn: Turn, *, before: Status) -> Decision:
    """What was decided. A status that equals the one `before` asks for no write."""
    _strike(turn, before=before)
    if turn.status != before:
        turn.status = fit(turn.status)
    wake = min(turn.wakes, default=None)
    return Decision(status=turn.status, wake_at=wake, questions=frozenset(turn.questions))
