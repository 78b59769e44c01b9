"""What an API server refuses in a Service."""

import ipaddress
from collections.abc import Iterator, Mapping
from typing import Any

from delivery.cluster.memory.rejections import Cause
from delivery.cluster.objects import Object
from delivery.sandbox.schemas.complaints import duplicate, forbidden, invalid, required, unsupported
from delivery.sandbox.schemas.names import dns_label, labels, named, port_name, port_number
from delivery.sandbox.schemas.pod_rules import PROTOCOLS

_TYPES = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
_AFFINITIES = ("ClientIP", "None")


def service(body: Object) -> Iterator[Cause]:
    """A Service whose defaults are filled in."""
    spec = body.get("spec") or {}
    type_, address = spec.get("type", "ClusterIP"), spec.get("clusterIP") or ""
    if type_ not in _TYPES:
        yield unsupported("spec.type", type_, _TYPES)
    if type_ == "ExternalName" and not spec.get("externalName"):
        yield required("spec.externalName")
    ports = spec.get("ports") or ()
    if not ports and type_ != "ExternalName" and address != "None":
        yield required("spec.ports")
    seen: set[Any] = set()
    for number, port in enumerate(ports):
        yield from _port(port, f"spec.ports[{number}]", seen, several=len(ports) > 1)
        if port.get("nodePort") and type_ in ("ClusterIP", "ExternalName"):
            why = f"may not be used when `type` is '{type_}'"
            yield forbidden(f"spec.ports[{number}].nodePort", why)
    yield from labels("spec.selector", spec.get("selector"))
    if spec.get("sessionAffinity", "None") not in _AFFINITIES:
        yield unsupported("spec.sessionAffinity", spec["sessionAffinity"], _AFFINITIES)
    if address not in ("", "None") and not _is_ip(address):
        yield invalid("spec.clusterIPs[0]", address, "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)")


def _port(port: Mapping[str, Any], path: str, seen: set[Any], *, several: bool) -> Iterator[Cause]:
    if name := port.get("name"):
        yield from named(f"{path}.name", name, dns_label)
        if name in seen:
            yield duplicate(f"{path}.name", name)
        seen.add(name)
    elif several:
        yield required(f"{path}.name")
    number, protocol, target = port.get("port", 0), port.get("protocol", "TCP"), port.get("targetPort")
    yield from (invalid(f"{path}.port", number, why) for why in port_number(number))
    if protocol not in PROTOCOLS:
        yield unsupported(f"{path}.protocol", protocol, PROTOCOLS)
    if target is not None:
        rule = port_name(target) if isinstance(target, str) else port_number(target)
        yield from (invalid(f"{path}.targetPort", target, why) for why in rule)
    if (number, protocol) in seen:
        yield duplicate(path, {"port": number, "protocol": protocol})
    seen.add((number, protocol))


def _is_ip(text: str) -> bool:
    try:
        return bool(ipaddress.ip_address(text))
    except ValueError:
        return False
