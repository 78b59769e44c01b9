"""Copies of a Service that is itself the target: where its requests end, under the name of a role.

Of the user's Service only what decides where requests end is copied (selector, externalName, ports, whether pods that
are not ready count). How it is reached itself (its type, addresses, node ports) stays with it.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from delivery.cluster.objects import SERVICES, Change, Object
from delivery.workloads.names import Names
from delivery.workloads.overlay import Absent, Exact, create_change, patch_change
from delivery.workloads.ownership import MANAGER, REVISION, owner_labels
from delivery.workloads.revision import canonical
from delivery.workloads.service_spec import Metadata, ServiceSpec
from delivery.workloads.written import shared_fields

COPIED = ("selector", "externalName", "ports", "publishNotReadyAddresses")
"""What of a Service's spec is a version."""
EXTERNAL = "ExternalName"

_OF_A_PORT = ("name", "port", "targetPort", "protocol", "appProtocol")


def routed(service: Object) -> dict[str, Any]:
    """Where a Service's requests end: what is a version of it, in the shape of a template."""
    spec = service["spec"]
    found = {name: spec[name] for name in COPIED if spec.get(name)}
    if spec.get("type") != EXTERNAL:
        found.pop("externalName", None)
    if "ports" in found:
        found["ports"] = [{key: port[key] for key in _OF_A_PORT if key in port} for port in found["ports"]]
    return {"spec": found}


def same(service: Object, template: Mapping[str, Any]) -> bool:
    """Do its requests end where the template says?"""
    return canonical(routed(service)) == canonical(template)


def create(names: Names, name: str, template: Mapping[str, Any], noted: Mapping[str, str], *, epoch: int) -> Change:
    """Create the copy `name` with these annotations."""
    meta = {"name": name, "namespace": names.namespace, "labels": owner_labels(names), "annotations": dict(noted)}
    body = {"metadata": meta, "spec": {"type": _type(template), **template["spec"]}}
    return create_change(SERVICES, body, epoch=epoch, why=f"create Service {name}")


def lead_to(copy: Object, template: Mapping[str, Any], *, epoch: int, revision: str = "") -> Change | None:
    """Have the copy's requests end where the template says; None when they do. A primary notes the revision."""
    wanted = {name: Exact(template["spec"][name]) if name in template["spec"] else Absent() for name in COPIED}
    body: dict[str, Any] = {} if same(copy, template) else {"spec": {"type": _type(template), **wanted}}
    if revision:
        body["metadata"] = {"annotations": {REVISION: revision}}
    return patch_change(SERVICES, copy, body, epoch=epoch, why=f"lead {copy['metadata']['name']} to {revision or 'it'}")


def dress(copy: Object, names: Names, given: Metadata, spec: ServiceSpec, *, epoch: int) -> Change | None:
    """Labels, annotations and traffic distribution of a copy, as for every role's Service."""
    shared = shared_fields(copy, given, spec, (), ours=True)
    meta = {**shared["metadata"], "labels": {**shared["metadata"]["labels"], **owner_labels(names)}}
    wanted = {"metadata": meta, "spec": shared["spec"]}
    return patch_change(SERVICES, copy, wanted, epoch=epoch, why=f"repair Service {copy['metadata']['name']}")


def last_written(body: Object, manager: str = "") -> datetime | None:
    """When this manager, or anybody, wrote an object (not its status) last, by the API server's clock."""
    entries = [each for each in body["metadata"].get("managedFields") or () if not each.get("subresource")]
    times = [str(each.get("time") or "") for each in entries if manager in ("", each.get("manager"))]
    try:
        return max((datetime.fromisoformat(each) for each in times if each), default=None)
    except (ValueError, TypeError):
        return None


def led_since(copy: Object) -> datetime | None:
    """Since when, at the latest, a copy leads where it leads: nobody but us changes that."""
    return last_written(copy, MANAGER)


def _type(template: Mapping[str, Any]) -> str:
    return EXTERNAL if "externalName" in template["spec"] else "ClusterIP"
