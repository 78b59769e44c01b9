"""Arithmetic, comparisons, and how the samples of two vectors find each other.

Source: Prometheus' documentation, "Operators". Floating point is Go's: no exceptions, but NaN and infinities.
"""

import math
from collections.abc import Callable, Sequence

from delivery.sandbox.promql.errors import execution
from delivery.sandbox.promql.labels import NAME, Labels, nameless, only, shown, updated, value_of, without
from delivery.sandbox.promql.nodes import Binary, Matching

Vector = list[tuple[Labels, float]]


def divided(left: float, right: float) -> float:
    """The quotient; by zero it is infinite, or NaN."""
    if right:
        return left / right
    if left == 0 or math.isnan(left) or math.isnan(right):
        return math.nan
    return math.copysign(math.inf, left) * math.copysign(1.0, right)


def modulo(left: float, right: float) -> float:
    """The remainder with the sign of the dividend; NaN by zero."""
    try:
        return math.fmod(left, right)
    except ValueError:
        return math.nan


def power(left: float, right: float) -> float:
    """The power; NaN where it is no real number, infinite where it is too large or 0 to a negative power."""
    try:
        return math.pow(left, right)
    except OverflowError:
        odd = right % 2 == 1
        return -math.inf if left < 0 and odd else math.inf
    except ValueError:
        if left != 0:
            return math.nan
        return math.copysign(math.inf, left) if right % 2 == 1 else math.inf


ARITHMETIC: dict[str, Callable[[float, float], float]] = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
    "/": divided,
    "%": modulo,
    "^": power,
}
COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "==": lambda left, right: left == right,
    "!=": lambda left, right: left != right,
    ">": lambda left, right: left > right,
    "<": lambda left, right: left < right,
    ">=": lambda left, right: left >= right,
    "<=": lambda left, right: left <= right,
}
OPERATORS = (*ARITHMETIC, *COMPARISONS)
SET_OPERATORS = ("and", "or", "unless")


def of_scalars(node: Binary, left: float, right: float) -> float:
    """The operator between two numbers; a comparison gives 0 or 1."""
    if node.operator in ARITHMETIC:
        return ARITHMETIC[node.operator](left, right)
    return float(COMPARISONS[node.operator](left, right))


def of_vector_and_scalar(node: Binary, vector: Vector, scalar: float, *, scalar_first: bool) -> Vector:
    """The operator between each sample and a number; a comparison keeps the sample's value, wherever it stands."""
    result: Vector = []
    for labels, value in vector:
        sides = (scalar, value) if scalar_first else (value, scalar)
        found = _element(node, *sides)
        if found is None:
            continue
        kept = node.operator in COMPARISONS and not node.as_bool
        result.append((labels, value) if kept else (nameless(labels), found))
    return result


def of_sets(node: Binary, left: Vector, right: Vector) -> Vector:
    """and, or, unless: whole samples, chosen by whether the other side has their labels."""
    key = _key(node.matching)
    if node.operator == "or":
        known = {key(labels) for labels, _ in left}
        return left + [sample for sample in right if key(sample[0]) not in known]
    known = {key(labels) for labels, _ in right}
    wanted = node.operator == "and"
    return [sample for sample in left if (key(sample[0]) in known) == wanted]


def of_vectors(node: Binary, left: Vector, right: Vector) -> Vector:
    """The operator between samples with equal labels, one to one or many to one.

    Raises QueryFailedError (execution) where a sample has more partners than was said.
    """
    if not left or not right:
        return []
    swapped = node.matching.many == "right"
    many, one = (right, left) if swapped else (left, right)
    key = _key(node.matching)
    partners = _partners(node.matching, one, key)
    met: dict[Labels, set[Labels]] = {}
    result: Vector = []
    for labels, value in many:
        partner = partners.get(key(labels))
        if partner is None:
            continue
        found = _element(node, *((partner[1], value) if swapped else (value, partner[1])))
        if found is None:
            continue
        metric = _result_labels(node, labels, partner[0])
        _note_partner(node.matching, met.setdefault(key(labels), set()), metric)
        result.append((metric, found))
    return result


def _element(node: Binary, left: float, right: float) -> float | None:
    """The value, or None where a comparison filters it out."""
    arithmetic = ARITHMETIC.get(node.operator)
    if arithmetic is not None:
        return arithmetic(left, right)
    holds = COMPARISONS[node.operator](left, right)
    if node.as_bool:
        return float(holds)
    return left if holds else None


def _key(matching: Matching) -> Callable[[Labels], Labels]:
    if matching.on:
        return lambda labels: only(labels, matching.labels)
    ignored = (*matching.labels, NAME)
    return lambda labels: without(labels, ignored)


def _partners(
    matching: Matching, one: Sequence[tuple[Labels, float]], key: Callable[[Labels], Labels]
) -> dict[Labels, tuple[Labels, float]]:
    partners: dict[Labels, tuple[Labels, float]] = {}
    for labels, value in one:
        group = key(labels)
        if group in partners:
            side = "left" if matching.many == "right" else "right"
            raise execution(
                f"found duplicate series for the match group {shown(group)} on the {side} hand-side of the operation: "
                f"[{shown(labels)}, {shown(partners[group][0])}];many-to-many matching not allowed: "
                "matching labels must be unique on one side"
            )
        partners[group] = (labels, value)
    return partners


def _note_partner(matching: Matching, met: set[Labels], metric: Labels) -> None:
    if not matching.many and met:
        raise execution("multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)")
    if metric in met:
        raise execution("multiple matches for labels: grouping labels must ensure unique matches")
    met.add(metric)


def _result_labels(node: Binary, labels: Labels, partner: Labels) -> Labels:
    matching = node.matching
    if node.operator in ARITHMETIC or node.as_bool:
        labels = nameless(labels)
    if not matching.many:
        return only(labels, matching.labels) if matching.on else without(labels, matching.labels)
    if matching.include:
        return updated(labels, ((name, value_of(partner, name)) for name in matching.include))
    return labels
