"""The API server's refusals: typed as the rest of the application knows them, with what HTTP says besides.

The store raises these; a transport hands them on as they are, and a server turns them into `Status` objects.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from delivery.cluster.errors import ClusterError, Conflict, Denied, Expired, Gone, Invalid, Unavailable
from delivery.cluster.objects import Kind, Ref


@dataclass(frozen=True, slots=True)
class Cause:
    """One thing that is wrong: the field, and what was given and is allowed."""

    field: str
    message: str
    reason: str = "FieldValueInvalid"


def resource_name(kind: Kind) -> str:
    """How the API server calls a kind in its messages: `pods`, `deployments.apps`."""
    return f"{kind.plural}.{kind.group}" if kind.group else kind.plural


def resource_details(ref: Ref) -> dict[str, str]:
    """`details` of a refusal that names its object by resource, as most do (`kind` holds the plural there)."""
    return _without_empty(name=ref.name, group=ref.kind.group, kind=ref.kind.plural)


def _without_empty(**details: str) -> dict[str, str]:
    return {key: value for key, value in details.items() if value}


class RejectionError(ClusterError):
    """A request that the API server refused, with its HTTP code and its reason.

    `details` are the members of `Status.details` besides the causes: name, group, kind.
    """

    code: ClassVar[int] = 500
    reason: ClassVar[str] = "InternalError"

    def __init__(self, message: str, *, causes: Sequence[Cause] = (), details: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.causes = tuple(causes)
        self.details = dict(details or {})

    @property
    def status(self) -> dict[str, Any]:
        """The `Status` object that the API server would answer."""
        status: dict[str, Any] = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            "code": self.code,
        }
        details: dict[str, Any] = dict(self.details)
        if self.causes:
            details["causes"] = [{"reason": c.reason, "message": c.message, "field": c.field} for c in self.causes]
        return {**status, "details": details} if details else status


class NotFoundError(RejectionError, Gone):
    """404: the kind, the object or the subresource does not exist."""

    code, reason = 404, "NotFound"

    @classmethod
    def of(cls, ref: Ref) -> "NotFoundError":
        """There is no such object."""
        return cls(f'{resource_name(ref.kind)} "{ref.name}" not found', details=resource_details(ref))


class AlreadyExistsError(RejectionError, Conflict):
    """409: something of that name is there."""

    code, reason = 409, "AlreadyExists"

    @classmethod
    def of(cls, ref: Ref) -> "AlreadyExistsError":
        """The name is taken."""
        return cls(f'{resource_name(ref.kind)} "{ref.name}" already exists', details=resource_details(ref))


class VersionConflictError(RejectionError, Conflict):
    """409: the object is not the one, or not in the version, that the request was made for."""

    code, reason = 409, "Conflict"

    @classmethod
    def of(cls, ref: Ref, why: str) -> "VersionConflictError":
        """A precondition does not hold."""
        message = f'Operation cannot be fulfilled on {resource_name(ref.kind)} "{ref.name}": {why}'
        return cls(message, details=resource_details(ref))


class PatchFailedError(RejectionError, Conflict):
    """422 without causes: a JSON patch with a failing test or a path that does not exist."""

    code, reason = 422, "Invalid"


class ContentInvalidError(RejectionError, Invalid):
    """422 with causes: the object breaks a rule."""

    code, reason = 422, "Invalid"

    @classmethod
    def of(cls, ref: Ref, causes: Sequence[Cause]) -> "ContentInvalidError":
        """What is wrong with an object, all of it."""
        kind = ref.kind
        subject = f"{kind.kind}.{kind.group}" if kind.group else kind.kind
        told = [cause.message if not cause.field else f"{cause.field}: {cause.message}" for cause in causes]
        message = f'{subject} "{ref.name}" is invalid: ' + (told[0] if len(told) == 1 else f"[{', '.join(told)}]")
        return cls(message, causes=causes, details=_without_empty(name=ref.name, group=kind.group, kind=kind.kind))


class BadRequestError(RejectionError, Invalid):
    """400: the request itself makes no sense."""

    code, reason = 400, "BadRequest"


class ForbiddenError(RejectionError, Denied):
    """403: not allowed, by a role or by an admission rule."""

    code, reason = 403, "Forbidden"


class ExpiredError(RejectionError, Expired):
    """410: the history does not reach back that far."""

    code, reason = 410, "Expired"


class TooEarlyError(RejectionError, Unavailable):
    """504: a resourceVersion that this server has not reached yet."""

    code, reason = 504, "Timeout"
