"""docs/fields.md, made of the models and of the tests that hold each field: `python -m tests.docs.fields` writes it.

The effect and the default are read from the schema, so that the page cannot say anything else than the API server
does. Which test holds a field stands in TESTS, by the longest path that fits.
"""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.docs.field_tests import TESTS

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "fields.md"

_HEAD = """# Fields of a Canary

Every field below `spec`: what it does, its default, what is allowed, and a test that fails without it. The page is made
of the definitions; `[]` is an element of a list, `{}` a value of a map.

| field | effect | default | allowed | test |
|---|---|---|---|---|
"""


@cache
def every_field() -> dict[str, dict[str, Any]]:
    """Each field of the spec with its schema."""
    return dict(fields(schema()))


def schema() -> dict[str, Any]:
    """The schema of a Canary's spec."""
    definition = yaml.safe_load((ROOT / "crds" / "canaries.yaml").read_text())
    whole: dict[str, Any] = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    spec: dict[str, Any] = whole["properties"]["spec"]
    return spec


def fields(part: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Each field with its schema, in the order of the definition; what has fields of its own comes before them."""
    for name, inner in (part.get("properties") or {}).items():
        here = f"{path}.{name}" if path else name
        yield here, inner
        yield from _below(inner, here)


def _below(inner: dict[str, Any], here: str) -> Iterator[tuple[str, dict[str, Any]]]:
    if "items" in inner:
        yield from _nested(inner["items"], f"{here}[]")
    elif isinstance(inner.get("additionalProperties"), dict):
        yield from _nested(inner["additionalProperties"], f"{here}{{}}")
    else:
        yield from fields(inner, here)


def _nested(inner: dict[str, Any], here: str) -> Iterator[tuple[str, dict[str, Any]]]:
    yield from fields(inner, here)


def test_of(path: str) -> str:
    """The test that holds a field; KeyError if none is named."""
    fitting = [known for known in TESTS if path == known or path.startswith((f"{known}.", f"{known}[", f"{known}{{"))]
    if not fitting:
        raise KeyError(f"{path}: no test is named for it in tests/docs/field_tests.py")
    return TESTS[max(fitting, key=len)]


def page() -> str:
    """The whole page."""
    rows = (_row(path, inner) for path, inner in every_field().items())
    return _HEAD + "".join(rows)


def _row(path: str, inner: dict[str, Any]) -> str:
    file, _, name = test_of(path).partition("::")
    text = str(inner.get("description", "")).replace("|", "\\|").replace("\n", " ")
    default = "" if "default" not in inner else f"`{_short(inner['default'])}`"
    return f"| `{path}` | {text} | {default} | {_allowed(inner)} | [{name}](../tests/{file}) |\n"


def _short(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _allowed(inner: dict[str, Any]) -> str:
    """What the schema allows, in few words."""
    if "enum" in inner:
        return ", ".join(f"`{each}`" for each in inner["enum"])
    if inner.get("x-kubernetes-int-or-string"):
        return "number or text"
    low, high = inner.get("minimum"), inner.get("maximum")
    if low is not None or high is not None:
        return f"{low if low is not None else ''}..{high if high is not None else ''}"
    return str(inner.get("type", ""))


def main() -> None:
    """Write the page."""
    PAGE.write_text(page())


if __name__ == "__main__":
    main()
