"""What the answer to a question is at one moment, as Prometheus 2.42 would give it.

A range query is nothing but the same at many moments, so that there is one way only in which a number comes about.
Times are milliseconds; ranges and the lookback hold both of their ends (Prometheus 3 leaves the earlier one out).
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import assert_never

from delivery.sandbox.promql import nodes, operators
from delivery.sandbox.promql.aggregations import aggregate
from delivery.sandbox.promql.errors import execution
from delivery.sandbox.promql.functions import ELEMENTWISE
from delivery.sandbox.promql.grammar import kind
from delivery.sandbox.promql.histograms import histogram_quantile
from delivery.sandbox.promql.labels import NAME, Labels, nameless
from delivery.sandbox.promql.range_functions import KEEPS_NAME, RANGE_FUNCTIONS, Window
from delivery.sandbox.promql.relabelling import label_replace
from delivery.sandbox.promql.series import Points, Series
from delivery.sandbox.promql.storage import Storage

LOOKBACK = 300_000
"""How old a sample may be and still count as the present value."""

Vector = list[tuple[Labels, float]]
Matrix = list[tuple[Labels, Points]]
Value = float | str | Vector | Matrix


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One question put to `storage`. `start` and `end` are its range, both the same for an instant query.

    `check` is called often and raises what ends the evaluation, because of the time that it takes.
    """

    storage: Storage
    start: int
    end: int
    check: Callable[[], None]
    lookback: int = LOOKBACK

    def value(self, node: nodes.Node, at: int) -> Value:
        """Its value at a moment, by its kind. Raises QueryFailedError."""
        self.check()
        if isinstance(node, nodes.Range | nodes.Subquery):
            return self._matrix(node, at)[0]
        if isinstance(node, nodes.Text):
            return node.value
        if kind(node) == "scalar":
            return self.scalar(node, at)
        return self.vector(node, at)

    def scalar(self, node: nodes.Node, at: int) -> float:
        """The value of an expression that is a number."""
        match node:
            case nodes.Number(value):
                return value
            case nodes.Negation(inner):
                return -self.scalar(inner, at)
            case nodes.Binary():
                return operators.of_scalars(node, self.scalar(node.left, at), self.scalar(node.right, at))
            case nodes.Call("scalar", (inner,)):
                found = self.vector(inner, at)
                return found[0][1] if len(found) == 1 else math.nan
            case nodes.Call("time"):
                return at / 1000
            case _:
                raise execution(f"{type(node).__name__} is no scalar")

    def vector(self, node: nodes.Node, at: int) -> Vector:
        """The value of an expression that is an instant vector."""
        self.check()
        match node:
            case nodes.Selector():
                return [(labels, value) for labels, _, value in self._present(node, at)]
            case nodes.Negation(inner):
                return distinct([(nameless(labels), -value) for labels, value in self.vector(inner, at)])
            case nodes.Aggregation():
                return self._aggregation(node, at)
            case nodes.Binary():
                return distinct(self._binary(node, at))
            case nodes.Call(name, arguments):
                return distinct(self._call(name, arguments, at))
            case nodes.Number() | nodes.Text() | nodes.Range() | nodes.Subquery():
                raise execution(f"{type(node).__name__} is no instant vector")
            case _:
                assert_never(node)

    # -- selecting

    def _moment(self, node: nodes.Selector | nodes.Subquery, at: int) -> int:
        match node.at:
            case None:
                return at - node.offset
            case "start":
                return self.start - node.offset
            case "end":
                return self.end - node.offset
            case int(moment):
                return moment - node.offset
            case other:
                raise execution(f"@ {other} is no moment")

    def _present(self, node: nodes.Selector, at: int) -> list[tuple[Labels, int, float]]:
        moment = self._moment(node, at)
        found = []
        for series in self.storage.select(node.matchers):
            sample = series.value_at(moment, self.lookback)
            if sample is not None:
                found.append((series.labels, *sample))
        return found

    def _matrix(self, node: nodes.Node, at: int) -> tuple[Matrix, Window]:
        self.check()
        match node:
            case nodes.Range(selector, length):
                window = self._window(selector, length, at)
                every = ((each.labels, each.points(window.start, window.end)) for each in self._series(selector))
                return [(labels, points) for labels, points in every if points[0]], window
            case nodes.Subquery():
                window = self._window(node, node.length, at)
                return self._stepped(node, window), window
            case _:
                raise execution(f"{type(node).__name__} is no range vector")

    def _window(self, node: nodes.Selector | nodes.Subquery, length: int, at: int) -> Window:
        end = self._moment(node, at)
        return Window(end - length, end)

    def _series(self, node: nodes.Selector) -> Sequence[Series]:
        return self.storage.select(node.matchers)

    def _stepped(self, node: nodes.Subquery, window: Window) -> Matrix:
        """The inner expression at the multiples of the step: the same moments whenever one asks."""
        found: dict[Labels, Points] = {}
        first = -(-window.start // node.step) * node.step
        for moment in range(first, window.end + 1, node.step):
            for labels, value in self.vector(node.inner, moment):
                times, values = found.setdefault(labels, ([], []))
                times.append(moment)
                values.append(value)
        return list(found.items())

    # -- reckoning

    def _aggregation(self, node: nodes.Aggregation, at: int) -> Vector:
        parameter = 0.0 if node.parameter is None else self.scalar(node.parameter, at)
        vector = self.vector(node.inner, at)
        return aggregate(node.name, vector, keeps=node.keeps, labels=node.labels, parameter=parameter)

    def _binary(self, node: nodes.Binary, at: int) -> Vector:
        if kind(node.left) == "scalar":
            scalar = self.scalar(node.left, at)
            return operators.of_vector_and_scalar(node, self.vector(node.right, at), scalar, scalar_first=True)
        left = self.vector(node.left, at)
        if kind(node.right) == "scalar":
            return operators.of_vector_and_scalar(node, left, self.scalar(node.right, at), scalar_first=False)
        right = self.vector(node.right, at)
        combine = operators.of_sets if node.operator in operators.SET_OPERATORS else operators.of_vectors
        return combine(node, left, right)

    def _call(self, name: str, arguments: Sequence[nodes.Node], at: int) -> Vector:
        if name in RANGE_FUNCTIONS:
            return self._of_range(name, arguments[0], at)
        if name in ELEMENTWISE:
            return self._of_each(name, arguments, at)
        match name:
            case "histogram_quantile":
                return histogram_quantile(self.scalar(arguments[0], at), self.vector(arguments[1], at))
            case "vector":
                return [((), self.scalar(arguments[0], at))]
            case "absent":
                return [] if self.vector(arguments[0], at) else [(implied(arguments[0]), 1.0)]
            case "absent_over_time":
                return [] if self._matrix(arguments[0], at)[0] else [(implied(arguments[0]), 1.0)]
            case "label_replace":
                texts = [each.value for each in arguments[1:] if isinstance(each, nodes.Text)]
                return label_replace(self.vector(arguments[0], at), *texts)
            case "timestamp":
                return self._timestamps(arguments[0], at)
            case "sort" | "sort_desc":
                sign = 1 if name == "sort" else -1
                return sorted(self.vector(arguments[0], at), key=lambda each: (math.isnan(each[1]), sign * each[1]))
            case _:
                raise execution(f"function {name} is not supported")

    def _of_range(self, name: str, argument: nodes.Node, at: int) -> Vector:
        if name == "last_over_time" and isinstance(argument, nodes.Range):
            return self._last(argument, at)
        function = RANGE_FUNCTIONS[name]
        matrix, window = self._matrix(argument, at)
        result: Vector = []
        for labels, points in matrix:
            value = function(points, window)
            if value is not None:
                result.append((labels if name in KEEPS_NAME else nameless(labels), value))
        return result

    def _last(self, node: nodes.Range, at: int) -> Vector:
        """last_over_time() without reading the hour before the last sample."""
        window = self._window(node.selector, node.length, at)
        found = ((each.labels, each.last_between(window.start, window.end)) for each in self._series(node.selector))
        return [(labels, sample[1]) for labels, sample in found if sample is not None]

    def _of_each(self, name: str, arguments: Sequence[nodes.Node], at: int) -> Vector:
        function = ELEMENTWISE[name]
        scalars = [self.scalar(each, at) for each in arguments[1:]]
        result: Vector = []
        for labels, value in self.vector(arguments[0], at):
            changed = function(value, *scalars)
            if changed is not None:
                result.append((nameless(labels), changed))
        return result

    def _timestamps(self, node: nodes.Node, at: int) -> Vector:
        if isinstance(node, nodes.Selector):
            return [(nameless(labels), time / 1000) for labels, time, _ in self._present(node, at)]
        return [(nameless(labels), at / 1000) for labels, _ in self.vector(node, at)]


def distinct(vector: Vector) -> Vector:
    """The vector as it is, if no two samples have the same labels. Raises QueryFailedError (execution)."""
    if len({labels for labels, _ in vector}) < len(vector):
        raise execution("vector cannot contain metrics with the same labelset")
    return vector


def implied(node: nodes.Node) -> Labels:
    """The labels of what is absent, as far as its selector says: the ones that are compared for equality, once."""
    if isinstance(node, nodes.Range):
        node = node.selector
    if not isinstance(node, nodes.Selector):
        return ()
    found: dict[str, str] = {}
    for matcher in node.matchers:
        if matcher.name != NAME:
            equal = matcher.operator == "=" and matcher.name not in found
            found[matcher.name] = matcher.value if equal else ""
    return tuple(sorted(pair for pair in found.items() if pair[1]))
