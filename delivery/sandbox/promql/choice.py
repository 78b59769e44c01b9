"""Which Prometheus a sandbox gets: a real one where there is one, because it can do more, else the embedded one."""

from contextlib import AbstractAsyncContextManager
from typing import Protocol

from delivery.cluster.protocols import Clock
from delivery.sandbox.promql.binary import PrometheusBinary, PrometheusUnavailableError, find
from delivery.sandbox.promql.embedded import EmbeddedPrometheus
from delivery.sandbox.promql.exposition import Scrape

CHOICES = ("auto", "binary", "embedded")


class Prometheus(Protocol):
    """A Prometheus that scrapes a callable."""

    @property
    def url(self) -> str:
        """Where to ask it, while it is served."""

    def serve(self) -> AbstractAsyncContextManager[str]:
        """Run it while the block lasts; the value is its URL. Raises PrometheusUnavailableError."""

    async def down(self) -> None:
        """Let it go away: connections are refused."""

    async def up(self) -> None:
        """Let it come back at the same address with what it knew. Raises PrometheusUnavailableError."""


def choose(choice: str, scrape: Scrape, *, interval: float, clock: Clock, text: Scrape | None = None) -> Prometheus:
    """A Prometheus by `choice`, one of CHOICES, that scrapes every `interval` seconds.

    `text` says the same as `scrape` in Prometheus' text format, if it knows a cheaper way to write it. `auto` takes
    the program `prometheus` from the PATH if it is there and new enough. Raises PrometheusUnavailableError if
    `binary` is wanted and it is not, ValueError for another choice.
    """
    if choice not in CHOICES:
        raise ValueError(f"--prometheus is {choice!r}; allowed are {', '.join(CHOICES)}")
    if choice == "embedded":
        return EmbeddedPrometheus(scrape, interval=interval, clock=clock)
    try:
        return PrometheusBinary(find(), text or scrape, interval=interval)
    except PrometheusUnavailableError:
        if choice == "binary":
            raise
        return EmbeddedPrometheus(scrape, interval=interval, clock=clock)
