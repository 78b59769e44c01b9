"""Refusals that only a server on HTTP knows, and every refusal as the `Status` answer that clients read."""

from typing import ClassVar

from aiohttp import web

from delivery.cluster.errors import Invalid
from delivery.cluster.memory.rejections import NotFoundError, RejectionError
from delivery.sandbox.schemas.strategic import UnsupportedMediaTypeError
from delivery.sandbox.server.answering import as_json

__all__ = [
    "InternalError",
    "MethodNotAllowedError",
    "NotAcceptableError",
    "TooLargeError",
    "UnsupportedMediaTypeError",
    "failure",
    "no_such_resource",
]


class MethodNotAllowedError(RejectionError, Invalid):
    """405: this path does not take this verb."""

    code: ClassVar[int] = 405
    reason: ClassVar[str] = "MethodNotAllowed"


class NotAcceptableError(RejectionError, Invalid):
    """406: none of the forms that the client accepts can be given."""

    code: ClassVar[int] = 406
    reason: ClassVar[str] = "NotAcceptable"


class TooLargeError(RejectionError, Invalid):
    """413: more was sent than is read."""

    code: ClassVar[int] = 413
    reason: ClassVar[str] = "RequestEntityTooLarge"


class InternalError(RejectionError):
    """500: a fault of the server's own."""


def no_such_resource() -> NotFoundError:
    """The path leads nowhere: an unknown kind, version or subresource."""
    return NotFoundError("the server could not find the requested resource")


def failure(refused: RejectionError) -> web.Response:
    """The answer to a request that was refused."""
    return as_json(refused.status, status=refused.code)
