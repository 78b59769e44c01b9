"""Whether an object would be taken at all: its kind, its schema, and the rules between its fields."""

from difflib import get_close_matches
from typing import Any

from delivery.api import crd
from delivery.api.canary import Canary
from delivery.api.defaults import without_nulls
from delivery.api.model import GROUP, VERSION
from delivery.api.parse import InvalidSpec, parse_canary, validated
from delivery.lint.documents import Document
from delivery.lint.finding import Mistake, Severity

FLAGGER = "flagger.app"
_MODELS = {each.kind: each.model for each in crd.RESOURCES}


def is_ours(document: Document) -> bool:
    """Is it an object of this controller, or one that seems meant to be?"""
    return document.group == GROUP or (document.group == FLAGGER and document.kind in _MODELS)


def parsed(document: Document) -> tuple[Any, list[Mistake]]:
    """The object as a value, or None; and what is wrong with it."""
    found = _version(document)
    body = {**document.body, "apiVersion": f"{GROUP}/{VERSION}"}
    model = _MODELS.get(document.kind)
    if model is None:
        return None, [*found, _unknown_kind(document)]
    try:
        if model is Canary:
            return parse_canary(body), found
        return validated(model, without_nulls(body)), found  # type: ignore[type-var]
    except InvalidSpec as error:
        return None, [*found, *(_broken(document, each) for each in error.problems)]


def _broken(document: Document, problem: Any) -> Mistake:
    unknown = problem.allowed.startswith("no field of that name")
    rule = "unknown-field" if unknown else "missing-field" if problem.missing else "invalid"
    return Mistake(
        rule=rule,
        path=problem.path,
        message=f"given {problem.given}, allowed {problem.allowed}",
        severity=Severity.ERROR,
    )


def _version(document: Document) -> list[Mistake]:
    given, allowed = document.body.get("apiVersion"), f"{GROUP}/{VERSION}"
    if given == allowed:
        return []
    message = f'given "{given}", allowed "{allowed}"'
    return [Mistake(rule="api-version", path=("apiVersion",), message=message, severity=Severity.ERROR)]


def _unknown_kind(document: Document) -> Mistake:
    close = get_close_matches(document.kind, _MODELS, n=1)
    hint = f"; did you mean {close[0]}?" if close else ""
    return Mistake(
        rule="unknown-kind",
        path=("kind",),
        message=f'given "{document.kind}", allowed {", ".join(sorted(_MODELS))}{hint}',
        severity=Severity.ERROR,
    )
