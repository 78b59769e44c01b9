"""Options of the simulation, its work beside the other tests, and its closing lines.

Tests may run in several processes. Then the one whose turn it is plays the seeds, and its closing lines travel to the
process that prints them.
"""

import logging
import multiprocessing
import os
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from typing import Any

import pytest
import structlog

from tests.simulation.runner import Report, run_drawn

CHUNK = 20
PLAYED: pytest.StashKey[tuple[ProcessPoolExecutor, list[Future[Report]]]] = pytest.StashKey()
CLOSING = "simulation"
_SUMMARY: list[str] = []


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("simulation")
    group.addoption("--simulation-seeds", type=int, default=2000, help="how many seeds the simulation tries")
    group.addoption("--simulation-first", type=int, default=0, help="the first seed")


def pytest_collection_finish(session: pytest.Session) -> None:
    """Seeds need no more than processors: begin them at once, behind everything else that wants one."""
    wanted = any("every_seed" in item.fixturenames for item in session.items)
    if wanted and not session.config.option.collectonly and not hasattr(session.config, "workerinput"):
        _begin(session.config)


def _begin(config: pytest.Config) -> list[Future[Report]]:
    """All seeds, as chunks that are being played."""
    if PLAYED not in config.stash:
        first = config.getoption("--simulation-first")
        until = first + config.getoption("--simulation-seeds")
        context = multiprocessing.get_context("spawn")
        pool = ProcessPoolExecutor(max_workers=os.cpu_count(), mp_context=context, initializer=os.nice, initargs=(15,))
        chunks = [range(at, min(at + CHUNK, until)) for at in range(first, until, CHUNK)]
        config.stash[PLAYED] = (pool, [pool.submit(run_drawn, chunk) for chunk in chunks])
    return config.stash[PLAYED][1]


def pytest_sessionfinish(session: pytest.Session) -> None:
    if PLAYED in session.config.stash:
        pool, _ = session.config.stash[PLAYED]
        pool.shutdown(wait=True, cancel_futures=True)
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput[CLOSING] = _SUMMARY


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Another process has ended: take over what it has to say."""
    _SUMMARY.extend(getattr(node, "workeroutput", {}).get(CLOSING, ()))


@pytest.fixture
def every_seed(pytestconfig: pytest.Config) -> list[Report]:
    """What came of all the seeds, when they are done."""
    return [each.result() for each in _begin(pytestconfig)]


@pytest.fixture(autouse=True)
def quiet_logs():
    """Thousands of stories need no log; a failing one tells its own."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.reset_defaults()


@pytest.fixture
def record_simulation() -> Callable[[str], None]:
    """Adds a line to the closing summary."""
    return _SUMMARY.append


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _SUMMARY:
        terminalreporter.section("simulation")
        for line in _SUMMARY:
            terminalreporter.write_line(line)
