"""The benchmark of queries counts what the controller's own analyst sends."""

from benchmarks.query_cost import COMPARED, NUMBERS, counted, fetched


def test_one_canary_asks_once_a_minute_and_does_not_wait() -> None:
    row = counted(1, wait=1.0, intervals=3, together=False)
    assert (row["queries_per_interval"], row["queries_alone"], row["wait_seconds_p95"]) == (1, NUMBERS, 0)


def test_many_canaries_ask_for_little_more_than_one_query_a_second() -> None:
    """Given 400 Canaries that began at any moment of the minute, then at most two queries a second."""
    row = counted(400, wait=1.0, intervals=2, together=False)
    assert row["queries_per_interval"] <= 120
    assert row["most_targets"] <= 50
    assert row["wait_seconds_p95"] <= 1


def test_without_waiting_only_questions_of_one_moment_go_together() -> None:
    assert counted(20, wait=0.0, intervals=2, together=False)["queries_per_interval"] == 20
    assert counted(20, wait=0.0, intervals=2, together=True)["queries_per_interval"] <= 3


def test_a_comparison_is_fetched_once_for_both_versions() -> None:
    assert {name: fetched(spec) for name, spec in COMPARED.items()} == {
        "request-success-rate": 1,
        "request-duration": 1,
        "counters of a template": 2,
    }
