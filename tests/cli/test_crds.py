"""`delivery crds`: the definitions that belong to this program."""

from pathlib import Path

import yaml
from click.testing import CliRunner

from delivery.cli import main

CRDS = Path(__file__).parents[2] / "crds"


def test_the_definitions_are_printed_as_one_stream() -> None:
    result = CliRunner().invoke(main, ["crds"])

    assert result.exit_code == 0
    assert [document["metadata"]["name"] for document in yaml.safe_load_all(result.output)] == [
        "canaries.progressive.delivery", "metrictemplates.progressive.delivery", "alertproviders.progressive.delivery",
        "approvals.progressive.delivery", "freezes.progressive.delivery",
    ]  # fmt: skip


def test_the_definitions_are_written_as_they_are_checked_in(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["crds", "--output", str(tmp_path / "new" / "folder")])

    assert (result.exit_code, result.output) == (0, "")
    written = {file.name: file.read_text() for file in (tmp_path / "new" / "folder").iterdir()}
    assert written == {file.name: file.read_text() for file in CRDS.glob("*.yaml")}


def test_a_place_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    result = CliRunner().invoke(main, ["crds", "--output", str(tmp_path / "file" / "below")])

    assert result.exit_code == 1
    assert f"cannot write to {tmp_path / 'file' / 'below'}: Not a directory" in result.output
