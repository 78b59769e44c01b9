"""What webhooks may do to a run: hold it, fail it, end it; each asked at a fixed time, so that a crash asks the same.

An answer is a verdict: 2xx passes, any other answer fails, and no answer is an error. An error holds what waits for it
and does nothing else. What has to be remembered of a hook stands among the status's checks, under `webhook/NAME`; gates
need no memory: whoever comes after a crash asks again.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from math import floor

from metrics.verdict import Outcome, Verdict
from strategies.gates import CONFIRMS, Closed, GateKind, HookType, Point
from strategies.questions import Ask, Question
from strategies.rollout.asking import WEBHOOK, check_of
from strategies.rollout.turn import Turn, brief
from strategies.snapshot import Problem
from strategies.spec import HookSpec
from strategies.status import Check, Phase

SUCCESS = "2xx"


def of_type(turn: Turn, *types: HookType) -> tuple[HookSpec, ...]:
    """The Canary's hooks of these types, in their order; none while it looks on: those are for another to call."""
    if turn.status.phase is Phase.OBSERVING:
        return ()
    return tuple(each for each in turn.spec.hooks if each.type in types)


# Gates


def closed_hooks(turn: Turn, point: Point) -> Iterator[Closed]:
    """The confirm hooks before a point that have not said yes, all in the same round of asking.

    A hook that opened in an earlier round is asked again with the others: somebody may have closed it meanwhile.
    """
    kinds = [kind for kind in point.kinds if kind is GateKind.ROLLOUT or not turn.spec.skip_analysis]
    hooks = tuple(each for each in turn.spec.hooks if CONFIRMS.get(each.type) in kinds)
    for hook, answer in _asked_in_rounds(turn, hooks, run=point.of, step=point.step, since=point.since):
        name = WEBHOOK + hook.name
        if answer is None:
            yield Closed(name=name, message="it is being asked", pending=True)
        elif answer.outcome is not Outcome.PASS:
            yield Closed(name=name, message=answer.message or "it said no", muted=hook.muted)


def rollback_asked(turn: Turn, *, of: str, since: datetime) -> Problem | None:
    """A Problem when a rollback hook says that the run, or a revision that waits for its run, is to end."""
    problem = None
    for hook, answer in _asked_in_rounds(turn, of_type(turn, HookType.ROLLBACK), run=of, step=-1, since=since):
        if answer is None:
            continue
        if answer.outcome is Outcome.PASS:
            problem = Problem(reason="RollbackHook", message=f"{WEBHOOK}{hook.name} asks for it")
        _note_silence(turn, hook, answer)
    return problem


def _asked_in_rounds(
    turn: Turn, hooks: Iterable[HookSpec], *, run: str, step: int, since: datetime
) -> list[tuple[HookSpec, Verdict | None]]:
    """The hooks with their answers of the present round. A round begins every interval, counted from `since`, or less
    often where the slowest hook may take longer.
    """
    hooks = tuple(hooks)
    if not hooks:
        return []
    period = max(turn.spec.analysis.interval_seconds, *(each.patience_seconds for each in hooks))
    number = max(0, floor((turn.now - since).total_seconds() / period))
    at = since + timedelta(seconds=number * period)
    turn.wake(at + timedelta(seconds=period))
    found = []
    for hook in hooks:
        question = _question(hook, run=run, step=step, number=number + 1, at=at)
        turn.questions.add(question)  # also when it was answered: so the answer is kept for the whole round
        found.append((hook, turn.answers.get(question)))
    return found


def _note_silence(turn: Turn, hook: HookSpec, answer: Verdict) -> None:
    """A hook that could end the run and cannot be reached is remembered until it can, and so is told once."""
    known = check_of(turn, WEBHOOK + hook.name)
    silent = answer.outcome is Outcome.ERROR
    if silent == (known is not None and known.outcome is Outcome.ERROR):
        return
    number = 1 if known is None else known.window + 1
    _keep(
        turn,
        Check(
            name=WEBHOOK + hook.name,
            window=number,
            end=turn.now,
            outcome=Outcome.ERROR if silent else Outcome.INCONCLUSIVE,
            message=brief(answer.message) if silent else "nobody asks for a rollback",
        ),
    )


# Tests


def tested_before(turn: Turn) -> tuple[Problem | None, bool]:
    """Ask the pre-rollout hooks; a Problem when the run has failed by them, and True when all of them have passed.

    Each is asked until it passes, an interval after it failed; one that has passed is not asked again before the canary
    has been withdrawn.
    """
    problem, done = None, True
    for hook in of_type(turn, HookType.PRE_ROLLOUT):
        known = check_of(turn, WEBHOOK + hook.name)
        if known is not None and known.passes:
            continue
        number, at = (1, turn.run.started) if known is None else (known.window + 1, known.end)
        question = _question(hook, run=turn.run.id, step=-1, number=number, at=at)
        answer = _answer(turn, question)
        if answer is not None:
            passed = answer.outcome is Outcome.PASS
            later = 0.0 if passed else turn.spec.analysis.interval_seconds
            end = turn.now + timedelta(seconds=later)
            problem = problem or _count(turn, hook, question, answer, end=end)
            turn.wake(end)
            done = done and passed
        else:
            done = False
    return problem, done


def tested(turn: Turn, *, opening: datetime) -> Problem | None:
    """Ask the rollout hooks, at the beginning of each interval of a step: what they set going is measured in it.

    A Problem when the run has failed by them. Intervals that went by while nobody was there are left out.
    """
    problem = None
    for hook in of_type(turn, HookType.ROLLOUT):
        while problem is None:
            question = _next_test(turn, hook, opening=opening)
            answer = _answer(turn, question)
            if answer is None:
                break
            end = question.at + timedelta(seconds=turn.spec.analysis.interval_seconds)
            problem = _count(turn, hook, question, answer, end=end)
    return problem


