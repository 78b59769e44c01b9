"""The fields that programs read from the terminal's views stand in its page, each one."""

from dataclasses import fields
from pathlib import Path

import pytest

from delivery.terminal.outcome import Standing
from delivery.terminal.rows import Row
from delivery.terminal.runs import RunLine, WordLine
from delivery.terminal.screen import ApprovalLine, CommandLine, FreezeLine, GateLine, RuleLine, Screen, WindowLine
from delivery.terminal.why import Why
from strategies.json_names import camel

PAGE = (Path(__file__).parents[2] / "docs" / "terminal.md").read_text()
PLACES = {
    "`CanaryView`": (Screen,),
    "`CanaryRowList`": (Row,),
    "`RunList`": (RunLine, WordLine),
    "`Standing`": (Standing,),
    "`Explanation`": (Why,),
    "| `command`,": (CommandLine,),
    "| `gates[]`,": (GateLine,),
    "| `approvals[]`,": (ApprovalLine,),
    "| `freezes[]` |": (FreezeLine,),
    "| `window`,": (WindowLine, RuleLine),
}


@pytest.mark.parametrize("place", PLACES)
def test_every_field_is_in_the_page(place: str) -> None:
    (line,) = (each for each in PAGE.splitlines() if each.startswith("|") and place in each)
    words = {word.partition("{")[0] for word in line.replace(",", " ").replace("`", " ").replace("[]", " ").split()}
    inner = {word for part in line.split("{")[1:] for word in part.partition("}")[0].split(",")}

    missing = {camel(each.name) for kind in PLACES[place] for each in fields(kind)} - words - inner
    assert not missing
