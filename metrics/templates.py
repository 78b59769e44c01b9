"""Fills the placeholders of a query that somebody wrote into a manifest.

Whoever may create a Canary or a MetricTemplate may write here, so a template is a text with names in it and nothing
more: no loops, calls or arithmetic that could keep the controller busy. A name that is not known is an error that says
which ones are. The names, and how they are written, are Flagger's, so that its templates are taken as they are.
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import lru_cache
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateSyntaxError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from metrics.queries import duration, escape
from metrics.spec import Subject, Window

VARIABLES = "variables"
NAMES = ("interval", "name", "namespace", "primary", "service", "target", "ingress", "route", VARIABLES)
"""The placeholders that a query may hold; `variables` with the name of one of them."""

Quote = Callable[[str], str]
"""From a value to how it is written at the place of its placeholder."""

_ALLOWED = (nodes.Template, nodes.Output, nodes.TemplateData, nodes.Const)
_TOKENS = re.compile(r""" "(?:\\.|[^"\\])*" | '(?:\\.|[^'\\])*' | `[^`]*` | (?:\s | \#[^\n]*)+ """, re.VERBOSE)
_INDEX = re.compile(r"(\{\{-?\s*)index\s+variables\s+(\"[^\"]*\")")


class TemplateError(ValueError):
    """A query whose placeholders cannot be filled; the text says which, and what is allowed."""


def render(query: str, subject: Subject, window: Window, variables: Mapping[str, str] | None = None) -> str:
    """PromQL with its placeholders filled, in one line. Raises TemplateError.

    `interval` is the window's length as a PromQL duration, `service` the apex service. Variables are put in as they
    are, because they may be pieces of PromQL.
    """
    return collapse(fill(query, subject, window, variables or {}, quote=escape, quote_variable=str))


def fill(
    query: str, subject: Subject, window: Window, variables: Mapping[str, str], *, quote: Quote, quote_variable: Quote
) -> str:
    """`query` with its placeholders filled, each value as its quote writes it. Raises TemplateError."""
    check(query, variables)
    named = {key: quote_variable(value) for key, value in variables.items()}
    known = {"interval": duration(window.seconds), **values(subject)}
    return put_in(query, {key: quote(value) for key, value in known.items()}, named)


def values(subject: Subject) -> dict[str, str]:
    """What the placeholders are that a subject tells, by their names."""
    return {
        "ingress": subject.ingress or subject.target,
        "name": subject.name,
        "namespace": subject.namespace,
        "primary": subject.primary,
        "route": subject.route or subject.target,
        "service": subject.apex_service,
        "target": subject.target,
    }


def put_in(text: str, known: Mapping[str, str], variables: Mapping[str, str]) -> str:
    """`text`, which has been checked, with values in place of its placeholders, as they are."""
    return _compiled(text).render({**known, VARIABLES: variables})


def check(query: str, variables: Collection[str] | None = None) -> None:
    """TemplateError unless every placeholder can be filled. `variables` None: with whatever variables come."""
    names_in(query, variables)


def names_in(
    text: str, variables: Collection[str] | None = None, *, field: str = "query", names: Collection[str] = NAMES
) -> set[str]:
    """The placeholders in the text of a field, without variables. TemplateError for others than `names`, and unless
    every variable has a value; `variables` as in `check`.
    """
    try:
        tree = _environment().parse(_in_jinja(text))
    except TemplateSyntaxError as error:
        said = f"{field}, line {error.lineno}: {error.message}; allowed are {_in_words(names)}"
        raise TemplateError(said) from error
    for name in _variables(tree, field, names):
        if variables is not None and name not in variables:
            raise TemplateError(f"{field}: variable {name!r} has no value; give it one in templateVariables")
    return {node.name for node in tree.find_all(nodes.Name)} - {VARIABLES}


def collapse(query: str) -> str:
    """The query without comments and with runs of white space made one, strings left as they are.

    Comments go because they end with the line, and the lines go.
    """
    return _TOKENS.sub(lambda token: token[0] if token[0][0] in "\"'`" else " ", query).strip()


def _in_jinja(query: str) -> str:
    """The one form of Go's that Jinja writes otherwise, for names that are no words: `index variables "a-b"`."""
    return _INDEX.sub(r"\1variables[\2]", query)


class _Environment(ImmutableSandboxedEnvironment):
    def getattr(self, obj: Any, attribute: str) -> Any:
        """Variables are their names alone: `variables.items` is one that somebody called items."""
        return obj[attribute] if attribute in obj else self.undefined(obj=obj, name=attribute)


@lru_cache(maxsize=1)
def _environment() -> ImmutableSandboxedEnvironment:
    # PromQL is no HTML: escaping for it would break quotes. Values are quoted for where they go above.
    return _Environment(undefined=StrictUndefined, autoescape=False)


@lru_cache(maxsize=256)
def _compiled(text: str) -> Template:
    """Compiling takes a millisecond, and the same few texts are filled for each window."""
    return _environment().from_string(_in_jinja(text))


def _in_words(names: Collection[str]) -> str:
    return ", ".join(f"{{{{ {name}{'.NAME' if name == VARIABLES else ''} }}}}" for name in names)


def _variables(node: nodes.Node, field: str, names: Collection[str]) -> Iterator[str]:
    """The names of the variables below a node; TemplateError for anything but placeholders."""
    if (name := _variable(node)) is not None:
        yield name
        return
    if isinstance(node, nodes.Name):
        if node.name not in names:
            raise TemplateError(f"{field}: placeholder {node.name!r} is not known; allowed are {_in_words(names)}")
        if node.name == VARIABLES:
            raise TemplateError(f"{field}, line {node.lineno}: variables need a name; allowed are {_in_words(names)}")
    elif not isinstance(node, _ALLOWED):
        kind = type(node).__name__
        raise TemplateError(f"{field}, line {node.lineno}: {kind} is not a placeholder; allowed are {_in_words(names)}")
    for child in node.iter_child_nodes():
        yield from _variables(child, field, names)


def _variable(node: nodes.Node) -> str | None:
    """The name in `variables.NAME` or `variables["NAME"]`; None for everything else."""
    if not isinstance(node, nodes.Getattr | nodes.Getitem):
        return None
    if not isinstance(node.node, nodes.Name) or node.node.name != VARIABLES:
        return None
    if isinstance(node, nodes.Getattr):
        return node.attr
    return node.arg.value if isinstance(node.arg, nodes.Const) and isinstance(node.arg.value, str) else None
