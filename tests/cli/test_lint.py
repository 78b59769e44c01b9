"""`delivery lint` as it is called: what it prints, and how it ends."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from delivery.cli import main

FOLDER = Path(__file__).parents[2]
MISTAKES = FOLDER / "tests" / "lint" / "mistakes"


def lint(*arguments: str, text: str | None = None) -> Result:
    return CliRunner().invoke(main, ["lint", *arguments], input=text)


def test_nothing_found_is_silence_and_0() -> None:
    result = lint(str(FOLDER / "examples"))

    assert (result.exit_code, result.output) == (0, "")


@pytest.mark.parametrize("text", ["", "# nothing\n---\n", "hello\n", "- a\n- b\n", "kind: ConfigMap\napiVersion: v1\n"])
def test_files_without_an_object_of_ours_are_not_taken_for_checked_ones(text: str) -> None:
    result = lint("-", text=text)

    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "nothing to look at: no object of ours in 1 file\n"


def test_an_empty_folder_is_said_to_be_empty(tmp_path: Path) -> None:
    assert lint(str(tmp_path)).stderr == "nothing to look at: no object of ours in 0 files\n"


def test_a_mistake_is_one_line_with_file_line_and_field_and_1() -> None:
    file = str(MISTAKES / "limit-off-a-bucket-edge.yaml")
    result = lint(file)

    assert result.exit_code == 1
    assert result.stdout == (
        f"{file}:20: warning: Canary/reviews spec.analysis.metrics[0].thresholdRange: given 300 ms, which is no edge "
        "of Istio's buckets: a quantile between edges is a guess; the nearest are 250 and 500 [off-bucket]\n"
    )
    assert result.stderr == "1 mistake in 1 file\n"


def test_machines_get_json_or_yaml() -> None:
    file = str(MISTAKES / "promql-unbalanced.yaml")
    [found] = json.loads(lint(file, "-o", "json").stdout)

    assert {key: found[key] for key in ("file", "line", "rule", "severity", "about", "field")} == {
        "file": file,
        "line": 22,
        "rule": "promql",
        "severity": "error",
        "about": "Canary/reviews",
        "field": "spec.analysis.metrics[0].query",
    }
    assert yaml.safe_load(lint(file, "-o", "yaml").stdout) == [found]
    assert json.loads(lint(str(FOLDER / "examples"), "-o", "json").stdout) == []


def test_warnings_can_be_left_out() -> None:
    assert lint(str(MISTAKES / "one-strike.yaml"), "--errors-only").exit_code == 0
    assert lint(str(MISTAKES / "rate-above-100.yaml"), "--errors-only").exit_code == 1


def test_standard_input_and_another_scrape_interval() -> None:
    text = (MISTAKES / "window-of-two-scrapes.yaml").read_text()

    assert lint("-", text=text).stdout.startswith("stdin:19: warning")
    assert lint("-", "--scrape-interval-seconds", "5", text=text).exit_code == 0


def test_a_file_that_is_no_text_is_named_and_the_others_are_read(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "b.yaml").write_text((MISTAKES / "one-strike.yaml").read_text())
    result = lint(str(tmp_path))

    assert [line.rpartition(" ")[2] for line in result.stdout.splitlines()] == ["[yaml]", "[one-strike]"]
    assert result.stderr == "2 mistakes in 2 files\n"


@pytest.mark.parametrize("arguments", [[], ["no/such/file.yaml"]])
def test_a_wrong_call_ends_with_2(arguments: list[str]) -> None:
    assert lint(*arguments).exit_code == 2


def test_colour_is_for_terminals() -> None:
    assert "\x1b" not in lint(str(MISTAKES / "one-strike.yaml")).stdout


def test_without_the_parser_it_says_what_to_install() -> None:
    program = (
        "import sys; sys.modules['promql_parser'] = None\n"
        "from delivery.cli import main\n"
        f"main(['lint', {str(MISTAKES / 'promql-range.yaml')!r}])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False, cwd=FOLDER
    )

    assert done.returncode == 1
    assert "pip install 'progressive-delivery[sandbox]'" in done.stderr
