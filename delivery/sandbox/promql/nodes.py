"""A question of PromQL as plain values, with times in milliseconds.

The grammar's own objects copy their whole subtree each time one looks at them, and know more than can be answered.
These are made once per question, by grammar.py, and hold nothing that engine.py cannot evaluate.
"""

from dataclasses import dataclass

from delivery.sandbox.promql.labels import Matcher

Moment = int | str | None
"""The @ modifier: milliseconds, "start" or "end" of the query's range, or none."""


@dataclass(frozen=True, slots=True)
class Number:
    """A literal."""

    value: float


@dataclass(frozen=True, slots=True)
class Text:
    """A string literal."""

    value: str


@dataclass(frozen=True, slots=True)
class Negation:
    """Unary minus."""

    inner: "Node"


@dataclass(frozen=True, slots=True)
class Selector:
    """An instant vector selector; `offset` is positive into the past."""

    matchers: tuple[Matcher, ...]
    offset: int = 0
    at: Moment = None


@dataclass(frozen=True, slots=True)
class Range:
    """A range vector selector, `length` back from the selector's moment."""

    selector: Selector
    length: int


@dataclass(frozen=True, slots=True)
class Subquery:
    """An expression at each whole multiple of `step` within a range."""

    inner: "Node"
    length: int
    step: int
    offset: int = 0
    at: Moment = None


@dataclass(frozen=True, slots=True)
class Call:
    """A function and its arguments; arity and kinds are right."""

    name: str
    arguments: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Aggregation:
    """An aggregation; `keeps` tells by (True) from without (False)."""

    name: str
    inner: "Node"
    parameter: "Node | None"
    keeps: bool
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Matching:
    """How samples of two vectors find each other: on (True) or ignoring (False) `labels`.

    `many` is the side that may have several partners ("left", "right", or ""); `include` are labels that it takes
    over from the other one.
    """

    on: bool = False
    labels: tuple[str, ...] = ()
    many: str = ""
    include: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Binary:
    """An operator between two expressions; `as_bool` makes a comparison say 0 or 1 instead of filtering."""

    operator: str
    left: "Node"
    right: "Node"
    as_bool: bool = False
    matching: Matching = Matching()


Node = Number | Text | Negation | Selector | Range | Subquery | Call | Aggregation | Binary
