"""The examples do what their README says of them, as far as can be told without a cluster."""

from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from delivery.api import crd
from delivery.api.acting import not_acted_on
from delivery.api.parse import parse_canary, parse_metric_template
from delivery.api.templates import SERVED

EXAMPLES = Path(__file__).parents[2] / "examples"
FOLDER = EXAMPLES / "reviews-canary"


def documents(name: str) -> list[Any]:
    return list(yaml.safe_load_all((FOLDER / name).read_text()))


def canaries() -> list[Any]:
    files = sorted(EXAMPLES.rglob("*.yaml"))
    found = [body for file in files for body in yaml.safe_load_all(file.read_text()) if body.get("kind") == "Canary"]
    assert len(found) >= 2
    return found


@pytest.mark.parametrize("body", canaries(), ids=lambda body: str(len(str(body))))
def test_every_canary_is_valid_and_nothing_in_it_is_left_undone(body: Any) -> None:
    jsonschema.validate(body, crd.object_schema(crd.RESOURCES[0]))

    assert not_acted_on(parse_canary(body)) == ()


def templates() -> list[Any]:
    files = sorted(EXAMPLES.rglob("*.yaml"))
    every = [body for file in files for body in yaml.safe_load_all(file.read_text())]
    return [body for body in every if body.get("kind") == "MetricTemplate"]


def test_every_metric_template_is_valid_and_there_is_one_of_each_type_that_is_served() -> None:
    found = [parse_metric_template(body) for body in templates()]

    assert {each.spec.provider.type for each in found} == set(SERVED)


def test_the_short_canary_has_at_most_ten_lines_of_spec() -> None:
    lines = (FOLDER / "canary.yaml").read_text().split("spec:\n")[1].splitlines()

    assert len(lines) <= 10


@pytest.mark.parametrize("name", ["canary.yaml", "canary-full.yaml"])
def test_a_canary_points_at_what_is_applied_beside_it(name: str) -> None:
    [body] = documents(name)
    _, service, deployment = documents("reviews.yaml")
    canary = parse_canary(body)

    assert canary.spec.target_ref.name == deployment["metadata"]["name"]
    assert canary.apex == service["metadata"]["name"]
    assert canary.spec.service.port == service["spec"]["ports"][0]["port"]
    assert len({each["metadata"]["namespace"] for each in (body, service, deployment)}) == 1


@pytest.mark.parametrize("version", ["v2", "v3"])
def test_a_patch_is_a_new_version_of_the_same_container(version: str) -> None:
    [patch] = documents(f"reviews-{version}.yaml")
    *_, deployment = documents("reviews.yaml")
    old, new = deployment["spec"]["template"], patch["spec"]["template"]

    assert new["metadata"]["labels"]["version"] == version != old["metadata"]["labels"]["version"]
    assert not set(new["metadata"]["labels"]) & set(deployment["spec"]["selector"]["matchLabels"])
    [before], [after] = old["spec"]["containers"], new["spec"]["containers"]
    assert before["name"] == after["name"]
    assert f"-{version}:" in after["image"] != before["image"]


def test_the_readme_names_every_file() -> None:
    readme = (FOLDER / "README.md").read_text()

    assert [file.name for file in FOLDER.glob("*.yaml") if file.name not in readme] == []
