"""The three Services: canary and primary are ours, the apex is often the user's.

Of a Service that the user made only the selector is ours, and only once the primary can carry the users; what it
selected before is recorded first. Of our own, foreign fields, ports, labels and annotations stay.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from delivery.cluster.objects import SERVICES, Change, Object, Op
from delivery.workloads.names import Names
from delivery.workloads.overlay import Absent, Exact, create_change, overlay, patch_change, plain
from delivery.workloads.ownership import (
    ORIGINAL_ROUTES,
    ORIGINAL_SELECTOR,
    annotations,
    is_ours,
    owner_labels,
)
from delivery.workloads.service_spec import Metadata, ServiceSpec
from strategies.snapshot import Problem


def role_services(
    names: Names,
    spec: ServiceSpec,
    *,
    canary_selector: Mapping[str, str],
    primary_selector: Mapping[str, str],
    canary: Object | None,
    primary: Object | None,
    apex: Object | None,
    epoch: int,
) -> tuple[Change, ...]:
    """The changes that make the canary and the primary service: each selects one role's pods.

    The selectors are the matchLabels of target and primary. Further ports of a user's apex Service are offered by
    both roles too, since Istio sends requests for such a port on to the same port of the role's Service.
    """
    further = _further_ports(names, spec, apex)
    canary_change = _service(names, spec, names.canary_service, canary_selector, canary, spec.canary, further, epoch)
    primary_change = _service(
        names, spec, names.primary_service, primary_selector, primary, spec.primary, further, epoch
    )
    return tuple(change for change in (canary_change, primary_change) if change)


def apex_service(
    names: Names, spec: ServiceSpec, *, selector: Mapping[str, str], apex: Object | None, epoch: int
) -> Change | None:
    """The change after which the apex Service selects the primary's pods; None when it does.

    Creates it when there is none. Of a user's Service only the selector changes, and the one before is recorded.
    """
    if apex is None or is_ours(apex, names):
        return _service(names, spec, names.apex, selector, apex, spec.apex, (), epoch)
    wanted: dict[str, Any] = {"spec": {"selector": Exact(selector)}}
    if not overlay(apex, wanted):
        return None
    if ORIGINAL_SELECTOR not in annotations(apex):
        wanted["metadata"] = {"annotations": {ORIGINAL_SELECTOR: _original_selector(apex)}}
    why = "the apex Service selects the primary"
    return patch_change(SERVICES, apex, wanted, epoch=epoch, why=why)


def original_annotations(apex: Object | None, virtual_service: Object | None, names: Names) -> dict[str, str]:
    """What was there before us, as annotations for the creating write of the primary.

    A user's apex Service gives its selector (the first that was recorded, if we have moved it before); a
    VirtualService that is not ours gives its spec. Objects of our own give nothing.
    """
    noted: dict[str, str] = {}
    if apex is not None and not is_ours(apex, names):
        noted[ORIGINAL_SELECTOR] = annotations(apex).get(ORIGINAL_SELECTOR) or _original_selector(apex)
    if virtual_service is not None and not is_ours(virtual_service, names):
        noted[ORIGINAL_ROUTES] = _json(virtual_service.get("spec"))
    return noted


def port_problem(names: Names, spec: ServiceSpec, apex: Object | None) -> Problem | None:
    """Why the user's apex Service cannot serve `spec.service.port`, if so."""
    if apex is None or is_ours(apex, names):
        return None
    if apex["spec"].get("type") == "ExternalName":
        return Problem(
            reason="ServiceUnsupported",
            message=f"Service {names.apex} is of type ExternalName and selects no pods; "
            "give spec.service.name another name or make it a ClusterIP Service",
        )
    ports = [item.get("port") for item in apex["spec"].get("ports") or [] if _is_tcp(item)]
    if spec.port in ports:
        return None
    offered = ", ".join(map(str, ports)) or "none"
    return Problem(
        reason="PortNotInService",
        message=f"spec.service.port: given {spec.port}, but Service {names.apex} has ports {offered}; "
        "use one of them or add the port to the Service",
    )


def _service(
    names: Names,
    spec: ServiceSpec,
    name: str,
    selector: Mapping[str, str],
    current: Object | None,
    metadata: Metadata,
    further: Sequence[Mapping[str, Any]],
    epoch: int,
) -> Change | None:
    """Create or repair one of our own Services."""
    labels = {**metadata.labels, **owner_labels(names)}
    meta = {"labels": labels, "annotations": dict(metadata.annotations)}
    ports = [_port(spec), *further]
    if current is None:
        identity = {"name": name, "namespace": names.namespace, **meta}
        body = {"metadata": identity, "spec": {"selector": dict(selector), "ports": ports}}
        return create_change(SERVICES, body, epoch=epoch, why=f"create Service {name}")
    wanted = {"metadata": meta, "spec": {"selector": Exact(selector)}}
    extra = _port_ops(current["spec"].get("ports") or [], ports)
    return patch_change(SERVICES, current, wanted, epoch=epoch, why=f"repair Service {name}", extra=extra)


def _port(spec: ServiceSpec) -> dict[str, Any]:
    return {
        "name": spec.port_name,
        "port": spec.port,
        "targetPort": spec.target_port,
        "protocol": "TCP",
        "appProtocol": spec.app_protocol or Absent(),
    }


def _port_ops(have: Sequence[Mapping[str, Any]], wanted: Sequence[Mapping[str, Any]]) -> tuple[Op, ...]:
    """The operations after which every wanted port is there; other ports, and node ports, stay."""
    if not have:
        return ({"op": "add", "path": "/spec/ports", "value": plain(wanted)},)
    ops: list[Op] = []
    for port in wanted:
        index = _index_of(have, port)
        if index is None:
            ops.append({"op": "add", "path": "/spec/ports/-", "value": plain(port)})
        else:
            ops += overlay(have[index], port, ("spec", "ports", str(index)))
    return tuple(ops)


def _index_of(have: Sequence[Mapping[str, Any]], wanted: Mapping[str, Any]) -> int | None:
    """Where the wanted port is: by its name, else by its number."""
    for member in ("name", "port"):
        for index, item in enumerate(have):
            if item.get(member) == wanted[member] and _is_tcp(item) == _is_tcp(wanted):
                return index
    return None


def _is_tcp(port: Mapping[str, Any]) -> bool:
    return bool(port.get("protocol", "TCP") == "TCP")


def _further_ports(names: Names, spec: ServiceSpec, apex: Object | None) -> list[dict[str, Any]]:
    """The other ports of a user's apex Service, without what belongs to that Service alone."""
    if apex is None or is_ours(apex, names):
        return []
    kept = ("name", "port", "targetPort", "protocol", "appProtocol")
    ports = [item for item in apex["spec"].get("ports") or [] if item.get("port") != spec.port or not _is_tcp(item)]
    named = [item for item in ports if item.get("name") and item["name"] != spec.port_name]
    return [{name: item[name] for name in kept if name in item} for item in named]


def _original_selector(apex: Object) -> str:
    return _json(apex["spec"].get("selector"))


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))
