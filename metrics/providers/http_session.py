"""HTTP for the threads of the providers: one deadline a request, bounded answers, own credentials and authorities.

As requests comes, a timeout is one per read, so that a server which drips its answer would hold a thread for ever; a
redirect takes our headers along, and an authority can be given by the path of a file only.
"""

import io
import ipaddress
import ssl
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase

from metrics.providers.base import Kind, QueryError
from metrics.providers.tls import tls
from metrics.source import Source

MOST_BYTES = 8 * 1024 * 1024
"""A longer answer must not fill the memory: it is not one number, or of more pods than one question is about."""

urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)  # who says insecureSkipVerify knows it


class DeadlineSession(requests.Session):
    """Reads a whole answer within the timeout, or gives up; remembers the last answer, whose text the client drops.

    Redirects are not followed: they lead to login pages, or away with our headers.
    """

    answer: requests.Response | None = None

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        """As in requests, with one deadline for head and body."""
        self.answer = None
        seconds = float(kwargs["timeout"])
        deadline = time.monotonic() + seconds
        response = super().send(request, **{**kwargs, "stream": True, "allow_redirects": False})
        response.raw = io.BytesIO(_body(response, deadline))
        self.answer = response
        return response


def _body(response: requests.Response, deadline: float) -> bytes:
    """The decoded body; after it the socket is free again. Raises QueryError or requests' exceptions."""
    raw = response.raw
    try:
        body = _read(raw, deadline)
    except urllib3.exceptions.ReadTimeoutError as error:
        raise requests.ReadTimeout(error) from error
    except urllib3.exceptions.DecodeError as error:
        raise QueryError(Kind.NOT_PROMETHEUS, "the answer's compression is broken") from error
    except (urllib3.exceptions.HTTPError, ConnectionError) as error:
        raise requests.ConnectionError(error) from error
    else:
        raw.release_conn()
        return body
    finally:
        raw.close()  # without an effect on a socket that was handed back


def _read(raw: urllib3.HTTPResponse, deadline: float) -> bytes:
    """Whatever is there, again and again until the end, so that the deadline is looked at after each packet."""
    parts, size = [], 0
    while part := raw.read1(65536, decode_content=True):
        parts.append(part)
        size += len(part)
        if time.monotonic() > deadline:
            raise requests.ReadTimeout
        if size > MOST_BYTES:
            way_out = "aggregate the query, or narrow its selectors"
            raise QueryError(Kind.SHAPE, f"the answer is longer than {MOST_BYTES} bytes; {way_out}")
    return b"".join(parts)


class Stamp(AuthBase):
    """Puts headers on every request, last of all; no netrc file of the machine takes their place then."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._headers = dict(headers)

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """The request with the headers."""
        request.headers.update(self._headers)
        return request


class OwnTls(HTTPAdapter):
    """Checks certificates by one context, whatever the session and the environment say."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        super().__init__()

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        """As in requests, with the context."""
        super().init_poolmanager(*args, **options, ssl_context=self._context)

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        """As in requests, with the context."""
        return super().proxy_manager_for(proxy, **options, ssl_context=self._context)

    def build_connection_pool_key_attributes(self, *args: Any, **options: Any) -> Any:
        """As in requests, but the certificates are the context's business."""
        host, _ = super().build_connection_pool_key_attributes(*args, **options)
        return host, {"ssl_context": self._context}

    def cert_verify(self, *_: Any, **__: Any) -> None:
        """The context has said it."""


def session(source: Source, headers: Mapping[str, str], *, kind: type[DeadlineSession] = DeadlineSession) -> Any:
    """A session for a service. `headers` are its own beside those of the source, and win."""
    made = kind()
    # A proxy cannot reach our own loopback; elsewhere the environment's proxies and CA bundle are wanted.
    made.trust_env = not is_loopback(source.address)
    if source.headers or headers or source.credentials:
        made.auth = Stamp({**dict(source.headers), **headers})
    if (context := tls(source)) is not None:
        made.mount("https://", OwnTls(context))
    return made


def cause(error: BaseException) -> str:
    """The operating system's words at the bottom of a stack of wrapped exceptions, without URLs or queries."""
    seen: set[int] = set()
    words = type(error).__name__
    following: BaseException | None = error
    while following is not None and id(following) not in seen:
        seen.add(id(following))
        strerror = getattr(following, "strerror", None)
        words = strerror if isinstance(strerror, str) else words
        wrapped = following.args[0] if following.args and isinstance(following.args[0], BaseException) else None
        following = getattr(following, "reason", None) or wrapped or following.__cause__ or following.__context__
        following = following if isinstance(following, BaseException) else None
    return " ".join(words.split())[:200]


def is_loopback(address: str) -> bool:
    """Whether the address is on this machine's loopback, by name or number."""
    host = urlsplit(address).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
