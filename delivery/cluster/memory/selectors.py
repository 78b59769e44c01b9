"""Label and field selectors, as lists and watches take them."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from delivery.cluster.memory.rejections import BadRequestError

Labels = Mapping[str, str]
Predicate = Callable[[Mapping[str, Any]], bool]

_KEY = r"[A-Za-z0-9]([A-Za-z0-9._/-]*[A-Za-z0-9])?"
_VALUE = r"([A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?)?"
_SET = re.compile(rf"(?P<key>{_KEY})\s+(?P<op>in|notin)\s*\((?P<values>[^()]*)\)")
_EQUALITY = re.compile(rf"(?P<key>{_KEY})\s*(?P<op>==|=|!=)\s*(?P<value>{_VALUE})")
_EXISTS = re.compile(rf"(?P<op>!?)\s*(?P<key>{_KEY})")
_FIELD = re.compile(r"(?P<path>[A-Za-z0-9._-]+)\s*(?P<op>==|=|!=)\s*(?P<value>.*)")


def label_selector(text: str) -> Predicate:
    """A test for objects, by a selector such as `app=reviews,tier in (a, b),!old`. Empty matches all."""
    tests = [_label_test(term.strip(), text) for term in re.split(r",(?![^(]*\))", text)] if text else []
    return lambda body: all(test(body.get("metadata", {}).get("labels") or {}) for test in tests)


def field_selector(text: str) -> Predicate:
    """A test for objects, by a selector such as `metadata.name=reviews,status.phase!=Running`."""
    tests = [_field_test(term.strip(), text) for term in text.split(",")] if text else []
    return lambda body: all(test(body) for test in tests)


def selector(labels: str, fields: str) -> Predicate:
    """A test for objects, by both."""
    by_label, by_field = label_selector(labels), field_selector(fields)
    return lambda body: by_label(body) and by_field(body)


def matches_labels(selector: Mapping[str, Any], labels: Labels) -> bool:
    """Does a LabelSelector object (matchLabels, matchExpressions) select these labels?"""
    if any(labels.get(key) != value for key, value in (selector.get("matchLabels") or {}).items()):
        return False
    return all(_expression(term, labels) for term in selector.get("matchExpressions") or ())


def _expression(term: Mapping[str, Any], labels: Labels) -> bool:
    value, values = labels.get(term["key"]), term.get("values") or ()
    return {
        "In": value is not None and value in values,
        "NotIn": value is None or value not in values,
        "Exists": value is not None,
        "DoesNotExist": value is None,
    }[term["operator"]]


def _label_test(term: str, selector: str) -> Callable[[Labels], bool]:
    if match := _SET.fullmatch(term):
        key, values = match["key"], {value.strip() for value in match["values"].split(",")}
        if match["op"] == "in":
            return lambda labels: labels.get(key) in values
        return lambda labels: labels.get(key) not in values
    if match := _EQUALITY.fullmatch(term):
        key, value = match["key"], match["value"]
        if match["op"] == "!=":
            return lambda labels: labels.get(key) != value
        return lambda labels: labels.get(key) == value
    if match := _EXISTS.fullmatch(term):
        key, wanted = match["key"], not match["op"]
        return lambda labels: (key in labels) == wanted
    raise BadRequestError(
        f"labelSelector: {term!r} in {selector!r}; allowed are k=v, k!=v, k in (a,b), k notin (a,b), k, !k"
    )


def _field_test(term: str, selector: str) -> Predicate:
    match = _FIELD.fullmatch(term)
    if match is None:
        raise BadRequestError(f"fieldSelector: {term!r} in {selector!r}; allowed are path=value, path!=value")
    path, value, equal = match["path"].split("."), match["value"], match["op"] != "!="
    return lambda body: (_text_at(body, path) == value) == equal


def _text_at(body: Any, path: list[str]) -> str:
    for part in path:
        body = body.get(part) if isinstance(body, Mapping) else None
    if isinstance(body, bool):
        return str(body).lower()
    return "" if body is None else str(body)
