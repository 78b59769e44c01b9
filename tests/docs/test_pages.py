"""The pages lead somewhere, name what is there, and show manifests that work."""

import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from delivery.cli import COMMANDS, main
from delivery.lint.finding import Severity
from delivery.lint.linting import lint

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "examples").rglob("*.md")])
OURS = "progressive.delivery/v1beta1"
FROM_ELSEWHERE = ("docs/from-argo-rollouts.md", "docs/from-flagger.md", "docs/upgrade.md", "docs/security.md")
_LINK = re.compile(r"\[[^\]]*\]\(([^()\s]+)\)")
_FENCED = re.compile(r"^( *)```(\w*)\n(.*?)^\1```", re.DOTALL | re.MULTILINE)
_CALL = re.compile(r"(?:^|[\s|(`])(?:kubectl )?delivery ([a-z]+)(?=[\s`|)]|$)", re.MULTILINE)
named = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def prose(page: Path) -> str:
    return _FENCED.sub("", page.read_text())


@cache
def anchors(page: Path) -> frozenset[str]:
    """Of the headings, as they are made by who shows such pages: lower case, no punctuation, spaces as hyphens."""
    headings = re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE)
    plain = (re.sub(r"[^\w\s-]", "", unicodedata.normalize("NFC", each).lower()) for each in headings)
    return frozenset(each.strip().replace(" ", "-") for each in plain)


@named
def test_every_link_leads_to_a_file_and_a_heading_that_exist(page: Path) -> None:
    for link in _LINK.findall(prose(page)):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{page.name}: {link}"
        assert target.is_relative_to(ROOT), f"{page.name}: {link}"
        if anchor:
            assert anchor in anchors(target), f"{page.name}: {link}; there are {sorted(anchors(target))}"


@named
def test_every_page_that_is_mentioned_exists(page: Path) -> None:
    for mentioned in re.findall(r"\b(?:docs|examples|deploy|tests)/[\w./-]*\w", prose(page)):
        places = (ROOT / mentioned, page.parent / mentioned)
        assert any(each.exists() for each in places), f"{page.name}: {mentioned}"


@named
def test_every_command_that_is_shown_exists(page: Path) -> None:
    for text in re.findall(r"^    .*$|`[^`\n]+`", page.read_text(), re.MULTILINE):
        for command in _CALL.findall(text):
            assert command in COMMANDS, f"{page.name}: delivery {command}"


def test_every_page_can_be_reached_from_the_readme() -> None:
    seen, waiting = set[Path](), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in seen or page.suffix != ".md":
            continue
        seen.add(page)
        text = page.read_text()
        linked = [(page.parent / link.partition("#")[0]).resolve() for link in _LINK.findall(text) if "://" not in link]
        mentioned = [ROOT / each for each in re.findall(r"\bdocs/[\w-]+\.md", text)]
        waiting += [each for each in (*linked, *mentioned) if each.is_file()]

    assert [str(each.relative_to(ROOT)) for each in PAGES if each not in seen and "docs" in each.parts] == []


def manifests(page: Path) -> Iterator[str]:
    """What stands on a page as whole manifests, not as pieces of one."""
    for _, language, text in _FENCED.findall(page.read_text()):
        if language == "yaml" and re.search(rf"^apiVersion: {re.escape(OURS)}$", text, re.MULTILINE):
            yield text


@named
def test_manifests_on_pages_have_no_errors(page: Path) -> None:
    found = lint((f"{page.name}, manifest {number}", text) for number, text in enumerate(manifests(page)))
    strict = str(page.relative_to(ROOT)) in FROM_ELSEWHERE

    assert [str(each) for each in found if strict or each.severity is Severity.ERROR] == []


def test_the_canary_for_who_comes_from_argo_rollouts_is_played_to_its_end(tmp_path: Path) -> None:
    (shown,) = manifests(ROOT / "docs" / "from-argo-rollouts.md")
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "reviews", "namespace": "bookinfo"}}
    service["spec"] = {"selector": {"app": "reviews"}, "ports": [{"name": "http", "port": 9080}]}
    file = tmp_path / "canary.yaml"
    file.write_text(shown + "---\n" + yaml.safe_dump(service))
    played = CliRunner().invoke(main, ["plan", "-f", str(file), "--steps", "-o", "yaml"])

    assert played.exit_code == 0, played.output
    release = yaml.safe_load(played.stdout)["acts"][1]["steps"]
    assert [each["what"] for each in release if each["what"].startswith("step")] == [
        f"step {step}/3: {weight} % to the canary" for step, weight in enumerate((10, 25, 50), start=1)
    ]
    assert release[-1]["what"] == "Succeeded"
