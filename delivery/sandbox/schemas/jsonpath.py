"""The part of Kubernetes' JSONPath that printer columns use: members, indices, all items, and a filter by a member."""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any

Step = Callable[[Any], Iterator[Any]]

_STEP = re.compile(
    r"\.(?P<member>(?:\\.|[^.\[\]\\\s])+)"
    r"|\[\s*(?P<quote>['\"])(?P<quoted>.*?)(?P=quote)\s*\]"
    r"|\[(?P<index>-?\d+)\]"
    r"|(?:\.?\[\*\]|\.\*)(?P<all>)"
    r"|\[\?\(\s*@\.(?P<key>[\w./-]+)\s*(?P<op>==|!=)\s*(?P<value>\"[^\"]*\"|'[^']*'|[\w.-]+)\s*\)\]"
)


def find(path: str, document: Any) -> list[Any]:
    """Everything in `document` that the path leads to. ValueError for a path that is beyond this part of JSONPath."""
    found = [document]
    for step in compiled(path):
        found = [result for value in found for result in step(value)]
    return found


@lru_cache(maxsize=1024)
def compiled(path: str) -> tuple[Step, ...]:
    """The steps of a path such as `.status.conditions[?(@.type=="Ready")].status`."""
    text = path.removeprefix("{").removesuffix("}").removeprefix("$")
    steps, position = [], 0
    while position < len(text):
        match = _STEP.match(text, position)
        if match is None:
            raise ValueError(
                f"jsonPath: {path!r} at {text[position:]!r}; allowed are .member, ['member'], [0], [*] and "
                f'[?(@.member=="value")]'
            )
        steps.append(_step(match))
        position = match.end()
    return tuple(steps)


def _step(match: re.Match[str]) -> Step:
    if match["all"] is not None:
        return _every
    if match["index"] is not None:
        return lambda value: _at(value, int(match["index"]))
    if match["key"] is not None:
        return lambda value: (item for item in _every(value) if _fits(item, match))
    name = match["quoted"] if match["member"] is None else re.sub(r"\\(.)", r"\1", match["member"])
    return lambda value: _member(value, name)


def _member(value: Any, name: str) -> Iterator[Any]:
    if isinstance(value, Mapping) and name in value:
        yield value[name]


def _at(value: Any, index: int) -> Iterator[Any]:
    if isinstance(value, list) and -len(value) <= index < len(value):
        yield value[index]


def _every(value: Any) -> Iterator[Any]:
    if isinstance(value, Mapping):
        yield from value.values()
    elif isinstance(value, list):
        yield from value


def _fits(item: Any, match: re.Match[str]) -> bool:
    for name in match["key"].split("."):
        item = item.get(name) if isinstance(item, Mapping) else None
    shown = str(item).lower() if isinstance(item, bool) else str(item)
    return (shown == match["value"].strip("\"'")) == (match["op"] == "==")
