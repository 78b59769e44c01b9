"""How often judges roll back releases that are fine, and how soon those that are not.

    python -m benchmarks.judges [--json] [--runs 3000] [--seed 1] [--pods 20] [--extra] [--only errors-5x,healthy]

`sequential` is the judge of the comparison with the primary, unmodified, with its default settings; the others are in
benchmarks/judge_rivals.py, the traffic in benchmarks/judge_traffic.py. Every judge sees the same runs, and the same
arguments give the same figures. Bounds of shares are those of Clopper and Pearson (1934), at 95 %.
"""

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from scipy.stats import beta

from benchmarks.judge_rivals import SLOW, Windows, mann_whitney, peeking_z, threshold
from benchmarks.judge_traffic import EDGES, EXTRA, SCENARIOS, WINDOWS, Scenario, Traffic, made
from metrics.judges.counts import PodCounts, RoleCounts, WindowCounts
from metrics.judges.memory import Memory
from metrics.judges.sequential import judge
from metrics.judges.settings import CompareWithPrimary
from metrics.verdict import Outcome

RATES = (1, 10, 100, 1000)
SETTINGS = CompareWithPrimary()


def sequential(traffic: Traffic) -> Windows:
    """The first window in which the comparison with the primary fails, for each run; 0 for never."""
    return np.array([_run(traffic, run) for run in range(len(traffic.canary))])


JUDGES: Mapping[str, Callable[[Traffic], Windows]] = {
    "sequential": sequential,
    "threshold-1": partial(threshold, strikes=1),
    "threshold-5": partial(threshold, strikes=5),
    "peeking-z": peeking_z,
    "mann-whitney": mann_whitney,
}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--json", action="store_true", help="print a JSON list of cells")
    parser.add_argument("--runs", type=int, default=3000, help="runs of each cell")
    parser.add_argument("--seed", type=int, default=1, help="of the traffic")
    parser.add_argument("--pods", type=int, default=20, help="of both roles together")
    parser.add_argument("--extra", action="store_true", help="scenarios beyond the comparison of judges, too")
    parser.add_argument("--only", default="", help="scenarios, separated by commas")
    given = parser.parse_args()
    names = [name for name in given.only.split(",") if name]
    every = SCENARIOS + (EXTRA if given.extra or names else ())
    cells: list[dict[str, Any]] = []
    for scenario in every:
        for rps in RATES if not names or scenario.name in names else ():
            cells += measure(scenario, rps=rps, runs=given.runs, seed=given.seed, pods=given.pods)
            print(f"{scenario.name} at {rps} requests/s: done", file=sys.stderr)
    print(json.dumps(cells, indent=1) if given.json else table(cells))


def measure(
    scenario: Scenario, *, rps: float, runs: int, seed: int = 1, pods: int = 20, names: Sequence[str] = tuple(JUDGES)
) -> list[dict[str, Any]]:
    """One cell for each named judge."""
    first: dict[str, list[Windows]] = {name: [] for name in names}
    bad: dict[str, list[float]] = {name: [] for name in names}
    for traffic in made(scenario, rps=rps, runs=runs, pods=pods, seed=seed):
        for name in names:
            windows = JUDGES[name](traffic)
            first[name].append(windows)
            bad[name] += bad_requests(traffic, windows)
    return [cell(name, scenario.name, rps, np.concatenate(first[name]), bad[name]) for name in names]


def bad_requests(traffic: Traffic, windows: Windows) -> list[float]:
    """Requests that failed (took over 500 ms) on the canary until each run was rolled back, or ended."""
    kind = SLOW if traffic.canary_bad.shape[-1] > 1 else 0
    served = np.cumsum(traffic.canary_bad[..., kind].sum(axis=2), axis=1)
    return [float(run[(window or WINDOWS) - 1]) for run, window in zip(served, windows, strict=True)]


def cell(judge_name: str, scenario: str, rps: float, windows: Windows, bad: Sequence[float]) -> dict[str, Any]:
    """What is printed of one judge in one scenario; `median_window` is of the runs that were rolled back."""
    hits, runs = int((windows > 0).sum()), len(windows)
    low, high = clopper_pearson(hits, runs)
    return {
        "judge": judge_name,
        "scenario": scenario,
        "rps": rps,
        "runs": runs,
        "rollback_share": hits / runs,
        "rollback_share_low": low,
        "rollback_share_high": high,
        "median_window": float(np.median(windows[windows > 0])) if hits else None,
        "bad_requests": round(float(np.mean(bad)), 2),
    }


def clopper_pearson(hits: int, runs: int, *, confidence: float = 0.95) -> tuple[float, float]:
    """Bounds of a share, 0..1, that hold at least as often as `confidence` says."""
    tail = (1.0 - confidence) / 2.0
    low = float(beta.ppf(tail, hits, runs - hits + 1)) if hits else 0.0
    high = float(beta.isf(tail, hits + 1, runs - hits)) if hits < runs else 1.0
    return low, high


def table(cells: Sequence[Mapping[str, Any]]) -> str:
    """The cells for people."""
    lines = [f"{'scenario':24} {'rps':>5} {'judge':13} {'runs':>5} {'rolled back %':>22} {'window':>7} {'bad':>9}"]
    for each in cells:
        low, high = 100 * each["rollback_share_low"], 100 * each["rollback_share_high"]
        share = f"{100 * each['rollback_share']:.2f} ({low:.2f}..{high:.2f})"
        window = "-" if each["median_window"] is None else f"{each['median_window']:g}"
        lines.append(
            f"{each['scenario']:24} {each['rps']:>5} {each['judge']:13} {each['runs']:>5} {share:>22} {window:>7} "
            f"{each['bad_requests']:>9.1f}"
        )
    return "\n".join(lines)


def _run(traffic: Traffic, run: int) -> int:
    memory = Memory(SETTINGS.margin)
    sides = [
        (requests[run].tolist(), bad[run].tolist())
        for requests, bad in ((traffic.primary, traffic.primary_bad), (traffic.canary, traffic.canary_bad))
    ]
    kinds = traffic.canary_bad.shape[-1]
    edges = EDGES if kinds > 1 else ()
    for number in range(WINDOWS):
        primary, canary = (_role(requests[number], bad[number], kinds) for requests, bad in sides)
        verdict, memory = judge(WindowCounts(number, primary, canary, edges), memory, SETTINGS)
        if verdict.outcome is Outcome.FAIL:
            return number + 1
    return 0


def _role(requests: list[float], bad: list[list[float]], kinds: int) -> RoleCounts:
    pods = (PodCounts(str(name), each, tuple(its)) for name, (each, its) in enumerate(zip(requests, bad, strict=True)))
    return RoleCounts.of((pod for pod in pods if pod.requests), kinds=kinds)


if __name__ == "__main__":
    main()
