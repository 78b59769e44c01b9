"""The loop: observe, advance, record, converge; then ask and announce.

One call looks at one Canary once. It decides nothing itself: it carries a snapshot to the state machine, writes the
status that comes back before anything else is touched, and then makes the cluster equal to that status. So it may die
after any line; whoever comes next reads the status and goes on.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import structlog

from delivery.api.status import dump, too_new
from delivery.cluster.errors import Conflict, Denied, Fenced, Gone, Invalid, NotLeader
from delivery.cluster.objects import CANARIES, Change, Object, Ref, resource_version
from delivery.cluster.protocols import Clock, Leadership, Timers
from delivery.cluster.reader import Reader
from delivery.cluster.status_only import StatusOnly
from delivery.cluster.writer import Writer
from delivery.controller.alerting import Alerting
from delivery.controller.asker import Asker
from delivery.controller.changes import Changes, changes, fenced
from delivery.controller.converge import Converger
from delivery.controller.entry import Entry
from delivery.controller.finalizing import farewell
from delivery.controller.modes import left_alone, may_look_on
from delivery.controller.observe import Observer, Sight
from delivery.controller.picture import Picture
from delivery.controller.queue import Retry
from delivery.controller.reading import Policy, Reading, Spec
from delivery.controller.recorded import log_labels, recorded_status
from delivery.controller.seams import Announcer, Enqueue, Reporter
from delivery.controller.templates import Templates
from delivery.controller.told import told
from delivery.gates.answering import answers as answers_to
from delivery.gates.payload import Occasion
from delivery.gates.people import People
from strategies.decision import Decision, Wanted
from strategies.modes import begun_anew, untouched
from strategies.observing import observe
from strategies.rollout import advance, refuse, wanted
from strategies.snapshot import Problem
from strategies.status import CONFIRMED, Stage, Status

log = structlog.get_logger(__name__)


class Reconciler:
    """Looks at one Canary at a time; the queue sees to it that no Canary is looked at twice at once."""

    def __init__(
        self,
        *,
        reader: Reader,
        writer: Writer,
        onlooker: StatusOnly,
        leadership: Leadership,
        clock: Clock,
        timers: Timers,
        asker: Asker,
        announcer: Announcer,
        reporter: Reporter,
        policy: Policy,
        templates: Templates,
        alerting: Alerting,
        people: People,
        enqueue: Enqueue,
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._onlooker = onlooker
        self._leadership = leadership
        self._clock = clock
        self._timers = timers
        self._asker = asker
        self._announcer = announcer
        self._reporter = reporter
        self._policy = policy
        self._people = people
        self._enqueue = enqueue
        self._observer = Observer(reader, clock, policy.tracking, templates, alerting, people)
        self._converger = Converger(reader, writer, clock)
        self._entries: dict[str, Entry] = {}

    async def tick(self, key: str) -> None:
        """Look at one Canary ("namespace/name") and do what is due.

        Raises a ClusterError or Retry when it has to be looked at again, NotLeader when this process must not write.
        """
        namespace, _, name = key.partition("/")
        body = self._reader.get(Ref(CANARIES, namespace, name))
        if body is None:
            self._forget(key, namespace, name)
            return
        if too_new(body.get("status")):
            log.warning("status_too_new", canary=key)
            return
        started = self._clock.monotonic()
        with structlog.contextvars.bound_contextvars(canary=key, **log_labels(body)):
            try:
                await self._look(self._entry(key), body)
            except Fenced as error:
                await self._fenced(error)
            finally:
                target = str(((body.get("spec") or {}).get("targetRef") or {}).get("name", name))
                self._reporter.observe_tick(namespace, target, self._clock.monotonic() - started)

    async def _look(self, entry: Entry, body: Object) -> None:
        status, spec = recorded_status(entry, body), entry.reading.spec(body)
        if isinstance(spec, Problem):
            await self._unreadable(entry.key, body, status, spec)
            return
        spec = self._observer.named(spec)
        if spec.rollout.observe and (self._policy.observe or may_look_on(body, status)):
            await self._look_on(entry, body, spec, status)
            return
        begun = begun_anew(status)
        sight = await self._observer.observe(
            entry,
            body,
            spec,
            begun,
            epoch=self._leadership.epoch,
            delivered=self._announcer.delivered(entry.key),
        )
        sight = replace(sight, snapshot=told(sight.snapshot, self._announcer, entry.key))
        answers = self._asker.answers(entry.key)
        decision = advance(spec.rollout, begun, sight.snapshot, answers, self._clock.now())
        body = await self._record(body, status, decision)
        if _begins_to_leave(status, decision.status):
            entry.confirmed.clear()  # what a response said before this decision is no word on what the routes say since
        self._follow_up(entry, body, spec, decision, again_in=sight.again_in)
        wish = wanted(spec.rollout, decision.status, sight.snapshot)
        picture = replace(sight.picture, body=body)
        running = decision.status.run is not None or decision.status.stage is not Stage.NONE
        found = self._missing(sight, wish, picture, running=running)
        if wish.hands_off:
            return
        self._count_repairs(entry, sight, found)
        await self._converger.converge(
            entry, picture, wish, found, live=sight.snapshot.routes, settle=spec.rollout.settle_seconds
        )
        await self._answer(body, spec, decision.status)
        await self._confirm(entry, sight, decision, wish, found)

    async def _look_on(self, entry: Entry, body: Object, spec: Spec, status: Status) -> None:
        """Somebody else moves traffic: nothing is wanted of the cluster, the status says what we would have done."""
        if self._policy.observe and not untouched(status):
            self._leave_alone(entry.key, body)
            return
        if (change := farewell(body)) is not None and not self._policy.observe:
            await self._writer.write(change)
            return
        delivered = self._announcer.delivered(entry.key)
        seen = await self._observer.look_on(
            entry, body, spec, status, epoch=self._leadership.epoch, delivered=delivered
        )
        answers = self._asker.answers(entry.key)
        snapshot = told(seen.snapshot, self._announcer, entry.key)
        decision = observe(seen.spec.rollout, status, snapshot, answers, self._clock.now())
        body = await self._record(body, status, decision, writer=self._onlooker)
        self._follow_up(entry, body, seen.spec, decision, again_in=seen.again_in)

    def _leave_alone(self, key: str, body: Object) -> None:
        """What another controller has begun is its own to finish; its status is not ours to write on. Told once."""
        log.warning("left_alone", canary=key, phase=(body.get("status") or {}).get("phase"))
        self._asker.forget(key)
        self._timers.cancel(key)
        self._announcer.offer(key, body, (left_alone(body, self._clock.now()),))

    async def _answer(self, body: Object, spec: Spec, status: Status) -> None:
        """Tell people what became of their Approvals; whoever may not be told holds nothing up."""
        names = Ref.of(CANARIES, body)
        words = self._people.words(names.namespace, names.name)
        for change in answers_to(words, spec.rollout, status, self._clock.now()) if words else ():
            try:
                await self._writer.write(change)
            except (Conflict, Gone, Denied, Invalid) as error:
                log.warning("approval_not_answered", object=str(change.ref), error=str(error))

    def _entry(self, key: str) -> Entry:
        if key not in self._entries:
            self._entries[key] = Entry(key, Reading(self._policy))
        return self._entries[key]

    async def _unreadable(self, key: str, body: Object, status: Status, problem: Problem) -> None:
        """Nothing of the spec can be used, not even names: say so, touch nothing, keep no deletion waiting."""
        if "deletionTimestamp" in body["metadata"]:
            if (change := farewell(body)) is not None and not self._policy.observe:
                await self._writer.write(change)
            return
        generation = body["metadata"].get("generation", 0)
        now, command = self._clock.now(), self._people.command(body)
        refused = refuse(status, problem, generation=generation, now=now, command=command)
        body = await self._record(body, status, Decision(status=refused))
        self._announce(key, body, refused)

    async def _confirm(self, entry: Entry, sight: Sight, decision: Decision, wish: Any, found: Changes) -> None:
        """A stage that waits for confirmed routes gets its one GET when no write of ours has confirmed them."""
        if decision.status.stage not in CONFIRMED or found.routes or wish.traffic is None:
            return
        if not sight.picture.route_uids or not entry.unconfirmed(sight.picture.route_uids, wish.traffic):
            return
        epoch = self._leadership.epoch
        if not await self._converger.confirm(entry, sight.picture, wish.traffic, epoch=epoch):
            raise Retry(0.0)
        self._enqueue(entry.key)

    async def _record(
        self, body: Object, status: Status, decision: Decision, *, writer: Writer | None = None
    ) -> Object:
        """Write the status, if it changed, on top of the one that was decided on."""
        if decision.status == status:
            return body
        test = {"op": "test", "path": "/metadata/resourceVersion", "value": resource_version(body)}
        op = {"op": "add", "path": "/status", "value": dump(decision.status)}
        change = Change(
            ref=Ref.of(CANARIES, body), tests=(test,), ops=(op,), subresource="status", why=decision.status.reason
        )
        try:
            stored = await (writer or self._writer).write(change)
        except (Conflict, Gone) as error:
            log.debug("status_conflict", error=str(error))
            raise Retry(0.0) from error
        log.info(
            "recorded",
            phase=decision.status.phase.value,
            weight=decision.status.canary_weight,
            reason=decision.status.reason,
        )
        return stored

    def _follow_up(self, entry: Entry, body: Object, spec: Spec, decision: Decision, *, again_in: float | None) -> None:
        """Questions, timers, announcements and figures that belong to the recorded status."""
        status, names = decision.status, Ref.of(CANARIES, body)
        brief = spec.brief
        if brief.hooks and decision.questions:
            brief = replace(brief, occasion=Occasion(spec=spec.rollout, status=status))
        self._asker.keep(entry.key, decision.questions, brief)
        self._look_again(entry.key, decision.wake_at, again_in)
        self._announce(entry.key, body, status)
        skipped = spec.rollout.skip_analysis
        self._reporter.observe_status(
            names.namespace, names.name, spec.names.target, status, skipped=skipped, primary=spec.names.primary
        )

    def _look_again(self, key: str, wake_at: datetime | None, again_in: float | None) -> None:
        """One timer, for the next moment that matters to the rollout or to what was seen."""
        moments = [] if wake_at is None else [wake_at]
        if again_in is not None:
            moments.append(self._clock.now() + timedelta(seconds=again_in))
        if moments:
            self._timers.set(key, min(moments), lambda: self._enqueue(key))
        else:
            self._timers.cancel(key)

    def _announce(self, key: str, body: Object, status: Status) -> None:
        """Have told what the recorded outbox holds."""
        delivered = self._announcer.delivered(key)
        struck = delivered - {each.id for each in status.outbox}
        if struck:
            self._announcer.forget(key, sorted(struck))
        waiting = tuple(each for each in status.outbox if each.id not in delivered)
        if waiting:
            self._announcer.offer(key, body, waiting)

    def _missing(self, sight: Sight, wish: Wanted, picture: Picture, *, running: bool) -> Changes:
        """What is missing; a tick that has recorded nothing and wants nothing new has seen that already."""
        epoch = self._leadership.epoch
        if picture == sight.picture and wish == sight.wish and epoch == sight.snapshot.epoch:
            return fenced(sight.found, wish, picture, epoch=epoch) if running else sight.found
        return changes(wish, picture, epoch=epoch, running=running)

    def _count_repairs(self, entry: Entry, sight: Sight, found: Changes) -> None:
        """A hand edit that we are about to repair counts toward stepping back."""
        now = self._clock.monotonic()
        if sight.snapshot.routes.hand_edited and found.routes and now >= entry.repair_at:
            seen = sight.picture
            managers = seen.router.read(seen.names, seen.route, seen.mesh).managers
            entry.taken(now, managers[0] if managers else "")

    async def _fenced(self, error: Fenced) -> None:
        """A later leader's fence: prove by one GET of the Lease that we lead, or stop."""
        log.warning("fenced", error=str(error))
        if not await self._leadership.outrank(error.fence):
            raise NotLeader(str(error)) from error
        raise Retry(0.0)

    def _forget(self, key: str, namespace: str, name: str) -> None:
        self._timers.cancel(key)
        self._asker.forget(key)
        self._announcer.forget(key)
        self._reporter.remove(namespace, name)
        self._observer.forget(key)
        self._entries.pop(key, None)

    def interested(self, kind: Any, body: Object) -> Mapping[str, None]:
        """The Canaries that a change of an object concerns."""
        return self._observer.interested(kind, body)


def _begins_to_leave(before: Status, after: Status) -> bool:
    """Does a stage begin that waits for confirmed routes?"""
    was, now = ((each.phase, each.stage, each.canary_weight) for each in (before, after))
    return after.stage in CONFIRMED and was != now
