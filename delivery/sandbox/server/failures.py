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
    "NoSuchPathError",
    "NotAcceptableError",
    "StorageError",
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


class NoSuchPathError(NotFoundError):
    """404 without a Status: the path is none of the API's."""


class StorageError(RejectionError):
    """500 without a reason: what a real server's storage refuses."""

    code: ClassVar[int] = 500
    reason: ClassVar[str] = ""


def no_such_resource() -> NotFoundError:
    """An unknown kind in a known version, or an unknown subresource."""
    return NotFoundError("the server could not find the requested resource")


def failure(refused: RejectionError) -> web.Response:
    """The answer to a request that was refused."""
    if isinstance(refused, NoSuchPathError):
        return web.Response(text="404 page not found\n", status=refused.code)
    return as_json({key: value for key, value in refused.status.items() if value != ""}, status=refused.code)
