"""From a question's text to nodes, or to an error that says what about it is not supported.

The grammar is promql-parser's, which checks kinds and arity. It also accepts what Prometheus 2.42 does not know and
what the engine does not evaluate; all of that ends here, so that no unknown construct ever becomes a number.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

import promql_parser  # noqa: F401 - where it is missing, that is said at the start and not at the first query

from delivery.sandbox.promql import nodes
from delivery.sandbox.promql.aggregations import AGGREGATIONS, WITH_PARAMETER
from delivery.sandbox.promql.errors import bad_data
from delivery.sandbox.promql.functions import FUNCTIONS
from delivery.sandbox.promql.labels import NAME, Matcher, regular_expression
from delivery.sandbox.promql.operators import OPERATORS, SET_OPERATORS
from metrics import promql

DEFAULT_STEP = 60_000
"""A subquery's step where it has none: Prometheus' default evaluation interval."""

TOO_DEEP = promql.TOO_DEEP

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MATCH = {"Equal": "=", "NotEqual": "!=", "Re": "=~", "NotRe": "!~"}
_MANY = {"OneToOne": "", "ManyToMany": "", "ManyToOne": "left", "OneToMany": "right"}


@lru_cache(maxsize=256)
def parse(query: str) -> nodes.Node:
    """The nodes of `query`. Raises QueryFailedError (bad_data)."""
    try:
        tree = promql.syntax(query)
    except promql.PromQLError as error:
        raise bad_data(f'invalid parameter "query": {error}') from None
    try:
        return _node(tree)
    except RecursionError:
        raise bad_data(f'invalid parameter "query": {TOO_DEEP}') from None


def selector(text: str) -> nodes.Selector:
    """The selector that a match[] parameter holds. Raises QueryFailedError (bad_data)."""
    node = parse(text)
    if not isinstance(node, nodes.Selector) or node.offset or node.at is not None:
        raise bad_data(f'invalid parameter "match[]": {text!r} is not a series selector')
    return node


def kind(node: nodes.Node) -> str:
    """What an expression gives: scalar, string, instant vector or range vector, in Prometheus' words."""
    if isinstance(node, nodes.Negation):
        return kind(node.inner)
    if isinstance(node, nodes.Binary):
        return "scalar" if kind(node.left) == kind(node.right) == "scalar" else "instant vector"
    if isinstance(node, nodes.Call):
        return FUNCTIONS[node.name]
    return {
        nodes.Number: "scalar",
        nodes.Text: "string",
        nodes.Range: "range vector",
        nodes.Subquery: "range vector",
    }.get(type(node), "instant vector")


def _node(tree: Any) -> nodes.Node:
    make = _MAKERS.get(type(tree).__name__)
    if make is None:
        raise _refused(f"expression {type(tree).__name__}", "selectors, functions, operators and aggregations")
    return make(tree)


def _selector(tree: Any) -> nodes.Selector:
    if tree.matchers.or_matchers:
        raise _refused('"or" between label matchers', "matchers separated by commas")
    matchers = [
        Matcher(each.name, _MATCH[str(each.op).rpartition(".")[2]], each.value) for each in tree.matchers.matchers
    ]
    if tree.name:
        matchers.append(Matcher(NAME, "=", tree.name))
    for matcher in matchers:
        if matcher.operator in ("=~", "!~"):
            regular_expression(matcher.value)
    return nodes.Selector(tuple(matchers), _milliseconds(tree.offset), _moment(tree.at))


def _range(tree: Any) -> nodes.Range:
    return nodes.Range(_selector(tree.vector_selector), _milliseconds(tree.range))


def _subquery(tree: Any) -> nodes.Subquery:
    step = _milliseconds(tree.step) or DEFAULT_STEP
    return nodes.Subquery(
        _node(tree.expr), _milliseconds(tree.range), step, _milliseconds(tree.offset), _moment(tree.at)
    )


def _call(tree: Any) -> nodes.Call:
    name = tree.func.name
    if name not in FUNCTIONS:
        raise _refused(f"function {name}", ", ".join(sorted(FUNCTIONS)))
    return nodes.Call(name, tuple(_node(each) for each in tree.args))


def _aggregation(tree: Any) -> nodes.Aggregation:
    name = str(tree.op)
    if name not in AGGREGATIONS:
        raise _refused(f"aggregation {name}", ", ".join(sorted(AGGREGATIONS)))
    modifier = tree.modifier
    parameter = _node(tree.param) if name in WITH_PARAMETER else None
    if modifier is None:
        return nodes.Aggregation(name, _node(tree.expr), parameter, True, ())
    keeps = str(modifier.type).endswith("By")
    return nodes.Aggregation(name, _node(tree.expr), parameter, keeps, tuple(modifier.labels))


def _binary(tree: Any) -> nodes.Binary:
    operator = str(tree.op)
    if operator not in OPERATORS and operator not in SET_OPERATORS:
        raise _refused(f"operator {operator}", ", ".join([*OPERATORS, *SET_OPERATORS]))
    left, right, modifier = _node(tree.lhs), _node(tree.rhs), tree.modifier
    if modifier is None:
        return nodes.Binary(operator, left, right)
    if modifier.fill_values.lhs is not None or modifier.fill_values.rhs is not None:
        raise _refused("the modifier fill", "on, ignoring, group_left, group_right, bool")
    return nodes.Binary(operator, left, right, modifier.return_bool, _matching(modifier))


def _matching(modifier: Any) -> nodes.Matching:
    labels = modifier.matching
    on = labels is not None and str(labels.type).endswith("Include")
    return nodes.Matching(
        on=on,
        labels=tuple(labels.labels) if labels is not None else (),
        many=_MANY[str(modifier.card).rpartition(".")[2]],
        include=tuple(modifier.group_labels or ()),
    )


def _moment(at: Any) -> nodes.Moment:
    if at is None:
        return None
    if at.at is not None:
        since: timedelta = at.at - _EPOCH
        return _milliseconds(since)
    return "start" if str(at.type).endswith("Start") else "end"


def _milliseconds(length: timedelta | None) -> int:
    return 0 if length is None else round(length / timedelta(milliseconds=1))


def _refused(what: str, supported: str) -> Exception:
    return bad_data(
        f'invalid parameter "query": {what} is not supported by the embedded Prometheus; it knows: {supported}'
    )


_MAKERS: dict[str, Callable[[Any], nodes.Node]] = {
    "NumberLiteral": lambda tree: nodes.Number(tree.val),
    "StringLiteral": lambda tree: nodes.Text(tree.val),
    "ParenExpr": lambda tree: _node(tree.expr),
    "UnaryExpr": lambda tree: nodes.Negation(_node(tree.expr)),
    "VectorSelector": _selector,
    "MatrixSelector": _range,
    "SubqueryExpr": _subquery,
    "Call": _call,
    "AggregateExpr": _aggregation,
    "BinaryExpr": _binary,
}
