"""Placeholders of a query, checked when it is written and not when it is first needed."""

from collections.abc import Collection

from delivery.api.model import broken_rule
from metrics import templates


def check_query(query: str, variables: Collection[str] | None = None) -> None:
    """The error of a field `query` whose placeholders cannot be filled; `variables` as in `templates.check`."""
    try:
        templates.check(query, variables)
    except templates.TemplateError as error:
        given, _, allowed = str(error).removeprefix("query: ").partition("; ")
        raise broken_rule(given=given, allowed=allowed.removeprefix("allowed are "), field="query") from None
