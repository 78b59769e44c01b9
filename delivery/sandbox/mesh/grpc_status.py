"""The names of gRPC's status codes, by which people write them."""

from delivery.sandbox.mesh.errors import MeshConfigError

GRPC_CODES = (
    "OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS",
    "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED",
    "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
)  # fmt: skip


def grpc_code(text: str, path: str) -> int:
    """The number of a gRPC status, given by its number or its name."""
    if text.isdecimal() and int(text) < len(GRPC_CODES):
        return int(text)
    if text.upper() in GRPC_CODES:
        return GRPC_CODES.index(text.upper())
    raise MeshConfigError(f"{path}: {text!r}; allowed are 0 to {len(GRPC_CODES) - 1} or a name such as UNAVAILABLE")
