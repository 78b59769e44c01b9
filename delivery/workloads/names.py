"""How everything that belongs to a Canary is called; the one place that reads these names out of a Canary."""

from dataclasses import dataclass

from delivery.api.canary import Canary

PRIMARY_SUFFIX = "-primary"
"""Ends the usual names, and always the label value by which the primary's pods are told from the target's."""
CANARY_SUFFIX = "-canary"


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """The names of one Canary's objects, all in `namespace`.

    `canary` is the Canary's own name, `target` the user's workload, `apex` the Service that users call.
    `primary_name` is another name for the primary and for its Service, `canary_name` one for the canary's Service;
    "" for the usual ones.
    """

    namespace: str
    canary: str
    target: str
    apex: str
    uid: str = ""
    cluster_domain: str = "cluster.local"
    primary_name: str = ""
    canary_name: str = ""

    @classmethod
    def of(cls, canary: Canary, cluster_domain: str = "cluster.local") -> "Names":
        """The names of a Canary; the apex is `spec.service.name`, or the target's name without one."""
        naming = canary.spec.naming
        return cls(
            namespace=canary.metadata.namespace,
            canary=canary.metadata.name,
            uid=canary.metadata.uid,
            target=canary.spec.target_ref.name,
            apex=canary.apex,
            cluster_domain=cluster_domain,
            primary_name=((naming.primary or "") if naming else "") or _switched_name(canary),
            canary_name=(naming.canary or "") if naming else "",
        )

    @property
    def primary(self) -> str:
        """The primary workload."""
        return self.primary_name or self.target + PRIMARY_SUFFIX

    @property
    def primary_service(self) -> str:
        """The primary service, and the DestinationRule of its host."""
        return self.primary_name or self.apex + PRIMARY_SUFFIX

    @property
    def canary_service(self) -> str:
        """The canary service, and the DestinationRule of its host."""
        return self.canary_name or self.apex + CANARY_SUFFIX

    def host(self, service: str) -> str:
        """A Service's fully qualified host: short names mean something else in every namespace."""
        return f"{service}.{self.namespace}.svc.{self.cluster_domain}"


def _switched_name(canary: Canary) -> str:
    """Where versions come and go under names of their own, the primary is named after the Service that users call."""
    return canary.apex + PRIMARY_SUFFIX if canary.spec.promotion.method == "switch" else ""
