"""From pydantic's JSON schema to the structural one that a CRD needs."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import jsonschema
import pytest
import yaml
from pydantic import BaseModel, Field, create_model

from delivery.api import crd
from delivery.api.schema import structural

CRDS = Path(__file__).parents[2] / "crds"


def field(type_: Any, **settings: Any) -> dict[str, Any]:
    """The structural schema of a model's only field."""
    model = create_model("Model", value=(type_, Field(**settings)))
    return dict(structural(model.model_json_schema())["properties"]["value"])


class Leaf(BaseModel):
    """A leaf."""

    size: int


class Tree(BaseModel):
    """A tree, which has branches that are trees."""

    branches: list["Tree"] = []


@pytest.mark.parametrize(
    ("type_", "expected"),
    [
        (str | None, {"type": "string"}),
        (int | str, {"x-kubernetes-int-or-string": True}),
        (Literal["only"], {"type": "string", "enum": ["only"]}),
        (Annotated[float, Field(gt=0)], {"type": "number", "minimum": 0, "exclusiveMinimum": True}),
        (tuple[int, int], {"type": "array", "items": {"type": "integer"}, "minItems": 2, "maxItems": 2}),
        (set[str], {"type": "array", "items": {"type": "string"}}),
        (Mapping[str, int], {"type": "object", "additionalProperties": {"type": "integer"}}),
        (dict[str, Any], {"type": "object", "x-kubernetes-preserve-unknown-fields": True}),
    ],
)
def test_what_pydantic_says_is_said_in_kubernetes_words(type_: Any, expected: dict[str, Any]) -> None:
    assert field(type_) == expected


def test_a_reference_is_written_out_and_the_fields_own_description_stays() -> None:
    assert field(Leaf | None, default=None, description="The leaf.") == {
        "type": "object",
        "description": "The leaf.",
        "properties": {"size": {"type": "integer"}},
        "required": ["size"],
    }


def test_a_default_stays_unless_it_says_nothing() -> None:
    assert field(int, default=600)["default"] == 600
    assert all("default" not in field(type_, default=empty) for type_, empty in ((bool, False), (str, ""), (int, 0)))


@pytest.mark.parametrize("type_", [int | list[int], tuple[int, str], Tree])
def test_what_has_no_structural_form_is_refused_instead_of_being_left_out(type_: Any) -> None:
    with pytest.raises(ValueError, match=r"no structural|contains itself"):
        field(type_)


@pytest.mark.parametrize("resource", crd.RESOURCES, ids=lambda resource: resource.kind)
def test_each_kind_has_a_structural_schema_with_every_field_described(
    resource: crd.Resource, structural_problems: Any
) -> None:
    assert structural_problems(crd.object_schema(resource)) == []


def test_the_checked_in_definitions_are_those_of_the_models() -> None:
    on_disk = {file.name: file.read_text() for file in CRDS.glob("*.yaml")}

    assert on_disk == crd.files(), "run `make crds`"


def test_a_canary_is_listed_as_people_ask_for_it() -> None:
    version = yaml.safe_load((CRDS / "canaries.yaml").read_text())["spec"]["versions"][0]
    columns = version["additionalPrinterColumns"]

    assert " ".join(column["name"].upper() for column in columns if not column.get("priority")) == (
        "STATUS STEP WEIGHT SEEN REVISION REASON AGE"
    )
    assert {column["name"] for column in columns if column.get("priority")} == {
        "Message", "Waiting", "Suspended", "FailedChecks", "Interval", "Mirror", "StepWeight", "StepWeights",
        "MaxWeight", "LastTransitionTime",
    }  # fmt: skip
    for column in columns:
        _follow(version["schema"]["openAPIV3Schema"], column["jsonPath"])


def _follow(schema: dict[str, Any], path: str) -> None:
    for name in path.removeprefix(".").split("."):
        if name == "metadata":
            return
        schema = schema["properties"][name]


def test_names_are_short_and_a_removed_chart_leaves_the_definitions() -> None:
    definition = yaml.safe_load((CRDS / "canaries.yaml").read_text())

    assert definition["spec"]["names"]["shortNames"] == ["pdc"]
    assert definition["spec"]["names"]["categories"] == ["all"]
    assert definition["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
    assert definition["spec"]["versions"][0]["subresources"] == {"status": {}}


def test_no_default_of_the_schema_makes_a_valid_canary_invalid(canary: Any) -> None:
    """Defaults that depend on other fields would: a written stepWeights breaks a manifest with iterations."""
    analysis = crd.spec_schema("Canary")["properties"]["analysis"]["properties"]

    defaulted = {name for name, schema in analysis.items() if "default" in schema}
    assert defaulted == {"interval", "maxWeight", "onInconclusive", "primaryReadyThreshold", "canaryReadyThreshold"}


def test_every_rule_across_fields_has_a_message() -> None:
    rules = list(_rules(crd.spec_schema("Canary")))

    assert len(rules) >= 9
    assert all(rule["message"] for rule in rules)


def _rules(schema: Any) -> Any:
    if isinstance(schema, dict):
        yield from schema.get("x-kubernetes-validations", ())
        for inner in schema.values():
            yield from _rules(inner)


def test_rules_stand_only_where_the_servers_cost_estimate_can_bound_them() -> None:
    """A rule below a list or map without a limit makes newer servers refuse the whole definition."""
    assert list(_unbounded(crd.spec_schema("Canary"), "spec")) == []


def _unbounded(schema: Any, path: str) -> Any:
    inner = schema.get("items") or schema.get("additionalProperties")
    if isinstance(inner, dict) and list(_rules(inner)) and not (schema.get("maxItems") or schema.get("maxProperties")):
        yield path
    for name, each in {**schema.get("properties", {}), "[]": inner}.items():
        if isinstance(each, dict):
            yield from _unbounded(each, f"{path}.{name}")


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ({"provider": "foo"}, "'foo' is not one of"),
        ({"analysis": {"stepWeights": [5, 150]}}, "150 is greater than the maximum of 100"),
        ({"analysis": {"interval": "0s"}}, "'0s' does not match"),
        ({"analysis": {"interval": "30"}}, "'30' does not match"),
        ({"service": {}}, "'port' is a required property"),
        ({"service": {"port": 80, "match": [{"uri": {"exact": "/", "prefix": "/"}}]}}, "valid under each of"),
        ({"traffic": {"settleSeconds": -1}}, "-1 is less than the minimum of 0"),
    ],
)
def test_the_schema_alone_refuses_bad_values(canary: Any, spec: dict[str, Any], says: str) -> None:
    schema = crd.object_schema(crd.RESOURCES[0])

    with pytest.raises(jsonschema.ValidationError, match=says):
        jsonschema.validate(canary(**spec), schema)
    jsonschema.validate(canary(), schema)
