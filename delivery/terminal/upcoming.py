"""What comes next, and when: read off the recorded status and the policy, as the controller itself reads it.

Answers and pods come when they come, so times are the earliest ones. How often Prometheus scrapes is the controller's
own setting and is not known here; verdicts come about one scrape after their windows' ends.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from delivery.terminal.holding import Holding
from delivery.terminal.hours import WINDOW
from delivery.terminal.policy import Policy
from delivery.terminal.screen import Next, Timer
from delivery.terminal.sentences import FREEZE, then
from strategies.status import Check, Phase, Run, Stage, Status

WATCHED = (Phase.PROGRESSING, Phase.WAITING_PROMOTION)
AT_REST = (Phase.INITIALIZED, Phase.SUCCEEDED, Phase.FAILED)


def timers(status: Status, policy: Policy, now: datetime, held: Holding) -> tuple[Timer, ...]:
    """Everything that has a time of its own and is still to come, the soonest first."""
    every = (*_of_run(status, policy, now), *_of_drain(status, policy), *_of_previous(status), *_of_held(status, held))
    return tuple(sorted((each for each in every if each.at > now), key=lambda each: each.at))


def next_action(status: Status, policy: Policy, now: datetime, held: Holding) -> Next:
    """The one thing that happens next."""
    if policy.suspended:
        return Next(action="nothing: spec.suspend is set")
    if status.waiting is not None and status.waiting.gates:
        return _of_gates(status, status.waiting.gates, held)
    if status.phase in WATCHED and status.run is not None:
        return _of_step(status, status.run, policy, now, held)
    return _at_the_end(status, policy, now, held)


def step_end(status: Status, policy: Policy) -> datetime | None:
    """When the present step may end at the earliest; None while its windows are not open."""
    run = status.run
    if run is None or run.windows_from is None or run.step < 0:
        return None
    return run.windows_from + timedelta(seconds=policy.plan.checks(_index(status, run, policy)) * policy.interval)


def window_end(check: Check, run: Run, length: float) -> datetime | None:
    """When the window that is being measured ends."""
    if run.windows_from is None:
        return None
    return max(check.next, run.windows_from) + timedelta(seconds=length)


def _index(status: Status, run: Run, policy: Policy) -> int:
    return policy.plan.index_of(status.canary_weight, run.step)


def _of_run(status: Status, policy: Policy, now: datetime) -> Iterator[Timer]:
    run = status.run
    if run is None or status.phase not in WATCHED:
        return
    if run.windows_from is not None and run.step >= 0:
        yield Timer(what="the step's windows open", at=run.windows_from)
        if run.windows_from <= now:
            yield from _of_windows(status, run, policy)
        if (end := step_end(status, policy)) is not None:
            yield Timer(what="the step may end", at=end)
    if run.stuck_since is not None:
        left = max(0.0, policy.deadline - run.spent_seconds)
        what = "rolled back unless pods are ready by then (progressDeadlineSeconds)"
        yield Timer(what=what, at=run.stuck_since + timedelta(seconds=left))


def _of_windows(status: Status, run: Run, policy: Policy) -> Iterator[Timer]:
    """The end of each metric's present window; those that end together are one."""
    known = {each.name: each for each in status.checks}
    ends: dict[datetime, list[str]] = {}
    for name, length in policy.windows.items():
        check = known.get(name)
        end = window_end(check, run, length) if check is not None else None
        if end is None and run.windows_from is not None:
            end = run.windows_from + timedelta(seconds=length)
        if end is not None:
            ends.setdefault(end, []).append(name)
    for at, names in ends.items():
        yield Timer(what=f"window of {', '.join(names)} ends", at=at)


def _of_drain(status: Status, policy: Policy) -> Iterator[Timer]:
    if status.stage is Stage.DRAIN and status.stage_since is not None:
        yield Timer(what="pods without users may go", at=status.stage_since + timedelta(seconds=policy.drain))
        yield Timer(what="they go in any case", at=status.stage_since + timedelta(seconds=policy.drain_max))


def _of_previous(status: Status) -> Iterator[Timer]:
    if status.previous_until is not None and status.previous_spec:
        yield Timer(what="until then the version before may serve again without analysis", at=status.previous_until)


