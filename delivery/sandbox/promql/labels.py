"""Labels of a series, and the matchers that select by them.

Tens of thousands of series live in one small process, so labels are a sorted tuple of pairs and not a dictionary:
pairs can be shared between series, and a tuple is its own key.
"""

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from delivery.sandbox.promql.errors import bad_data

Labels = tuple[tuple[str, str], ...]
"""Pairs of name and value, sorted by name, each name once, no value empty: an empty label is an absent one."""

NAME = "__name__"
"""The label that holds the metric's name."""

LABEL_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")


def labels_of(name: str, labels: Mapping[str, str] | None = None) -> Labels:
    """The labels of a sample of metric `name` ("" for none); empty values are left out."""
    every = {**(labels or {}), NAME: name}
    return tuple(sorted(pair for pair in every.items() if pair[1]))


def value_of(labels: Labels, name: str) -> str:
    """The value of a label, "" if there is none."""
    for each, value in labels:
        if each == name:
            return value
    return ""


def only(labels: Labels, names: Collection[str]) -> Labels:
    """Labels without those that are not named."""
    return tuple(pair for pair in labels if pair[0] in names)


def without(labels: Labels, names: Collection[str]) -> Labels:
    """Labels without those that are named."""
    return tuple(pair for pair in labels if pair[0] not in names)


def nameless(labels: Labels) -> Labels:
    """Labels without the metric's name, as after arithmetic. The name sorts before all lower-case labels."""
    if labels and labels[0][0] == NAME:
        return labels[1:]
    return without(labels, (NAME,))


def updated(labels: Labels, changes: Iterable[tuple[str, str]]) -> Labels:
    """Labels with some set anew; an empty value removes one."""
    every = {**dict(labels), **dict(changes)}
    return tuple(sorted(pair for pair in every.items() if pair[1]))


def shown(labels: Labels) -> str:
    """Labels as Prometheus writes them into its errors."""
    return "{" + ", ".join(f'{name}="{_quoted(value)}"' for name, value in labels) + "}"


def _quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


@dataclass(frozen=True, slots=True)
class Matcher:
    """One condition of a selector. `operator` is =, !=, =~ or !~; regular expressions match the whole value."""

    name: str
    operator: str
    value: str

    @property
    def wants_pair(self) -> tuple[str, str] | None:
        """The pair that a series must have, if the condition is as simple as that."""
        return (self.name, self.value) if self.operator == "=" and self.value else None

    def predicate(self) -> Callable[[str], bool]:
        """Whether a value satisfies the condition; an absent label has the value ""."""
        wanted = self.value
        if self.operator == "=":
            return lambda value: value == wanted
        if self.operator == "!=":
            return lambda value: value != wanted
        match = regular_expression(wanted).fullmatch
        if self.operator == "=~":
            return lambda value: match(value) is not None
        return lambda value: match(value) is None


_SPECIAL = re.compile(r"\\. | \[:\^?\w+:\] | \(\?(?!:|P<|i\)) | [*+?}]\+ | \{,", re.VERBOSE | re.DOTALL)
_SHARED_ESCAPES = frozenset("\\.+*?()|[]{}^$-/\"'#&~,:;=!<>@%_ `" + "dDwWsSbBnrtfvaA")


@lru_cache(maxsize=512)
def regular_expression(pattern: str) -> re.Pattern[str]:
    """`pattern` of RE2's syntax as one of Python's, for what means the same in both.

    Raises QueryFailedError for what does not: classes by name, literals between \\Q and \\E, flags but a leading (?i).
    """
    for part in _SPECIAL.finditer(pattern):
        text = part[0]
        if len(text) == 2 and text[0] == "\\" and text[1] in _SHARED_ESCAPES:
            continue
        raise bad_data(f"regular expression {pattern!r}: {text!r} is not supported here; write it out in characters")
    try:
        return re.compile(pattern, re.ASCII)
    except re.error as error:
        raise bad_data(f"regular expression {pattern!r}: {error}") from None
