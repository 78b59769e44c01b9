"""What is wrong with an object, in one line per problem: the field, what was given, what is allowed.

What is allowed is read from the schema of the CRD at the place of the error, so that the words can never contradict
what the API server enforces.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from delivery.api import crd
from delivery.api.durations import INTERVAL_IN_WORDS, INTERVAL_PATTERN, ISTIO_IN_WORDS, ISTIO_PATTERN
from delivery.api.references import ADDRESS, DNS_LABEL, URL
from delivery.api.schema import INT_OR_STRING, Schema

Path = tuple[str | int, ...]

SchemaAt = Callable[[Path], Schema | None]
"""Finds what is allowed at a place; None where nothing is said of it."""

_PATTERNS = {
    INTERVAL_PATTERN: INTERVAL_IN_WORDS,
    ISTIO_PATTERN: ISTIO_IN_WORDS,
    DNS_LABEL: "at most 63 lower case letters, digits and dashes, beginning and ending with a letter or digit",
    URL: "a URL that begins with http:// or https://",
    ADDRESS: "a URL that begins with http:// or https://, without user name, password and query",
}
_TYPES = {
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "object": "an object",
    "array": "a list",
    "string": "a text",
}
_SHOWN = 80


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong. `drop` are the places whose removal makes the rest valid."""

    path: Path
    given: str
    allowed: str
    missing: bool = False
    drop: tuple[Path, ...] = ()

    def __str__(self) -> str:
        return f"{dotted(self.path) or 'object'}: given {self.given}, allowed {self.allowed}"


def dotted(path: Path) -> str:
    """A path as people write it: spec.analysis.stepWeights[2]."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")


def problems(error: ValidationError, *, body: Any, kind: str) -> tuple[Problem, ...]:
    """The problems of `body`, an object of `kind`, one per field."""
    return problems_by(error, body=body, schema_at=lambda path: _schema_at(path, kind))


def problems_by(error: ValidationError, *, body: Any, schema_at: SchemaAt) -> tuple[Problem, ...]:
    """The problems of `body`, of which `schema_at` knows what is allowed where; one per field."""
    found: dict[Path, Problem] = {}
    for detail in error.errors(include_url=False):
        path = _path(detail, body)
        found.setdefault(path, _problem(detail, path, schema_at))
    return tuple(found.values())


def schema_below(schema: Schema | None, path: Path) -> Schema | None:
    """The schema of what stands at `path` below an object of `schema`, if it says anything of that place."""
    for part in path:
        if schema is None:
            return None
        inner = schema.get("items") if isinstance(part, int) else schema.get("properties", {}).get(part)
        schema = inner if inner is not None else schema.get("additionalProperties")
    return schema


def _path(detail: ErrorDetails, body: Any) -> Path:
    """The part of pydantic's location that is a place in the object, without the names of union members."""
    loc = detail["loc"]
    at: Any = body
    for depth, part in enumerate(loc):
        inside = part in at if isinstance(at, Mapping) else isinstance(at, list) and isinstance(part, int)
        if not inside:
            return loc if detail["type"] == "missing" else loc[:depth]
        at = at[part]
    return loc


def _problem(detail: ErrorDetails, path: Path, schema_at: SchemaAt) -> Problem:
    match detail["type"]:
        case "broken_rule":
            return _broken_rule(path, detail["ctx"])
        case "missing":
            return Problem(path, "nothing", _allowed(path, schema_at, detail), missing=True)
        case "extra_forbidden":
            return Problem(path, _shown(detail["input"]), _known(path, schema_at))
        case _:
            return Problem(path, _shown(detail["input"]), _allowed(path, schema_at, detail))


def _broken_rule(path: Path, words: Mapping[str, Any]) -> Problem:
    below = tuple(part for part in words["field"].split(".") if part)
    drop = tuple((*path, *name.split(".")) for name in words["drop"])
    return Problem((*path, *below), words["given"], words["allowed"], drop=drop)


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."


def _known(path: Path, schema_at: SchemaAt) -> str:
    schema = schema_at(path[:-1]) or {}
    names = sorted(schema.get("properties", {}))
    close = get_close_matches(str(path[-1]), names, n=1)
    hint = f"; did you mean {close[0]}?" if close else "."
    return f"no field of that name{hint} Known are {', '.join(names)}"


def _allowed(path: Path, schema_at: SchemaAt, detail: ErrorDetails) -> str:
    schema = schema_at(path)
    if schema is not None:
        return in_words(schema)
    if detail["type"] == "missing":
        return "a value"
    expected = detail.get("ctx", {}).get("expected")
    return str(expected).replace("'", "") if expected else detail["msg"]


def _schema_at(path: Path, kind: str) -> Schema | None:
    if not path or path[0] != "spec":
        return None
    return schema_below(crd.spec_schema(kind), path[1:])


def in_words(schema: Schema) -> str:
    """What a schema allows, for people."""
    if "enum" in schema:
        return ", ".join(value or '""' for value in schema["enum"])
    if INT_OR_STRING in schema:
        return "a port number from 1 to 65535 or a port's name"
    if schema.get("pattern") in _PATTERNS:
        return _PATTERNS[schema["pattern"]]
    kind = schema.get("type", "object")
    if kind in ("integer", "number"):
        return _range(schema, _TYPES[kind])
    if kind == "object" and schema.get("required"):
        return f"an object with {', '.join(schema['required'])}"
    if kind == "array" and "maxItems" in schema:
        return f"a list of at most {schema['maxItems']} entries"
    if kind == "string" and "maxLength" in schema:
        return f"a text of {schema.get('minLength', 0)}..{schema['maxLength']} characters"
    return "a text that is not empty" if schema.get("minLength") else _TYPES[kind]


def _range(schema: Schema, name: str) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and high is not None:
        return f"{low:g}..{high:g}" if high < 1e6 else f"{name} from {low:g} to {high}"
    if low is not None:
        return f"{name} of at least {low:g}"
    return name
