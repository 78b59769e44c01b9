"""Whether a text is PromQL, as far as that can be told without a Prometheus.

The grammar is promql-parser's, which checks kinds and arity too. It is imported when it is needed: a controller leaves
queries to the Prometheus that answers them.
"""

import re
from typing import Any

DEEPEST = 1000
TOO_DEEP = "the query is nested too deeply"

_PARTS = re.compile(r"[()\[\]{}+*/%^<>=!-]|\b(?:and|or|unless|atan2)\b", re.IGNORECASE)
_STRINGS = re.compile(r""" "(?:\\.|[^"\\])*" | '(?:\\.|[^'\\])*' | `[^`]*` | \#[^\n]* """, re.VERBOSE | re.DOTALL)
_BYTES = re.compile(r"(?<!\\)(?:\\\\)*(\\(?:x[89a-fA-F]|[23])[0-9a-fA-F]+)")


class PromQLError(ValueError):
    """A text that is no PromQL; the message says what about it."""


def syntax(query: str) -> Any:
    """The parser's own tree of `query`. Raises PromQLError, and ModuleNotFoundError without the extra `sandbox`."""
    import promql_parser

    deep = depth(query)
    if deep > DEEPEST:  # the parser recurses, and ends the process when its stack is full
        raise PromQLError(f"operators and brackets nested {deep} deep, allowed are {DEEPEST}")
    try:
        return promql_parser.parse(_STRINGS.sub(_plain, query))
    except PromQLError:
        raise
    except ValueError as error:
        raise PromQLError(f"parse error: {error}") from None
    except BaseException as error:  # a panic of the parser is no Exception
        if type(error).__name__ != "PanicException":
            raise
        raise PromQLError(f"parse error: {error}") from None


def depth(query: str) -> int:
    """How deep a tree of the query can be at most: operators between the same brackets may stand on each other."""
    levels = [[0, 0]]  # of each open bracket: operators, the deepest bracket in it
    for part in _PARTS.findall(_STRINGS.sub("", query)):
        if part in "([{":
            levels.append([1, 0])
        elif part not in ")]}":
            levels[-1][0] += 1
        elif len(levels) > 1:
            operators, deepest = levels.pop()
            levels[-1][1] = max(levels[-1][1], operators + deepest)
    return sum(operators for operators, _ in levels) + max(deepest for _, deepest in levels)


def _plain(token: re.Match[str]) -> str:
    """A raw string as a quoted one: the parser would look for escapes in it. Its strings are no bytes, as Go's are."""
    text = token[0]
    if text[0] in "\"'" and (escape := _BYTES.search(text)):
        raise PromQLError(f"the escape {escape[1]} is a byte, not a character; write the character")
    if text[0] != "`":
        return text
    inside = text[1:-1].replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{inside}"'
