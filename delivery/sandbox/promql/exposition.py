"""What a target says about itself: Prometheus' text format, or the same as values when it lives in this process."""

import math
from collections.abc import Callable, Iterable, Iterator

from delivery.sandbox.promql.labels import Labels, labels_of

Sample = tuple[Labels, float]
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
            yield labels_of(sample.name, sample.labels), float(sample.value)


def written(samples: Iterable[Sample]) -> str:
    """Samples as text, for a Prometheus that scrapes this process over HTTP."""
    return "".join(f"{_name(labels)} {_number(value)}\n" for labels, value in samples)


def _name(labels: Labels) -> str:
    found = dict(labels)
    name = found.pop("__name__")
    inside = ",".join(f'{key}="{_quoted(value)}"' for key, value in found.items())
    return f"{name}{{{inside}}}" if inside else name


def _quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value: float) -> str:
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return "NaN" if math.isnan(value) else repr(value)