def _next_test(turn: Turn, hook: HookSpec, *, opening: datetime) -> Question:
    """The next call of a rollout hook: the step's first, or an interval after the last one.

    When it has passed often enough, the metrics of the step's last interval are awaited first: as a rule they end it.
    """
    known, spec = check_of(turn, WEBHOOK + hook.name), turn.spec
    length = timedelta(seconds=spec.analysis.interval_seconds)
    at, number = opening, 1
    if known is not None:
        at = opening if known.end - length < opening else known.end
        number = known.window + 1
        if known.passes >= turn.plan.checks(turn.run.step) and known.outcome is Outcome.PASS and at > opening:
            at += timedelta(seconds=spec.scrape_interval_seconds + 1.0)
    period = max(spec.analysis.interval_seconds, hook.patience_seconds)
    late = max(0, floor((turn.now - at).total_seconds() / period))
    return _question(
        hook, run=turn.run.id, step=turn.run.step, number=number, at=at + timedelta(seconds=late * period)
    )


def have_passed(turn: Turn, *, opening: datetime) -> bool:
    """Have the rollout hooks passed as often as the step has intervals, and the last time too?"""
    wanted = turn.plan.checks(turn.run.step)
    known = [check_of(turn, WEBHOOK + hook.name) for hook in of_type(turn, HookType.ROLLOUT)]
    return all(
        check is not None and check.end > opening and check.outcome is Outcome.PASS and check.passes >= wanted
        for check in known
    )


def silent(turn: Turn) -> Problem | None:
    """What people must know of hooks that gave no answer: until they do, what waits for them goes on waiting."""
    for hook in of_type(turn, HookType.PRE_ROLLOUT, HookType.ROLLOUT, HookType.ROLLBACK):
        check = check_of(turn, WEBHOOK + hook.name)
        if check is not None and check.outcome is Outcome.ERROR:
            return Problem(reason="HooksUnavailable", message=f"{check.name}: {check.message}")
    return None


def _answer(turn: Turn, question: Question) -> Verdict | None:
    """The answer, or None while it is not due or not there yet; then it is being asked."""
    if not turn.reached(question.at, 0):
        return None
    answer = turn.answers.get(question)
    if answer is None:
        turn.questions.add(question)
    return answer


def _count(turn: Turn, hook: HookSpec, question: Question, answer: Verdict, *, end: datetime) -> Problem | None:
    """Remember an answer; a Problem when it is one failure too many.

    Hooks of a type that fail together count once, as in Flagger, where the first failure keeps the others from being
    asked.
    """
    name = WEBHOOK + hook.name
    before = check_of(turn, name)
    failed, passed = answer.outcome is Outcome.FAIL, answer.outcome is Outcome.PASS
    already = any(
        check.outcome is Outcome.FAIL and check.window == question.window
        for other in of_type(turn, hook.type)
        if other is not hook and (check := check_of(turn, WEBHOOK + other.name)) is not None
    )
    check = Check(
        name=name,
        window=question.window,
        end=end,
        outcome=answer.outcome,
        limit=SUCCESS,
        message=brief(answer.message),
        passes=passed + (before.passes if before is not None else 0),
        fails=failed + (before.fails if before is not None else 0),
        in_row=0 if passed else failed + (before.in_row if before is not None else 0),
        errors=0 if answer.outcome is not Outcome.ERROR else 1 + (before.errors if before is not None else 0),
    )
    _keep(turn, check)
    if not failed or already:
        return None
    turn.set(failed_checks=turn.status.failed_checks + 1)
    count, threshold = turn.status.failed_checks, turn.spec.analysis.threshold
    text = f"{name}: {answer.message or 'it said no'} ({count} of {threshold} failed checks)"
    if count >= threshold:
        return Problem(reason="CheckFailed", message=text)
    turn.tell("CheckFailed", f"{text}; the weight stays at {turn.status.canary_weight} %", warning=True)
    return None


def _keep(turn: Turn, check: Check) -> None:
    """Put the check behind the metrics', in the order of the hooks."""
    order = [WEBHOOK + each.name for each in turn.spec.hooks]
    metrics = tuple(each for each in turn.status.checks if not each.name.startswith(WEBHOOK))
    hooks = [each for each in turn.status.checks if each.name in order and each.name != check.name]
    turn.set(checks=(*metrics, *sorted((*hooks, check), key=lambda each: order.index(each.name))))


# The end of a run


def say_farewell(turn: Turn) -> None:
    """Ask the post-rollout hooks that are owed it, once each: what they answer changes nothing."""
    farewell = turn.status.farewell
    if farewell is None:
        return
    left = []
    for hook in of_type(turn, HookType.POST_ROLLOUT):
        if hook.mark not in farewell.hooks:
            continue
        question = _question(hook, run=farewell.run, step=-1, number=1, at=farewell.at)
        answer = turn.answers.get(question)
        if answer is None:
            turn.questions.add(question)
            left.append(hook.mark)
        elif answer.outcome is not Outcome.PASS:
            words = f"{WEBHOOK}{hook.name}: {answer.message or 'it said no'}; the outcome of run {farewell.run} stands"
            turn.tell("PostRolloutFailed", words, warning=True, muted=True)
    turn.set(farewell=replace(farewell, hooks=tuple(left)) if left else None)


def _question(hook: HookSpec, *, run: str, step: int, number: int, at: datetime) -> Question:
    return Question(run=run, step=step, kind=Ask.HOOK, name=hook.name, window=number, start=at, end=at, at=at)
