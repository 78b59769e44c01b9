"""A/B testing: who matches meets the new version, everybody else does not, for as long as it takes to compare."""

from strategies.spec import Analysis
from strategies.step import Step
from strategies.traffic import Traffic


def steps(analysis: Analysis) -> tuple[Step, ...]:
    """One step: all matching requests go to the canary until so many checks have passed."""
    return (Step(Traffic.to_canary(100, matched=True), checks=analysis.iterations),)
