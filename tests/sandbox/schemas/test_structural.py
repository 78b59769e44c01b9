"""A schema at work. What a real API server makes of the same is compared in tests/cluster/schemas."""

from typing import Any

import pytest
import yaml

from delivery.cluster.memory.rejections import BadRequestError
from delivery.sandbox.schemas.structural import StructuralSchema
from tests.sandbox.schemas.conftest import CRDS, our_schema

TEXT = {"type": "string"}


def of(**properties: Any) -> StructuralSchema:
    """The schema of an object whose spec has these fields."""
    return StructuralSchema.of({"type": "object", "properties": {"spec": {"type": "object", "properties": properties}}})


def body(**spec: Any) -> dict[str, Any]:
    """An object with this spec."""
    return {"apiVersion": "a/v1", "kind": "A", "metadata": {"name": "x"}, "spec": spec}


def complaints(schema: StructuralSchema, **spec: Any) -> list[tuple[str, str]]:
    """Field and message of everything that is wrong."""
    return [(cause.field, cause.message) for cause in schema.validate(body(**spec))]


def test_unknown_fields_go_and_are_named_by_their_path() -> None:
    schema = of(list={"type": "array", "items": {"type": "object", "properties": {"a": TEXT}}})
    sent = {**body(list=[{"a": "1"}, {"a": "2", "b": "3"}], other=1), "extra": 1}

    assert schema.prune(sent) == ["extra", "spec.list[1].b", "spec.other"]
    assert sent == body(list=[{"a": "1"}, {"a": "2"}])


def test_what_may_hold_anything_keeps_it_but_for_what_is_described_in_it() -> None:
    inner = {"type": "object", "properties": {"a": TEXT}}
    schema = of(free={"type": "object", "x-kubernetes-preserve-unknown-fields": True, "properties": {"in": inner}})
    sent = body(free={"any": {"thing": 1}, "in": {"a": "1", "b": "2"}})

    assert schema.prune(sent) == ["spec.free.in.b"]
    assert sent["spec"]["free"] == {"any": {"thing": 1}, "in": {"a": "1"}}


def test_metadata_is_what_all_metadata_is() -> None:
    sent = body()
    sent["metadata"] |= {"labels": {}, "colour": "red"}

    assert of().prune(sent) == ["metadata.colour"]
    assert sent["metadata"] == {"name": "x"}


def test_metadata_of_another_form_is_a_bad_request() -> None:
    sent = body()
    sent["metadata"]["labels"] = {"a": 1}

    with pytest.raises(
        BadRequestError, match=r'^A in version "v1" cannot be handled as a A: .*metadata.labels.* string'
    ):
        of().prune(sent)


def test_defaults_come_from_outside_to_inside() -> None:
    inner = {"type": "object", "properties": {"c": {"type": "integer", "default": 5}}}
    schema = of(deep={"type": "object", "default": {"b": {}}, "properties": {"b": inner}})
    sent = body()

    schema.default(sent)

    assert sent["spec"] == {"deep": {"b": {"c": 5}}}


def test_a_default_is_not_shared_between_objects() -> None:
    schema = of(deep={"type": "object", "default": {"b": []}, "x-kubernetes-preserve-unknown-fields": True})
    first, second = body(), body()
    schema.default(first)
    first["spec"]["deep"]["b"].append(1)

    schema.default(second)

    assert second["spec"] == {"deep": {"b": []}}


