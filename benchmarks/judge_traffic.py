"""Made-up traffic for benchmarks/judges.py: counts per window and pod of a whole run, many runs at once.

A run has 40 windows of 30 s, ten each at 5, 10, 25 and 50 % on the canary. Twenty pods serve it, split as the traffic,
so that each has about as much to do. 0.2 % of requests fail by themselves.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.stats import norm

Array = npt.NDArray[np.float64]

WINDOWS = 40
SECONDS = 30.0
SHARES = np.repeat([0.05, 0.10, 0.25, 0.50], WINDOWS // 4)
BASE = 0.002
CORRELATION = 0.002

EDGES = (5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1000.0, 2500.0, 5000.0, 10000.0)
MEDIAN_MS, SIGMA = 50.0, 0.8
"""Latencies are lognormal: the 99th percentile is at 321 ms."""

CHUNK = 100
"""Runs that are made at once: bounds the memory that is needed."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """What the new version does, and how the traffic behaves.

    `ratio` multiplies the canary's failures, `slower` its latencies (0: latencies are not looked at). `clusters`:
    failures come in clusters of a "pod" within a window, of a "role" within a window, or of a pod over the whole "run".
    """

    name: str
    ratio: float = 1.0
    slower: float = 0.0
    drift: bool = False
    clusters: str = ""

    @property
    def healthy(self) -> bool:
        """Nothing is wrong with the new version."""
        return self.ratio == 1.0 and self.slower in (0.0, 1.0)


SCENARIOS = (
    Scenario("healthy"),
    Scenario("healthy-drift", drift=True),
    Scenario("healthy-clustered", clusters="pod"),
    Scenario("errors-1.5x", ratio=1.5),
    Scenario("errors-3x", ratio=3.0),
    Scenario("errors-5x", ratio=5.0),
    Scenario("latency-10", slower=1.1),
    Scenario("latency-30", slower=1.3),
)

EXTRA = (
    Scenario("errors-at-margin", ratio=1.25),
    Scenario("latency-healthy", slower=1.0),
    Scenario("healthy-clustered-role", clusters="role"),
    Scenario("healthy-clustered-run", clusters="run"),
    Scenario("errors-5x-clustered", ratio=5.0, clusters="pod"),
)
"""Beyond what is compared by default."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """Counts as [run, window, pod]; `bad` as [run, window, pod, kind], a pod without requests is not there."""

    primary: Array
    canary: Array
    primary_bad: Array
    canary_bad: Array


def made(scenario: Scenario, *, rps: float, runs: int, pods: int, seed: int) -> Iterator[Traffic]:
    """The traffic of so many runs, in chunks; the same for the same arguments."""
    rng = np.random.default_rng([seed, *scenario.name.encode(), int(rps * 1000), pods])
    for first in range(0, runs, CHUNK):
        yield _chunk(scenario, rps, min(CHUNK, runs - first), pods, rng)


def _chunk(scenario: Scenario, rps: float, runs: int, pods: int, rng: np.random.Generator) -> Traffic:
    of_canary = np.clip(np.round(pods * SHARES), 1, pods - 1)
    slots = np.arange(pods)[None, :]
    requests = rps * SECONDS * (1.0 + 0.5 * _wave(scenario, 0.0))
    sides = []
    for share, count, ratio, slower in (
        (1.0 - SHARES, pods - of_canary, 1.0, min(scenario.slower, 1.0)),
        (SHARES, of_canary, scenario.ratio, scenario.slower),
    ):
        each = np.where(slots < count[:, None], (requests * share / count)[:, None], 0.0)
        served = rng.poisson(np.broadcast_to(each, (runs, WINDOWS, pods)))
        role = replace(scenario, ratio=ratio, slower=slower)
        sides.append((served.astype(float), _slow(role, served, rng) if slower else _failed(role, served, rng)))
    (primary, primary_bad), (canary, canary_bad) = sides
    return Traffic(primary, canary, primary_bad, canary_bad)


def _wave(scenario: Scenario, phase: float) -> Array:
    """A day's shape, squeezed into a run: the traffic doubles and halves, the failures more so."""
    return np.sin(2 * np.pi * np.arange(WINDOWS) / WINDOWS + phase) * scenario.drift


def _failed(scenario: Scenario, served: npt.NDArray[np.int64], rng: np.random.Generator) -> Array:
    rate = np.broadcast_to((BASE * scenario.ratio * (1.0 + 0.8 * _wave(scenario, 2.0)))[None, :, None], served.shape)
    runs, windows, pods = served.shape
    shapes = {"pod": served.shape, "role": (runs, windows, 1), "run": (runs, 1, pods)}
    if scenario.clusters:
        alike = 1.0 / CORRELATION - 1.0
        beta = rng.beta(BASE * alike, (1.0 - BASE) * alike, shapes[scenario.clusters])
        rate = np.minimum(1.0, rate * beta / BASE)
    return rng.binomial(served, rate)[..., None].astype(float)


def _slow(scenario: Scenario, served: npt.NDArray[np.int64], rng: np.random.Generator) -> Array:
    """How many requests passed each edge."""
    below = norm.cdf((np.log(EDGES) - np.log(MEDIAN_MS * scenario.slower)) / SIGMA)
    buckets = rng.multinomial(served, np.diff(below, prepend=0.0, append=1.0))
    passed: Array = served[..., None] - np.cumsum(buckets, axis=-1)[..., :-1]
    return passed.astype(float)
