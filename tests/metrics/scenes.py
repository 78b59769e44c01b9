"""Traffic as a real Prometheus would have scraped it, written down beside the test that asks about it.

Every test of a module that uses `scene` gets a namespace of its own in one Prometheus, so that starting it is paid once
and no test can see another's requests.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Self, TypeVar

from tests.metrics.conftest import NOON

Test = TypeVar("Test", bound=Callable[..., object])
Samples = Mapping[float, float]
"""The counter's value at seconds relative to noon."""

SCRAPE = 15


@dataclass(frozen=True)
class Series:
    name: str
    labels: Mapping[str, str]
    samples: Samples


@dataclass
class Scenes:
    """All series of a module, by metric name."""

    series: dict[str, list[Series]] = field(default_factory=dict)

    @classmethod
    def looked_at(cls, *, until: float = 0) -> Self:
        """Scenes of a Prometheus that has scraped pods since two hours before noon, as its `up` says."""
        return cls({"up": [Series("up", {"job": "pods"}, flat(1, since=-7200, until=until))]})

    @classmethod
    def of(cls, *scenes: Self) -> Self:
        """Those of several modules in one Prometheus, which has looked at pods as that of the first."""
        names = sorted({name for each in scenes for name in each.series} - {"up"})
        together = {name: [series for each in scenes for series in each.series.get(name, ())] for name in names}
        return cls(together | {"up": scenes[0].series["up"]})

    def scene(self, *series: Series) -> Callable[[Test], Test]:
        """Puts the series into the namespace that is named as the test."""

        def register(test: Test) -> Test:
            for each in series:
                labels = {key: value.replace("NAMESPACE", test.__name__) for key, value in each.labels.items()}
                self.series.setdefault(each.name, []).append(Series(each.name, labels, each.samples))
            return test

        return register

    def openmetrics(self, *, at: datetime = NOON) -> str:
        lines = []
        for name, found in self.series.items():
            for number, each in enumerate(found):
                labelled = {"instance": str(number), **each.labels}
                labels = ",".join(f'{key}="{_quoted(value)}"' for key, value in labelled.items())
                where = f"{name}{{{labels}}}"
                lines += [
                    f"{where} {value} {at.timestamp() + second}" for second, value in sorted(each.samples.items())
                ]
        return "\n".join([*lines, "# EOF\n"])


def _quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')


def flat(value: float, *, since: float = -600, until: float = 0) -> Samples:
    """A counter that stands still."""
    return growing(value, by=0, since=since, until=until)


def growing(value: float, *, by: float, since: float = -600, until: float = 0) -> Samples:
    """A counter that has `value` at its last scrape and grows `by` each scrape."""
    steps = round((until - since) / SCRAPE)
    return {until - SCRAPE * back: value - by * back for back in range(steps + 1)}


def requests(samples: Samples, workload: str = "reviews", *, code: str = "200", **labels: str) -> Series:
    """Requests to a workload of the test's namespace, as its own proxy counted them."""
    common = {
        "reporter": "destination",
        "destination_workload": workload,
        "destination_workload_namespace": "NAMESPACE",
        "destination_service_name": "reviews",
        "destination_service_namespace": "NAMESPACE",
        "response_code": code,
        "request_protocol": "http",
    }
    return Series("istio_requests_total", {**common, **labels}, samples)


def unreached(samples: Samples, service: str, *, flags: str = "UH", code: str = "503") -> Series:
    """Requests to a service that met no pod, as the caller's proxy counted them."""
    return requests(
        samples,
        "unknown",
        code=code,
        reporter="source",
        destination_workload_namespace="unknown",
        destination_service_name=service,
        response_flags=flags,
    )


def durations(buckets: Mapping[str, Samples], workload: str = "reviews", *, code: str = "200") -> list[Series]:
    """A histogram of request durations in milliseconds, cumulative by `le`."""
    return [
        Series(
            "istio_request_duration_milliseconds_bucket",
            {**requests({}, workload, code=code).labels, "le": edge},
            samples,
        )
        for edge, samples in buckets.items()
    ]
