"""What people hold back is held: looked at in every write of a status in which a run begins, rises or is promoted.

A pause stands on the object that is written, so it counts at once. Of freezes and windows a controller may hear late,
or its write may be under way: they count when they have held for longer than that can take.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from delivery.cluster.memory.watching import Happened
from delivery.cluster.objects import CANARIES, FREEZES
from strategies.gates import GateRecord, Word, attempt
from strategies.rollout.calendars import IGNORE_WINDOWS
from strategies.status import Phase, Run, Status
from tests.simulation import bookinfo
from tests.simulation.invariants import BrokenPromise, status_of
from tests.simulation.simulation import Simulation

LATE_SECONDS = 61.0
"""A process that is stopped between its decision and its write goes on after a minute at the latest."""

JUDGED = (Phase.PROGRESSING, Phase.WAITING_PROMOTION)


class Move:
    """What a write of a status does: does a run begin, does it get more requests, is it promoted?"""

    def __init__(self, before: Status, after: Status) -> None:
        ran, runs = before.run, after.run
        self.run: Run | None = runs
        watched = runs is not None and after.phase in JUDGED and not runs.healing
        same = ran is not None and runs is not None and ran.id == runs.id
        self.begins = watched and not same
        self.replaces = self.begins and ran is not None
        self.steps = watched and same and ran is not None and runs is not None and runs.step > ran.step
        more = same and ran is not None and runs is not None and runs.mirror > ran.mirror
        self.raises = self.steps and (after.canary_weight > before.canary_weight or more)
        promoting = after.phase is Phase.PROMOTING and before.phase in JUDGED
        self.promotes = promoting and same and runs is not None and not runs.healing
        at, _, steps = after.step.partition("/")
        self.leaves_out = self.promotes and at != steps

    def __bool__(self) -> bool:
        return self.begins or self.steps or self.promotes


class Held:
    """Watches it. `window_is_open` says whether the Canary's rollout window is open at a moment."""

    def __init__(self, sim: Simulation, window_is_open: Callable[[datetime], bool] = lambda _: True) -> None:
        self._sim, self._window_is_open = sim, window_is_open
        self._frozen: dict[str, tuple[datetime, datetime]] = {}
        sim.store.observers.append(self._observe)

    def _observe(self, event: Happened) -> None:
        if event.ref.kind == FREEZES and event.ref.namespace == bookinfo.NAMESPACE:
            self._note_freeze(event)
        if event.ref.kind != CANARIES or event.previous is None or event.type == "DELETED":
            return
        before, after = status_of(event.previous), status_of(event.object)
        if not self._sim.promises.writer:
            return
        self._says_so(after)
        move = Move(before, after)
        if not move:
            return
        spec = event.previous.get("spec") or {}
        self._paused(move, before, after, spec)
        self._not_frozen()
        self._in_its_window(move, event)
        self._let_through(move, after, (spec.get("analysis") or {}).get("gates") or ())

    def _paused(self, move: Move, before: Status, after: Status, spec: Mapping[str, Any]) -> None:
        """A newer revision takes an open run's place in a pause, too: at no weight, where it is held."""
        paused = (before.paused is not None and after.paused is not None) or spec.get("paused") is True
        self._expect(not paused or move.replaces, f"went on in a pause: {after.phase} {after.canary_weight}")

    # -- freezes and windows

    def _note_freeze(self, event: Happened) -> None:
        known, name = self._frozen.get(event.ref.name), event.ref.name
        if event.type != "DELETED":
            self._frozen[name] = (self._now, datetime.fromisoformat(event.object["spec"]["until"]))
        elif known is not None:
            self._frozen[name] = (known[0], min(known[1], self._now))

    def _not_frozen(self) -> None:
        for name, (since, until) in self._frozen.items():
            self._expect(not since < self._late < self._now < until, f"{name} holds since {since} and was passed over")

    def _says_so(self, after: Status) -> None:
        """Every Canary says that rollouts are frozen, and when they are no longer none does."""
        if after.phase in (Phase.NONE, Phase.TERMINATING):
            return
        said = after.condition("Frozen")
        says = said is not None and said.status == "True"
        holds = any(since < self._late < self._now < until for since, until in self._frozen.values())
        past = all(until < self._late for _, until in self._frozen.values())
        self._expect(says or not holds, "rollouts are frozen and the Canary does not say so")
        self._expect(not says or not past, "the Canary says that rollouts are frozen and they are not")

    def _in_its_window(self, move: Move, event: Happened) -> None:
        body = event.previous or {}
        rules = (body.get("spec") or {}).get("rolloutWindows")
        urgent = (body["metadata"].get("annotations") or {}).get(IGNORE_WINDOWS)
        if rules is None or (move.run is not None and urgent == move.run.revision):
            return
        holds = rules.get("appliesTo") == "increase" or rules.get("onClose") in ("hold", "rollback")
        if not move.begins and not holds:
            return
        seconds = range(int(LATE_SECONDS) + 1)
        was_open = any(self._window_is_open(self._now - timedelta(seconds=each)) for each in seconds)
        self._expect(was_open, "the rollout window is closed and was passed over")

    # -- gates

    def _let_through(self, move: Move, after: Status, gates: Any) -> None:
        """Whoever has to say something has said it of this very run, or of the revision that waited for it."""
        for gate in gates:
            if (words := _words_for(gate, move, after)) is not None:
                self._is_open(gate, words)

    def _is_open(self, gate: Mapping[str, Any], said: list[GateRecord]) -> None:
        opened = [each for each in said if each.gate == gate["name"] and each.word.opens]
        self._expect(bool(opened), f"passed {gate['name']} without a word: {said}")
        by_itself = any(each.word is Word.PROCEEDED for each in opened) and gate.get("onTimeout") != "proceed"
        self._expect(not by_itself, f"{gate['name']} opened by itself")

    @property
    def _late(self) -> datetime:
        """What holds or has ended since before that is known to everybody by now."""
        return self._now - timedelta(seconds=LATE_SECONDS)

    @property
    def _now(self) -> datetime:
        return self._sim.clock.now()

    def _expect(self, holds: bool, promise: str) -> None:
        if not holds:
            self._sim.promises.tell(f"BROKEN {promise}")
            raise BrokenPromise(promise)


def _words_for(gate: Mapping[str, Any], move: Move, after: Status) -> list[GateRecord] | None:
    """What has been said that can open a gate for this move; None if it is not in its way."""
    before, ours = gate["before"], [each for each in after.gates if _is_of(each, after)]
    step = after.run.step + 1 if after.run is not None else 0
    if before == "rollout" and move.begins:
        return [each for each in after.gates if _lets_in(each, after)]
    if before == "promotion" and move.promotes:
        return ours
    if before == "traffic-increase" and move.leaves_out:
        return [each for each in ours if each.step is None or each.step > step]
    if before == "traffic-increase" and move.raises:
        return [each for each in ours if each.step in (None, step)]
    return None


def _is_of(record: GateRecord, status: Status) -> bool:
    return status.run is not None and record.of == status.run.id


def _lets_in(record: GateRecord, status: Status) -> bool:
    """Is it about the revision of a run that has just begun?"""
    name = attempt(status.run.revision, status.run.started) if status.run is not None else ""
    return record.of.partition("-")[0] == name.partition("-")[0]
