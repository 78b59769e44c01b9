"""What has to be clear before users are led by the apex Service's selector alone; each answer names the way out.

Refused is what would leave users where they are although the selector has moved: a Service whose callers choose pods
themselves, and a mesh whose routes answer before the Service does.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from delivery.cluster.objects import Object
from delivery.routing.hosts import covers, is_visible
from delivery.workloads.names import Names
from delivery.workloads.service_problems import NO_ADDRESS
from strategies.snapshot import Problem


def apex_unsupported(names: Names, apex: Object | None) -> Problem | None:
    """Is the apex Service one whose selector leads nobody?"""
    spec = apex["spec"] if apex is not None else {}
    if spec.get("type") == "ExternalName":
        what = "is of type ExternalName and selects no pods"
    elif spec.get("clusterIP") == NO_ADDRESS:
        what = "is headless: its callers look up pods and keep them, whatever it selects later"
    else:
        return None
    return Problem(
        reason="ServiceUnsupported",
        message=f"Service {names.apex} {what}; provider kubernetes needs a Service with a cluster IP: give "
        "spec.service.name another name, or make this one anew with an address",
    )


def apex_routed(names: Names, virtual_services: Iterable[Object]) -> Problem | None:
    """Does a mesh lead requests for the apex host elsewhere, so that the Service's selector decides nothing?

    One that only adds limits, headers or the like, and leads to the apex host itself, does no harm.
    """
    fqdn = names.host(names.apex)
    for body in virtual_services:
        meta, spec = body["metadata"], body.get("spec") or {}
        namespace = meta.get("namespace", names.namespace)
        concerned = any(covers(host, fqdn, namespace, names.cluster_domain) for host in spec.get("hosts") or ())
        in_mesh = "mesh" in (spec.get("gateways") or ["mesh"])
        elsewhere = next(_elsewhere(spec, fqdn, namespace, names), None)
        if concerned and in_mesh and elsewhere and is_visible(spec, namespace, names):
            return Problem(
                reason="HostConflict",
                message=f"VirtualService {namespace}/{meta['name']} leads requests for {fqdn} to {elsewhere}, whatever "
                f"Service {names.apex} selects; delete it, or let spec.provider be istio, whose routes are split",
            )
    return None


def _elsewhere(spec: Mapping[str, Any], fqdn: str, namespace: str, names: Names) -> Iterator[str]:
    """The destinations of its rules that are not simply the apex Service."""
    for rule in (rule for protocol in ("http", "tcp", "tls") for rule in spec.get(protocol) or ()):
        if rule.get("delegate"):
            yield f"the rules of VirtualService {rule['delegate'].get('name', '')}"
        for item in rule.get("route") or ():
            destination = item.get("destination") or {}
            host, subset = str(destination.get("host", "")), destination.get("subset")
            if subset:
                yield f"subset {subset} of {host}"
            elif not covers(host, fqdn, namespace, names.cluster_domain):
                yield host
