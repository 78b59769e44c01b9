"""Queries that Prometheus would refuse, or answer with something that is not asked for."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from delivery.api.problems import Path
from delivery.lint.case import Case, Rule
from delivery.lint.finding import Mistake, Severity
from metrics import promql, templates

_PLACEHOLDER = re.compile(r"\{\{.*?\}\}", re.DOTALL)
_WINDOW = "60s"
_SERIES = ("VectorSelector",)
_PER_SERIES = ("rate", "irate", "increase", "delta", "idelta", "deriv", "abs", "ceil", "floor", "round")


def of_canary(case: Case) -> Iterator[Mistake]:
    """The queries of a Canary's metrics."""
    for index, metric in case.metrics:
        path: Path = ("spec", "analysis", "metrics", index, "query")
        if not metric.query:
            continue
        yield from of_query(metric.query, dict(metric.template_variables), path)
        if not _names_somebody(metric.query, case.canary.spec.target_ref.name):
            yield Mistake(
                rule="names-nobody",
                path=path,
                message=f"names neither a placeholder nor {case.canary.spec.target_ref.name}: it measures the same "
                "whatever is released",
            )
        window = timedelta(seconds=case.rollout.checks[index].window_seconds)
        for given in _ranges(metric.query):
            if given < window:
                yield Mistake(
                    rule="range-below-window",
                    path=path,
                    message=f"looks back {given.total_seconds():g} s of the window's {window.total_seconds():g} s: the "
                    "rest is never judged; write [{{ interval }}]",
                )


def of_query(query: str, variables: dict[str, str], path: Path) -> Iterator[Mistake]:
    """What is wrong with one PromQL query; placeholders stand for what they would be filled with."""
    try:
        tree = promql.syntax(filled(query, variables))
    except promql.PromQLError as error:
        words = " ".join(str(error).split())
        yield Mistake(rule="promql", path=path, message=f"is no PromQL: {words}", severity=Severity.ERROR)
        return
    kind = type(tree).__name__
    if kind in ("MatrixSelector", "SubqueryExpr", "StringLiteral"):
        given = "a text" if kind == "StringLiteral" else "samples over time"
        message = f"gives {given}, allowed is one number; put it into a function such as rate(...) and sum(...)"
        yield Mistake(rule="promql-type", path=path, message=message, severity=Severity.ERROR)
    elif _gives_series(tree):
        message = "gives a value for each series, allowed is one number: two pods are two series; use sum(...)"
        yield Mistake(rule="promql-series", path=path, message=message)


def filled(query: str, variables: dict[str, str]) -> str:
    """A query with likely values in place of its placeholders."""
    for name, value in variables.items():
        pieces = re.split(rf"\{{\{{-?\s*variables\.{re.escape(name)}\s*-?\}}\}}", query)
        query = value.join(pieces)
    query = re.sub(r"\{\{-?\s*interval\s*-?\}\}", _WINDOW, query)
    return templates.collapse(_PLACEHOLDER.sub("x", query))


def _names_somebody(query: str, target: str) -> bool:
    """Does anything in it depend on what is released? The length of a window does not."""
    return target in query or any("interval" not in each for each in _PLACEHOLDER.findall(query))


def _gives_series(tree: Any) -> bool:
    """Surely one value for each series: what may be one series by its labels alone is not looked into."""
    kind = type(tree).__name__
    if kind == "ParenExpr":
        return _gives_series(tree.expr)
    if kind == "Call":
        matrix = any(type(each).__name__ == "MatrixSelector" for each in tree.args)
        inner = any(_gives_series(each) for each in tree.args)
        return tree.func.name in _PER_SERIES and (matrix or inner)
    return kind in _SERIES


def _ranges(query: str) -> Iterator[timedelta]:
    """The lengths of ranges that are written out; offsets and subqueries are left to their authors."""
    units = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
    for number, unit in re.findall(r"\[(\d+)(ms|s|m|h|d|w)\]", _PLACEHOLDER.sub("", query)):
        yield timedelta(seconds=int(number) * units[unit])


RULES: tuple[Rule, ...] = (of_canary,)
