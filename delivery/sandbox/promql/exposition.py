"""What a target says about itself: Prometheus' text format, or the same as values when it lives in this process."""

import math
from collections.abc import Callable, Iterable, Iterator

Sample = tuple[str, tuple[tuple[str, str], ...], float]
"""A metric's name, its other labels and a value. It is cheap to give the same tuple of labels from scrape to scrape."""

Scrape = Callable[[], "str | Iterable[Sample]"]
"""Asks a target for its samples of this moment. Whatever it raises means that the target is down."""


def samples_of(said: "str | Iterable[Sample]") -> Iterable[Sample]:
    """The samples of a target's answer. Raises ValueError for text that is not of the format."""
    return parsed(said) if isinstance(said, str) else said


def parsed(text: str) -> Iterator[Sample]:
    """The samples of a text (about 15 microseconds each). Times in it are left aside, as with honor_timestamps off.

    Raises ValueError naming what is wrong.
    """
    from prometheus_client.parser import text_string_to_metric_families

    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            yield sample.name, tuple(sample.labels.items()), float(sample.value)


def written(samples: Iterable[Sample]) -> str:
    """Samples as text, for a Prometheus that scrapes this process over HTTP."""
    return "".join(f"{name}{_braced(labels)} {_number(float(value))}\n" for name, labels, value in samples)


def _braced(labels: Iterable[tuple[str, str]]) -> str:
    inside = ",".join(f'{key}="{_quoted(value)}"' for key, value in labels)
    return f"{{{inside}}}" if inside else ""


def _quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value: float) -> str:
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return "NaN" if math.isnan(value) else repr(value)
