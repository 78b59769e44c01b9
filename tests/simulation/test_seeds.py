"""Thousands of stories, each under its own seed; a failing one prints itself and replays exactly."""

import os
from concurrent.futures import ProcessPoolExecutor

import pytest

from tests.simulation.runner import run_seeds

CHUNK = 25


def test_no_story_breaks_a_guarantee(pytestconfig: pytest.Config, record_simulation) -> None:
    first = pytestconfig.getoption("--simulation-first")
    count = pytestconfig.getoption("--simulation-seeds")
    seeds = list(range(first, first + count))
    chunks = [seeds[at : at + CHUNK] for at in range(0, len(seeds), CHUNK)]
    with ProcessPoolExecutor(max_workers=os.cpu_count()) as pool:
        reports = list(pool.map(run_seeds, chunks))
    failures = [failure for report in reports for failure in report.failures]
    record_simulation(
        f"{count - len(failures)} of {count} seeds kept every guarantee "
        f"({sum(report.kills for report in reports)} kills, {sum(report.runs for report in reports)} runs, "
        f"{sum(report.hours for report in reports):.0f} hours of virtual time)"
    )
    assert not failures, f"{len(failures)} stories failed; the first:\n{failures[0]}"
