"""What the builtin questions of 1, 100 and 1,000 Canaries cost their Prometheus: queries per interval, and their time.

    python -m benchmarks.query_cost [--json] [--canaries 1,100,1000] [--wait-seconds 1] [--intervals 5]

Each Canary asks for its success rate, its duration and the traffic of both roles once a minute: four queries, if each
question were asked by itself. In the first table a minute is virtual and everything else is the controller's own;
"spread" Canaries began at any moment of it, "together" all at once, as after a restart. The second table is of a real
Prometheus with 50 Canaries of two pods a role and three callers, asked alone and together; it is left out where no
program prometheus is on the PATH. What a comparison with the primary fetches besides, sample by sample, is asked for
each Canary by itself: the last lines say in how many range selectors.
"""

import argparse
import asyncio
import json
import random
import shutil
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from delivery.cluster.memory.virtual import VirtualLoop
from metrics import queries
from metrics.analysis import Analyst
from metrics.batching import MARK, MOST_WORKLOADS
from metrics.counters import Counters
from metrics.judges.settings import CompareWithPrimary
from metrics.providers import Matrix, Providers, Query, QueryError, Sample, Samples
from metrics.spec import DURATION, SUCCESS_RATE, MetricSpec, Subject, Window
from metrics.verdict import Outcome, Verdict
from tests.metrics.conftest import NOON, prometheus_with, subject_in, window_of
from tests.metrics.scenes import Samples as Counter
from tests.metrics.scenes import Scenes, durations, flat, growing, requests

INTERVAL = 60.0
NUMBERS = 4
"""What a Canary asks for: two metrics, and for the traffic what arrived and what was sent."""
SPECS = (MetricSpec(name=SUCCESS_RATE, minimum=99), MetricSpec(name=DURATION, maximum=500))
_OWN = Counters(requests='a_total{app="{{ workload }}"}', failures='b_total{app="{{ workload }}"}')
COMPARED = {
    **{spec.name: replace(spec, compare=CompareWithPrimary()) for spec in SPECS},
    "counters of a template": MetricSpec(name="own", template="a/b", counters=_OWN, compare=CompareWithPrimary()),
}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--canaries", default="1,100,1000", help="how many, separated by commas")
    parser.add_argument("--wait-seconds", type=float, default=1.0, help="as --metrics-batch-seconds of the controller")
    parser.add_argument("--intervals", type=int, default=5, help="over how many minutes the queries are counted")
    given = parser.parse_args()
    counts = [int(each) for each in given.canaries.split(",")]
    result = measure(counts, wait=given.wait_seconds, intervals=given.intervals)
    print(json.dumps(result) if given.json else table(result))


def measure(counts: Sequence[int], *, wait: float, intervals: int) -> dict[str, Any]:
    """Queries for each number of Canaries, and the time that a real Prometheus takes for a full one."""
    rows = [
        counted(count, wait=wait, intervals=intervals, together=together)
        for count in counts
        for together in (False, True)
    ]
    result = {"interval_seconds": INTERVAL, "wait_seconds": wait, "rows": rows, "prometheus": on_prometheus()}
    return {**result, "fetches": {name: fetched(spec) for name, spec in COMPARED.items()}}


class Counting:
    """A provider that answers everything at once and counts what it is asked."""

    def __init__(self) -> None:
        self.targets: list[int] = []
        self.longest = 0
        self.fetched = 0

    async def query(
        self, queries: Sequence[Query], *, at: datetime, timeout: float
    ) -> Mapping[Query, Samples | QueryError]:
        """One number for each question of each query."""
        for query in queries:
            self.longest = max(self.longest, len(query))
            self.targets.append(len({name for name in query.split('"') if name.startswith("shop-")}))
        return {query: _numbers(query) for query in queries}

    async def raw(
        self, queries: Sequence[Query], *, at: datetime, timeout: float
    ) -> Mapping[Query, Matrix | QueryError]:
        """Nothing for each range selector."""
        self.fetched += len(queries)
        return dict.fromkeys(queries, ())


def _numbers(query: Query) -> Samples:
    marks = query.count(f'"{MARK}"')
    return tuple(Sample(1.0, {MARK: str(mark)}) for mark in range(marks)) or (Sample(1.0),)


def counted(count: int, *, wait: float, intervals: int, together: bool) -> dict[str, Any]:
    """How many queries so many Canaries are in one interval, and for how long a question waits."""
    provider, rng = Counting(), random.Random(count)
    starts = [0.0 if together else rng.uniform(0.0, INTERVAL) for _ in range(count)]
    waits: list[float] = []
    loop = VirtualLoop(None)
    try:
        analyst = Analyst(lambda _: provider, wait=wait)
        loop.run_until_complete(_everybody(analyst, starts, intervals, waits))
    finally:
        loop.close()
    waits.sort()
    return {
        "canaries": count,
        "begun": "together" if together else "spread",
        "queries_per_interval": round(len(provider.targets) / intervals, 1),
        "queries_alone": count * NUMBERS,
        "most_targets": max(provider.targets),
        "longest_query_kib": round(provider.longest / 1024, 1),
        "wait_seconds_mean": round(sum(waits) / len(waits), 2),
        "wait_seconds_p95": round(waits[int(0.95 * (len(waits) - 1))], 2),
    }