def _of_held(status: Status, held: Holding) -> Iterator[Timer]:
    """What opens and closes by the clock."""
    ends, window = held.ends, held.window
    if FREEZE in ends:
        yield Timer(what="the freeze ends", at=ends[FREEZE])
    if window is not None and window.until is not None:
        if not window.open:
            yield Timer(what=f"its rollout window {'opens' if window.certain else 'may open'}", at=window.until)
        elif window.certain and status.run is not None:
            yield Timer(what=f"its rollout window closes: {window.effect}", at=window.until)
    for gate in held.approvals:
        if gate.timeout_at is not None:
            yield Timer(what=f"gate {gate.name}, if nobody comes: {then(gate)}", at=gate.timeout_at)


def _of_gates(status: Status, gates: tuple[str, ...], held: Holding) -> Next:
    """What waits for closed gates; a time is known if all of them open by the clock."""
    ends = held.ends
    at = max(ends[each] for each in gates) if all(each in ends for each in gates) else None
    return Next(action=f"{_after_gate(status)} when {_names(tuple(map(_opening, gates)))}", at=at)


def _opening(gate: str) -> str:
    return {FREEZE: "the freeze ends", WINDOW: "its rollout window opens"}.get(gate, f"{gate} opens")


def _of_step(status: Status, run: Run, policy: Policy, now: datetime, held: Holding) -> Next:
    index = _index(status, run, policy)
    coming = _coming(policy, index + 1)
    if run.override is not None:
        return Next(action=f"nothing: the weight is held at {run.override} % by hand")
    if policy.paused:
        return Next(action=f"{coming} after spec.paused is cleared; checks go on")
    if held.paused:
        return Next(action=f"{coming} after {_RESUMED}; checks go on")
    if run.step < 0:
        return Next(action=f"{coming} when the canary's pods are ready")
    if status.phase is Phase.WAITING_PROMOTION:
        return Next(action=f"{coming} when there are enough ready pods")
    if run.windows_from is None:
        return Next(action=f"windows of step {index + 1} open when the routes are in place")
    at = step_end(status, policy)
    if at is not None and at <= now:  # a window that did not pass has prolonged the step
        at = max((each.at for each in _of_windows(status, run, policy)), default=at)
    closed = [each for each in (FREEZE, WINDOW) if each in held.stops]
    if at is not None and closed:
        at = max(at, *(held.ends[each] for each in closed))
    words = "".join(f", when {_opening(each)}" for each in closed)
    return Next(action=f"{coming} if all checks pass{words}", at=at)


def _coming(policy: Policy, index: int) -> str:
    """The step with this index, or the promotion after the last one, as a clause."""
    if index >= len(policy.plan):
        return "promotion"
    traffic = policy.plan.traffic(index)
    head = f"step {index + 1} of {len(policy.plan)}"
    if traffic.mirror and not traffic.canary:
        return f"{head} (copies of {traffic.mirror} % of requests)"
    return f"{head} ({traffic.canary} %{' of the matching requests' if traffic.matched else ''})"


def _after_gate(status: Status) -> str:
    waiting = status.waiting
    before = waiting.before.value if waiting is not None else ""
    return {"rollout": "the run begins", "traffic-increase": "the next step", "promotion": "promotion"}.get(
        before, "the run goes on"
    )


def _names(names: tuple[str, ...]) -> str:
    return " and ".join(names) if len(names) < 3 else f"{', '.join(names[:-1])} and {names[-1]}"


_RESUMED = "it is resumed (delivery resume)"
_PHASES = {
    Phase.NONE: "the primary is made",
    Phase.INITIALIZING: "users move to the primary when it is ready",
    Phase.WAITING: "the run begins",
    Phase.PROMOTING: "users go to the primary when it has enough ready pods with the new version",
    Phase.FINALISING: "the routes say that all users are with the primary",
    Phase.TERMINATING: "the Canary goes when users are where they belong",
}


def _at_the_end(status: Status, policy: Policy, now: datetime, held: Holding) -> Next:
    """Outside of the steps: pods that drain, or nothing."""
    if status.stage is Stage.DRAIN and status.stage_since is not None:
        at = status.stage_since + timedelta(seconds=policy.drain)
        return Next(action="the pods without users are scaled down", at=at if at > now else None)
    if status.stage is Stage.ROUTES:
        return Next(action="users leave the canary: the routes are being written")
    if status.phase in AT_REST:
        return Next(action="nothing until the target changes")
    action = _PHASES.get(status.phase, "nothing")
    if status.phase is Phase.WAITING and (policy.paused or held.paused):
        return Next(action=f"{action} after {'spec.paused is cleared' if policy.paused else _RESUMED}")
    return Next(action=action)
