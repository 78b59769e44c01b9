"""Options of the simulation, and its closing line."""

import logging

import pytest
import structlog


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("simulation")
    group.addoption("--simulation-seeds", type=int, default=2000, help="how many seeds the simulation tries")
    group.addoption("--simulation-first", type=int, default=0, help="the first seed")


@pytest.fixture(autouse=True)
def quiet_logs():
    """Thousands of stories need no log; a failing one tells its own."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.reset_defaults()


_SUMMARY: list[str] = []


@pytest.fixture
def record_simulation():
    """Adds a line to the closing summary."""
    return _SUMMARY.append


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _SUMMARY:
        terminalreporter.section("simulation")
        for line in _SUMMARY:
            terminalreporter.write_line(line)
