"""Answers the state machine's questions from what really happened, by the judges that a controller asks too.

An answer is there as soon as it is asked for: in virtual time Prometheus takes no time. What is drawn at random is
drawn once for each question.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime

from delivery.simulate.counted import failures, slow
from delivery.simulate.latency import p99
from delivery.simulate.reading import Policy
from delivery.simulate.tape import Piece, Tape
from metrics import comparison, rates
from metrics.analysis import explained
from metrics.judges import presence, threshold
from metrics.judges.comparison import compare
from metrics.providers.base import Kind, QueryError, Sample
from metrics.spec import COUNT, DURATION, REACHABILITY, SUCCESS_RATE, MetricSpec
from metrics.verdict import Outcome, Verdict
from strategies.questions import Ask, Question

AWAY = explained(QueryError(Kind.UNREACHABLE, "Prometheus does not answer"))
"""Why nothing could be measured while Prometheus is away."""

Heard = Callable[[Question, Verdict], None]


def _is_calm(question: Question, verdict: Verdict) -> bool:
    """Can this answer do no more than be counted? A window that failed, or said nothing at all, may move a run."""
    if question.kind is Ask.TRAFFIC:
        return verdict.outcome is not Outcome.ERROR and (verdict.counts is None or verdict.counts.canary > 0)
    evidence = verdict.evidence
    undecided = verdict.outcome is Outcome.INCONCLUSIVE and evidence is not None and evidence.canary_requests > 0
    return verdict.outcome is Outcome.PASS or undecided


class Answers(Mapping[Question, Verdict]):
    """The answer to any question whose time has come. `zero` is the moment of the release."""

    def __init__(self, policy: Policy, tape: Tape, *, zero: datetime, heard: Heard | None = None) -> None:
        self._policy, self._tape, self._zero = policy, tape, zero
        self._specs = {each.name: each for each in policy.metrics}
        self._away = tape.scenario.away
        self._known: dict[Question, Verdict] = {}
        self._heard = heard
        self.windows = 0
        self.ahead = False
        """While it is set, answers come up to the first that is `news`, and none about a later time."""
        self.news: Question | None = None
        self._last: tuple[datetime, datetime, Piece] | None = None

    def __contains__(self, question: object) -> bool:
        if self.news is None or not isinstance(question, Question):
            return True
        return question.end <= self.news.end

    def __getitem__(self, question: Question) -> Verdict:
        known = self._known.get(question)
        if known is None:
            self._known[question] = known = self._answer(question)
            if self._heard is not None:
                self._heard(question, known)
        if self.ahead and self.news is None and not _is_calm(question, known):
            self.news = question
        return known

    def look_ahead(self) -> None:
        """From now on until `look_here`, answer up to the first news only."""
        self.ahead, self.news = True, None

    def look_here(self) -> Question | None:
        """Answer everything again; the question whose answer was the first news, if there was one."""
        news, self.ahead, self.news = self.news, False, None
        return news

    def __iter__(self) -> Iterator[Question]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)

    def forget(self) -> None:
        """Answers that were taken are not asked for again."""
        self._known.clear()

    def _seconds(self, moment: datetime) -> float:
        return (moment - self._zero).total_seconds()

    def _answer(self, question: Question) -> Verdict:
        away = bool(self._away) and self._is_away(self._seconds(question.at))
        if question.kind is Ask.TRAFFIC:
            self.windows += 1
            return self._traffic(question, away=away)
        if question.kind is Ask.DRAINED:
            return self._drained(question, away=away)
        spec = self._specs[question.name]
        if away:
            return Verdict(Outcome.ERROR, limit=spec.limit, message=f"{spec.name} {AWAY}")
        return self._judge(spec, question, self._between(question))

    def _is_away(self, at: float) -> bool:
        """Does Prometheus not answer at this moment?"""
        return any(begin <= at < end for begin, end in self._away)

    def _between(self, question: Question) -> Piece:
        if self._last is None or self._last[0] != question.start or self._last[1] != question.end:
            piece = self._tape.between(self._seconds(question.start), self._seconds(question.end))
            self._last = (question.start, question.end, piece)
        return self._last[2]

    def _traffic(self, question: Question, *, away: bool) -> Verdict:
        if not self._policy.meshed:
            return presence.UNCOUNTED
        if away:
            return Verdict(Outcome.ERROR, message=f"traffic {AWAY}")
        piece = self._between(question)
        reached = piece.canary + piece.primary
        return presence.traffic(canary=piece.canary, primary=piece.primary, sent=reached + piece.lost)

    def _drained(self, question: Question, *, away: bool) -> Verdict:
        if not self._policy.meshed:
            return presence.UNCOUNTED_DRAIN
        if away:
            return Verdict(Outcome.ERROR, message=f"drain {AWAY}")
        spec, piece = self._policy.spec, self._between(question)
        return presence.drained(
            target=spec.name,
            namespace=spec.namespace,
            seconds=(question.end - question.start).total_seconds(),
            requests=piece.canary + piece.lost,
        )

    def _judge(self, spec: MetricSpec, question: Question, piece: Piece) -> Verdict:
        """By the metric's limits, and against the primary too where both are asked for."""
        limits = self._by_limits(spec, piece)
        if spec.compare is None or question.kind is not Ask.METRIC:
            return limits
        count = slow if spec.name == DURATION else failures
        counts = count(question.window, piece, self._tape)
        return comparison.together(limits, compare(counts, question.memory, spec.compare))

    def _by_limits(self, spec: MetricSpec, piece: Piece) -> Verdict:
        canary = rates.Answered(piece.canary, piece.canary, piece.canary - piece.failed)
        primary = rates.Answered(piece.primary, piece.primary, piece.primary - piece.primary_failed)
        roles = (canary, primary) if self._policy.meshed else (canary,)
        if spec.name == SUCCESS_RATE and not spec.is_own:
            return rates.judge(spec, *roles)
        if too_few := rates.few(spec, *roles):
            return too_few
        return threshold.judge(spec, self._samples(spec, piece))

    def _samples(self, spec: MetricSpec, piece: Piece) -> tuple[Sample, ...]:
        """What the metric's query would select."""
        if spec.is_own:
            scenario = self._tape.scenario
            normal = scenario.metrics[spec.name]
            mean, deviation = scenario.faulty_metrics.get(spec.name, normal) if piece.faulty else normal
            return (Sample(self._tape.draws.normalvariate(mean, deviation) if deviation else mean),)
        if spec.name == COUNT:
            return (Sample(float(piece.canary)),)
        if spec.name == REACHABILITY:
            sent = piece.canary + piece.lost
            return (Sample(100.0 * piece.canary / sent),) if sent else ()
        return (Sample(p99(piece.buckets or [])),) if piece.canary else ()
