"""From files to objects of which every field knows its line."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from delivery.api.problems import Path
from delivery.lint.finding import Finding, Severity

LARGEST = 1024 * 1024
"""Bytes of a file; the API server takes no larger object."""
MOST_NODES = 100_000
"""Values of a document, aliases counted each time: a few lines of YAML can mean billions."""


@dataclass(frozen=True, slots=True)
class Document:
    """One object. `lines` has the line, from 1, of each of its fields."""

    file: str
    body: Any
    lines: Mapping[Path, int] = field(repr=False)

    def line(self, path: Path) -> int:
        """The line of a field, or of what it is missing in."""
        while path not in self.lines:
            path = path[:-1]
        return self.lines[path]

    def has(self, *path: str | int) -> bool:
        """Does the file itself give this field?"""
        return path in self.lines

    @property
    def kind(self) -> str:
        """The object's kind; "" if it says none."""
        return _text(self.body, "kind")

    @property
    def group(self) -> str:
        """The API group of the object; "" for those without one."""
        return _text(self.body, "apiVersion").rpartition("/")[0]

    @property
    def about(self) -> str:
        """Kind/name, for people."""
        metadata = self.body.get("metadata") if isinstance(self.body, dict) else None
        return f"{self.kind or 'object'}/{_text(metadata, 'name') or '?'}"


def _text(body: Any, name: str) -> str:
    value = body.get(name) if isinstance(body, dict) else None
    return value if isinstance(value, str) else ""


def read(text: str, *, file: str) -> tuple[list[Document], list[Finding]]:
    """The objects in a file, those of Lists one by one, and what makes others unreadable."""
    if len(text.encode()) > LARGEST:
        return [], [_unreadable(file, 1, f"given a file of more than {LARGEST} bytes, allowed at most so many")]
    documents: list[Document] = []
    found: list[Finding] = []
    try:
        loader = yaml.SafeLoader(text)
        while loader.check_node():
            node = loader.get_node()
            lines: dict[Path, int] = {}
            for path, line, again in _walk(node):
                lines[path] = line
                if again:
                    found.append(_twice(file, line, path))
            documents += _objects(Document(file, loader.construct_document(node), lines))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        words = " ".join(part for part in (error.problem, error.context) if part)
        found.append(_unreadable(file, mark.line + 1 if mark is not None else 1, f"is no YAML: {words}"))
    except (yaml.YAMLError, _TooManyError, ValueError, RecursionError) as error:
        found.append(_unreadable(file, 1, f"cannot be read as YAML: {' '.join(str(error).split())[:200]}"))
    return documents, found


class _TooManyError(Exception):
    def __str__(self) -> str:
        return f"given more than {MOST_NODES} values, aliases counted each time; allowed are so many"


def _walk(top: Any) -> Iterator[tuple[Path, int, bool]]:
    """Every place of a document: its path, its line, and whether its key was there already."""
    stack: list[tuple[Path, int, Any]] = [((), top.start_mark.line + 1, top)]
    seen = 0
    while stack:
        path, line, node = stack.pop()
        seen += 1
        if seen > MOST_NODES or len(path) > 100:
            raise _TooManyError
        yield path, line, False
        if isinstance(node, yaml.SequenceNode):
            stack += [((*path, i), each.start_mark.line + 1, each) for i, each in enumerate(node.value)]
        elif isinstance(node, yaml.MappingNode):
            names: set[str] = set()
            for key, value in node.value:
                if key.tag == "tag:yaml.org,2002:merge":
                    continue
                name, at = str(key.value), key.start_mark.line + 1
                if name in names:
                    yield (*path, name), at, True
                names.add(name)
                stack.append(((*path, name), at, value))


def _objects(document: Document) -> list[Document]:
    """The document itself, or the objects of a List; nothing for an empty one."""
    body = document.body
    if body is None:
        return []
    items = body.get("items") if isinstance(body, dict) and document.kind.endswith("List") else None
    if not isinstance(items, list):
        return [document]
    return [
        Document(document.file, item, {path[2:]: line for path, line in document.lines.items() if path[:2] == top})
        for index, item in enumerate(items)
        if (top := ("items", index))
    ]


def _unreadable(file: str, line: int, message: str) -> Finding:
    return Finding(file=file, line=line, rule="yaml", severity=Severity.ERROR, about="", field="", message=message)


def _twice(file: str, line: int, path: Path) -> Finding:
    name = ".".join(str(part) for part in path)
    return Finding(
        file=file,
        line=line,
        rule="duplicate-key",
        severity=Severity.ERROR,
        about="",
        field=name,
        message="given a second time, allowed once: the first is lost in silence",
    )
