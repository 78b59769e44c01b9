"""`delivery simulate` is a test for a policy's repository: readable, repeatable, and it fails when it has to."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from delivery.cli import main
from tests.foreground import foreground
from tests.simulate.scenes import FOLDER, canary, written

RELEASES = str(FOLDER / "releases.yaml")
POLICY = str(FOLDER / "canary.yaml")


def simulate(*arguments: str, runs: int = 40) -> Result:
    return CliRunner().invoke(main, ["simulate", "--release", RELEASES, "--runs", str(runs), *arguments])


def in_json(*arguments: str, runs: int = 40) -> Any:
    result = simulate(*arguments, "-o", "json", runs=runs)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_the_table_fits_a_terminal_and_has_no_colour_without_one() -> None:
    result = simulate("-f", POLICY, "--check", "false_rollback<0.05")

    assert result.exit_code == 0
    assert max(map(len, result.stdout.splitlines())) <= 80
    assert "\x1b" not in result.output
    assert re.search(r"^failing +100\.0 % \(91\.2\.\.100\)", result.stdout, re.MULTILINE)
    assert "met: false_rollback<0.05 (canary.yaml, healthy: 0)" in result.stdout


def test_the_json_has_every_measure_and_an_example() -> None:
    found = in_json("-f", POLICY, "--check", "failing.detected>0.9")
    healthy, failing, slow = found["reports"]

    assert [each["release"] for each in found["reports"]] == ["healthy", "failing", "slow-at-25"]
    assert (healthy["promoted"], healthy["hit_p95"], healthy["rollback_seconds_median"]) == (1, 0, None)
    assert failing["rolled_back_low"] < failing["rolled_back"] == failing["rolled_back_high"] == 1
    assert failing["reasons"] == {"CheckFailed": 40}
    assert slow["example"]["weights"][-1]["percent"] == 0
    assert any(each["outcome"] == "fail" for each in slow["example"]["verdicts"])
    assert found["checks"] == [
        {"check": "failing.detected>0.9", "policy": "canary.yaml", "release": "failing", "value": 1.0, "met": True}
    ]


def test_the_same_seed_gives_the_same_whatever_the_number_of_processes() -> None:
    one = in_json("-f", POLICY, "--workers", "1", runs=150)

    assert in_json("-f", POLICY, "--workers", "2", runs=150) == one
    assert in_json("-f", POLICY, "--workers", "1", "--seed", "2", runs=150) != one


def test_a_check_that_is_not_met_ends_with_1_and_its_line() -> None:
    result = simulate("-f", POLICY, "--check", "detected>0.5", "--check", "failing.hit_p95<1")

    assert result.exit_code == 1
    assert "NOT MET: failing.hit_p95<1 (canary.yaml, failing:" in result.stderr
    assert "met: detected>0.5" in result.stdout


def test_two_policies_stand_side_by_side_and_meet_the_same_days(tmp_path: Path) -> None:
    slower = written(tmp_path, "slower.yaml", canary(analysis={"interval": "2m", "stepWeights": [5, 25]}))
    result = simulate("--compare", POLICY, str(slower))

    assert result.exit_code == 0
    assert max(map(len, result.stdout.splitlines())) <= 80
    block = result.stdout.split("release failing")[1].split("release ")[0]
    assert [line.split()[0] for line in block.splitlines() if line][:3] == ["policy", "canary.yaml", "slower.yaml"]
    same = in_json("--compare", POLICY, POLICY)["reports"]
    assert [each.pop("policy") for each in same] == [POLICY] * 6
    assert same[:3] == same[3:]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "given both or none of -f and --compare, allowed exactly one"),
        (["-f", POLICY, "--compare", POLICY, POLICY], "allowed exactly one"),
        (["-f", POLICY, "--check", "detectd>1"], "given 'detectd' in 'detectd>1', allowed rolled_back,"),
        (["-f", POLICY, "--check", "fine.detected>1"], "given release 'fine'"),
        (["-f", RELEASES], "given 0 Canaries, allowed exactly one"),
        (["-f", POLICY, "--runs", "0"], "--runs"),
    ],
)
def test_what_cannot_be_used_is_said_before_anything_is_simulated(arguments: list[str], says: str) -> None:
    result = simulate(*arguments)

    assert result.exit_code == 2
    assert says in " ".join(result.stderr.split())


def test_the_page_and_the_picture_need_nothing_else(tmp_path: Path) -> None:
    page, picture = tmp_path / "page.html", tmp_path / "picture.svg"
    result = simulate("-f", POLICY, "--html", str(page), "--svg", str(picture), "--check", "detected>0.5")
    text = page.read_text()

    assert result.exit_code == 0
    root = ET.fromstring(picture.read_text())
    assert root.tag.endswith("svg")
    assert len([each for each in root.iter() if each.get("class") == "line"]) == 3
    for content in (text, picture.read_text()):
        assert "<script" not in content
        assert not re.search(r"(src|href)=|@import|url\(", content)
        assert set(re.findall(r"https?://[^\"' ]+", content)) <= {"http://www.w3.org/2000/svg"}
        assert "prefers-color-scheme:dark" in content
    assert "failing (faulty), canary.yaml: rolled back 100.0 %" in text
    assert "met: detected&gt;0.5" in text


def test_names_are_written_as_text_and_never_as_markup(tmp_path: Path) -> None:
    policy, page = written(tmp_path, "a&b<i>.yaml", canary()), tmp_path / "page.html"
    simulate("-f", str(policy), "--html", str(page), runs=5)

    assert "a&amp;b&lt;i&gt;.yaml" in page.read_text()
    assert "<i>" not in page.read_text()


def test_ctrl_c_ends_it_without_a_trace() -> None:
    call = [sys.executable, "-m", "delivery.cli", "simulate", "-f", POLICY, "--release", RELEASES]
    running = subprocess.Popen(
        [*call, "--runs", "1000000", "--workers", "2"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(FOLDER.parents[1])},
        start_new_session=True,
        preexec_fn=foreground,
    )
    until = time.monotonic() + 60
    while not _children(running.pid) and time.monotonic() < until:
        time.sleep(0.002)  # its children are caught while they start
    os.killpg(running.pid, signal.SIGINT)
    _, errors = running.communicate(timeout=60)

    assert running.returncode == 130
    assert errors.strip() == "interrupted"


def _children(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
