"""What a verdict does to a run: it is recorded beside its check, counted once, and may end the run.

Whose failures count toward what is a table in docs/verdicts.md; this file is that table.
"""

from dataclasses import fields, replace
from datetime import datetime, timedelta
from math import ceil, isfinite
from operator import attrgetter

from metrics.verdict import MEMORIES_BYTES, MEMORY_BYTES, Evidence, Outcome, Verdict
from strategies.changing import altered, changed
from strategies.questions import Question
from strategies.rollout.asking import WEBHOOK, check_of, is_over
from strategies.rollout.turn import Turn, brief
from strategies.snapshot import Problem
from strategies.spec import CheckSpec, Policy
from strategies.status import Check, Phase

MAX_RECENT = 8


def count(turn: Turn, question: Question, verdict: Verdict) -> Problem | None:
    """Remember what a metric's question was answered with; a Problem when the run has failed by it."""
    spec = next(each for each in turn.spec.checks if each.name == question.name)
    verdict = _bounded(turn, question, verdict)
    known = check_of(turn, spec.name)
    failed_already = verdict.outcome is Outcome.FAIL and _failed_already(turn, question)
    again = known is not None and question.window == known.window
    if again and known is not None:
        check = changed(_whole(known, verdict), {"dry_run": spec.dry_run})
    else:
        check = _window(turn, known, question, verdict, dry_run=spec.dry_run)
    turn.status = altered(turn.status, {"checks": with_check(turn, check)})
    if spec.dry_run:
        _show(turn, known, spec, verdict)
        return None
    if verdict.outcome is Outcome.FAIL:
        return _failed(turn, spec, check, verdict, failed_already=failed_already)
    return _given_up(turn, spec, check)


def with_check(turn: Turn, check: Check) -> tuple[Check, ...]:
    """The checks with this one, in the order of the analysis, without those that are no longer in it; checks of
    webhooks come behind them.
    """
    known = {each.name: each for each in turn.status.checks}
    known[check.name] = check
    metrics = tuple(known.pop(each.name) for each in turn.spec.checks if each.name in known)
    return (*metrics, *(each for name, each in known.items() if name.startswith(WEBHOOK)))


def end_of(turn: Turn, question: Question, verdict: Verdict) -> datetime:
    """Where the next window begins. An error gives up the windows that are over by now: what could not be measured
    then can be measured no better later, and the present is what matters.
    """
    if verdict.outcome is not Outcome.ERROR:
        return question.end
    length: timedelta = question.end - question.start
    return question.end + length * max(0, ceil((turn.now - question.end) / length) - 1)


def _bounded(turn: Turn, question: Question, verdict: Verdict) -> Verdict:
    """The verdict with the memory that is to be recorded: the one before, where nothing was learned.

    A status has no room for one that is too long; forgetting it would let a judge begin again and again, each time with
    a new chance of a false alarm. So that is an error and holds the run, unless the run fails anyway.
    """
    if not verdict.memory and not question.memory:
        return verdict
    length = len(verdict.memory.encode())
    others = sum(len(each.memory.encode()) for each in turn.status.checks if each.name != question.name)
    room = min(MEMORY_BYTES, MEMORIES_BYTES - others)
    if length <= room:
        return verdict._replace(memory=verdict.memory or question.memory)
    if verdict.outcome is Outcome.FAIL:
        return verdict._replace(memory=question.memory)
    message = (
        f"{question.name}: the judge's memory has {length} bytes, the status has room for {room}; compare fewer metrics"
    )
    return verdict._replace(outcome=Outcome.ERROR, message=message, memory=question.memory)


def _window(turn: Turn, known: Check | None, question: Question, verdict: Verdict, *, dry_run: bool) -> Check:
    """The check after one more window."""
    outcome, before = verdict.outcome, known or _nothing(question)
    failed, passed = outcome is Outcome.FAIL, outcome is Outcome.PASS
    judged = {
        "window": question.window,
        "end": end_of(turn, question, verdict),
        "outcome": outcome,
        "value": verdict.value,
        "limit": brief(verdict.limit, 60),
        "message": brief(verdict.message),
        "passes": before.passes + passed,
        "evidence": _rounded(verdict.evidence),
        "judge": question.judge,
        "memory": verdict.memory,
        "dry_run": dry_run,
        "fails": before.fails + failed,
        "in_row": 0 if passed else before.in_row + failed,
        "errors": before.errors + 1 if outcome is Outcome.ERROR else 0,
        "resume": None,
        "counted": question.end if failed else before.counted,
        "whole": None,
        "recent": _recent(before, verdict.value),
    }
    return altered(before, judged)


def _recent(before: Check, value: float | None) -> tuple[float, ...]:
    """The last few values, in four digits, for people who want to see where it goes."""
    if value is None or not isfinite(value):
        return before.recent
    return (*before.recent, float(f"{value:.4g}"))[-MAX_RECENT:]


def _nothing(question: Question) -> Check:
    """A check of which nothing is recorded."""
    return Check(name=question.name, window=0, end=question.start, outcome=Outcome.INCONCLUSIVE)


