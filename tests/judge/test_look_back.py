"""The judge on two releases that the sandbox's mesh made: one good, one with a fault planted in it."""

import json
import re
from datetime import datetime
from html.parser import HTMLParser

import pytest
from click.testing import CliRunner

from delivery.cli.judge import judge
from tests.judge.conftest import arguments
from tests.judge.planted import BAD_AT, BEGIN, GOOD_AT, SHARES, STEP


def found(result):
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.fixture(scope="module")
def report(prometheus):
    return found(CliRunner().invoke(judge, arguments(prometheus, output="json")))


def test_a_planted_fault_is_found_and_the_good_release_beside_it_is_left_alone(report) -> None:
    good, bad = report["episodes"]
    assert good["rollback"] is None
    assert bad["rollback"]["metric"] == "errors"
    assert re.search(r"^\d+ of \d+ requests failed \(5\.\d %\) against", bad["rollback"]["message"])


def test_episodes_begin_and_end_with_the_canarys_requests(report) -> None:
    minutes = len(SHARES) * STEP // 60
    assert [len(each["windows"]) for each in report["episodes"]] == [minutes, minutes]
    begun = [BEGIN.timestamp() + second for second in (GOOD_AT, BAD_AT)]
    assert [datetime.fromisoformat(each["begin"]).timestamp() for each in report["episodes"]] == begun


def test_it_says_how_many_bad_requests_would_have_been_saved(report) -> None:
    bad = report["episodes"][1]
    later = bad["windows"][bad["rollback"]["window"] + 1 :]
    requests = sum(each["canaryRequests"] for each in later)
    assert bad["rollback"]["laterRequests"] == requests
    assert bad["rollback"]["laterFailures"] == pytest.approx(0.05 * requests, rel=0.02)
    assert bad["rollback"]["failuresSaved"] == pytest.approx(0.048 * requests, rel=0.05)


def test_windows_add_up_to_all_requests_of_the_canary(report) -> None:
    per_second = 50
    for episode in report["episodes"]:
        served = sum(each["canaryRequests"] for each in episode["windows"])
        assert served == pytest.approx(per_second * STEP * sum(SHARES) / 100, rel=0.002)


def test_a_fixed_limit_with_strikes_is_told_beside_it(report) -> None:
    good, bad = report["episodes"]
    assert good["ruleRollback"] is None
    assert bad["ruleRollback"] > bad["rollback"]["at"]


def test_the_table_fits_into_80_columns_and_says_it_in_sentences(ask) -> None:
    result = ask(metric="errors")
    lines = result.output.splitlines()
    assert result.exit_code == 0
    assert max(map(len, lines)) <= 80
    assert lines[0].split() == ["BEGAN", "LASTED", "PEAK", "REQUESTS", "CANARY", "PRIMARY", "VERDICT"]
    assert lines[1].split()[:5] == ["03-01", "09:10", "40", "min", "50"]
    assert lines[2].endswith("rolled back")
    text = " ".join(" ".join(lines).split())
    assert "It would not have rolled reviews back." in text
    assert "It would have rolled reviews back for its errors" in text
    assert "A fixed minimum of 99 % with 5 strikes would have rolled back 4 min later." in text


class Page(HTMLParser):
    """Notes what a page would load or run."""

    def __init__(self) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.plots = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.plots += tag == "svg"
        names = {name for name, _ in attrs}
        if tag in {"script", "link", "img", "iframe"} or names & {"src", "onload", "onclick"}:
            self.loads.append(tag)


def test_the_page_holds_all_that_it_shows(ask, tmp_path) -> None:
    file = tmp_path / "report.html"
    assert ask(metric="errors", html=str(file)).exit_code == 0
    text, page = file.read_text(), Page()
    page.feed(text)
    assert page.loads == []
    assert page.plots == 6
    assert "url(" not in text
    assert "http" not in text
    assert not re.search(r'points="[^"]*(nan|inf)', text)
    assert "It would have rolled reviews back" in text


def test_other_counters_are_taken_as_selectors_with_the_workload_in_them(ask) -> None:
    every = 'istio_requests_total{reporter="destination", destination_workload="{{ workload }}"'
    result = found(ask(query=every + "}", failed=every + ', response_code=~"5.."}', output="json"))
    assert [each["verdict"] for each in result["episodes"]] == ["undecided", "rolled back"]
    evidence = result["episodes"][1]["rollback"]["evidence"]
    assert evidence["canary_bad"] / evidence["canary_requests"] == pytest.approx(0.05, rel=0.1)


def test_failures_may_be_counted_by_a_counter_of_another_name(ask) -> None:
    every = '{reporter="destination", destination_workload="{{ workload }}"'
    failed = f'istio_request_duration_milliseconds_bucket{every}, le="+Inf", response_code=~"5.."}}'
    result = found(ask(query=f"istio_requests_total{every}}}", failed=failed, output="json"))
    evidence = result["episodes"][1]["rollback"]["evidence"]
    assert evidence["canary_bad"] / evidence["canary_requests"] == pytest.approx(0.05, rel=0.1)


def test_workloads_that_never_met_are_told_as_such(ask) -> None:
    result = ask(canary="ratings")
    assert result.exit_code == 0
    assert "never had requests at the same time" in " ".join(result.output.split())
