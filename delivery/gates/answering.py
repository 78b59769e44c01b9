"""Answers to people, written into the status of their Approvals, and what becomes of old ones.

An answer follows from the recorded status alone, so that it is the same whoever gives it, before a crash or after it.
What was said stays in the history of the run; an Approval is kept as long as that run is, and then deleted.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from delivery.cluster.objects import APPROVALS, Action, Change, Ref, resource_version
from delivery.gates.people import Word
from strategies.awaited import waiting_for
from strategies.rollout.answering import Answer, answer
from strategies.spec import RolloutSpec
from strategies.status import Status

KEPT = timedelta(hours=1)
"""How long an Approval of which the history says nothing is left, for its author to read the answer."""

MOST = 16
"""So many are written at a time: the loop has other things to do."""


def answers(words: Sequence[Word], spec: RolloutSpec, status: Status, now: datetime) -> tuple[Change, ...]:
    """The answers that are due by a recorded status, and the deletion of what nobody needs any more."""
    changes = (_answered(each, spec, status, now) or _collected(each, status, now) for each in words)
    return tuple(change for change in changes if change is not None)[:MOST]


def _answered(word: Word, spec: RolloutSpec, status: Status, now: datetime) -> Change | None:
    if word.answered is not None:
        return None
    found = Answer(False, word.says) if isinstance(word.says, str) else answer(spec, status, word.says)
    if found is None:
        return None
    said = {
        "state": "Accepted" if found.accepted else "Stale",
        "message": found.message,
        "answered": now.isoformat().replace("+00:00", "Z"),
    }
    test = {"op": "test", "path": "/metadata/resourceVersion", "value": resource_version(word.body)}
    op = {"op": "add", "path": "/status", "value": said}
    ref = Ref.of(APPROVALS, word.body)
    return Change(ref=ref, tests=(test,), ops=(op,), subresource="status", why=said["state"])


def _collected(word: Word, status: Status, now: datetime) -> Change | None:
    """It is deleted when the history has forgotten its run."""
    if word.answered is None or now - word.answered < KEPT or "deletionTimestamp" in word.body["metadata"]:
        return None
    known = {waiting_for(status)[0], *(past.id for past in status.history)}
    known |= {each.of for past in status.history for each in past.gates} | {each.of for each in status.gates}
    if not isinstance(word.says, str) and word.says.run in known:
        return None
    version = resource_version(word.body)
    return Change(ref=Ref.of(APPROVALS, word.body), action=Action.DELETE, version=version, why="its run is forgotten")
