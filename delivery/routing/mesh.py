"""What the mesh has to know of a Canary's hosts and pods before its users are sent by route.

A caller's proxy sends requests on to the roles' hosts, which no Sidecar written before has named; and what the proxies
of the called pods report is all that the builtin metrics know.
"""

from collections.abc import Iterable
from typing import Final

from delivery.cluster.objects import Object
from delivery.cluster.policies import SIDECARS
from delivery.cluster.projections import AMBIENT_REDIRECTION, PROXY, SIDECAR_STATUS
from delivery.routing.hosts import covers
from delivery.routing.policies import called, listed
from delivery.workloads.names import Names
from delivery.workloads.ownership import annotations
from strategies.snapshot import Problem

NO_SIDECAR: Final = "NoSidecar"
"""The refusal that is acknowledged by its own name, because the pods that it is about come and go."""


def hides_roles(names: Names, sidecars: Iterable[Object], acknowledged: Iterable[str], *, root: str) -> Problem | None:
    """Does a Sidecar show callers the apex host, by name, and not the hosts of both roles?

    Given Sidecars of any namespace, as the cache holds them.
    """
    known, hiding, hidden = frozenset(acknowledged), [], dict[str, None]()
    for body in sidecars:
        namespace, name = body["metadata"].get("namespace", ""), body["metadata"]["name"]
        label = called(SIDECARS, namespace, name, names)
        if label not in known and (missing := _hidden(names, body, namespace, root)):
            hiding.append(label)
            hidden.update(dict.fromkeys(missing))
    if not hiding:
        return None
    hosts = " and ".join(f"{names.namespace}/{names.host(each)}" for each in hidden)
    what = f"shows callers only {names.apex}: add {hosts} to its egress, or list it in spec.preflight.acknowledge"
    return Problem(reason="SidecarHidesRoles", message=listed(hiding, what))


def _hidden(names: Names, sidecar: Object, own: str, root: str) -> list[str]:
    """The roles' Services that a Sidecar does not show, though it shows the apex."""
    if not _shows(names, names.apex, sidecar, own, root):
        return []
    roles = (names.primary_service, names.canary_service)
    return [service for service in roles if not _shows(names, service, sidecar, own, root)]


def _shows(names: Names, service: str, sidecar: Object, own: str, root: str) -> bool:
    """Is the host of a Service of the Canary's namespace in the Sidecar's egress list?"""
    for entry in sidecar.get("egress") or ():
        where, _, host = str(entry).rpartition("/")
        near = where == "." and (own in (names.namespace, root))
        if (where in ("*", names.namespace) or near) and covers(host, names.host(service), own, names.cluster_domain):
            return True
    return False


def without_proxy(names: Names, pods: Iterable[Object], acknowledged: Iterable[str]) -> Problem | None:
    """Is one of the pods outside the mesh? Those whose containers no kubelet has told of yet are not judged."""
    if NO_SIDECAR in acknowledged or not any(_is_outside(pod) for pod in pods):
        return None
    return Problem(
        reason=NO_SIDECAR,
        message=f"pods of {names.target} have no {PROXY}, so nobody reports the requests that the builtin metrics "
        f"count: label the namespace istio-injection=enabled and restart them, or list {NO_SIDECAR} in "
        "spec.preflight.acknowledge",
    )


def _is_outside(pod: Object) -> bool:
    status, noted = pod.get("status") or {}, annotations(pod)
    if SIDECAR_STATUS in noted or AMBIENT_REDIRECTION in noted or "deletionTimestamp" in pod["metadata"]:
        return False
    containers = status.get("containerStatuses") or ()
    every = (*containers, *(status.get("initContainerStatuses") or ()))
    return bool(containers) and all(each.get("name") != PROXY for each in every)
