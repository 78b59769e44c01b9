"""The three Services: canary and primary are ours, the apex is often the user's.

Of a Service that the user made the selector is ours, and only once the primary can carry the users; what it selected
before is recorded first. Everything else of it stays. On the other two, fields, ports, labels and annotations that
somebody else added stay as well.
"""

import json
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from delivery.cluster.objects import SERVICES, Change, Object
from delivery.workloads import adoption
from delivery.workloads.names import Names
from delivery.workloads.overlay import Exact, create_change, patch_change
from delivery.workloads.ownership import (
    ORIGINAL_ROUTES,
    ORIGINAL_SELECTOR,
    annotations,
    is_ours,
    signs,
)
from delivery.workloads.ports import (
    Port,
    arranged,
    discovered_ports,
    further_ports,
    has_unnamed,
    main_port,
    port_ops,
    together,
)
from delivery.workloads.service_problems import NO_ADDRESS
from delivery.workloads.service_spec import Metadata, ServiceSpec
from delivery.workloads.written import Written, shared_fields


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
    templates: Sequence[Mapping[str, Any]] = (),
    canary_noted: Mapping[str, str] = MappingProxyType({}),
) -> tuple[Change, ...]:
    """The changes that make the canary and the primary service: each selects one role's pods.

    The selectors are the matchLabels of target and primary, `templates` the pod templates whose ports are discovered.
    Further ports of a user's apex Service are offered by both roles too. `canary_noted` are annotations of the
    controller's own on the canary service.
    """
    main = main_port(spec)
    more = together([main], further_ports(names, spec, apex), discovered_ports(spec, templates))[1:]
    canary_change = _service(
        names, spec, names.canary_service, canary_selector, canary, spec.canary, more, epoch, noted=canary_noted
    )
    primary_change = _service(names, spec, names.primary_service, primary_selector, primary, spec.primary, more, epoch)
    return tuple(change for change in (canary_change, primary_change) if change)


def apex_service(
    names: Names,
    spec: ServiceSpec,
    *,
    selector: Mapping[str, str],
    apex: Object | None,
    epoch: int,
    templates: Sequence[Mapping[str, Any]] = (),
    noted: Mapping[str, str] = MappingProxyType({}),
    why: str = "the apex Service selects the primary",
) -> Change | None:
    """The change after which the apex Service selects the pods with these labels; None when it does.

    Creates it when there is none. Of a user's Service the selector changes, and the one before is recorded; what the
    Canary asks for besides (discovered ports, labels, annotations, traffic distribution) is added where nothing is.
    `noted` are annotations of the controller's own that go with the selector.
    """
    more = discovered_ports(spec, templates)
    if apex is None or is_ours(apex, names):
        return _service(names, spec, names.apex, selector, apex, spec.apex, more, epoch, noted=noted)
    have = apex["spec"].get("ports") or []
    ports = arranged(have, None, () if has_unnamed(have) else more, before=Written.on(apex).ports)
    shared = shared_fields(apex, spec.apex, spec, ports.ours, ours=False)
    wanted = {"metadata": shared["metadata"], "spec": {**shared["spec"], "selector": Exact(selector)}}
    if "selector" not in apex["spec"] or dict(apex["spec"]["selector"] or {}) != dict(selector):
        wanted["metadata"]["annotations"] |= _recorded(apex)
    wanted["metadata"]["annotations"] |= noted
    return patch_change(SERVICES, apex, wanted, epoch=epoch, why=why, extra=port_ops(have, ports))


def _recorded(apex: Object) -> dict[str, str]:
    """The selector before the first move, unless it is recorded already."""
    return {} if ORIGINAL_SELECTOR in annotations(apex) else {ORIGINAL_SELECTOR: _original_selector(apex)}


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


def _service(
    names: Names,
    spec: ServiceSpec,
    name: str,
    selector: Mapping[str, str],
    current: Object | None,
    metadata: Metadata,
    more: Sequence[Port],
    epoch: int,
    *,
    noted: Mapping[str, str] = MappingProxyType({}),
) -> Change | None:
    """Create or repair one of our own Services."""
    have = (current["spec"].get("ports") or []) if current is not None else []
    ports = arranged(have, main_port(spec), more, before=Written.on(current).ports)
    shared = shared_fields(current, metadata, spec, ports.ours, ours=True)
    marked = {**shared["metadata"]["labels"], **signs(current, names)}
    taken = adoption.note(current, names, adoption.SERVICE_FIELDS)
    meta = {"labels": marked, "annotations": {**shared["metadata"]["annotations"], **noted, **taken}}
    if current is None:
        body = {**shared["spec"], **_address(names, spec, name), "selector": dict(selector), "ports": ports.ports}
        identity = {"name": name, "namespace": names.namespace, **meta}
        whole = {"metadata": identity, "spec": body}
        return create_change(SERVICES, whole, epoch=epoch, why=f"create Service {name}")
    wanted = {"metadata": meta, "spec": {**shared["spec"], "selector": Exact(selector)}}
    why = f"repair Service {name}"
    return patch_change(SERVICES, current, wanted, epoch=epoch, why=why, extra=port_ops(have, ports))


def _address(names: Names, spec: ServiceSpec, name: str) -> dict[str, str]:
    return {"clusterIP": NO_ADDRESS} if spec.headless and name == names.apex else {}


def _original_selector(apex: Object) -> str:
    return _json(apex["spec"].get("selector"))


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))
