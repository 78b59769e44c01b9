"""The project as its users get it: pinned, typed, licensed, and one version everywhere."""

import re
import tomllib
from pathlib import Path

import delivery

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PINS = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if line.strip()]


def names(requirements: list[str]) -> set[str]:
    """The distributions that requirements name, normalised."""
    return {re.sub(r"[-_.]+", "-", re.match(r"[\w.-]+", each)[0]).lower() for each in requirements}


def test_constraints_pin_versions_and_name_no_address():
    assert all(re.fullmatch(r"[\w.-]+==[\w.!+]+", line) for line in PINS), PINS


def test_every_dependency_is_pinned():
    extras = PROJECT["project"]["optional-dependencies"]
    wanted = names([*PROJECT["project"]["dependencies"], *extras["sandbox"], *extras["dev"]])
    assert wanted <= names(PINS)


def test_each_package_says_that_it_is_typed():
    assert all((ROOT / package / "py.typed").exists() for package in ("delivery", "strategies", "metrics"))


def test_there_is_one_version():
    assert PROJECT["project"]["version"] == delivery.__version__
    assert f"## {delivery.__version__}" in (ROOT / "CHANGELOG.md").read_text()


def test_one_command_is_the_readme_s_and_ci_s():
    assert "make test" in (ROOT / "README.md").read_text()
    assert "make --no-print-directory test" in (ROOT / ".ci" / "run").read_text()


def test_everything_that_the_readme_links_to_is_there():
    for page in ("README.md", "ARCHITECTURE.md", "docs/operations.md", "docs/guarantees.md"):
        text = (ROOT / page).read_text()
        for link in re.findall(r"\]\(([^)#:]+)\)", text):
            assert ((ROOT / page).parent / link).exists(), f"{page}: {link}"
