"""What can be wrong with a question, in the words and with the codes of Prometheus' HTTP API."""

from dataclasses import dataclass

BAD_DATA = "bad_data"
EXECUTION = "execution"
TIMEOUT = "timeout"

STATUS = {BAD_DATA: 400, EXECUTION: 422, TIMEOUT: 503}
"""The HTTP status of each kind of error (Prometheus, "HTTP API")."""


@dataclass(frozen=True)
class QueryFailedError(Exception):
    """A question without an answer. `kind` is a key of STATUS."""

    kind: str
    message: str

    def __str__(self) -> str:
        return self.message


def bad_data(message: str) -> QueryFailedError:
    """The question is malformed, or beyond what is supported here."""
    return QueryFailedError(BAD_DATA, message)


def execution(message: str) -> QueryFailedError:
    """The question is well formed, but the data does not allow an answer."""
    return QueryFailedError(EXECUTION, message)
