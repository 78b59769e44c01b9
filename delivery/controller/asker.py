"""Keeps exactly the questions of the last decision alive, beside the loop and never in its way.

A question may take as long as Prometheus likes; meanwhile a fail, an abort, a newer revision or a drift is dealt with.
When an answer comes in, the Canary is looked at again. Answers live here until the decision that used them is
recorded: a question that is not asked any more takes its answer with it.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from delivery.api.hooks import Webhook
from delivery.controller.templates import Templates, UnresolvedError
from delivery.gates.payload import Occasion
from delivery.gates.webhooks import Hooks
from metrics.spec import MetricSpec, Subject, Window
from metrics.verdict import Outcome, Verdict
from strategies.questions import Ask, Question

ATTEMPTS = 3
ATTEMPT_PAUSE = 2.0  # seconds; a restarting Prometheus is no reason to lose a window

log = structlog.get_logger(__name__)


class Analyst(Protocol):
    """Who can answer; none of its methods raises, an error is a verdict."""

    async def metric(self, spec: MetricSpec, subject: Subject, window: Window, *, server: str) -> Verdict:
        """Judge a metric over a window, by its limits."""

    async def compared(
        self, spec: MetricSpec, subject: Subject, window: Window, *, number: int, memory: str, server: str
    ) -> Verdict:
        """Judge a metric over window `number` of a run, against the primary too if it says so."""

    async def traffic(self, subject: Subject, window: Window, *, server: str) -> Verdict:
        """Count the requests of both roles in a window."""

    async def drained(self, subject: Subject, window: Window, *, server: str) -> Verdict:
        """Pass when nobody asked the canary in a window."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Brief:
    """What answering needs besides the question: whose traffic, which metrics, which server; which webhooks, and what
    they are told.
    """

    subject: Subject
    metrics: Mapping[str, MetricSpec]
    server: str
    hooks: Mapping[str, Webhook] = field(default_factory=dict)
    occasion: Occasion | None = None


@dataclass(slots=True)
class _Asked:
    tasks: dict[Question, asyncio.Task[None]] = field(default_factory=dict)
    answers: dict[Question, Verdict] = field(default_factory=dict)


class Asker:
    """Asks in the background. `on_answer(key, urgent)` is called when a Canary has a new answer. `templates` say what
    metrics ask that name one; `hooks` call webhooks.
    """

    def __init__(
        self,
        analyst: Analyst,
        *,
        on_answer: Callable[[str, bool], None],
        templates: Templates | None = None,
        hooks: Hooks | None = None,
    ) -> None:
        self._analyst = analyst
        self._hooks = hooks
        self._templates = templates
        self._on_answer = on_answer
        self._asked: dict[str, _Asked] = {}

    def answers(self, key: str) -> Mapping[Question, Verdict]:
        """The answers that have come in."""
        asked = self._asked.get(key)
        return dict(asked.answers) if asked else {}

    def keep(self, key: str, questions: frozenset[Question], brief: Brief) -> None:
        """Ask what is new, go on with what is known, drop the rest."""
        if not questions:
            self.forget(key)
            return
        asked = self._asked.setdefault(key, _Asked())
        for question in [each for each in asked.tasks if each not in questions]:
            asked.tasks.pop(question).cancel()
        for question in [each for each in asked.answers if each not in questions]:
            del asked.answers[question]
        for question in sorted(questions, key=lambda each: (each.kind, each.name, each.window)):
            if question not in asked.tasks and question not in asked.answers:
                name = f"ask {key} {question.name} {question.window}"
                asked.tasks[question] = asyncio.create_task(self._answer(key, asked, question, brief), name=name)

    def forget(self, key: str) -> None:
        """Ask nothing more for this Canary."""
        asked = self._asked.pop(key, None)
        for task in asked.tasks.values() if asked else ():
            task.cancel()

    def close(self) -> None:
        """Stop asking."""
        for key in list(self._asked):
            self.forget(key)

    async def _answer(self, key: str, asked: _Asked, question: Question, brief: Brief) -> None:
        verdict = await self._surely(question, brief)
        for _ in range(ATTEMPTS - 1):
            if verdict.outcome is not Outcome.ERROR or question.kind is Ask.HOOK:  # those say themselves how often
                break
            await asyncio.sleep(ATTEMPT_PAUSE)
            verdict = await self._surely(question, brief)
        log.debug("answered", canary=key, question=question.name, window=question.window, outcome=verdict.outcome)
        asked.tasks.pop(question, None)
        asked.answers[question] = verdict
        self._on_answer(key, verdict.outcome is Outcome.FAIL or question.kind is Ask.HOOK)

    async def _surely(self, question: Question, brief: Brief) -> Verdict:
        """An answer, whatever breaks: a question without one would hold its run in silence."""
        try:
            return await self._ask(question, brief)
        except Exception as error:
            log.exception("question_failed", question=question.name, window=question.window)
            # Only its kind: an error's words may hold an address or a token, and a status is for everybody to read.
            cause = f"{question.name} could not be asked ({type(error).__name__}, the controller's log has more)"
            return Verdict(Outcome.ERROR, message=f"{cause}; this is a mistake in the controller, please report it")

    async def _ask(self, question: Question, brief: Brief) -> Verdict:
        if question.kind is Ask.HOOK:
            return await self._call(question, brief)
        window = Window(start=question.start, end=question.end, at=question.at)
        if question.kind is Ask.TRAFFIC:
            return await self._analyst.traffic(brief.subject, window, server=brief.server)
        if question.kind is Ask.DRAINED:
            return await self._analyst.drained(brief.subject, window, server=brief.server)
        metric = brief.metrics.get(question.name)
        if metric is None:
            return Verdict(Outcome.ERROR, message=f"metric {question.name} is no longer in the analysis")
        try:
            metric = metric if self._templates is None else await self._templates.resolve(metric)
        except UnresolvedError as error:
            return Verdict(Outcome.ERROR, limit=metric.limit, message=error.problem.message)
        if question.kind is Ask.LIMITS:
            return await self._analyst.metric(metric, brief.subject, window, server=brief.server)
        return await self._analyst.compared(
            metric, brief.subject, window, number=question.window, memory=question.memory, server=brief.server
        )

    async def _call(self, question: Question, brief: Brief) -> Verdict:
        hook = brief.hooks.get(question.name)
        if hook is None or brief.occasion is None or self._hooks is None:
            return Verdict(Outcome.ERROR, message=f"webhook {question.name} is no longer in the analysis")
        return await self._hooks.ask(hook, question, brief.occasion)
