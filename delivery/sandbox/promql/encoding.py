"""Answers as JSON, in the form and to the digit in which Prometheus writes them.

Written by hand, because times are numbers with exactly three decimals or none and values are strings of Go's making.
"""

import json
import math
from decimal import Decimal
from typing import Any

from delivery.sandbox.promql.engine import Matrix, Value, Vector
from delivery.sandbox.promql.labels import Labels


def success(data: str) -> str:
    """An answer around data that is JSON already."""
    return f'{{"status":"success","data":{data}}}'


def failure(kind: str, message: str) -> str:
    """An error of Prometheus' API."""
    return compact({"status": "error", "errorType": kind, "error": message})


def compact(value: Any) -> str:
    """JSON without spaces."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def result(kind: str, value: Value, at: int) -> str:
    """The data of an instant query of a kind (in Prometheus' words) at a time in milliseconds."""
    if kind == "string":
        return _typed("string", f"[{seconds(at)},{compact(value)}]")
    if isinstance(value, float | int):
        return _typed("scalar", point(at, float(value)))
    if kind == "range vector":
        return matrix(value)  # type: ignore[arg-type]
    return vector(value, at)  # type: ignore[arg-type]


def vector(samples: Vector, at: int) -> str:
    """One value a series."""
    parts = (f'{{"metric":{metric(labels)},"value":{point(at, value)}}}' for labels, value in samples)
    return _typed("vector", f"[{','.join(parts)}]")


def matrix(series: Matrix) -> str:
    """Many values a series; series are sorted by their labels."""
    parts = []
    for labels, (times, values) in sorted(series, key=lambda each: each[0]):
        points = ",".join(map(point, times, values))
        parts.append(f'{{"metric":{metric(labels)},"values":[{points}]}}')
    return _typed("matrix", f"[{','.join(parts)}]")


def metric(labels: Labels) -> str:
    """Labels as an object."""
    return compact(dict(labels))


def point(at: int, value: float) -> str:
    """A time in milliseconds and a value."""
    return f'[{seconds(at)},"{number(value)}"]'


def seconds(milliseconds: int) -> str:
    """Seconds with three decimals, or none if they are whole."""
    sign = "-" if milliseconds < 0 else ""
    whole, rest = divmod(abs(milliseconds), 1000)
    return f"{sign}{whole}.{rest:03d}" if rest else f"{sign}{whole}"


def number(value: float) -> str:
    """The shortest text that means this number; with an exponent below 1e-6 and from 1e21 on."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    text = repr(value)
    if value and not 1e-6 <= abs(value) < 1e21:
        return text.replace(".0e", "e") if "e" in text else f"{value:e}"
    plain = format(Decimal(text), "f") if "e" in text else text
    return plain.removesuffix(".0")


def _typed(kind: str, data: str) -> str:
    return f'{{"resultType":"{kind}","result":{data}}}'
