"""What is asked wrongly is refused with the option's name, before anything is fetched."""

import pytest
from click.testing import CliRunner

from delivery.cli.judge import judge
from delivery.judge import episodes
from tests.judge.conftest import arguments
from tests.judge.planted import BEGIN

NOBODY = "http://127.0.0.1:1"


def asked(**given: str):
    return CliRunner().invoke(judge, arguments(NOBODY, **given))


@pytest.mark.parametrize(
    ("given", "code", "words"),
    [
        ({"canary": "reviews-primary"}, 2, "two different ones are needed"),
        ({"window": "soon"}, 2, "--window"),
        ({"from": "yesterday"}, 2, "--from"),
        ({"to": "2026-02-01"}, 2, "it must end later"),
        ({"from": "2020-01-01"}, 2, "allowed 100,000"),
        ({"query": "requests_total"}, 2, "--failed"),
        ({"query": "requests_total", "failed": "failures_total"}, 2, "{{ workload }}"),
        ({"query": 'rate(a{w="{{ workload }}"}[1m])', "failed": 'b{w="{{ workload }}"}'}, 2, "--query: given 'rate("),
        ({"query": 'a{w="{{ pods }}"}', "failed": 'b{w="{{ workload }}"}'}, 2, "{{ workload }}"),
        ({"query": 'a{w="{{ workload }}"}', "failed": 'b{w="{{workload}}"}', "metric": "latency"}, 2, "histograms"),
        ({"metrics-matchers": "cluster"}, 2, "--metrics-matchers"),
        ({"false-alarm-percent": "0"}, 2, "false_alarm_percent"),
        ({"prometheus": "prometheus:9090"}, 1, "http or https URL"),
        ({}, 1, "127.0.0.1:1"),
    ],
)
def test_what_cannot_be_answered_says_why(given: dict[str, str], code: int, words: str) -> None:
    result = asked(**given)
    assert result.exit_code == code, result.output
    assert words in result.output
    assert "Traceback" not in result.output


def test_short_gaps_belong_to_an_episode_and_longer_ones_end_it() -> None:
    busy = [False, True, True, *[False] * 5, True, *[False] * 6, True, False]
    found = list(episodes.found(BEGIN, 60.0, busy))
    assert [(round((each.begin - BEGIN).total_seconds() / 60), each.windows) for each in found] == [(1, 8), (15, 1)]


def test_spans_cover_an_episode_without_overlap() -> None:
    episode = episodes.Episode(BEGIN, 130, 60.0)
    spans = list(episodes.spans(episode, 60))
    assert [(each.first, each.until) for each in spans] == [(0, 60), (60, 120), (120, 130)]
    assert [(each.first, each.until) for each in spans[0].halves()] == [(0, 30), (30, 60)]