def fetched(spec: MetricSpec) -> int:
    """How many range selectors one window of a comparison takes."""
    provider = Counting()
    analyst, window = Analyst(lambda _: provider), window_of(60, ending=NOON)
    question = analyst.compared(spec, subject_in("shop-1"), window, number=1, memory="", server="any")
    verdict = asyncio.run(question)
    if verdict.outcome is Outcome.ERROR:
        raise RuntimeError(verdict.message)
    return provider.fetched


async def _everybody(analyst: Analyst, starts: Sequence[float], intervals: int, waits: list[float]) -> None:
    now = asyncio.get_running_loop().time

    async def one(number: int, start: float) -> None:
        for interval in range(intervals):
            await asyncio.sleep(start + INTERVAL * interval - now())
            asked_at = now()
            at = datetime.fromtimestamp(NOON.timestamp() + asked_at, UTC)
            await asyncio.gather(*_questions(analyst, subject_in(f"shop-{number}"), window_of(60, ending=at), "any"))
            waits.append(now() - asked_at)

    await asyncio.gather(*(one(number, start) for number, start in enumerate(starts)))


def _questions(analyst: Analyst, subject: Subject, window: Window, server: str) -> list[Awaitable[Verdict]]:
    metrics = [analyst.metric(spec, subject, window, server=server) for spec in SPECS]
    return [*metrics, analyst.traffic(subject, window, server=server)]


# -- a real Prometheus


def on_prometheus() -> dict[str, Any] | None:
    """Seconds that 50 Canaries' questions take, alone and together; None without the programs."""
    if shutil.which("prometheus") is None or shutil.which("promtool") is None:
        return None
    scenes = Scenes({})
    for number in range(MOST_WORKLOADS):
        _write(scenes, f"shop-{number}")
    with (
        tempfile.TemporaryDirectory(prefix="query-cost-") as folder,
        prometheus_with(scenes.openmetrics(), Path(folder)) as address,
    ):
        return asyncio.run(_timed(address))


def _write(scenes: Scenes, namespace: str) -> None:
    """Two pods of each role, each with three callers, two codes and 18 buckets."""
    edges = [str(edge) for edge in (0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000)]
    for workload in ("reviews", "reviews-primary"):
        for pod in ("a", "b"):
            for caller in ("x", "y", "z"):
                labels = {"pod": f"{workload}-{pod}", "source_workload": caller, "instance": f"{workload}-{pod}"}
                series = [requests(_grown(each), workload, code=each, **labels) for each in ("200", "503")]
                buckets = durations({edge: _grown("200") for edge in [*edges, "+Inf"]}, workload)
                for each in [*series, *buckets]:
                    own = {key: value.replace("NAMESPACE", namespace) for key, value in each.labels.items()}
                    scenes.series.setdefault(each.name, []).append(
                        type(each)(each.name, {**own, **labels}, each.samples)
                    )
    up = [type(each)("up", {"job": namespace, "instance": "up"}, flat(1, since=-900)) for each in series[:1]]
    scenes.series.setdefault("up", []).extend(up)


def _grown(code: str) -> Counter:
    return growing(5000, by=40 if code == "200" else 1, since=-900)


async def _timed(address: str) -> dict[str, Any]:
    providers = Providers()
    ends = [NOON - timedelta(milliseconds=20 * number) for number in range(MOST_WORKLOADS)]
    asked = [(subject_in(f"shop-{number}"), window_of(60, ending=end)) for number, end in enumerate(ends)]

    async def alone() -> int:
        provider, number = providers.provider_for(address), 0
        for subject, window in asked:
            for build in (queries.by_answer, queries.duration_p99, queries.by_answer, queries.sent):
                await provider.query([build(subject, window)], at=window.at, timeout=60)
                number += 1
        return number

    async def together() -> int:
        analyst = Analyst(providers.provider_for, timeout=60)
        return await _all([_questions(analyst, *each, address) for each in asked])

    result = {
        "canaries": MOST_WORKLOADS,
        "alone_seconds": await _best(alone),
        "together_seconds": await _best(together),
    }
    providers.close()
    return result


async def _all(questions: Sequence[Sequence[Awaitable[Verdict]]]) -> int:
    verdicts = await asyncio.gather(*(each for of_one in questions for each in of_one))
    wrong = [each for each in verdicts if each.outcome is Outcome.ERROR]
    if wrong:
        raise RuntimeError(wrong[0].message)
    return len(verdicts)


async def _best(work: Callable[[], Awaitable[int]]) -> float:
    """Of three times the shortest: the machine has other things to do."""
    seconds = []
    for _ in range(3):
        begun = time.perf_counter()
        await work()
        seconds.append(time.perf_counter() - begun)
    return round(min(seconds), 2)


def table(result: dict[str, Any]) -> str:
    """For people."""
    lines = [f"queries per {result['interval_seconds']:g} s, waiting up to {result['wait_seconds']:g} s for others"]
    lines.append("Canaries  begun     queries  alone  targets  longest KiB  wait mean, p95 (s)")
    lines += [
        f"{row['canaries']:8}  {row['begun']:8}  {row['queries_per_interval']:7}  {row['queries_alone']:5}  "
        f"{row['most_targets']:7}  {row['longest_query_kib']:11}  {row['wait_seconds_mean']}, {row['wait_seconds_p95']}"
        for row in result["rows"]
    ]
    if real := result["prometheus"]:
        lines.append(
            f"a real Prometheus takes {real['alone_seconds']} s for the questions of {real['canaries']} Canaries asked "
            f"alone, {real['together_seconds']} s together"
        )
    lines += [f"one window of a comparison, {name}: fetched in {count}" for name, count in result["fetches"].items()]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
