"""Routes and subsets that stay the user's: named here, so that only what a rollout needs of them is touched."""

from typing import Literal

from pydantic import ConfigDict, Field, model_validator

from delivery.api.model import Piece, broken_rule, cel
from delivery.api.references import Name

MOST_ROUTES = 16
"""VirtualServices that one Canary can name."""


class RouteReference(Piece):
    """A VirtualService whose weights the rollout moves; everything else on it stays."""

    api_version: Literal["networking.istio.io/v1", "networking.istio.io/v1alpha3", "networking.istio.io/v1beta1"]
    """API version of the VirtualService."""
    kind: Literal["VirtualService"]
    """Kind of the object."""
    name: Name
    """Name of the VirtualService."""
    namespace: str = Field(default="", max_length=63)
    """Its namespace; empty is the Canary's."""
    routes: tuple[Name, ...] = Field(default=(), max_length=64, json_schema_extra={"x-kubernetes-list-type": "set"})
    """Names of its http routes that split; empty means every route with a role among its destinations. Routes for tcp
    and tls have no names and count by their destinations.
    """

    @model_validator(mode="after")
    def _each_once(self) -> "RouteReference":
        if len(set(self.routes)) != len(self.routes):
            raise broken_rule(given=", ".join(self.routes), allowed="each name once", field="routes", drop=("routes",))
        return self


class SubsetRef(Piece):
    """A DestinationRule on the apex host whose subsets are the roles; with promotion.method switch, the versions."""

    model_config = ConfigDict(
        json_schema_extra=cel(
            (
                "!has(self.primarySubset) || !has(self.canarySubset) || self.primarySubset != self.canarySubset",
                "primarySubset and canarySubset must not be the same",
            ),
            (
                "has(self.primarySubset) == has(self.canarySubset)",
                "primarySubset and canarySubset go together",
            ),
        )
    )

    name: Name
    """Name of the DestinationRule, in the Canary's namespace."""
    primary_subset: Name | None = None
    """Its subset of the primary's pods; not with switch, which finds each version's by the labels of its pods."""
    canary_subset: Name | None = None
    """Its subset of the target's pods; not with switch."""

    @property
    def names_roles(self) -> bool:
        """Does it say which subset is which role? Else the pods' labels do."""
        return self.primary_subset is not None

    @model_validator(mode="after")
    def _two(self) -> "SubsetRef":
        if (self.primary_subset is None) != (self.canary_subset is None):
            raise broken_rule(
                given="one of primarySubset and canarySubset",
                allowed="both, or with promotion.method switch none",
                field="canarySubset",
            )
        if self.primary_subset is not None and self.primary_subset == self.canary_subset:
            raise broken_rule(
                given=f'"{self.canary_subset}" for both', allowed="two different subsets", field="canarySubset"
            )
        return self
