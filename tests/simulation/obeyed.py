"""What commands do, looked at in every write of a status: an effect stands in the write of its answer and nowhere else.

An effect without an accepted command is one too many, an accepted command without its effect one too few. So whatever
dies or fails around a command, it was carried out once or not at all.
"""

from dataclasses import dataclass

from delivery.api.commands import command_of
from delivery.cluster.memory.watching import Happened
from strategies.commands import BOUND, Verb, subject
from strategies.status import Phase, Skip, Status
from tests.simulation.invariants import CANARY, BrokenPromise, Invariants, status_of
from tests.simulation.simulation import Simulation

ENDS = {Verb.ABORT: "Aborted", Verb.RESTART: "RestartedByHand"}
"""The reasons that a run's end has by a command, and by nothing else."""


@dataclass(frozen=True, slots=True)
class Written:
    """One write of a status by a controller; `verb` is that of the command that it answers as accepted."""

    before: Status
    after: Status
    verb: Verb | None

    @property
    def ended(self) -> list[str]:
        """Why runs ended in it."""
        known = {(past.id, past.ended) for past in self.before.history}
        return [past.reason for past in self.after.history if (past.id, past.ended) not in known]

    @property
    def same_run(self) -> bool:
        """Is a run open that was open before?"""
        return self.before.run is not None and self.after.run is not None and self.before.run.id == self.after.run.id

    @property
    def skips(self) -> bool:
        """Is something of the analysis left out from now on?"""
        if not self.same_run or self.before.run is None or self.after.run is None:
            return False
        more = {Skip.NONE: 0, Skip.STEP: 1, Skip.REST: 2}
        return more[self.after.run.skip] > more[self.before.run.skip] or (
            self.after.run.hurried and not self.before.run.hurried
        )

    @property
    def refused_revision(self) -> bool:
        """Is a revision that waited given up by a person's word?"""
        given_up = (self.after.phase, self.after.reason, self.before.phase) == (Phase.FAILED, "Aborted", Phase.WAITING)
        return given_up and self.before.run is None

    @property
    def denied_at_once(self) -> bool:
        """Did somebody's word on a gate, given before, end in this write what the command began?"""
        told = {note.reason for note in self.after.outbox if note.at == self.after.command.at}
        return self.after.reason == "GateDenied" and {"CommandAccepted", "Refused"} <= told

    @property
    def tries_again(self) -> bool:
        """Does a revision that has failed start once more?"""
        before, after = self.before, self.after
        failed = before.phase is Phase.FAILED and before.run is None and before.last_applied_spec
        return bool(failed) and after.run is not None and after.run.revision == before.last_applied_spec


class Obeyed:
    """Watches what becomes of commands."""

    def __init__(self, sim: Simulation) -> None:
        self._promises: Invariants = sim.promises
        sim.store.observers.append(self._observe)

    def _observe(self, event: Happened) -> None:
        if event.ref != CANARY or event.previous is None or event.type == "DELETED" or not self._promises.writer:
            return
        before, after = status_of(event.previous), status_of(event.object)
        if before == after or not event.previous.get("status"):
            return
        done = Written(before, after, self._accepted(event, before, after))
        self._no_effect_without(done)
        self._no_word_without(done)

    def _accepted(self, event: Happened, before: Status, after: Status) -> Verb | None:
        """The verb of the command that was answered in this write, if it was accepted."""
        answer = after.command
        if answer is None or (before.command is not None and before.command.knows(answer.id)):
            return None
        command = command_of(event.previous or {})
        self._expect(command is not None and command.id == answer.id, f"{answer.id} is answered and was not given")
        if command is None or not answer.accepted or command.verb is None:
            return None
        about = command.verb not in BOUND or command.of == subject(before)
        self._expect(about, f"{command} was carried out on {subject(before)}")
        return command.verb

    def _no_effect_without(self, done: Written) -> None:
        before, after, verb = done.before, done.after, done.verb
        for cause, reason in ENDS.items():
            self._expect(reason not in done.ended or verb is cause, f"{reason} without a command")
        self._expect(not done.refused_revision or verb is Verb.ABORT, "a revision was given up without a command")
        self._expect(not done.skips or verb is Verb.PROMOTE, "something is left out without a command")
        paused = before.paused is None and after.paused is not None
        resumed = before.paused is not None and after.paused is None
        self._expect(not paused or verb is Verb.PAUSE, "paused without a command")
        self._expect(not resumed or verb is Verb.RESUME, "resumed without a command")
        self._expect(not done.tries_again or verb is Verb.RETRY, f"{after.last_applied_spec} is tried again by itself")

    def _no_word_without(self, done: Written) -> None:
        """What was accepted is done in the same write."""
        before, after = done.before, done.after
        match done.verb:
            case Verb.ABORT:
                self._expect(ENDS[Verb.ABORT] in done.ended or done.refused_revision, "an abort ended nothing")
            case Verb.RESTART:
                self._expect(ENDS[Verb.RESTART] in done.ended, "a restart ended nothing")
            case Verb.PROMOTE:
                hurried = done.same_run and after.run is not None and after.run.hurried
                self._expect(hurried or bool(done.ended), "a promotion by hand left nothing out")
            case Verb.PAUSE:
                self._expect(after.paused is not None, "a pause paused nothing")
            case Verb.RESUME:
                held = after.run is not None and after.run.override is not None and before.run is not None
                known = before.run.override if before.run is not None else None
                again = held and after.run is not None and after.run.override != known
                self._expect(after.paused is None and (not held or again), "a resumption resumed nothing")
            case Verb.RETRY:
                begun = after.run is not None or after.phase is Phase.WAITING or not after.last_applied_spec
                self._expect(begun or done.denied_at_once, "a retry retried nothing")

    def _expect(self, holds: bool, promise: str) -> None:
        if not holds:
            self._promises.tell(f"BROKEN {promise}")
            raise BrokenPromise(promise)
