"""The API server's refusals: typed as the rest of the application knows them, with what HTTP says besides.

The store raises these; a transport hands them on as they are, and a server turns them into `Status` objects.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from delivery.cluster.errors import ClusterError, Conflict, Denied, Expired, Gone, Invalid, Unavailable


@dataclass(frozen=True, slots=True)
class Cause:
    """One thing that is wrong: the field, and what was given and is allowed."""

    field: str
    message: str
    reason: str = "FieldValueInvalid"


class RejectionError(ClusterError):
    """A request that the API server refused, with its HTTP code and its reason."""

    code: ClassVar[int] = 500
    reason: ClassVar[str] = "InternalError"

    def __init__(self, message: str, *, causes: Sequence[Cause] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.causes = tuple(causes)

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
        if self.causes:
            causes = [{"reason": c.reason, "message": c.message, "field": c.field} for c in self.causes]
            status["details"] = {"causes": causes}
        return status


class NotFoundError(RejectionError, Gone):
    """404: the kind, the object or the subresource does not exist."""

    code, reason = 404, "NotFound"


class AlreadyExistsError(RejectionError, Conflict):
    """409: something of that name is there."""

    code, reason = 409, "AlreadyExists"


class VersionConflictError(RejectionError, Conflict):
    """409: the object is not the one, or not in the version, that the request was made for."""

    code, reason = 409, "Conflict"


class PatchFailedError(RejectionError, Conflict):
    """422 without causes: a JSON patch with a failing test or a path that does not exist."""

    code, reason = 422, "Invalid"


class ContentInvalidError(RejectionError, Invalid):
    """422 with causes: the object breaks a rule."""

    code, reason = 422, "Invalid"


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
