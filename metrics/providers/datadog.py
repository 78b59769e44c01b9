"""Datadog as a provider: the points of a metrics query over a window, by the API for timeseries (version 1).

Source of the shapes: Datadog, "API Reference, Metrics, Query timeseries points", and "Rate Limits".
"""

import math
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from typing import Any

from metrics.providers.base import Kind, Query, QueryError, Sample, Samples
from metrics.providers.pooled import PooledProvider
from metrics.providers.registry import displayed
from metrics.source import Source

ADDRESS = "https://api.datadoghq.com"
"""The API of Datadog's first site; others are api.datadoghq.eu, api.us3.datadoghq.com and so on."""

API_KEY = ("datadog_api_key", "api_key")
APPLICATION_KEY = ("datadog_application_key", "application_key")
"""Names of the keys in the Secret; the first are Flagger's."""


def datadog(source: Source, pool: ThreadPoolExecutor, monotonic: Callable[[], float]) -> PooledProvider:
    """The provider. Raises ValueError when one of the two keys is missing."""
    from dataclasses import replace

    headers = {"Accept": "application/json"}
    for header, names in (("DD-API-KEY", API_KEY), ("DD-APPLICATION-KEY", APPLICATION_KEY)):
        if not (key := source.secret(*names)):
            raise ValueError(f"datadog needs a Secret with the key {names[0]}")
        headers[header] = key
    source = source if source.address else replace(source, address=ADDRESS)
    return PooledProvider(displayed(source.address), partial(_Way, source, headers), pool=pool, monotonic=monotonic)


class _Way:
    """A connection to Datadog."""

    def __init__(self, source: Source, headers: Mapping[str, str]) -> None:
        from metrics.providers.http_connection import HttpConnection

        self._url = f"{source.address}/api/v1/query"
        self._http: HttpConnection = HttpConnection(source, headers)

    def ask(self, query: Query, *, start: datetime, end: datetime, timeout: float) -> Samples:
        """The latest point of each series in the window. Raises QueryError, nothing else."""
        from metrics.providers.http_connection import content, declined

        period = {"from": str(math.floor(start.timestamp())), "to": str(math.ceil(end.timestamp()))}
        answer = self._http.exchange("GET", self._url, timeout=timeout, params={**period, "query": query})
        if answer.status_code != 200:
            raise declined(self._http.where, answer, _complaints(answer.content))
        return series(self._http.where, content(self._http.where, answer))

    def close(self) -> None:
        """Close the connection."""
        self._http.close()


def series(where: str, body: Any) -> Samples:
    """The latest point of each series that has one; a point without a value is none. Raises QueryError."""
    if not isinstance(body, dict) or not isinstance(body.get("series", []), list):
        raise QueryError(Kind.NOT_PROMETHEUS, f"{where} does not answer as Datadog does; check the address")
    if body.get("status", "ok") != "ok":
        said = " ".join(str(body.get("error") or body.get("message") or "").split())[:300]
        raise QueryError(Kind.REFUSED, f"{where} refuses the query: {said or body['status']}")
    found = ((each, _latest(each.get("pointlist") or ())) for each in body.get("series") or ())
    try:
        return tuple(Sample(value, _labels(each)) for each, value in found if value is not None)
    except (AttributeError, IndexError, TypeError, ValueError):
        raise QueryError(Kind.SHAPE, f"{where} answers with points that are no numbers") from None


def _latest(points: Iterable[Any]) -> float | None:
    values = [(float(point[0]), float(point[1])) for point in points if point[1] is not None]
    return max(values)[1] if values else None


def _labels(each: Mapping[str, Any]) -> dict[str, str]:
    return {"scope": str(each["scope"])} if each.get("scope") else {}


def _complaints(raw: bytes) -> str:
    """Datadog's own words: a list of errors, or one."""
    import json

    try:
        body = json.loads(raw)
    except ValueError:
        return ""
    errors = body.get("errors") or body.get("error") or "" if isinstance(body, dict) else ""
    return "; ".join(map(str, errors)) if isinstance(errors, list) else str(errors)
