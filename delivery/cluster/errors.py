"""What can go wrong with a request to the API server, by what the caller has to do about it."""


class ClusterError(Exception):
    """A request to the API server did not succeed. `ref` and the server's words are in the text."""


class Conflict(ClusterError):
    """A precondition no longer holds, or the object exists already: observe again, then decide again."""


class Gone(ClusterError):
    """The object (404) is not there, or the namespace of a new one is being deleted."""


class Expired(ClusterError):
    """The watch's resourceVersion is too old (410): list again."""


class Denied(ClusterError):
    """Not allowed (401, 403): somebody has to grant it. Not retried quickly."""


class Invalid(ClusterError):
    """The server refuses the content (400, 422): retrying the same is useless."""


class Unavailable(ClusterError):
    """The server could not be reached or did not do it (connection refused, 429, 5xx): nothing was changed. Retry."""


class Unknown(ClusterError):
    """A write got no answer: it may or may not have been done. Read before anything else is decided."""


class NotLeader(ClusterError):
    """The write was not sent: this process does not hold the Lease for long enough."""


class Fenced(ClusterError):
    """An object carries `fence`, the fence of a later leader."""

    def __init__(self, message: str, *, fence: int = 0) -> None:
        super().__init__(message)
        self.fence = fence
