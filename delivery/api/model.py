"""What every piece of our API objects has in common.

Pieces are read once from JSON and never changed, know their camelCase names, and refuse a field that they do not
know: a misspelt field that is silently ignored is a rollout that does something else than its author believes.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict
from pydantic_core import PydanticCustomError

from strategies.json_names import camel

GROUP = "progressive.delivery"
VERSION = "v1beta1"


class Piece(BaseModel):
    """A part of a spec. Attribute docstrings become the descriptions in the CRD."""

    model_config = ConfigDict(
        alias_generator=camel,
        frozen=True,
        extra="forbid",
        strict=True,
        allow_inf_nan=False,
        use_attribute_docstrings=True,
    )

    def as_json(self) -> dict[str, Any]:
        """What was given, under its JSON names; nothing that was merely defaulted."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True)


def cel(*rules: tuple[str, str]) -> dict[str, Any]:
    """Schema entries for CEL rules, each (rule, message). Servers before 1.25 drop them; the models check the same."""
    return {"x-kubernetes-validations": [{"rule": rule, "message": message} for rule, message in rules]}


def no_schema_default(schema: dict[str, Any]) -> None:
    """For a field whose default depends on others: the server must not write one into the stored object."""
    schema.pop("default", None)


def at_most_one(*names: str) -> dict[str, Any]:
    """Schema entry: at most one of these properties. Plain schema instead of CEL, because these pieces stand in lists
    and maps of any length, where the server's cost estimate would refuse a CEL rule.
    """
    present = [{"required": [name]} for name in names]
    return {"oneOf": [{"not": {"anyOf": present}}, *present]}


def broken_rule(*, given: str, allowed: str, field: str = "", drop: Sequence[str] = ()) -> PydanticCustomError:
    """The error of a rule across fields: what was given and what is allowed, in words.

    `field` names the property below the checked one that is wrong, if it is one. `drop` are the properties whose
    removal makes the rest valid; without them the whole piece has to go.
    """
    words: Mapping[str, Any] = {"given": given, "allowed": allowed, "field": field, "drop": tuple(drop)}
    return PydanticCustomError("broken_rule", "given {given}, allowed {allowed}", dict(words))
