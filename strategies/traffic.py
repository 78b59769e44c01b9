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

    `mirror` is the percent of requests, 0..100, that are copied to the canary, their answers thrown away. With
    `matched` all of that is for requests which the analysis matches; all others go to the primary. With `testers`,
    whoever is named as a tester always meets the canary. `cookie` keeps users with the version that served them,
    and `expired` is taken from those who still have it; both are values of cookies, "" for none. Who matches, who is
    a tester and how the cookies are called does not change within a run and stands in the Canary.

    Raises ValueError for a percentage out of range or a sum that is not 100.
    """

    primary: int
    canary: int
    mirror: int = 0
    matched: bool = False
    testers: bool = False
    cookie: str = ""
    expired: str = ""

    def __post_init__(self) -> None:
        if min(self.primary, self.canary) < 0 or self.primary + self.canary != 100:
            raise ValueError(
                f"weights must be 0..100 and sum to 100, given primary {self.primary}, canary {self.canary}"
            )
        if not 0 <= self.mirror <= 100:
            raise ValueError(f"mirror must be 0..100, given {self.mirror}")

    @classmethod
    def to_canary(
        cls,
        weight: int,
        *,
        mirror: int = 0,
        matched: bool = False,
        testers: bool = False,
        cookie: str = "",
        expired: str = "",
    ) -> "Traffic":
        """`weight` percent to the canary, the rest to the primary."""
        return cls(100 - weight, weight, mirror, matched, testers, cookie, expired)

    def share(self, role: Role) -> int:
        """The percent of requests that `role` gets."""
        return self.canary if role is Role.CANARY else self.primary

    @property
    def everybody(self) -> int:
        """The canary's percent of requests that match nothing special."""
        return 0 if self.matched else self.canary

    @property
    def load(self) -> int:
        """The percent of requests, copies included, that the canary's pods have to carry; a tester counts as one."""
        return max(self.canary, self.mirror, int(self.testers))
