"""What has to be clear before a Canary may take over traffic; each answer names the cause and the way out.

Refused is what would break users in silence: a second route on one mesh host (Istio does not merge them), a policy
that stops applying when requests go to the roles' hosts, objects that somebody else owns.
"""

from collections.abc import Iterable

from delivery.cluster.objects import DEPLOYMENTS, Kind, Object
from delivery.routing.hosts import covers, is_visible, resolve, routed_hosts
from delivery.routing.route_spec import MESH, RouteSpec
from delivery.workloads.names import Names
from delivery.workloads.ownership import CANARY_LABEL, is_ours, labels
from delivery.workloads.selectors import selector_problem
from delivery.workloads.service_problems import headless_problem, port_problem
from strategies.snapshot import Problem

__all__ = [
    "apex_destination_rule",
    "headless_problem",
    "host_conflict",
    "name_too_long",
    "not_ours",
    "not_served",
    "port_problem",
    "selector_problem",
    "target_conflict",
]

_SERVICE_NAME_MAX = 63  # characters, a DNS label


def not_ours(names: Names, objects: Iterable[tuple[Kind, Object | None]]) -> Problem | None:
    """Does one of the objects that we would create exist already without our labels for this Canary?

    Given the VirtualService named like the apex, both DestinationRules, the primary Deployment and both roles'
    Services, as far as they exist.
    """
    for kind, body in objects:
        if body is None or is_ours(body, names):
            continue
        name = body["metadata"]["name"]
        other = labels(body).get(CANARY_LABEL)
        whose = f"belongs to Canary {other}" if other else "was not made for this Canary"
        return Problem(
            reason="NotOurs",
            message=f"{kind} {name} exists and {whose}; delete or rename it, give the Canary another targetRef.name or "
            "service.name, or make it one that can be taken over (docs/lifecycle.md)",
        )
    return None


def host_conflict(names: Names, spec: RouteSpec, virtual_services: Iterable[Object]) -> Problem | None:
    """Does another VirtualService, in any namespace, route one of our hosts for the mesh's sidecars?

    Gateways merge the routes of a host (Istio, "Traffic Management"); sidecars take the oldest object's alone.
    """
    if not spec.in_mesh:
        return None
    ours = [resolve(host, names.namespace, names.cluster_domain) for host in routed_hosts(names, spec)]
    for body in virtual_services:
        namespace, name = _identity(body, names)
        theirs = body.get("spec") or {}
        gateways = theirs.get("gateways") or [MESH]
        if (namespace, name) == (names.namespace, names.apex) or MESH not in gateways:
            continue
        found = ((host, fqdn) for fqdn in ours for host in theirs.get("hosts") or [])
        same = [each for each in found if covers(each[0], each[1], namespace, names.cluster_domain)]
        if same and is_visible(theirs, namespace, names):
            return Problem(
                reason="HostConflict",
                message=f"VirtualService {namespace}/{name} routes host {same[0][0]}, which is {same[0][1]}; Istio "
                "does not merge the two: name it in spec.routeRefs, or delete it (its rules may go into "
                f"VirtualService {names.apex}), or take the host or gateway mesh out of it",
            )
    return None


def apex_destination_rule(names: Names, destination_rules: Iterable[Object]) -> Problem | None:
    """Does a DestinationRule on the apex host carry a policy or subsets that would stop applying?"""
    fqdn = names.host(names.apex)
    for body in destination_rules:
        namespace, name = _identity(body, names)
        spec = body.get("spec") or {}
        host = str(spec.get("host", ""))
        carried = [member for member in ("trafficPolicy", "subsets") if spec.get(member)]
        exact = "*" not in host and covers(host, fqdn, namespace, names.cluster_domain)
        if exact and carried and is_visible(spec, namespace, names):
            return Problem(
                reason="ApexDestinationRule",
                message=f"DestinationRule {namespace}/{name} on host {host} has {' and '.join(carried)}, which stops "
                f"applying once requests go to {names.primary_service} and {names.canary_service}; move the policy "
                "to spec.service.trafficPolicy and delete it",
            )
    return None


def not_served(missing: Iterable[Kind]) -> Problem:
    """The API server does not know these kinds, with which the routes would be made."""
    kinds = " and ".join(f"{kind.kind} ({kind.group})" for kind in missing)
    return Problem(
        reason="MeshNotInstalled",
        message=f"the cluster has no {kinds}; install Istio, or set spec.provider to kubernetes, which does without a "
        "mesh",
    )


def name_too_long(names: Names) -> Problem | None:
    """Is the name of one of the roles' Services longer than a Service's name may be?"""
    longest = max(names.primary_service, names.canary_service, key=len)
    if len(longest) <= _SERVICE_NAME_MAX:
        return None
    return Problem(
        reason="NameTooLong",
        message=f"Service {longest} has {len(longest)} characters, at most {_SERVICE_NAME_MAX} are allowed; "
        "give spec.service.name a shorter name",
    )


def target_conflict(
    names: Names, created: str, others: Iterable[tuple[str, str]], *, kind: Kind = DEPLOYMENTS
) -> Problem | None:
    """Does an older Canary have the same target?

    `created` is this Canary's creationTimestamp; `others` are names and creationTimestamps of the other Canaries
    with this target, of this kind, in the namespace. Of two made in the same second the first by name counts as older.
    """
    older = sorted((when, name) for name, when in others if (when, name) < (created, names.canary))
    if not older:
        return None
    return Problem(
        reason="TargetConflict",
        message=f"Canary {older[0][1]} already rolls out {kind} {names.target}; "
        "delete one of the two or give it another targetRef.name",
    )


def _identity(body: Object, names: Names) -> tuple[str, str]:
    meta = body["metadata"]
    return meta.get("namespace", names.namespace), meta["name"]
