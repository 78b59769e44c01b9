"""A loopback server in a vendor's place: it keeps whole requests and answers what the test lays down."""

import json
import shutil
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from metrics.providers import Providers, QueryError, Samples
from metrics.providers.base import PeriodProvider
from metrics.source import Source
from tests.metrics.conftest import NOON

PATIENCE = 20.0
START, END = NOON - timedelta(seconds=60), NOON


@dataclass(frozen=True)
class Request:
    """What was sent."""

    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: bytes


@dataclass
class Vendor:
    """Answers every request alike: a status, a body (as JSON unless it is a text), headers."""

    address: str = ""
    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    answer: Callable[[Request], Any] | None = None
    requests: list[Request] = field(default_factory=list)

    def says(self, body: Any, *, status: int = 200, **headers: str) -> None:
        """From now on."""
        self.status, self.body, self.headers = status, body, headers

    @property
    def asked(self) -> Request:
        """The one request that has come."""
        (request,) = self.requests
        return request


class _Handler(BaseHTTPRequestHandler):
    """Notes each request and gives the vendor's answer."""

    protocol_version = "HTTP/1.1"
    server: "_Server"

    def do_GET(self) -> None:
        each, parts = self.server.vendor, urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        asked = Request(self.command, parts.path, parse_qs(parts.query), dict(self.headers), body)
        each.requests.append(asked)
        said = each.body if each.answer is None else each.answer(asked)
        raw = said.encode() if isinstance(said, str) else json.dumps(said).encode()
        self.send_response_only(each.status)
        for name, value in {"Content-Type": "application/json", **each.headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, *_: Any) -> None:
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, vendor: Vendor) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.vendor = vendor

    def handle_error(self, *_: Any) -> None:
        """A client that does not trust us is part of the stories."""


@contextmanager
def vendor(certificate: tuple[Path, Path] | None = None) -> Iterator[Vendor]:
    """A server; with a certificate and its key, one that speaks TLS."""
    each = Vendor()
    server = _Server(each)
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    scheme = "http" if certificate is None else "https"
    each.address = f"{scheme}://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield each
    finally:
        server.shutdown()
        thread.join(PATIENCE)
        server.server_close()


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate of 127.0.0.1 that is its own authority, and its key."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("there is no program openssl to make a certificate with")
    certificate, key = folder / "tls.crt", folder / "tls.key"
    command = [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-days", "2", "-subj", "/CN=vendor", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([*command, "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True)
    return certificate, key


async def ask(providers: Providers, source: Source, query: str) -> Samples | QueryError:
    """The answer to one query about the minute before noon."""
    provider = providers.source_for(source)
    if isinstance(provider, PeriodProvider):
        return (await provider.over([query], start=START, end=END, timeout=PATIENCE))[query]
    return (await provider.query([query], at=END, timeout=PATIENCE))[query]


async def error(providers: Providers, source: Source, query: str = "q") -> QueryError:
    """The error that a query gets."""
    answer = await ask(providers, source, query)
    assert isinstance(answer, QueryError), answer
    return answer
