"""The same values as JSON or YAML, for programs: every field is always there, names are camelCase, times RFC 3339 UTC.

The shape is versioned on its own: fields may be added to a version, none is renamed, removed or given another meaning.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Any

from strategies.json_names import camel

API_VERSION = "terminal.progressive.delivery/v1"
FORMATS = ("text", "json", "yaml")


def shaped(kind: str, value: Any) -> dict[str, Any]:
    """One value under its kind's name."""
    return {"apiVersion": API_VERSION, "kind": kind, **_plain(value)}


def listed(kind: str, values: Sequence[Any]) -> dict[str, Any]:
    """Several of a kind."""
    return {"apiVersion": API_VERSION, "kind": f"{kind}List", "items": [_plain(each) for each in values]}


def written(body: Mapping[str, Any], form: str) -> str:
    """The body as `json` or `yaml`, ending with a newline."""
    if form == "json":
        return json.dumps(body, indent=2, ensure_ascii=False) + "\n"
    import yaml

    text: str = yaml.safe_dump(dict(body), sort_keys=False, allow_unicode=True)
    return text


def line(body: Mapping[str, Any], form: str) -> str:
    """The body as one of many: JSON on one line, YAML as a document of its own."""
    return f"{json.dumps(body, ensure_ascii=False)}\n" if form == "json" else f"---\n{written(body, form)}"


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return {camel(each.name): _plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value
