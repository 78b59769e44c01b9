"""Texts of alerts with placeholders, by whoever may create an AlertProvider.

Such a text is rendered inside the controller, so it can name what is known, choose and go through the checks, and
nothing more: no calls, no arithmetic and no loop inside of a loop, which could keep the controller busy. A name that is
not known is an error when the AlertProvider is written, not when an alert is due.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateSyntaxError, UndefinedError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

NAMES = (
    "canary", "namespace", "target", "cluster", "reason", "message", "severity", "at", "phase", "revision", "run",
    "step", "weight", "seen_weight", "result", "progress", "checks", "failing",
)  # fmt: skip
"""What a text may name."""

OF_CHECKS = ("name", "outcome", "value", "limit", "message")
"""What a text may name of `failing` and of each of `checks`."""

FILTERS = ("default", "length", "lower", "round", "truncate", "upper")
MOST = 4000
"""Characters of a rendered text; the rest is cut off."""

_ALLOWED = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.Const, nodes.Name, nodes.Getattr, nodes.If, nodes.CondExpr,
    nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not, nodes.Filter, nodes.For,
)  # fmt: skip


class MessageTemplateError(ValueError):
    """A text that cannot be rendered; it says what is given and what is allowed."""


def check(text: str) -> None:
    """Raises MessageTemplateError unless the text can be rendered."""
    try:
        tree = _environment().parse(text)
    except TemplateSyntaxError as error:
        raise MessageTemplateError(f"line {error.lineno}: {error.message}") from None
    _look(tree, frozenset(NAMES), looping=False)


def render(text: str, values: Mapping[str, Any]) -> str:
    """The text with its placeholders filled, at most MOST characters. Raises MessageTemplateError."""
    check(text)
    try:
        return _compiled(text).render(values).strip()[:MOST]
    except (UndefinedError, TypeError, ValueError, ArithmeticError) as error:
        raise MessageTemplateError(f"{type(error).__name__}: {error}"[:200]) from None


def _look(node: nodes.Node, names: frozenset[str], *, looping: bool) -> None:
    if not isinstance(node, _ALLOWED):
        allowed = "placeholders, if, and for over checks"
        raise MessageTemplateError(f"line {node.lineno}: {type(node).__name__} is not allowed; allowed are {allowed}")
    if isinstance(node, nodes.Name) and node.name not in names:
        raise MessageTemplateError(f"placeholder {node.name!r} is not known; allowed are {', '.join(sorted(names))}")
    if isinstance(node, nodes.Filter) and node.name not in FILTERS:
        raise MessageTemplateError(f"filter {node.name!r} is not known; allowed are {', '.join(FILTERS)}")
    if isinstance(node, nodes.Getattr):
        _look_at_attribute(node, names)
    if isinstance(node, nodes.For):
        _look_at_loop(node, names, looping=looping)
        return
    for child in node.iter_child_nodes():
        _look(child, names, looping=looping)


def _look_at_attribute(node: nodes.Getattr, names: frozenset[str]) -> None:
    """Of checks alone are there attributes: a loop's name is one that is not among NAMES."""
    whose = node.node.name if isinstance(node.node, nodes.Name) else ""
    if whose not in {"failing", *(names - set(NAMES))} or node.attr not in OF_CHECKS:
        raise MessageTemplateError(
            f"{whose or 'an expression'}.{node.attr} is not known; allowed are {', '.join(OF_CHECKS)}, of failing "
            "and of each of checks"
        )


def _look_at_loop(node: nodes.For, names: frozenset[str], *, looping: bool) -> None:
    over = node.iter.name if isinstance(node.iter, nodes.Name) else ""
    if looping or over != "checks" or not isinstance(node.target, nodes.Name) or node.recursive or node.test:
        raise MessageTemplateError(f"line {node.lineno}: allowed is a loop over checks, and none within another")
    for child in (*node.body, *node.else_):
        _look(child, names | {node.target.name}, looping=True)


@lru_cache(maxsize=1)
def _environment() -> ImmutableSandboxedEnvironment:
    # Each service escapes what it is given in its own way; here nothing is HTML.
    return ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False, trim_blocks=True)


@lru_cache(maxsize=256)
def _compiled(text: str) -> Template:
    return _environment().from_string(text)
