"""What a strategy is: an ordered list of steps. The state machine walks it and knows nothing else of a strategy."""

from dataclasses import dataclass

from strategies.canary import weights
from strategies.spec import RolloutSpec
from strategies.traffic import Traffic


@dataclass(frozen=True, slots=True)
class Step:
    """The traffic of a step, and how many passing windows of each check end it."""

    traffic: Traffic
    checks: int = 1


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps of a run, in order. Promotion follows the last one."""

    steps: tuple[Step, ...]

    def __len__(self) -> int:
        return len(self.steps)

    def weight(self, index: int) -> int:
        """The canary's weight at a step; 0 before the first."""
        return self.steps[index].traffic.canary if 0 <= index < len(self.steps) else 0

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
    return Plan(tuple(Step(Traffic.to_canary(weight)) for weight in weights(spec.analysis)))
