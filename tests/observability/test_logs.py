"""Logs: one shape for every line, and nothing secret in it."""

import asyncio
import io
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog

from delivery.observability import logs

Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    levels = {name: logging.getLogger(name).level for name in (*logs.QUIET, *logs.SILENT)}
    yield
    root.handlers[:], root.level = handlers, level
    for name, before in levels.items():
        logging.getLogger(name).setLevel(before)
    logging.captureWarnings(False)
    structlog.reset_defaults()


@pytest.fixture
def stream() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def lines(stream: io.StringIO) -> Lines:
    return lambda: [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_is_json_with_level_logger_and_utc_time(stream: io.StringIO, lines: Lines) -> None:
    logs.configure(level="info", fmt="json", stream=stream)
    structlog.get_logger("delivery.controller").info("weight raised", weight=25)
    (line,) = lines()
    assert line["event"] == "weight raised"
    assert line["weight"] == 25
    assert (line["level"], line["logger"]) == ("info", "delivery.controller")
    assert line["timestamp"].endswith("Z")


async def test_lines_carry_canary_run_and_step_in_tasks_and_libraries_too(
    stream: io.StringIO, lines: Lines
) -> None:
    logs.configure(level="info", fmt="json", stream=stream)

    async def inner() -> None:
        logging.getLogger("some.library").warning("retrying %s in %d s", "list", 3)

    with logs.bound(canary="shop/reviews", run="r1", step=0, nothing=None):
        await asyncio.create_task(inner())
    structlog.get_logger().warning("outside")
    within, outside = lines()
    assert within["event"] == "retrying list in 3 s"
    assert (within["canary"], within["run"], within["step"]) == ("shop/reviews", "r1", 0)
    assert "nothing" not in within
    assert "canary" not in outside


def test_the_level_holds_for_everybody_and_chatty_libraries_are_quiet_below_debug(
    stream: io.StringIO, lines: Lines
) -> None:
    logs.configure(level="info", fmt="json", stream=stream)
    structlog.get_logger().debug("not this")
    logging.getLogger("some.library").debug("nor this")
    logging.getLogger("apscheduler.executors").info("nor that a job was run")
    logging.getLogger("kopf.objects").error("nor that a manifest was refused")
    logging.getLogger("kopf.reactor").warning("but this")
    assert [line["event"] for line in lines()] == ["but this"]
    logs.configure(level="debug", fmt="json", stream=stream)
    logging.getLogger("apscheduler.executors").info("a job was run")
    assert lines()[-1]["event"] == "a job was run"


def test_no_secret_gets_into_a_line(stream: io.StringIO, lines: Lines) -> None:
    logs.configure(level="info", fmt="json", stream=stream)
    secret = {
        "kind": "Secret",
        "metadata": {"namespace": "shop", "name": "db", "labels": {"a": "hunter2"}},
        "data": {"x": "hunter2"},
        "stringData": {"x": "hunter2"},
    }
    log = structlog.get_logger()
    log.info("read", object=secret, objects=[secret], token="hunter2", headers={"Authorization": "hunter2"})
    log.info("sent with Authorization: Bearer hunter2.hunter2", raw=b"hunter2")
    logging.getLogger("library").warning("header %s", "Basic aHVudGVyMg==")
    try:
        raise RuntimeError("refused: Bearer hunter2-hunter2")
    except RuntimeError:
        log.exception("failed")
    deployment = {"kind": "Deployment", "metadata": {"annotations": {logs._LAST_APPLIED: "hunter2"}}}
    log.info("changed", object=deployment)
    assert "hunter2" not in stream.getvalue()
    assert "aHVudGVyMg" not in stream.getvalue()
    assert lines()[0]["object"] == {"kind": "Secret", "namespace": "shop", "name": "db"}
    assert "Traceback" in lines()[3]["exception"]


def test_the_console_format_is_for_people(stream: io.StringIO) -> None:
    logs.configure(level="info", fmt="console", stream=stream)
    structlog.get_logger().info("weight raised", weight=25)
    assert "weight raised" in stream.getvalue()
    assert not stream.getvalue().startswith("{")


def test_something_that_is_not_json_does_not_lose_the_line(stream: io.StringIO, lines: Lines) -> None:
    logs.configure(level="info", fmt="json", stream=stream)
    structlog.get_logger().info("odd", value=object, keys={1: {2: {3: ValueError("x")}}})
    assert lines()[0]["event"] == "odd"
