"""Fills the placeholders of a query that somebody wrote into a manifest.

Whoever may create a Canary may write here, so a template is a text with names in it and nothing more: no loops,
calls or arithmetic that could keep the controller busy. A name that is not known is an error that says which ones are.
"""

import re
from functools import lru_cache

from jinja2 import StrictUndefined, TemplateSyntaxError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from metrics.queries import duration, escape
from metrics.spec import Subject, Window

NAMES = ("interval", "name", "namespace", "primary", "service", "target")
"""The placeholders that a query may hold."""

_ALLOWED = (nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Const)
_TOKENS = re.compile(r""" "(?:\\.|[^"\\])*" | '(?:\\.|[^'\\])*' | `[^`]*` | (?:\s | \#[^\n]*)+ """, re.VERBOSE)


class TemplateError(ValueError):
    """A query whose placeholders cannot be filled; the text says which, and what is allowed."""


def render(query: str, subject: Subject, window: Window) -> str:
    """`query` with its placeholders filled, in one line.

    `interval` is the window's length as a PromQL duration, `service` the apex service. Raises TemplateError.
    """
    _refuse_all_but_names(query)
    values = {
        "interval": duration(window.seconds),
        "name": subject.name,
        "namespace": subject.namespace,
        "primary": subject.primary,
        "service": subject.apex_service,
        "target": subject.target,
    }
    filled = _environment().from_string(query).render({key: escape(value) for key, value in values.items()})
    return collapse(filled)


def collapse(query: str) -> str:
    """The query without comments and with runs of white space made one, strings left as they are.

    Comments go because they end with the line, and the lines go.
    """
    return _TOKENS.sub(lambda token: token[0] if token[0][0] in "\"'`" else " ", query).strip()


@lru_cache(maxsize=1)
def _environment() -> ImmutableSandboxedEnvironment:
    # PromQL is no HTML: escaping for it would break quotes. Values are escaped for PromQL above.
    return ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False)


def _refuse_all_but_names(query: str) -> None:
    allowed = ", ".join(f"{{{{ {name} }}}}" for name in NAMES)
    try:
        tree = _environment().parse(query)
    except TemplateSyntaxError as error:
        raise TemplateError(f"query, line {error.lineno}: {error.message}; allowed are {allowed}") from error
    for node in tree.find_all(nodes.Node):
        if isinstance(node, nodes.Name) and node.name not in NAMES:
            raise TemplateError(f"query: placeholder {node.name!r} is not known; allowed are {allowed}")
        if not isinstance(node, _ALLOWED):
            kind = type(node).__name__
            raise TemplateError(f"query, line {node.lineno}: {kind} is not a placeholder; allowed are {allowed}")
