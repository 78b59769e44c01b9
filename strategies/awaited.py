"""What a Canary waits for, read off its recorded status: for who answers people, and for who shows them."""

from strategies.gates import Point, ticket
from strategies.status import Status, Waiting

NAMED = "approval/"
"""What the names of gates that people open begin with, in `status.waiting`."""


def waiting_for(status: Status) -> tuple[str, str]:
    """What a word must name now: the run or the ticket of a revision that waits for one, and the revision; or ""."""
    if status.run is not None:
        return status.run.id, status.run.revision
    waiting = status.waiting
    if waiting is None:
        return "", ""
    point = Point(kinds=(waiting.before,), of=waiting.of, step=waiting.step, since=waiting.since)
    return ticket(point), waiting.of


def is_named(waiting: Waiting, gate: str) -> bool:
    """Is the gate among those that are closed? Of many, the status names the first and counts the others."""
    return f"{NAMED}{gate}" in waiting.gates or any(each.startswith("and ") for each in waiting.gates)
