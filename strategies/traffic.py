"""Traffic as a value: the one description of routes that strategies and routers share."""

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """The two parts that a version can play."""

    PRIMARY = "primary"
    CANARY = "canary"


@dataclass(frozen=True, slots=True)
class Traffic:
    """What the routes must say: percent of requests per role, each 0..100, summing to 100.

    Raises ValueError for a weight out of range or a sum that is not 100.
    """

    primary: int
    canary: int

    def __post_init__(self) -> None:
        if min(self.primary, self.canary) < 0 or self.primary + self.canary != 100:
            raise ValueError(
                f"weights must be 0..100 and sum to 100, given primary {self.primary}, canary {self.canary}"
            )

    @classmethod
    def to_canary(cls, weight: int) -> "Traffic":
        """`weight` percent to the canary, the rest to the primary."""
        return cls(primary=100 - weight, canary=weight)

    def share(self, role: Role) -> int:
        """The percent of requests that `role` gets."""
        return self.canary if role is Role.CANARY else self.primary
