"""A step: the traffic that it asks for, and how long it lasts."""

from dataclasses import dataclass

from strategies.gates import GateKind
from strategies.traffic import Traffic


@dataclass(frozen=True, slots=True)
class Step:
    """The traffic of a step, how many passing windows of each check end it, and the gates that stand before it."""

    traffic: Traffic
    checks: int = 1
    gates: tuple[GateKind, ...] = (GateKind.TRAFFIC_INCREASE,)
