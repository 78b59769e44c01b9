"""Options of the simulation, its work beside the other tests, and its closing lines."""

import logging
import multiprocessing
import os
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor

import pytest
import structlog

from tests.simulation.runner import Report, run_seeds

CHUNK = 20
PLAYED: pytest.StashKey[tuple[ProcessPoolExecutor, list[Future[Report]]]] = pytest.StashKey()
_SUMMARY: list[str] = []


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("simulation")
    group.addoption("--simulation-seeds", type=int, default=2000, help="how many seeds the simulation tries")
    group.addoption("--simulation-first", type=int, default=0, help="the first seed")


def pytest_collection_finish(session: pytest.Session) -> None:
    """Seeds need no more than processors: begin them at once, behind everything else that wants one."""
    if session.config.option.collectonly or not any("every_seed" in item.fixturenames for item in session.items):
        return
    first = session.config.getoption("--simulation-first")
    until = first + session.config.getoption("--simulation-seeds")
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(max_workers=os.cpu_count(), mp_context=context, initializer=os.nice, initargs=(15,))
    chunks = [range(at, min(at + CHUNK, until)) for at in range(first, until, CHUNK)]
    session.config.stash[PLAYED] = (pool, [pool.submit(run_seeds, chunk) for chunk in chunks])


def pytest_sessionfinish(session: pytest.Session) -> None:
    if PLAYED in session.config.stash:
        pool, _ = session.config.stash[PLAYED]
        pool.shutdown(wait=True, cancel_futures=True)


@pytest.fixture
def every_seed(pytestconfig: pytest.Config) -> list[Report]:
    """What came of all the seeds, when they are done."""
    _, reports = pytestconfig.stash[PLAYED]
    return [each.result() for each in reports]


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