def _whole(known: Check, verdict: Verdict) -> Check:
    """The check after its limits have been held against the whole step."""
    failed, passed = verdict.outcome is Outcome.FAIL, verdict.outcome is Outcome.PASS
    return replace(
        known,
        whole=verdict.outcome,
        value=known.value if verdict.value is None else verdict.value,
        message=brief(verdict.message or known.message),
        fails=known.fails + failed,
        in_row=0 if passed else known.in_row + failed,
        counted=known.end if failed else known.counted,
    )


def _rounded(evidence: Evidence | None) -> Evidence | None:
    """In as many digits as a status has room for; numbers that JSON cannot say are left out."""
    if evidence is None:
        return None
    short: dict[str, float | None] = {}
    for name, value in zip(_NUMBERS, _numbers_of(evidence), strict=True):
        if isinstance(value, float) and (shorter := _short(value)) != value:
            short[name] = shorter
    for name in ("canary_requests", "canary_bad"):
        if name in short:
            short[name] = short[name] or 0.0
    return altered(evidence, short) if short else evidence


_NUMBERS = tuple(each.name for each in fields(Evidence) if each.name not in ("changed_by", "noun"))
_numbers_of = attrgetter(*_NUMBERS)


def _short(value: float) -> float | None:
    return round(value, 3) if isfinite(value) else None


def _failed_already(turn: Turn, question: Question) -> bool:
    """True when another check has failed in the same window: it counts once, however many metrics fail in it."""
    together = {spec.name for spec in turn.spec.checks if not spec.dry_run and not spec.counts_for_itself}
    return any(
        Outcome.FAIL in (check.outcome, check.whole) and check.name != question.name and check.end == question.end
        for check in turn.status.checks
        if check.name in together
    )


def _failed(turn: Turn, spec: CheckSpec, check: Check, verdict: Verdict, *, failed_already: bool) -> Problem | None:
    """One more failed window; a Problem when that is one too many."""
    text = said(check, verdict)
    if verdict.proven:
        return Problem(reason="CheckFailed", message=text)
    if spec.counts_for_itself:
        return _failed_by_itself(turn, spec, check, text)
    if failed_already:
        return None
    turn.set(failed_checks=turn.status.failed_checks + 1)
    failed, threshold = turn.status.failed_checks, turn.spec.analysis.threshold
    return _one_more(turn, f"{text} ({failed} of {threshold} failed checks)", last=failed >= threshold)


def _failed_by_itself(turn: Turn, spec: CheckSpec, check: Check, text: str) -> Problem | None:
    counts, last = [], False
    if spec.failure_limit is not None:
        counts.append(f"{check.fails} failed windows of {spec.name}, {spec.failure_limit} allowed")
        last = check.fails > spec.failure_limit
    if spec.consecutive_failures is not None:
        counts.append(f"{check.in_row} of {spec.consecutive_failures} in a row")
        last = last or check.in_row >= spec.consecutive_failures
    return _one_more(turn, f"{text} ({'; '.join(counts)})", last=last)


def _one_more(turn: Turn, text: str, *, last: bool) -> Problem | None:
    if last:
        return Problem(reason="CheckFailed", message=text)
    held = f"the weight stays at {turn.status.canary_weight} %"
    after = "this Canary only looks on" if turn.status.phase is Phase.OBSERVING else held
    turn.tell("CheckFailed", f"{text}; {after}", warning=True)
    return None


def _show(turn: Turn, known: Check | None, spec: CheckSpec, verdict: Verdict) -> None:
    """A dry run is told when it begins to fail, not in each window that goes on failing."""
    if verdict.outcome is Outcome.FAIL and (known is None or known.outcome is not Outcome.FAIL):
        text = said(check_of(turn, spec.name), verdict)
        turn.tell("DryRunFailed", f"{text}; {spec.name} is a dry run and decides nothing", warning=True)


def _given_up(turn: Turn, spec: CheckSpec, check: Check) -> Problem | None:
    """A Problem when nothing is known of a metric and its policy is not to wait for more."""
    if spec.error_limit is not None and check.errors > spec.error_limit:
        message = f"{check.errors} windows in a row, {spec.error_limit} allowed: {named(check)}"
        return Problem(reason="MetricsUnavailable", message=message)
    if check.outcome is not Outcome.INCONCLUSIVE or not is_over(turn, check):
        return None
    if check.undecided and turn.spec.analysis.on_inconclusive is Policy.ROLLBACK:
        return Problem(reason="Inconclusive", message=f"too little is known at the end of the step: {named(check)}")
    if not check.undecided and spec.on_no_data is Policy.ROLLBACK:
        return Problem(reason="NoData", message=f"nothing was measured at the end of the step: {named(check)}")
    return None


def said(check: Check | None, verdict: Verdict) -> str:
    """A failed window in one sentence, the numbers first. A comparison's message has them already."""
    name, evidence = check.name if check is not None else "a check", verdict.evidence
    words = verdict.message or f"{name} failed"
    if evidence is None or evidence.canary_requests <= 0 or evidence.needed is not None:
        return words
    numbers = words if evidence.sentence in words else f"{evidence.sentence}; {words}"
    return f"{numbers}; {evidence.changed_by}" if evidence.changed_by else numbers


def named(check: Check) -> str:
    """The check's message with the name of its metric, once: the way out stands at the end and must not be cut off."""
    return check.message if check.name in check.message else f"{check.name}: {check.message}"
