"""label_replace(), by which a query for many things says which sample belongs to which.

A template may name groups of the regular expression, as in Go's regexp.Expand.
"""

import re

from delivery.sandbox.promql.errors import QueryFailedError, execution
from delivery.sandbox.promql.labels import LABEL_NAME, Labels, regular_expression, updated, value_of

_GROUPS = re.compile(r"\$(?:\$|(?P<name>\w+)|\{(?P<braced>\w+)\})", re.ASCII)


def label_replace(
    vector: list[tuple[Labels, float]], target: str, template: str, source: str, pattern: str
) -> list[tuple[Labels, float]]:
    """Samples with label `target` made from `template`, where the whole of label `source` matches `pattern`.

    Raises QueryFailedError.
    """
    try:
        expression = regular_expression(pattern)
    except QueryFailedError as error:
        raise execution(f"invalid regular expression in label_replace(): {error}") from None
    if not LABEL_NAME.fullmatch(target):
        raise execution(f"invalid destination label name in label_replace(): {target}")
    result = []
    for labels, value in vector:
        match = expression.fullmatch(value_of(labels, source))
        changed = labels if match is None else updated(labels, [(target, expanded(match, template))])
        result.append((changed, value))
    return result


def expanded(match: re.Match[str], template: str) -> str:
    """The template with the groups filled in; one that does not exist is empty, `$$` is a dollar."""

    def group(found: re.Match[str]) -> str:
        name = found["name"] or found["braced"]
        if name is None:
            return "$"
        if name.isdecimal():
            return (match[int(name)] or "") if int(name) <= (match.re.groups or 0) else ""
        return (match[name] or "") if name in match.re.groupindex else ""

    return _GROUPS.sub(group, template)
