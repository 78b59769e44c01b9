"""What a strategy is: an ordered list of steps. The state machine walks it and knows nothing else of a strategy."""

from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from math import ceil

from strategies import ab_testing, blue_green, canary
from strategies.spec import Analysis, RolloutSpec
from strategies.step import Step
from strategies.traffic import Traffic

NO_TRAFFIC = Traffic.to_canary(0)


@dataclass(frozen=True)  # no slots: what follows from the steps is found out once
class Plan:
    """The steps of a run, in order. Promotion follows the last one."""

    steps: tuple[Step, ...]

    @cached_property
    def all_checks(self) -> int:
        """The passing windows that end all steps."""
        return sum(step.checks for step in self.steps)

    def __len__(self) -> int:
        return len(self.steps)

    def traffic(self, index: int) -> Traffic:
        """The traffic of a step; none for the canary before the first."""
        return self.steps[index].traffic if 0 <= index < len(self.steps) else NO_TRAFFIC

    def weight(self, index: int) -> int:
        """The canary's weight at a step; 0 before the first."""
        return self.traffic(index).canary

    def checks(self, index: int) -> int:
        """The passing windows that end a step; 1 for a step that is no longer in the plan."""
        return self.steps[index].checks if 0 <= index < len(self.steps) else 1

    def index_of(self, weight: int, index: int) -> int:
        """Where a run stands that is at `weight` and believes to be at step `index`.

        The same, unless the policy was edited meanwhile: then the last step that asks for no more than `weight`, so
        that an edit by itself never moves traffic.
        """
        if index < 0 or (index < len(self.steps) and self.weight(index) == weight):
            return index
        return max((i for i, step in enumerate(self.steps) if step.traffic.canary <= weight), default=-1)


def plan_for(spec: RolloutSpec) -> Plan:
    """The plan of a rollout. `skip_analysis` is a plan without steps."""
    if spec.skip_analysis:
        return Plan(())
    return _plan(spec.analysis, spec.bake_seconds)


@lru_cache(maxsize=256)
def _plan(analysis: Analysis, bake_seconds: float) -> Plan:
    """The same for every decision until the policy changes."""
    return Plan(_baked(_steps(analysis), analysis, bake_seconds))


def _steps(analysis: Analysis) -> tuple[Step, ...]:
    """By the fields that are given, as Flagger tells the strategies apart."""
    if analysis.iterations and analysis.matched:
        return ab_testing.steps(analysis)
    if analysis.iterations or analysis.all_or_nothing:
        return blue_green.steps(analysis)
    return canary.steps(analysis)


def _baked(steps: tuple[Step, ...], analysis: Analysis, bake_seconds: float) -> tuple[Step, ...]:
    """With a last step in which the new version serves everybody while the old one is still there.

    The way back from it is a route, not a new rollout of the old version's pods.
    """
    if bake_seconds <= 0:
        return steps
    checks = max(1, ceil(bake_seconds / analysis.interval_seconds))
    everybody = Traffic.to_canary(100)
    if steps and steps[-1].traffic == everybody:
        return (*steps[:-1], replace(steps[-1], checks=max(checks, steps[-1].checks)))
    return (*steps, Step(everybody, checks=checks))