def test_null_is_absent_unless_it_is_allowed() -> None:
    schema = of(a={**TEXT, "default": "x"}, b=TEXT, c={**TEXT, "nullable": True, "default": "x"})
    sent = body(a=None, b=None, c=None)

    schema.default(sent)

    assert sent["spec"] == {"a": "x", "c": None}


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ({"type": "integer"}, "x", 'Invalid value: "string": spec.f in body must be of type integer: "string"'),
        ({"type": "integer", "maximum": 5}, 6, "Invalid value: 6: spec.f in body should be less than or equal to 5"),
        (
            {"type": "number", "minimum": 0, "exclusiveMinimum": True},
            0,
            "Invalid value: 0: spec.f in body should be greater than 0",
        ),
        ({**TEXT, "enum": ["a", "b"]}, "c", 'Unsupported value: "c": supported values: "a", "b"'),
        ({**TEXT, "pattern": "^a$"}, "b", "Invalid value: \"b\": spec.f in body should match '^a$'"),
        ({**TEXT, "pattern": "^a$"}, "a\n", "Invalid value: \"a\\n\": spec.f in body should match '^a$'"),
        ({**TEXT, "minLength": 2}, "a", 'Invalid value: "a": spec.f in body should be at least 2 chars long'),
        ({**TEXT, "format": "date-time"}, "x", 'Invalid value: "x": spec.f in body must be of type date-time: "x"'),
        (
            {"type": "array", "items": TEXT, "minItems": 1},
            [],
            "Invalid value: 0: spec.f in body should have at least 1 items",
        ),
        (
            {"x-kubernetes-int-or-string": True},
            True,
            'Invalid value: "boolean": spec.f in body must be of type integer,string: "boolean"',
        ),
    ],
)  # fmt: skip
def test_a_value_that_breaks_a_rule_is_refused_in_the_servers_words(
    field: dict[str, Any], value: Any, message: str
) -> None:
    assert complaints(of(f=field), f=value) == [("spec.f", message)]


def test_a_missing_field_is_named() -> None:
    schema = of(f={"type": "object", "required": ["a"], "properties": {"a": TEXT}})

    assert complaints(schema, f={}) == [("spec.f.a", "Required value")]


def test_an_item_is_named_by_its_place() -> None:
    assert complaints(of(f={"type": "array", "items": TEXT}), f=["a", 1])[0][0] == "spec.f[1]"


def test_keys_of_a_list_are_unique() -> None:
    item = {"type": "object", "properties": {"k": TEXT, "v": TEXT}}
    keyed = {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"], "items": item}

    found = complaints(of(f=keyed), f=[{"k": "a", "v": "1"}, {"k": "a", "v": "2"}])

    assert found == [("spec.f[1]", 'Duplicate value: {"k":"a"}')]


def test_one_branch_of_many_has_to_fit() -> None:
    field = {
        "type": "object",
        "properties": {"a": TEXT, "b": TEXT},
        "oneOf": [{"required": ["a"]}, {"required": ["b"]}],
    }

    assert complaints(of(f=field), f={"a": "1"}) == []
    assert "Found 2 valid alternatives" in complaints(of(f=field), f={"a": "1", "b": "2"})[0][1]
    assert "Found none valid" in complaints(of(f=field), f={})[0][1]


def test_names_and_labels_are_checked_with_the_schema() -> None:
    sent = body()
    sent["metadata"] = {"name": "A_b", "labels": {"a": "_"}}

    assert [cause.field for cause in of().validate(sent)] == ["metadata.name", "metadata.labels"]


@pytest.mark.parametrize(
    ("field", "says"),
    [
        ({}, "properties[f].type: Required value"),
        ({"type": "array"}, "properties[f].items: Required value"),
        ({"type": "string", "pattern": "("}, "properties[f].pattern: Invalid value"),
        ({"$ref": "x"}, "properties[f].$ref: Forbidden"),
        ({"type": "integer", "default": "x"}, "properties[f].default: Invalid value"),
        ({"type": "string", "anyOf": [{"type": "string"}]}, "anyOf[0].type: Forbidden"),
    ],
)
def test_a_schema_that_is_not_structural_is_refused(field: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match="openAPIV3Schema") as refused:
        of(f=field)
    assert says in str(refused.value)


@pytest.mark.parametrize("file", sorted(CRDS.glob("*.yaml")), ids=lambda file: file.stem)
def test_our_own_schemas_are_structural(file: Any) -> None:
    versions = yaml.safe_load(file.read_text())["spec"]["versions"]

    assert all(StructuralSchema.of(version["schema"]["openAPIV3Schema"]) for version in versions)


def test_a_canary_gets_its_defaults_and_loses_its_typos() -> None:
    schema = StructuralSchema.of(our_schema("Canary"))
    sent = body(analysis={"stepWeight": 5, "stepWieght": 6})

    assert schema.prune(sent) == ["spec.analysis.stepWieght"]
    schema.default(sent)

    assert sent["spec"]["analysis"]["stepWeight"] == 5
    assert "stepWieght" not in sent["spec"]["analysis"]
    assert "interval" in sent["spec"]["analysis"]
