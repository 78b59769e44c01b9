"""The API server: HTTP on loopback in front of the store, for kubectl, kopf and the client libraries.

One handler takes every path; what it names decides. All work on the store is done between two awaits, so a request
sees one state of the cluster and changes it at once, and no lock is needed.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import structlog
from aiohttp import hdrs, web

from delivery.cluster.memory.rejections import BadRequestError, RejectionError
from delivery.cluster.memory.store import Store
from delivery.cluster.objects import Kind
from delivery.cluster.protocols import Clock
from delivery.listening import listening
from delivery.sandbox.schemas import strategic
from delivery.sandbox.server import addresses, discovery, documents, reviews, scale
from delivery.sandbox.server.addresses import Address
from delivery.sandbox.server.answering import as_json
from delivery.sandbox.server.bodies import read_body
from delivery.sandbox.server.builtin import OWN_RESOURCES
from delivery.sandbox.server.definitions import Definitions
from delivery.sandbox.server.documents import Documents
from delivery.sandbox.server.failures import (
    InternalError,
    MethodNotAllowedError,
    TooLargeError,
    failure,
    no_such_resource,
)
from delivery.sandbox.server.options import DeleteOptions, ListOptions, WriteOptions
from delivery.sandbox.server.reading import list_objects
from delivery.sandbox.server.registry import Registry
from delivery.sandbox.server.rendering import Renderer, negotiate
from delivery.sandbox.server.served import Body
from delivery.sandbox.server.shaping import Shaping
from delivery.sandbox.server.watches import BACKLOG, BOOKMARK_SECONDS, Watches
from delivery.sandbox.server.writing import STATUS, STRATEGIC_PATCH, Writer, deletion_status

MOST_BYTES = 3 * 1024 * 1024
"""What a request may hold, as on a real server."""

_log = structlog.get_logger(__name__)


class ApiServer:
    """Serves a store. Make one per store: it adds kinds, hooks and observers to it.

    `backlog` is how many events may wait for a slow watch, `bookmark_seconds` how often one hears how far it is.
    """

    def __init__(
        self, store: Store, *, clock: Clock, backlog: int = BACKLOG, bookmark_seconds: float = BOOKMARK_SECONDS
    ) -> None:
        self._store, self._clock = store, clock
        known = {resource.kind for resource in store.kinds()}
        for resource in OWN_RESOURCES:
            if resource.kind not in known:
                store.register(resource)
        store.patchers[STRATEGIC_PATCH] = lambda resource, body, patch: strategic.apply(resource.kind, body, patch)
        self.registry = Registry()
        self._shaping = Shaping(self.registry)
        store.shapers.append(self._shaping.shape)
        store.admission.append(self._shaping.admit)
        self.watches = Watches(store, backlog=backlog, bookmark_seconds=bookmark_seconds)
        self._definitions = Definitions(store, self.registry, now=clock.now, gone=self._end_watches)
        self._documents = Documents(self.registry)
        self._writer = Writer(store, self._shaping)

    @asynccontextmanager
    async def serve(self, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[str]:
        """Listen within the block; its value is the address, such as http://127.0.0.1:40404. Port 0: a free one."""
        app = web.Application(client_max_size=MOST_BYTES)
        app.router.add_route("*", "/{path:.*}", self._handle)
        app.on_shutdown.append(self._shut_down)
        async with listening(app, host=host, port=port, cancels=True) as chosen:
            self._definitions.sweep()
            yield f"http://{host}:{chosen}"

    async def _shut_down(self, _: web.Application) -> None:
        self.watches.end()

    def _end_watches(self, kind: Kind) -> None:
        self.watches.end(lambda address: address.served.stored == kind)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        """Every request; whatever goes wrong is answered as a Status."""
        try:
            return await self._answer(request)
        except RejectionError as refused:
            return failure(refused)
        except web.HTTPRequestEntityTooLarge:
            return failure(TooLargeError(f"Request entity too large: limit is {MOST_BYTES}"))
        except (ConnectionError, web.HTTPException):
            raise
        except Exception:
            _log.exception("a request ended in a fault of the server", method=request.method, path=request.path)
            return failure(InternalError("Internal error occurred: see the log of the sandbox"))

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        path = request.path
        if request.method in ("GET", "HEAD"):
            if path in discovery.HEALTH:
                return web.Response(text="ok")
            if path == documents.V2 and documents.wants_protobuf(request.headers.get(hdrs.ACCEPT, "")):
                return web.Response(body=documents.BARE, content_type=documents.PROTOBUF)
            if (document := self._document(request)) is not None:
                return self._json(request, document)
        if (review := reviews.find(path)) is not None:
            if request.method != hdrs.METH_POST:
                raise _not_allowed(request)
            return self._json(request, reviews.answer(review, await read_body(request)), status=201)
        address = addresses.find(self.registry, path)
        if not _has_subresource(address):
            raise _no_subresource(address)
        if request.method in ("GET", "HEAD"):
            return await self._read(request, address)
        return await self._write(request, address)

    def _document(self, request: web.Request) -> Body | None:
        if request.path.startswith("/openapi/"):
            return self._documents.answer(request.path)
        return discovery.document(self.registry, request.path)

    async def _read(self, request: web.Request, address: Address) -> web.StreamResponse:
        form = negotiate(request.headers.get(hdrs.ACCEPT, ""))
        query = request.query
        renderer = Renderer(address.served, form, now=self._clock.now, include=query.get("includeObject", ""))
        if address.subresource == "scale":
            return self._json(request, scale.read(self._store, address))
        if address.name:
            return self._json(request, renderer.one(self._store.get(address.ref)))
        options = ListOptions.of(query)
        if options.watch:
            return await self.watches.serve(request, address, options, renderer)
        return self._json(request, list_objects(self._store, address, options, renderer))

    async def _write(self, request: web.Request, address: Address) -> web.Response:
        match request.method, bool(address.name):
            case "POST", False:
                return await self._create(request, address)
            case "PUT", True:
                return await self._replace(request, address)
            case "PATCH", True:
                return await self._patch(request, address)
            case "DELETE", _ if not address.subresource:
                return await self._delete(request, address)
        raise _not_allowed(request)

    async def _create(self, request: web.Request, address: Address) -> web.Response:
        body, options = await read_body(request), _write_options(request)
        return self._written(request, address, self._writer.create(address, body, options), status=201)

    async def _replace(self, request: web.Request, address: Address) -> web.Response:
        body, options = await read_body(request), _write_options(request)
        if address.subresource == "scale":
            return self._json(request, scale.replace(self._store, self._writer, address, body, options))
        return self._written(request, address, self._writer.replace(address, body, options))

    async def _patch(self, request: web.Request, address: Address) -> web.Response:
        content_type, options = request.content_type, _write_options(request)
        patch = await read_body(request, patch_of=address.served)
        if address.subresource == "scale":
            scaled = scale.patch(self._store, self._writer, address, content_type, patch, options)
            return self._json(request, scaled)
        return self._written(request, address, self._writer.patch(address, content_type, patch, options))

    async def _delete(self, request: web.Request, address: Address) -> web.Response:
        body = await read_body(request) if request.can_read_body else {}
        if not isinstance(body, dict):
            raise BadRequestError(f"DeleteOptions as a JSON object are needed, not {body!r:.80}")
        options = DeleteOptions.of(request.query, body)
        if not address.name and "deletecollection" not in address.served.verbs:
            raise _not_allowed(request)
        if not address.name:
            selected = ListOptions.of(request.query)
            deleted = self._writer.delete_collection(address, selected, options)
            renderer = Renderer(address.served, negotiate(""), now=self._clock.now)
            return self._json(request, renderer.many(deleted, {"resourceVersion": self._store.resource_version}))
        last, gone = self._writer.delete(address, options)
        return self._json(request, deletion_status(address, last) if gone else last)

    def _written(self, request: web.Request, address: Address, body: Body, *, status: int = 200) -> web.Response:
        form = negotiate(request.headers.get(hdrs.ACCEPT, ""))
        renderer = Renderer(address.served, form, now=self._clock.now, include=request.query.get("includeObject", ""))
        warned = request.query.get("fieldValidation") != "Ignore"
        warnings = self._shaping.unknown if warned else ()
        return self._json(request, renderer.one(body), status=status, warnings=tuple(warnings))

    def _json(
        self, request: web.Request, body: Any, *, status: int = 200, warnings: tuple[str, ...] = ()
    ) -> web.Response:
        encoding = request.headers.get(hdrs.ACCEPT_ENCODING, "")
        return as_json(body, status=status, warnings=warnings, accept_encoding=encoding)


def _write_options(request: web.Request) -> WriteOptions:
    verb = {"POST": "Create", "PUT": "Update", "PATCH": "Patch"}[request.method]
    return WriteOptions.of(request.query, request.headers.get(hdrs.USER_AGENT, ""), verb=verb)


def _has_subresource(address: Address) -> bool:
    served = address.served
    return {"": True, STATUS: served.status, "scale": served.scale is not None}.get(address.subresource, False)


def _no_subresource(address: Address) -> RejectionError:
    if address.served.kind.kind == "Pod" and address.subresource in ("log", "exec", "attach", "portforward"):
        return MethodNotAllowedError(
            f"pods/{address.subresource}: the pods of the sandbox are simulated, no container runs in them"
        )
    return no_such_resource()


def _not_allowed(request: web.Request) -> MethodNotAllowedError:
    return MethodNotAllowedError(
        f"the server does not allow this method on the requested resource ({request.method} {request.path})"
    )
