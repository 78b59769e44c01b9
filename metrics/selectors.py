"""Fills and checks the selectors of somebody's own counters.

Prometheus tells what was scraped for a selector and for nothing else, and only what was scraped can be counted request
by request. So a function, a range or arithmetic is refused, when it is written as far as that can be seen, and again
when variables are filled in, which may hold anything.
"""

import re
from collections.abc import Collection, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple

from metrics import matchers, queries, templates
from metrics.counters import Counters, Part, Role
from metrics.spec import Subject
from metrics.templates import TemplateError

WORKLOAD, PODS, ROLE_SERVICE = "workload", "pods", "role_service"

PLACES = MappingProxyType(
    {
        WORKLOAD: "the name of its workload",
        PODS: "a regular expression for the names of its pods",
        ROLE_SERVICE: "the name of its Service",
    }
)
"""The placeholders that name a role, one of which every selector has, and what they are."""

NAMES = (*PLACES, *(name for name in templates.NAMES if name != "interval"))
"""All placeholders of a selector. How long a window is, is not for it to say."""

_SELECTOR = re.compile(r"(?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*)\s*(?:\{(?P<matchers>.*)\})?", re.DOTALL)
_EXAMPLE = 'a selector, such as orders_total{app="{{ workload }}"}, without functions, ranges, offsets and arithmetic'
_IN_WORDS = ", ".join(f"{{{{ {name} }}}}" for name in PLACES)


class SelectorError(TemplateError):
    """A selector that cannot be used: `field` says which one, `given` and `allowed` why, in words."""

    def __init__(self, field: str, given: str, allowed: str) -> None:
        super().__init__(f"{field}: given {given}, allowed {allowed}")
        self.field, self.given, self.allowed = field, given, allowed


def check(counters: Counters, variables: Mapping[str, str] | None = None) -> None:
    """Raise SelectorError for the first selector that can never be used; None: with whatever variables come."""
    _checked(counters, None if variables is None else tuple(sorted(variables.items())))


@lru_cache(maxsize=256)
def _checked(counters: Counters, given: tuple[tuple[str, str], ...] | None) -> None:
    """As `check`; each time that a Canary is looked at, the same is checked."""
    variables = None if given is None else dict(given)
    for part in counters.parts:
        text = counters.text(part)
        names = _placeholders(part, text, variables)
        if not names & set(PLACES):
            raise SelectorError(part, f"{text!r}, which counts both versions alike", f"one with {_IN_WORDS} in it")
        known = _Anything() if variables is None else variables
        _parsed(part, templates.put_in(text, dict.fromkeys(NAMES, "x"), known), text)


def of(counters: Counters, role: Role, subject: Subject, variables: Mapping[str, str]) -> dict[Part, str]:
    """The selectors of a role's series, each as PromQL in one line. Raises SelectorError."""
    values = {**templates.values(subject), **_of_role(role, subject)}
    found = {}
    for part in counters.parts:
        text = counters.text(part)
        for name in _placeholders(part, text, variables):
            if name in PLACES and not values[name]:
                raise SelectorError(part, f"{{{{ {name} }}}}, which {subject.target} has none of", _way_out(subject))
        quoted = {name: queries.escape(value) for name, value in values.items()}
        found[part] = _parsed(part, templates.put_in(text, quoted, variables), text)
    return found


def with_labels(series: str, labels: Mapping[str, str]) -> str:
    """A selector of `of` with more labels; their keys end with an operator."""
    name, _, rest = series.partition("{")
    more = queries.selector("", labels)[1:-1]
    return f"{name}{{{', '.join(filter(None, (rest.removesuffix('}'), more)))}}}"


class Both(NamedTuple):
    """One selector for the series of both roles, and the label by whose value they are told from each other."""

    series: str
    label: str
    primary: str
    canary: str


def joined(primary: str, canary: str) -> Both | None:
    """One selector instead of two of `of`, where they differ in one equality alone; None where they do not."""
    (name, ours), (other, theirs) = _taken_apart(primary), _taken_apart(canary)
    if name != other or len(ours) != len(theirs):
        return None
    different = [number for number, pair in enumerate(zip(ours, theirs, strict=True)) if pair[0] != pair[1]]
    if len(different) != 1:
        return None
    (key, one), (other_key, two) = ours[different[0]], theirs[different[0]]
    if key != other_key or not key.endswith("=") or key.endswith("!="):
        return None
    either = f"{queries.literal(one)}|{queries.literal(two)}"
    pairs = (*ours[: different[0]], (f"{key}~", either), *ours[different[0] + 1 :])
    return Both(queries.selector(name, {}, pairs), key.removesuffix("="), one, two)


def _taken_apart(series: str) -> tuple[str, matchers.Matchers]:
    name, _, rest = series.partition("{")
    return name, matchers.parse(rest.removesuffix("}"))


class _Anything(dict[str, str]):
    """A name for each variable, where their values are not known yet."""

    def __missing__(self, key: str) -> str:
        return "x"

    def __contains__(self, key: object) -> bool:
        return True


def _of_role(role: Role, subject: Subject) -> dict[str, str]:
    canary = role is Role.CANARY
    workload, pods = (subject.target, subject.target_pods) if canary else (subject.primary, subject.primary_pods)
    service = subject.canary_service if canary else subject.primary_service
    return {
        WORKLOAD: "" if subject.by_service else workload,
        PODS: "" if subject.by_service else pods,
        ROLE_SERVICE: "" if subject.by_subset else service,
    }


def _way_out(subject: Subject) -> str:
    if subject.by_service:
        return f"{{{{ {ROLE_SERVICE} }}}}: the roles are told by their Services"
    return f"{{{{ {WORKLOAD} }}}}: the roles are told by their workloads"


def _placeholders(part: Part, text: str, variables: Collection[str] | None) -> set[str]:
    try:
        return templates.names_in(text, variables, field=part, names=NAMES)
    except SelectorError:
        raise
    except TemplateError as error:
        _, _, said = str(error).partition(": ")
        given, _, allowed = said.partition("; ")
        raise SelectorError(part, given, allowed.removeprefix("allowed are ")) from error


def _parsed(part: Part, filled: str, text: str) -> str:
    """The selector as PromQL that is surely one."""
    found = _SELECTOR.fullmatch(templates.collapse(filled))
    if found is None:
        raise SelectorError(part, repr(text), _EXAMPLE)
    try:
        return queries.selector(found["name"], {}, matchers.parse(found["matchers"] or ""))
    except matchers.MatchersError as error:
        given, _, _ = str(error).removeprefix("given ").partition(", allowed")
        raise SelectorError(part, f"{text!r} with {given} in it", _EXAMPLE) from error
