"""Windows of counts, written down beside the test that judges them."""

from collections.abc import Sequence

from metrics.judges.counts import PodCounts, RoleCounts, WindowCounts
from metrics.judges.memory import Memory
from metrics.judges.sequential import judge
from metrics.judges.settings import CompareWithPrimary
from metrics.verdict import Verdict

SETTINGS = CompareWithPrimary()


def even(name: str, pods: int, requests: float, *bad: float) -> RoleCounts:
    """A role whose pods had the same part of everything."""
    each = tuple(one / pods for one in bad)
    return RoleCounts.of(PodCounts(f"{name}-{pod}", requests / pods, each) for pod in range(pods))


def window(
    number: int,
    *,
    canary: tuple[float, ...],
    primary: tuple[float, ...],
    pods: tuple[int, int] = (1, 9),
    edges: tuple[float, ...] = (),
) -> WindowCounts:
    """One window; the roles as (requests, bad, ...), `pods` of the canary and of the primary."""
    return WindowCounts(number, even("primary", pods[1], *primary), even("canary", pods[0], *canary), edges)


def judged(counts: Sequence[WindowCounts], settings: CompareWithPrimary = SETTINGS) -> tuple[list[Verdict], Memory]:
    """All windows, one after the other."""
    memory, verdicts = Memory(settings.margin), []
    for each in counts:
        verdict, memory = judge(each, memory, settings)
        verdicts.append(verdict)
    return verdicts, memory
