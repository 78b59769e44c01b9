"""Blue/green: the new version is checked beside the users, then it gets all of them at once."""

from strategies.gates import GateKind
from strategies.spec import Analysis
from strategies.step import Step
from strategies.traffic import Traffic

DEFAULT_ITERATIONS = 10
"""Checks where nothing is said and routes cannot split traffic; Flagger's number."""


def steps(analysis: Analysis) -> tuple[Step, ...]:
    """First so many checks on the canary's own Service, with copies of requests if asked for; then all users.

    The last step is judged once: only there do users' own requests say something of the new version. Whoever has to
    agree to a promotion is asked before it, as in Flagger, and once more before the promotion itself.
    """
    beside = Traffic.to_canary(0, mirror=analysis.mirror)
    increase: tuple[GateKind, ...] = (GateKind.TRAFFIC_INCREASE,) if analysis.mirror else ()
    return (
        Step(beside, checks=analysis.iterations or DEFAULT_ITERATIONS, gates=increase),
        Step(Traffic.to_canary(100), gates=(GateKind.TRAFFIC_INCREASE, GateKind.PROMOTION)),
    )
