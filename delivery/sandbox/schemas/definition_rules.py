"""What an API server refuses in a CustomResourceDefinition, its schemas' own rules apart (they are in structure)."""

from collections.abc import Iterator, Mapping
from typing import Any

from delivery.cluster.memory.rejections import Cause
from delivery.cluster.objects import Object
from delivery.sandbox.schemas.complaints import invalid, required, unsupported
from delivery.sandbox.schemas.jsonpath import compiled
from delivery.sandbox.schemas.names import dns_1035_label, dns_subdomain, named
from delivery.sandbox.schemas.structure import problems

Part = Mapping[str, Any]

_SCOPES = ("Cluster", "Namespaced")
_TYPES = ("boolean", "date", "integer", "number", "string")
_FORMATS = ("byte", "date", "date-time", "double", "float", "int32", "int64", "password")


def definition(body: Object) -> Iterator[Cause]:
    """A definition whose defaults are filled in; webhooks for conversion are refused, for nothing would call them."""
    spec = body.get("spec") or {}
    names = spec.get("names") or {}
    if body["metadata"].get("name") != f"{names.get('plural', '')}.{spec.get('group', '')}":
        yield invalid("metadata.name", body["metadata"].get("name"), 'must be spec.names.plural+"."+spec.group')
    if not spec.get("group"):
        yield required("spec.group")
    else:
        yield from named("spec.group", spec["group"], dns_subdomain)
    if not spec.get("scope"):
        yield required("spec.scope")
    elif spec["scope"] not in _SCOPES:
        yield unsupported("spec.scope", spec["scope"], _SCOPES)
    yield from _names(names)
    versions = spec.get("versions") or ()
    if sum(bool(version.get("storage")) for version in versions) != 1:
        yield invalid("spec.versions", list(versions), "must have exactly one version marked as storage version")
    for number, version in enumerate(versions):
        yield from _version(version, f"spec.versions[{number}]")
    strategy = (spec.get("conversion") or {}).get("strategy", "None")
    if strategy != "None":
        yield unsupported("spec.conversion.strategy", strategy, ["None"])
    if spec.get("preserveUnknownFields"):
        why = "cannot set to true, set x-preserve-unknown-fields to true in spec.versions[*].schema instead"
        yield invalid("spec.preserveUnknownFields", value=True, why=why)


def _names(names: Part) -> Iterator[Cause]:
    for member in ("plural", "singular", "kind", "listKind"):
        name, path = names.get(member), f"spec.names.{member}"
        if not name:
            yield required(path)
        elif member in ("plural", "singular"):
            yield from named(path, name, dns_1035_label)
        else:
            mixed = "may have mixed case, but should otherwise match: "
            yield from (invalid(path, name, mixed + problem) for problem in dns_1035_label(name.lower()))
    for number, name in enumerate(names.get("shortNames") or ()):
        yield from named(f"spec.names.shortNames[{number}]", name, dns_1035_label)


def _version(version: Part, path: str) -> Iterator[Cause]:
    yield from named(f"{path}.name", version.get("name", ""), dns_1035_label)
    schema = (version.get("schema") or {}).get("openAPIV3Schema")
    if schema is None:
        yield required(f"{path}.schema.openAPIV3Schema", "schemas are required")
    else:
        yield from problems(schema, f"{path}.schema.openAPIV3Schema")
    for number, column in enumerate(version.get("additionalPrinterColumns") or ()):
        yield from _column(column, f"{path}.additionalPrinterColumns[{number}]")
    if (scale := (version.get("subresources") or {}).get("scale")) is not None:
        yield from _scale(scale, f"{path}.subresources.scale")


def _column(column: Part, path: str) -> Iterator[Cause]:
    one_of = f"must be one of {','.join(_TYPES)}"
    if not column.get("name"):
        yield required(f"{path}.name")
    if not column.get("type"):
        yield required(f"{path}.type", one_of)
    elif column["type"] not in _TYPES:
        yield invalid(f"{path}.type", column["type"], one_of)
    if column.get("format") and column["format"] not in _FORMATS:
        yield invalid(f"{path}.format", column["format"], f"must be one of {','.join(_FORMATS)}")
    where = column.get("jsonPath")
    if not where:
        yield required(f"{path}.jsonPath")
    elif not where.startswith("."):
        yield invalid(f"{path}.jsonPath", where, "must be a simple json path starting with .")
    else:
        try:
            compiled(where)
        except ValueError as error:
            yield invalid(f"{path}.jsonPath", where, str(error))


def _scale(scale: Part, path: str) -> Iterator[Cause]:
    for member, below in (("specReplicasPath", ".spec."), ("statusReplicasPath", ".status.")):
        if not scale.get(member):
            yield required(f"{path}.{member}")
        elif not scale[member].startswith(below):
            yield invalid(f"{path}.{member}", scale[member], f"should be a json path under {below[:-1]}")
