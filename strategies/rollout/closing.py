"""The end of every decision: delivered notes are struck, the status is cut to its size, and nothing is left over."""

from strategies.decision import Decision
from strategies.rollout.budget import fit
from strategies.rollout.turn import Turn
from strategies.status import Posted, Stage, Status

STRIKE_AFTER_SECONDS = 60.0
"""Delivered notes that no other write took along are struck by a write of their own after so long."""

MOST_POSTED = 4
"""Messages that the status remembers."""


def _strike(turn: Turn, *, before: Status) -> None:
    """Take delivered notes out of the outbox, together with another change or when they have become old.

    While a run goes on, its next step takes them along: telling somebody costs no second write. So it is with what was
    posted, which is remembered until another run has begun.
    """
    delivered = [note for note in turn.status.outbox if note.id in turn.seen.delivered]
    if not delivered and not turn.seen.posted:
        return
    changed = turn.status is not before and turn.status != before
    resting = turn.status.run is None and turn.status.stage is Stage.NONE
    old = [note for note in delivered if resting and turn.reached(note.at, STRIKE_AFTER_SECONDS)]
    if changed or old:
        kept = tuple(note for note in turn.status.outbox if note not in delivered)
        turn.set(outbox=kept, posted=_posted(turn))


def _posted(turn: Turn) -> tuple[Posted, ...]:
    """What the run that goes on, or else the last one, has had posted."""
    run, history = turn.status.run, turn.status.history
    known = run.id if run is not None else history[-1].id if history else ""
    every = {(each.to, each.run): each for each in (*turn.status.posted, *turn.seen.posted) if each.run == known}
    return tuple(every.values())[-MOST_POSTED:]


def closed(turn: Turn, *, before: Status) -> Decision:
    """What was decided. A status that equals the one `before` asks for no write."""
    _strike(turn, before=before)
    if turn.status is not before and turn.status != before:
        turn.status = fit(turn.status)
    wake = min(turn.wakes, default=None)
    return Decision(status=turn.status, wake_at=wake, questions=frozenset(turn.questions))
