"""What an answer of the API server means for the caller.

The same status means different things for a read and for a write: a read that failed changed nothing,
whatever happened, while a write that got a 500 or a 504 may have been stored before the server lost
track of it.
"""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from delivery.cluster.errors import (
    ClusterError,
    Conflict,
    Denied,
    Expired,
    Gone,
    Invalid,
    Unavailable,
    Unknown,
)

Status = Mapping[str, Any]
"""A `Status` object of the API server; empty when the answer was not one (a proxy's error page)."""

REFUSED_BEFORE_WORK = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})
"""Statuses that say that the request was turned away, so that even a write changed nothing."""

MEANINGS: Mapping[int, type[ClusterError]] = {
    HTTPStatus.UNAUTHORIZED: Denied,
    HTTPStatus.FORBIDDEN: Denied,
    HTTPStatus.NOT_FOUND: Gone,
    HTTPStatus.CONFLICT: Conflict,
    HTTPStatus.GONE: Expired,
    HTTPStatus.TOO_MANY_REQUESTS: Unavailable,
}


def error(what: str, code: int, status: Status, *, write: bool = False, json_patch: bool = False) -> ClusterError:
    """The typed error for an answer that is not a success. `what` names verb and object, for the text."""
    return _meaning(code, status, write=write, json_patch=json_patch)(f"{what}: {_words(code, status)}")


def _meaning(code: int, status: Status, *, write: bool, json_patch: bool) -> type[ClusterError]:
    if code == HTTPStatus.FORBIDDEN and any(cause.get("reason") == "NamespaceTerminating" for cause in _causes(status)):
        return Gone  # not a matter of permissions: the namespace is being deleted, and takes no new objects
    if code in MEANINGS:
        return MEANINGS[code]
    if code == HTTPStatus.UNPROCESSABLE_ENTITY and json_patch and not _causes(status):
        return Conflict  # a failed test and a path that does not exist look alike, and name no field
    if 400 <= code < 500 and code != HTTPStatus.REQUEST_TIMEOUT:
        return Invalid
    return Unknown if write and code not in REFUSED_BEFORE_WORK else Unavailable


def _causes(status: Status) -> Sequence[Mapping[str, Any]]:
    return (status.get("details") or {}).get("causes") or ()


def _words(code: int, status: Status) -> str:
    reason = status.get("reason", "")
    return f"{status.get('message') or 'no message'} ({f'{code} {reason}'.strip()})"
