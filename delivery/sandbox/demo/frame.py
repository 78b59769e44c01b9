"""One moment of the demo, as a value: whatever shows it (a live screen, plain lines, a picture) shows the same.

A frame is made from objects of the cluster and from what the mesh has counted, never from what the controller thinks.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A version that requests reach: its share of them in percent and its answers lately, per second.

    `bad` is how many of those answers were errors.
    """

    name: str
    role: str
    share: float
    rate: float
    bad: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckLine:
    """A check as it was judged last. `outcome` is pass, fail, inconclusive or error."""

    name: str
    value: str
    limit: str
    outcome: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """Something that the controller decided or a person typed, in a sentence. `at`: seconds since the demo began."""

    at: float
    reason: str
    message: str
    warning: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrote:
    """An object that the controller wrote, and what became of it."""

    at: float
    object: str
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """Everything that is worth seeing at one moment. Weights and shares are percent; times are seconds.

    `wanted` is the weight that the status records, `routed` what the VirtualService says, `seen` the share of the
    last judged window. `timers` are lines such as "next window is judged in 3 s".
    """

    at: float
    act: str
    canary: str
    phase: str = ""
    step: str = ""
    reason: str = ""
    message: str = ""
    wanted: int = 0
    routed: int | None = None
    seen: float | None = None
    versions: tuple[Version, ...] = ()
    checks: tuple[CheckLine, ...] = ()
    timers: tuple[str, ...] = ()
    told: tuple[Told, ...] = ()
    wrote: tuple[Wrote, ...] = ()
    lost: int = 0
    bad: int = 0
