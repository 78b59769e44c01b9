"""Where in an answer a number is, as JSONPath (RFC 9535), less what could keep the controller busy for hours.

A path is written by users and followed in the controller's threads, so it has to be cheap whatever the answer holds:
one selector a segment, at most one descent and one filter, filters that compare values of the element itself, and no
functions, whose regular expressions could run for ever.
"""

from functools import lru_cache
from itertools import islice
from typing import Any

from jsonpath import JSONPath, JSONPathEnvironment
from jsonpath.exceptions import JSONPathError
from jsonpath.filter import (
    BaseExpression,
    BooleanLiteral,
    FilterExpression,
    FloatLiteral,
    InfixExpression,
    IntegerLiteral,
    Nil,
    PrefixExpression,
    RelativeFilterQuery,
    StringLiteral,
)
from jsonpath.segments import JSONPathChildSegment, JSONPathRecursiveDescentSegment, JSONPathSegment
from jsonpath.selectors import Filter, IndexSelector, NameSelector, SliceSelector, WildcardSelector

MOST_FOUND = 1000
"""How many values of an answer are looked at."""

_IN_WORDS = (
    "a JSONPath such as $.data.errors or $.series[?@.name == 'errors'].value, with at most one .. and one filter, "
    "one selector in each pair of brackets and no functions"
)
_SELECTORS = (NameSelector, IndexSelector, SliceSelector, WildcardSelector, Filter)
_SINGULAR = (NameSelector, IndexSelector)
_VALUES = (BooleanLiteral, FloatLiteral, IntegerLiteral, Nil, StringLiteral)
_JOINED = (FilterExpression, InfixExpression, PrefixExpression)


class _Plain(JSONPathEnvironment):
    def setup_function_extensions(self) -> None:
        """There are none."""


@lru_cache(maxsize=1)
def _environment() -> JSONPathEnvironment:
    return _Plain(strict=True)


@lru_cache(maxsize=256)
def compiled(path: str) -> JSONPath:
    """The path. Raises ValueError, which says what is allowed."""
    try:
        found = _environment().compile(path)
    except (JSONPathError, RecursionError):
        raise ValueError(_IN_WORDS) from None
    if not isinstance(found, JSONPath) or not _is_cheap(found.segments):
        raise ValueError(_IN_WORDS)
    return found


def values(path: str, answer: Any) -> list[object]:
    """What the path selects, at most MOST_FOUND values. Raises ValueError for a path or an answer that is too deep."""
    try:
        return [match.obj for match in islice(compiled(path).finditer(answer), MOST_FOUND)]
    except (JSONPathError, RecursionError) as error:
        raise ValueError(f"the path cannot be followed: {type(error).__name__}") from None


def _is_cheap(segments: tuple[JSONPathSegment, ...]) -> bool:
    selectors = [selector for segment in segments for selector in segment.selectors]
    descents = [each for each in segments if isinstance(each, JSONPathRecursiveDescentSegment)]
    filters = [each for each in selectors if isinstance(each, Filter)]
    return (
        all(len(segment.selectors) == 1 for segment in segments)
        and all(isinstance(each, _SELECTORS) for each in selectors)
        and len(descents) <= 1
        and len(filters) <= 1
        and all(_compares(each.expression) for each in filters)
    )


def _compares(expression: BaseExpression) -> bool:
    """Does it look at nothing but values, and single ones of the element itself?"""
    if isinstance(expression, RelativeFilterQuery):
        segments = expression.path.segments
        return all(
            isinstance(each, JSONPathChildSegment)
            and len(each.selectors) == 1
            and isinstance(each.selectors[0], _SINGULAR)
            for each in segments
        )
    if isinstance(expression, _JOINED):
        return all(_compares(each) for each in expression.children())
    return isinstance(expression, _VALUES)
