"""Schemas at work: defaults, unknown fields and validation, for what comes by HTTP and for what the world writes.

Custom kinds meet their schema whoever writes them. Builtin kinds meet theirs only when a request is served: what the
simulated world writes into them is right by construction, and often.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from delivery.cluster.memory.rejections import BadRequestError, Cause, ContentInvalidError
from delivery.cluster.memory.resources import Resource
from delivery.cluster.memory.store import Admission
from delivery.sandbox.schemas.builtin import BuiltinShape
from delivery.sandbox.server.registry import Registry
from delivery.sandbox.server.served import Body, Served, Shape


class Shaping:
    """A shaper and an admission hook of the store, and what they found out during the request being served."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._served: Served | None = None
        self._strict = False
        self.unknown: list[str] = []

    @contextmanager
    def of_request(self, served: Served, *, strict: bool) -> Iterator[None]:
        """Within the block a request in this version is served. `unknown` holds the unknown fields afterwards."""
        self._served, self._strict, self.unknown = served, strict, []
        try:
            yield
        finally:
            self._served = None

    def shape(self, resource: Resource, body: Body) -> None:
        """Prune and default; BadRequestError if a strict request has unknown fields."""
        schema = self._schema(resource)
        if schema is None:
            return
        unknown = [f'unknown field "{path}"' for path in schema.prune(body)]
        if self._served is not None:
            self.unknown += unknown
            if unknown and self._strict:
                kind = self._served.kind
                raise BadRequestError(
                    f'{kind.kind} in version "{kind.version}" cannot be handled as a {kind.kind}: '
                    f"strict decoding error: {', '.join(unknown)}"
                )
        schema.default(body)

    def admit(self, admission: Admission) -> None:
        """Validate; ContentInvalidError with everything that is wrong."""
        schema = self._schema(Resource(admission.ref.kind))
        if schema is None:
            return
        causes: list[Cause] = []
        if isinstance(schema, BuiltinShape):
            if admission.subresource:
                return  # the rules of builtin kinds are about what people write, not about their status
            causes += schema.changes(admission.old, admission.object) if admission.old is not None else ()
        if causes := [*causes, *schema.validate(admission.object)]:
            raise ContentInvalidError.of(admission.ref, causes)

    def _schema(self, resource: Resource) -> Shape | None:
        requested = self._served
        if requested is not None and requested.stored == resource.kind:
            return requested.shape
        served = self._registry.of_stored(resource.kind)
        return served.shape if served is not None and served.custom else None
