"""One connection pool to an API server, with its credentials.

What is special here: it knows for each request whether any of it was sent. Only that tells a write that
surely did not happen from one that may have, and no exception type says it (a total timeout can strike while
connecting as well as while waiting for the answer).
"""

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import structlog
import yaml
from kubernetes.aio import client, config

log = structlog.get_logger(__name__)
loading: Any = config  # its functions carry no types

JSON = "application/json"

CREDENTIALS_SECONDS = 60.0
"""Age at which credentials of a kubeconfig are looked at again (in a Pod the library does so itself)."""


@dataclass(slots=True)
class Sent:
    """Whether any part of the current request went out."""

    yes: bool = False


_sent: ContextVar[Sent] = ContextVar("sent", default=Sent())  # noqa: B039 - the default is written by nobody who reads


class NoAnswer(Exception):  # noqa: N818 - it says what happened
    """A request ended without an answer. `sent` is False when surely none of it reached the server."""

    def __init__(self, why: str, *, sent: bool) -> None:
        super().__init__(why)
        self.sent = sent


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete answer: HTTP status and JSON, or an empty mapping where the body was not a JSON object."""

    code: int
    body: Mapping[str, Any]
    is_json: bool

    @property
    def ok(self) -> bool:
        """Whether the request was carried out."""
        return 200 <= self.code < 300


class Connection:
    """Sends requests. Use `open` to make one."""

    def __init__(self, configuration: client.Configuration, loader: Any, *, user_agent: str) -> None:
        configuration.trace_configs = [_tracing()]
        configuration.client_session_kwargs = {"trust_env": not is_loopback(configuration.host)}
        self._configuration = configuration
        self._loader = loader
        self._loaded = time.monotonic()
        self._reload = asyncio.Lock()
        self._client: Any = client.ApiClient(configuration)
        self._client.user_agent = user_agent
        self._closed = False

    @classmethod
    @asynccontextmanager
    async def open(
        cls, *, kubeconfig: str | None, context: str | None, user_agent: str, pool: int
    ) -> AsyncIterator["Connection"]:
        """Connect by a kubeconfig, or (None) as the Pod that we run in, or by the user's default kubeconfig.

        `pool` is the most connections at a time, watches included. ValueError without a usable configuration.
        """
        configuration = client.Configuration(connection_pool_maxsize=pool)
        loader = await load_configuration(configuration, kubeconfig, context)
        connection = cls(configuration, loader, user_agent=user_agent)
        try:
            yield connection
        finally:
            await connection.close()

    @property
    def server(self) -> str:
        """The API server's address."""
        return str(self._configuration.host)

    async def close(self) -> None:
        """End all requests and watches."""
        self._closed = True
        await self._client.close()

    async def request(
        self,
        method: str,
        path: str,
        *,
        timeout: float,
        body: Any = None,
        content_type: str = JSON,
        accept: str = JSON,
    ) -> Answer:
        """One request and its whole answer within `timeout` seconds. NoAnswer if it did not come."""
        limits = aiohttp.ClientTimeout(total=timeout)
        given = {"body": body, "content_type": content_type, "accept": accept}
        async with self.response(method, path, limits=limits, **given) as response:
            return _answer(response.status, await response.read())

    @asynccontextmanager
    async def response(
        self,
        method: str,
        path: str,
        *,
        limits: aiohttp.ClientTimeout,
        body: Any = None,
        content_type: str = JSON,
        accept: str = JSON,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """An answer whose body is still to be read; leaving the block early closes its connection.

        NoAnswer for whatever goes wrong below HTTP, in the block as well.
        """
        if self._closed:
            raise NoAnswer("the connection pool is closed", sent=False)
        sent = Sent()
        _sent.set(sent)
        try:
            headers = await self._headers(path, method, content_type, accept)
            raw = await self._client.call_api(
                method, self._configuration.host + path, headers, body, _request_timeout=limits
            )
            async with raw.response as response:
                yield response
        except TimeoutError as failure:
            raise NoAnswer(f"no answer within {limits.total:g} s", sent=sent.yes) from failure
        except (aiohttp.ClientError, OSError, config.ConfigException) as failure:
            raise NoAnswer(f"{type(failure).__name__}: {failure}", sent=sent.yes) from failure

    async def _headers(self, path: str, method: str, content_type: str, accept: str) -> dict[str, str]:
        await self._refresh_credentials()
        headers = {
            "Accept": accept,
            "Content-Type": content_type,
            "User-Agent": self._client.user_agent,
        }
        await self._client.update_params_for_auth(headers, [], ["BearerToken"], path, method, None)
        return headers

    async def _refresh_credentials(self) -> None:
        """Tokens of a kubeconfig (files, exec plugins, OIDC) expire, and the library reads them once."""
        if self._loader is None or time.monotonic() - self._loaded < CREDENTIALS_SECONDS:
            return
        async with self._reload:
            if time.monotonic() - self._loaded < CREDENTIALS_SECONDS:
                return
            self._loaded = time.monotonic()
            try:
                await self._loader.load_and_set(self._configuration)
            except (config.ConfigException, ValueError, OSError) as failure:
                log.warning("credentials not renewed; the old ones are used on", error=str(failure))


async def load_configuration(configuration: client.Configuration, kubeconfig: str | None, context: str | None) -> Any:
    """Fill the configuration. Answers the loader to renew it with, or None in a Pod (the library renews)."""
    try:
        if kubeconfig is None and os.environ.get("KUBERNETES_SERVICE_HOST"):
            loading.load_incluster_config(configuration)
            return None
        path = kubeconfig or config.KUBE_CONFIG_DEFAULT_LOCATION
        if not _some_file(path):
            raise ValueError(f"kubeconfig: {path!r} is no file; give a kubeconfig or run inside a cluster")
        return await loading.load_kube_config(
            path, context=context, client_configuration=configuration, persist_config=False
        )
    except (config.ConfigException, yaml.YAMLError, OSError) as failure:
        words = f"kubeconfig: {kubeconfig or 'default'}, context {context or 'current'}: {failure}"
        raise ValueError(words) from failure


def _some_file(path: str) -> bool:
    return any(Path(part).expanduser().is_file() for part in path.split(os.pathsep) if part)


def _tracing() -> aiohttp.TraceConfig:
    """Notes that a request is about to be written; aiohttp calls this before the first byte goes out."""
    trace = aiohttp.TraceConfig()

    async def headers_sent(_session: object, _context: object, _params: object) -> None:
        _sent.get().yes = True

    trace.on_request_headers_sent.append(headers_sent)
    return trace


def is_loopback(url: str) -> bool:
    """Whether a server is on this machine: then HTTPS_PROXY is not meant for it, as Go programs see it."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _answer(code: int, raw: bytes) -> Answer:
    try:
        body = json.loads(raw)
    except ValueError:
        return Answer(code, {}, is_json=False)
    return Answer(code, body, is_json=True) if isinstance(body, dict) else Answer(code, {}, is_json=False)
