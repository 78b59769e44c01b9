"""Queries of somebody's own: filled as the service that is asked wants them, and put to it.

They are asked alone, each for itself, because what they return is not known.
"""

import json
from collections.abc import Callable, Mapping
from urllib.parse import quote

from metrics import templates
from metrics.providers.base import Kind, PeriodProvider, Provider, QueryError, Samples
from metrics.source import CLOUDWATCH, DATADOG, PROMETHEUS, WEB
from metrics.spec import MetricSpec, Subject, Window


def _one_line(query: str) -> str:
    return " ".join(query.split())


def _plain(spec: MetricSpec, subject: Subject, window: Window) -> str:
    """Variables are put in as they are, because they may be pieces of the query."""
    return templates.fill(spec.query, subject, window, spec.variables, quote=str, quote_variable=str)


def _datadog(spec: MetricSpec, subject: Subject, window: Window) -> str:
    return _one_line(_plain(spec, subject, window))


def _web(spec: MetricSpec, subject: Subject, window: Window) -> str:
    """Of a GET, the end of its URL; of a POST, its body. A value stays what it is in either, whatever is in it."""
    posted = spec.source is not None and spec.source.method == "POST"
    as_ = _in_json if posted else _in_url
    filled = templates.fill(spec.query, subject, window, spec.variables, quote=as_, quote_variable=as_)
    return filled.strip() if posted else "".join(filled.split())


def _in_json(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)[1:-1]


def _in_url(value: str) -> str:
    return quote(value, safe="")


def _promql(spec: MetricSpec, subject: Subject, window: Window) -> str:
    return templates.render(spec.query, subject, window, spec.variables)


FORMS: Mapping[str, Callable[[MetricSpec, Subject, Window], str]] = {
    PROMETHEUS: _promql,
    DATADOG: _datadog,
    CLOUDWATCH: _plain,
    WEB: _web,
}
"""How a query is filled, by the type of the service."""


async def measure(
    provider: Provider | PeriodProvider, spec: MetricSpec, subject: Subject, window: Window, *, timeout: float
) -> Samples:
    """What the query of `spec` selects of the window. Raises QueryError and templates.TemplateError."""
    query = FORMS[spec.source.type if spec.source is not None else PROMETHEUS](spec, subject, window)
    try:
        if isinstance(provider, PeriodProvider):
            found = await provider.over([query], start=window.start, end=window.end, timeout=timeout)
        else:
            found = await provider.query([query], at=window.at, timeout=timeout)
        answer = found[query]
    except Exception as error:
        raise QueryError(Kind.FAULT, f"the provider failed with {type(error).__name__}: {error}") from error
    if isinstance(answer, QueryError):
        raise answer
    return answer
