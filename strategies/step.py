"""A step: the traffic that it asks for, and how long it lasts."""

from dataclasses import dataclass

from strategies.traffic import Traffic


@dataclass(frozen=True, slots=True)
class Step:
    """The traffic of a step, and how many passing windows of each check end it."""

    traffic: Traffic
    checks: int = 1
