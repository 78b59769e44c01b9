"""Parts of this room's stories: a subject, a window, a loopback server with scripted answers, a real Prometheus."""

import json
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from metrics.providers import Providers
from metrics.spec import Subject, Window

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
START_SECONDS = 60.0


@pytest.fixture
def subject() -> Subject:
    return subject_in("shop")


def subject_in(namespace: str) -> Subject:
    return Subject(
        namespace=namespace,
        name="reviews",
        target="reviews",
        primary="reviews-primary",
        apex_service="reviews",
        primary_service="reviews-primary",
        canary_service="reviews-canary",
    )


@pytest.fixture
def window() -> Window:
    return window_of(60, ending=NOON)


def window_of(seconds: float, *, ending: datetime, late: float = 0) -> Window:
    return Window(start=ending - timedelta(seconds=seconds), end=ending, at=ending + timedelta(seconds=late))


class Server(ThreadingHTTPServer):
    """Answers each question with what `script` writes; remembers queries, methods and how many sockets were opened."""

    daemon_threads = True
    script: Callable[["Handler"], None]

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.sockets = 0
        self.asked: list[dict[str, list[str]]] = []
        self.methods: list[str] = []
        self.release = threading.Event()
        self.begun = threading.Semaphore(0)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def process_request(self, request: Any, client_address: Any) -> None:
        self.sockets += 1
        super().process_request(request, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that gave up is part of the stories."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        self._take(urlsplit(self.path).query)

    def do_POST(self) -> None:
        self._take(self.rfile.read(int(self.headers["Content-Length"])).decode())

    @property
    def query(self) -> str:
        return self.parameters["query"][0]

    def _take(self, parameters: str) -> None:
        self.parameters = parse_qs(parameters)
        self.server.asked.append(self.parameters)
        self.server.methods.append(self.command)
        self.server.begun.release()
        self.server.script(self)

    def answer(self, body: str | bytes, *, status: int = 200, kind: str = "application/json", **headers: str) -> None:
        raw = body.encode() if isinstance(body, str) else body
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(raw)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(raw)

    def result(self, kind: str, result: Any) -> None:
        self.answer(json.dumps({"status": "success", "data": {"resultType": kind, "result": result}}))

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    """A loopback HTTP server; `script` says what it answers."""
    each = Server()
    thread = threading.Thread(target=each.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield each
    each.release.set()
    each.shutdown()
    thread.join(START_SECONDS)
    each.server_close()


class ManualClock:
    """Monotonic seconds that pass only when told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def providers(clock: ManualClock) -> Iterator[Providers]:
    each = Providers(threads=8, monotonic=clock)
    yield each
    each.close()


@contextmanager
def prometheus_with(openmetrics: str, folder: Path) -> Iterator[str]:
    """The address of a real Prometheus that holds exactly the samples of an OpenMetrics text."""
    for program in ("prometheus", "promtool"):
        if shutil.which(program) is None:
            pytest.skip(f"no {program} on PATH: the builtin queries cannot be tried on a real Prometheus")
    (folder / "samples.txt").write_text(openmetrics)
    (folder / "prometheus.yml").write_text("global: {}\n")
    backfill = ["promtool", "tsdb", "create-blocks-from", "openmetrics", folder / "samples.txt", folder / "data"]
    subprocess.run(backfill, check=True, capture_output=True, timeout=START_SECONDS)
    command = [
        "prometheus",
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        "--storage.tsdb.retention.time=100y",
        "--web.listen-address=127.0.0.1:0",
    ]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        yield _ready(process)
    finally:
        process.terminate()
        process.wait(START_SECONDS)


@pytest.fixture(scope="module")
def prometheus(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real Prometheus that holds the SCENES of the test's module."""
    with prometheus_with(request.module.SCENES.openmetrics(), tmp_path_factory.mktemp("prometheus")) as address:
        yield address


def _ready(process: "subprocess.Popen[str]") -> str:
    """Reads the log until the server is ready, and goes on reading it so that it never blocks."""
    assert process.stderr is not None
    watchdog = threading.Timer(START_SECONDS, process.kill)
    watchdog.start()
    address, ready, lines = "", False, []
    for line in process.stderr:  # which of the two it says first is chance
        lines.append(line)
        if '"Listening on"' in line:
            address = line.rpartition("address=")[2].strip()
        ready = ready or "Server is ready" in line
        if address and ready:
            break
    watchdog.cancel()
    assert all((address, ready)), f"Prometheus did not start: {''.join(lines[-5:])}"
    threading.Thread(target=process.stderr.read, daemon=True).start()
    return f"http://{address}"
