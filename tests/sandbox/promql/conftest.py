"""A real Prometheus and an embedded one that hold the same samples, and what each answers to a question."""

import json
import shutil
import urllib.parse
import urllib.request
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from delivery.sandbox.promql.binary import command_line
from delivery.sandbox.promql.encoding import failure, result, success
from delivery.sandbox.promql.engine import Evaluation
from delivery.sandbox.promql.errors import QueryFailedError
from delivery.sandbox.promql.grammar import kind, parse
from delivery.sandbox.promql.labels import Labels
from delivery.sandbox.promql.programs import Program, free_port, start_on_free_ports
from delivery.sandbox.promql.storage import Storage
from tests.sandbox.promql.remote_write import Sample, send

Recording = Mapping[Labels, Sequence[Sample]]
Answer = dict[str, Any]


class Real:
    """A real Prometheus at `url` that holds what was sent to it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._connection = HTTPConnection(urllib.parse.urlsplit(url).netloc, timeout=30)

    def record(self, recording: Recording) -> None:
        send(self.url, recording)

    def ask(self, path: str, **parameters: object) -> Answer:
        """What the API says, be it an answer or an error."""
        query = urllib.parse.urlencode(parameters, doseq=True)
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        self._connection.request("POST", f"/api/v1/{path}", query, form)
        answer = self._connection.getresponse()
        return {"code": answer.status, **json.load(answer)}

    def instant(self, query: str, at: int) -> Answer:
        return self.ask("query", query=query, time=at / 1000)


@dataclass
class Embedded:
    """The embedded engine alone, in the same words."""

    storage: Storage

    def record(self, recording: Recording) -> None:
        for labels, samples in recording.items():
            series = self.storage.series(labels)
            for at, value in samples:
                if value is None:
                    series.end(at)
                else:
                    series.add(array("q", [at]), 0, value)

    def instant(self, query: str, at: int) -> Answer:
        try:
            node = parse(query)
            value = Evaluation(self.storage, at, at, lambda: None).value(node, at)
            return dict(json.loads(success(result(kind(node), value, at))))
        except QueryFailedError as error:
            return dict(json.loads(failure(error.kind, error.message)))


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Real]:
    """One for all tests of a module, whose samples must not be older than an hour before the latest sent so far."""
    program = shutil.which("prometheus")
    if program is None:
        pytest.skip("there is no program prometheus on the PATH to compare with")
    folder: Path = tmp_path_factory.mktemp("prometheus")
    (folder / "prometheus.yml").write_text("global: {}\n")

    def start() -> tuple[Program, str]:
        port = free_port()
        command = [*command_line(program, folder, port), "--web.enable-remote-write-receiver"]
        command = [each.replace("retention.time=1h", "retention.time=100y") for each in command]
        process = Program(command, log=folder / "log")
        url = f"http://127.0.0.1:{port}"
        try:
            process.wait_until(lambda: process.listens_on(port) and is_ready(url), seconds=30)
        except BaseException:
            process.stop()
            raise
        return process, url

    process, url = start_on_free_ports(start)
    yield Real(url)
    process.stop()


def is_ready(url: str) -> bool:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{url}/-/ready", timeout=1):
            return True
    except OSError:
        return False


class Stopped:
    """A clock that stands still, but for what a test sets."""

    def __init__(self, now: int) -> None:
        self.milliseconds = now

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.milliseconds / 1000, UTC)

    def monotonic(self) -> float:
        return self.milliseconds / 1000


def comparable(answer: Answer) -> Any:
    """An answer with its values as numbers, whatever the order of series; an error by its kind."""
    if answer["status"] != "success":
        return ("error", answer["errorType"])
    data = answer["data"]
    if data["resultType"] in ("scalar", "string"):
        return (data["resultType"], data["result"])
    series = [
        (tuple(sorted(each["metric"].items())), tuple(map(tuple, each.get("values", [each.get("value")]))))
        for each in data["result"]
    ]
    return (data["resultType"], sorted(series))


def assert_same(ours: Answer, theirs: Answer, what: object) -> None:
    """The same series, times and values; values may differ by the last bits of a double."""
    mine, wanted = comparable(ours), comparable(theirs)
    assert _rounded(mine) == _rounded(wanted), (what, ours, theirs)


def _rounded(value: Any) -> Any:
    if isinstance(value, tuple | list):
        return [_rounded(each) for each in value]
    if isinstance(value, str):
        try:
            number = float(value)
        except ValueError:
            return value
        return f"{number:.11g}" if number else "0"
    return value
