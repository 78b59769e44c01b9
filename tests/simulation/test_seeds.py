"""Thousands of stories, each under its own seed; a failing one prints itself and replays exactly."""

import pytest


def test_no_story_breaks_a_guarantee(pytestconfig: pytest.Config, every_seed, record_simulation) -> None:
    count = pytestconfig.getoption("--simulation-seeds")
    failures = [failure for report in every_seed for failure in report.failures]
    record_simulation(
        f"{count - len(failures)} of {count} seeds kept every guarantee "
        f"({sum(report.kills for report in every_seed)} kills, {sum(report.runs for report in every_seed)} runs, "
        f"{sum(report.hours for report in every_seed):.0f} hours of virtual time)"
    )
    assert not failures, f"{len(failures)} stories failed; the first:\n{failures[0]}"
