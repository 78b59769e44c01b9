"""Reading a role's Deployment and pods into the value that decisions are made on.

A Deployment's status is about the spec that its controller saw last, which can be an older one; pods are facts. So
what serves is counted from pods, and which of them are new is taken from the ReplicaSets where they are known.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from delivery.cluster.objects import Object
from delivery.workloads.deployment import promoted_revision, target_template_of
from delivery.workloads.health import is_ready, ready_since, trouble
from delivery.workloads.ownership import is_managed, labels
from delivery.workloads.revision import POD_TEMPLATE_HASH, revision
from delivery.workloads.selectors import selects
from strategies.snapshot import Workload


def observe(
    deployment: Object,
    pods: Iterable[Object],
    *,
    replica_sets: Iterable[Object] = (),
    since: datetime | None = None,
) -> Workload:
    """What is known of a role's workload; `pods` and `replica_sets` may hold those of other workloads too.

    `since`: restarts that ended before it are no trouble (see health.trouble).
    """
    own = [pod for pod in pods if _selected(deployment, pod)]
    newest = newest_pods(deployment, own, replica_sets)
    ready = sum(map(is_ready, own))
    return Workload(
        revision=observed_revision(deployment),
        replicas=_wanted(deployment),
        ready=ready,
        updated=_updated(deployment) if newest is None else sum(map(_living, newest)),
        updated_ready=_updated_ready(deployment, ready) if newest is None else sum(map(is_ready, newest)),
        settled=settled(deployment),
        trouble=trouble(_youngest(own) if newest is None else newest, since=since),
        ready_since=tuple(filter(None, map(ready_since, own))),
    )


def observed_revision(deployment: Object) -> str:
    """The revision of a target's template; for a primary the one that it was made from, as recorded."""
    if not is_managed(deployment):
        return revision(deployment["spec"]["template"])
    return promoted_revision(deployment) or revision(target_template_of(deployment))


def settled(deployment: Object) -> bool:
    """Has its controller seen the newest spec, updated every pod and removed all old ones?"""
    total = (deployment.get("status") or {}).get("replicas") or 0
    return _seen(deployment) and _updated(deployment) == total == _wanted(deployment)


def newest_pods(deployment: Object, own: Sequence[Object], replica_sets: Iterable[Object]) -> list[Object] | None:
    """The workload's pods that run its present template; None when nobody can tell.

    By the ReplicaSets that hold the template; without any, all pods when the Deployment's controller counts no old
    ones.
    """
    mine = [item for item in replica_sets if _owns(deployment, item)]
    if mine:
        present = revision(deployment["spec"]["template"])
        same = [item for item in mine if revision(item["spec"]["template"]) == present]
        hashes = {labels(item).get(POD_TEMPLATE_HASH) for item in same} - {None}
        return [pod for pod in own if labels(pod).get(POD_TEMPLATE_HASH) in hashes]
    if _seen(deployment) and _updated(deployment) == ((deployment.get("status") or {}).get("replicas") or 0):
        return list(own)
    return None


def _owns(deployment: Object, replica_set: Object) -> bool:
    owners = replica_set["metadata"].get("ownerReferences") or []
    return any(owner.get("uid") == deployment["metadata"].get("uid") for owner in owners)


def _selected(deployment: Object, pod: Object) -> bool:
    same = pod["metadata"].get("namespace") == deployment["metadata"].get("namespace")
    return same and selects(deployment["spec"]["selector"], labels(pod))


def _youngest(pods: Sequence[Object]) -> list[Object]:
    """The pods of the template whose pods began last."""
    if not pods:
        return []
    last = max(pods, key=lambda pod: str(pod["metadata"].get("creationTimestamp", "")))
    return [pod for pod in pods if labels(pod).get(POD_TEMPLATE_HASH) == labels(last).get(POD_TEMPLATE_HASH)]


def _living(pod: Object) -> bool:
    return not pod["metadata"].get("deletionTimestamp")


def _wanted(deployment: Object) -> int:
    replicas = deployment["spec"].get("replicas")
    return 1 if replicas is None else int(replicas)


def _seen(deployment: Object) -> bool:
    observed = (deployment.get("status") or {}).get("observedGeneration") or 0
    return bool(observed >= (deployment["metadata"].get("generation") or 0))


def _updated(deployment: Object) -> int:
    """Updated pods by status; 0 while the status is about an older spec."""
    return int((deployment.get("status") or {}).get("updatedReplicas") or 0) if _seen(deployment) else 0


def _updated_ready(deployment: Object, ready: int) -> int:
    """At least so many of the updated pods are ready: all ready ones but as many as there are old pods."""
    total = int((deployment.get("status") or {}).get("replicas") or 0)
    return max(0, min(_updated(deployment), ready - (total - _updated(deployment))))
