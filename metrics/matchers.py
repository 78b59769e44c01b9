"""Label matchers that somebody writes once for every builtin query, where one Prometheus holds several clusters.

A shared Thanos or Mimir has the same namespaces and workloads many times over. What tells this cluster's series apart
is known to its operators alone, so they say it in PromQL's own words, and it is taken apart here to be put together
again with all that a query says itself.
"""

import re
from collections.abc import Iterator

Matchers = tuple[tuple[str, str], ...]
"""Pairs of a label with its operator (`cluster=`, `zone!~`) and a value, unescaped."""

_MATCHER = re.compile(
    r"""\s*(?P<label>[a-zA-Z_][a-zA-Z0-9_]*)\s*(?P<operator>=~|!~|!=|=)\s*"""
    r"""(?:"(?P<double>(?:[^"\\\n]|\\.)*)"|'(?P<single>(?:[^'\\\n]|\\.)*)'|`(?P<raw>[^`]*)`)\s*(?P<comma>,|$)"""
)
_ESCAPES = {"\\": "\\", '"': '"', "'": "'", "n": "\n", "t": "\t", "r": "\r"}
_ALLOWED = 'PromQL label matchers with commas between them, such as cluster="prod", zone!~"test-.*"'


class MatchersError(ValueError):
    """A text that is no list of label matchers; the text says from where on, and what is allowed."""


def parse(text: str) -> Matchers:
    """The matchers in a text as it stands between the braces of a selector, each once; none in an empty one.

    Raises MatchersError. Whether a regular expression is one is left to Prometheus, whose kind (RE2) it is.
    """
    return tuple(dict.fromkeys(_each(text)))


def _each(text: str) -> Iterator[tuple[str, str]]:
    at, end = 0, len(text.rstrip())
    while at < end:
        found = _MATCHER.match(text, at)
        if found is None or found["label"] == "__name__":
            raise MatchersError(f"given {text[at:].strip()!r}, allowed {_ALLOWED}; not __name__")
        yield found["label"] + found["operator"], _value(found)
        at = found.end()


def _value(found: "re.Match[str]") -> str:
    if found["raw"] is not None:
        return found["raw"]
    quoted = found["double"] if found["double"] is not None else found["single"]
    return re.sub(r"\\(.)", _unescaped, quoted)


def _unescaped(found: "re.Match[str]") -> str:
    letter = found[1]
    if letter not in _ESCAPES:
        raise MatchersError(
            f"given the escape \\{letter}, allowed are \\\\, \\\", \\', \\n, \\r and \\t, or `raw text`"
        )
    return _ESCAPES[letter]
