"""Addresses of Services: each gets a clusterIP when it is created and keeps it, as on a real cluster."""

from ipaddress import IPv4Address, IPv4Network

from delivery.cluster.memory.rejections import Cause, ContentInvalidError
from delivery.cluster.memory.store import Admission, Store
from delivery.cluster.objects import SERVICES

NETWORK = IPv4Network("10.96.0.0/12")


class ServiceAddresses:
    """Admission: fills in what an API server allocates for a Service."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._next = 1

    def __call__(self, admission: Admission) -> None:
        """ContentInvalidError if an update would take another address."""
        if admission.ref.kind != SERVICES or admission.subresource:
            return
        spec, old = admission.object.setdefault("spec", {}), admission.old
        if spec.get("type") == "ExternalName":
            return
        before = ((old or {}).get("spec") or {}).get("clusterIP")
        address = spec.get("clusterIP") or before or self._allocate()
        if before and address != before:
            message = f'Invalid value: "{address}": field is immutable'
            raise ContentInvalidError.of(admission.ref, [Cause("spec.clusterIP", message)])
        spec["clusterIP"], spec["clusterIPs"] = address, [address]
        spec.setdefault("ipFamilies", ["IPv4"])
        spec.setdefault("ipFamilyPolicy", "SingleStack")
        spec.setdefault("internalTrafficPolicy", "Cluster")

    def _allocate(self) -> str:
        used = {(body.get("spec") or {}).get("clusterIP") for body in self._store.scan(SERVICES)}
        for _ in range(NETWORK.num_addresses - 2):
            address = str(IPv4Address(int(NETWORK.network_address) + self._next))
            self._next = self._next % (NETWORK.num_addresses - 2) + 1
            if address not in used:
                return address
        raise ContentInvalidError(f"spec.clusterIP: all addresses of {NETWORK} are taken")
