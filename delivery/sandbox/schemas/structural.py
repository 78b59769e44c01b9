"""The schema of a CustomResourceDefinition at work: what it removes, fills in and refuses.

The order of an API server is: prune, default, validate. Each step is a walk over the object beside its schema.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from delivery.cluster.memory.rejections import BadRequestError, Cause
from delivery.sandbox.schemas import filling, pruning
from delivery.sandbox.schemas.decoding import DecodeError, unreadable
from delivery.sandbox.schemas.names import dns_subdomain, metadata
from delivery.sandbox.schemas.structure import problems
from delivery.sandbox.schemas.validation import Walk

Schema = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class StructuralSchema:
    """The schema of whole objects of one version of a kind; `of` is the way to make one."""

    schema: Schema

    @classmethod
    def of(cls, openapi_v3_schema: Schema) -> "StructuralSchema":
        """From a CRD's `openAPIV3Schema`. ValueError names what no API server would accept in it."""
        causes = problems(openapi_v3_schema)
        if causes:
            raise ValueError("; ".join(f"{cause.field}: {cause.message}" for cause in causes))
        return cls(openapi_v3_schema)

    def prune(self, body: dict[str, Any]) -> list[str]:
        """Remove from `body` what the schema does not know; the paths removed, such as `spec.hosts[0].prot`.

        BadRequestError, in the server's words, for metadata that has another form than all metadata.
        """
        removed: list[str] = []
        try:
            pruning.prune(body, self.schema, "", removed, root=True)
        except DecodeError as error:
            version = str(body.get("apiVersion")).rpartition("/")[2]
            raise BadRequestError(unreadable(str(body.get("kind")), version, str(error))) from None
        return removed

    def default(self, body: dict[str, Any]) -> None:
        """Fill in the schema's defaults in `body`, and drop nulls where the schema allows none."""
        filling.default(body, self.schema)
        filling.drop_nulls(body, self.schema)

    def validate(self, body: Mapping[str, Any]) -> list[Cause]:
        """What is wrong with `body`, in the API server's words; empty if nothing is."""
        walk = Walk()
        walk.visit(body, self.schema, "", root=True)
        return [*metadata(body.get("metadata") or {}, dns_subdomain), *walk.causes]
