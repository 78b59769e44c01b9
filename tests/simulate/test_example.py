"""The example's policy holds what its README demands of it."""

import re
import shlex

from click.testing import CliRunner

from delivery.cli import main
from delivery.simulate.reading import read_releases
from tests.simulate.scenes import FOLDER

README = (FOLDER / "README.md").read_text()


def command() -> list[str]:
    """The first command of the README, as a test of it."""
    [text] = re.findall(r"```\n(delivery simulate .*?)\n```", README, re.DOTALL)[:1]
    return shlex.split(text.replace("\\\n", " "))[1:]


def test_the_checks_of_the_readme_pass() -> None:
    arguments = [each.replace("examples/simulate", str(FOLDER)) for each in command()]
    assert arguments.count("--check") >= 3
    result = CliRunner().invoke(main, [*arguments, "--runs", "300"])

    assert result.exit_code == 0, result.output
    assert result.stdout.count("met: ") == len(re.findall("met: ", result.output)) >= 3


def test_there_are_three_releases_one_of_them_healthy() -> None:
    releases = read_releases((FOLDER / "releases.yaml",))

    assert [each.healthy for each in releases] == [True, False, False]
    assert all(each.name in README for each in releases)
