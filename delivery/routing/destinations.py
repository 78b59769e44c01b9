"""Where each role is reached: a host, and of it a subset where the roles share one.

Hosts compare fully qualified and with their namespace: `reviews` is another Service in every namespace.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from delivery.routing.hosts import resolve
from delivery.routing.route_spec import RouteSpec
from delivery.workloads.names import Names


@dataclass(frozen=True, slots=True)
class Destination:
    """A fully qualified host and a subset of it, "" for none."""

    host: str
    subset: str = ""

    @classmethod
    def read(cls, given: Mapping[str, Any], *, namespace: str, cluster_domain: str) -> "Destination":
        """An Istio destination as a proxy understands it in an object of `namespace`; its port does not matter."""
        return cls(resolve(str(given.get("host", "")), namespace, cluster_domain), str(given.get("subset") or ""))

    @property
    def as_json(self) -> dict[str, Any]:
        """The same for Istio."""
        return {"host": self.host, **({"subset": self.subset} if self.subset else {})}

    def __str__(self) -> str:
        return f"host {self.host}" + (f", subset {self.subset}" if self.subset else "")


NOWHERE = Destination("")
"""The destination of a role whose subset nobody knows; no route leads there."""


@dataclass(frozen=True, slots=True)
class RoleDestinations:
    """The destinations that lead to each role. Of several for the primary, a route's first one in this order counts.

    Where subsets are versions, both roles are the same one between runs, and from a promotion to the end of its run.
    """

    primary: tuple[Destination, ...]
    canary: Destination

    @classmethod
    def of(cls, names: Names, spec: RouteSpec) -> "RoleDestinations":
        """Those of a Canary whose routes are the user's.

        Without subsets the apex host leads to the primary too, whose pods the apex Service selects: so a route can
        name both roles before there is a primary.
        """
        apex = names.host(names.apex)
        if spec.subsets is not None:
            first, canary, before = (
                Destination(apex, name) if name else NOWHERE
                for name in (spec.subsets.primary, spec.subsets.canary, spec.subsets.before)
            )
            further = () if before in (first, canary, NOWHERE) else (before,)
            return cls((first, *further), canary)
        primary = Destination(names.host(names.primary_service))
        return cls((primary, Destination(apex)), Destination(names.host(names.canary_service)))
