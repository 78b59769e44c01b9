"""Keeps the status small, whatever has gone wrong at once.

A status travels with every watch event of its Canary and is written in the middle of a rescue, so its size is bounded.
When it is too large, what people can do without goes first: how values went, news that nobody could be told, then
details, then old runs. Only what is carried from one status to the next is given up before what is said anew in every
decision, so that a status that was cut once comes to rest.
"""

from collections.abc import Callable
from dataclasses import replace
from math import ceil

from metrics.verdict import Evidence
from strategies.rollout.size import size
from strategies.rollout.turn import brief
from strategies.status import Check, Status

MAX_BYTES = 4000
"""Of JSON; a little under the 4 KB that are promised, because whoever writes it may add a field or two."""
_ROOMY = 3700
"""Above so many bytes runs of long ago go whose people opened gates: those are many short members, and a program that
writes blanks between members makes the most of them."""
_NOTES = 2
_DETAIL = 40
_CONDITION = 80


def fit(status: Status) -> Status:
    """The status, cut until it fits."""
    while len(status.history) > 1 and status.history[0].gates and size(status) > _ROOMY:
        status = _fewer_runs(status)
    for cut in _CUTS:
        while True:
            if size(status) <= MAX_BYTES:
                return status
            if (smaller := cut(status)) == status:
                break
            status = smaller
    return status


def _fewer_notes(status: Status) -> Status:
    """Without the oldest note that is no warning, or the oldest; the newest few stay."""
    notes = list(status.outbox)
    if len(notes) <= _NOTES:
        return status
    notes.pop(next((index for index, each in enumerate(notes[:-_NOTES]) if not each.warning), 0))
    return replace(status, outbox=tuple(notes))


def _no_trend(status: Status) -> Status:
    """Values of the windows before the last are nice to see, and no more."""
    return replace(status, checks=tuple(replace(each, recent=()) for each in status.checks))


def _less_detail(status: Status) -> Status:
    """What the message of a check says, its evidence says in numbers."""
    checks = (
        replace(each, message=brief(each.message, _DETAIL), evidence=_bare(each.evidence)) for each in status.checks
    )
    return replace(status, checks=tuple(checks))


def _bare(evidence: Evidence | None) -> Evidence | None:
    return replace(evidence, changed_by="") if evidence is not None else None


def _counted(check: Check) -> Evidence | None:
    """That there were requests, too few to tell, must stay: it decides what becomes of the check."""
    if check.evidence is None or not check.undecided:
        return None
    return Evidence(canary_requests=check.evidence.canary_requests, canary_bad=check.evidence.canary_bad)


def _fewer_runs(status: Status) -> Status:
    """Without the oldest run; the last one stays, it holds the floor until it has drained."""
    return replace(status, history=status.history[1:]) if len(status.history) > 1 else status


def _no_runs(status: Status) -> Status:
    """Beside an open run, which has a floor of its own, none of the old ones is needed."""
    return replace(status, history=()) if status.run is not None else status


def _no_notes(status: Status) -> Status:
    return replace(status, outbox=status.outbox[1:])


def _shorter_commands(status: Status) -> Status:
    """That a command was answered must stay, and who has paused the Canary."""
    if (command := status.command) is not None:
        status = replace(status, command=replace(command, message=brief(command.message, _DETAIL), earlier=()))
    if (paused := status.paused) is not None:
        status = replace(status, paused=replace(paused, reason=brief(paused.reason, _DETAIL)))
    return status


def _no_posts(status: Status) -> Status:
    """Without them a run gets a second message, instead of the first one edited."""
    return replace(status, posted=())


def _shorter_wait(status: Status) -> Status:
    """What opens a gate is what people want to read, so little else is left by now."""
    if status.waiting is None:
        return status
    return replace(status, waiting=replace(status.waiting, message=brief(status.waiting.message, _DETAIL)))


def _shorter_words(status: Status) -> Status:
    """Of what people said of gates that it was said, and by whom in short; the Events had it in full."""
    gates = (replace(each, reason="", by=brief(each.by, _DETAIL)) for each in status.gates)
    return replace(status, gates=tuple(gates))


def _bare_words(status: Status) -> Status:
    """Which gates are open must stay, for steps to come; who opened them stands in the Events."""
    run, gates = status.run, status.gates
    if run is not None:
        gates = tuple(each for each in gates if each.is_of(run.id) and (each.step is None or each.step > run.step + 1))
        gates = tuple(replace(each, of="") for each in gates)
    return replace(status, gates=tuple(replace(each, reason="", by="", approval="", at=None) for each in gates))


def _no_generations(status: Status) -> Status:
    """The generation that the status has observed says it for all conditions."""
    return replace(status, conditions=tuple(replace(each, observed_generation=0) for each in status.conditions))


def _no_sentences(status: Status) -> Status:
    """The reason in one word is left, and what the conditions say."""
    waiting = status.waiting
    if waiting is not None:
        waiting = replace(waiting, message="")
    command = replace(status.command, message="", by="") if status.command is not None else None
    return replace(status, message="", waiting=waiting, command=command)


def _shorter_conditions(status: Status) -> Status:
    conditions = (replace(each, message=brief(each.message, _CONDITION)) for each in status.conditions)
    return replace(status, conditions=tuple(conditions))


def _fewer_checks(status: Status) -> Status:
    """Late, the words of the checks; what they have counted and learned is needed."""
    checks = (replace(each, message="", limit="", value=None, evidence=_counted(each)) for each in status.checks)
    return replace(status, message=brief(status.message, _CONDITION), checks=tuple(checks))


def _bare_conditions(status: Status) -> Status:
    """Last of all: reasons say what is the matter, and each was told in full when it came up."""
    conditions = (replace(each, message="") for each in status.conditions)
    return replace(status, conditions=tuple(conditions))


def _bare_counts(status: Status) -> Status:
    """Who has paused it is left, and that there were requests, in whole numbers."""
    paused = replace(status.paused, reason="") if status.paused is not None else None
    checks = (replace(each, evidence=_whole(each.evidence)) for each in status.checks)
    return replace(status, paused=paused, checks=tuple(checks))


def _whole(evidence: Evidence | None) -> Evidence | None:
    """A part of a request is still one: without any, nothing would have been measured."""
    if evidence is None:
        return None
    return Evidence(canary_requests=ceil(evidence.canary_requests), canary_bad=round(evidence.canary_bad))


_CUTS: tuple[Callable[[Status], Status], ...] = (
    _no_trend,
    _fewer_notes,
    _less_detail,
    _shorter_commands,
    _fewer_runs,
    _no_notes,
    _no_posts,
    _fewer_checks,
    _no_runs,
    _shorter_words,
    _shorter_conditions,
    _shorter_wait,
    _bare_words,
    _bare_conditions,
    _no_sentences,
    _no_generations,
    _bare_counts,
)
