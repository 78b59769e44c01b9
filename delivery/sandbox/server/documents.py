"""The OpenAPI documents of what is served. They are large and change with definitions alone, so they are kept."""

from collections.abc import Callable

from delivery.sandbox.schemas import openapi
from delivery.sandbox.server.failures import no_such_resource
from delivery.sandbox.server.registry import Registry
from delivery.sandbox.server.served import Body

V2, V3 = "/openapi/v2", "/openapi/v3"

PROTOBUF = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
_PROTOBUF_ASKED = "proto-openapi.spec.v2"
BARE = b"\x0a\x032.0\x12\x10\x0a\x0aKubernetes\x12\x02v2B\x00"
"""An OpenAPI v2 document without definitions, as protobuf: gnostic's Document{swagger, info{title, version}, paths}.

kubectl asks for this form only of kinds that the v3 documents lack. It needs an answer that it can read in order to go
on and say that there is no such kind.
"""


def wants_protobuf(accept: str) -> bool:
    """Does a client take the v2 document as protobuf?"""
    return _PROTOBUF_ASKED in accept


class Documents:
    """Answers /openapi/v2, /openapi/v3 and what the latter points at."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._kept: dict[str, Body] = {}
        self._revision = -1

    def answer(self, path: str) -> Body:
        """The document at a path; NotFoundError if there is none."""
        if self._revision != self._registry.revision:
            self._kept, self._revision = {}, self._registry.revision
        if path == V2:
            return self._keep(path, lambda: openapi.v2(self._registry.all()))
        if path == V3:
            return self._keep(path, lambda: openapi.v3_index(self._registry.all()))
        return self._keep(path, lambda: openapi.v3(self._registry.all(), path.removeprefix(V3 + "/")))

    def _keep(self, path: str, make: Callable[[], Body | None]) -> Body:
        if path not in self._kept:
            document = make()
            if document is None:
                raise no_such_resource()
            self._kept[path] = document
        return self._kept[path]
