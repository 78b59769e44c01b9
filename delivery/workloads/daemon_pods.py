"""Reading a role's DaemonSet and pods into the value that decisions are made on.

How many pods there should be is a fact about nodes, which only the DaemonSet's own controller knows; so that comes
from its status, and counts only while the status is about the present spec. What serves is counted from pods.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from delivery.cluster.objects import Object
from delivery.workloads.health import is_ready, ready_since, trouble
from delivery.workloads.ownership import annotations, labels
from delivery.workloads.selectors import selects
from strategies.snapshot import Workload

HASH = "controller-revision-hash"
"""Label of a pod: the hash of its template, which is the same again after going back to an earlier template."""
GENERATION = "pod-template-generation"
"""Label of a pod: the count of its DaemonSet's templates when it was made (kept by the API server)."""
COUNT = "deprecated.daemonset.template.generation"
"""Annotation of a DaemonSet: that count now. apps/v1 has no other way to read it."""


def observe(
    body: Object, pods: Iterable[Object], *, revision: str, resting: bool, since: datetime | None = None
) -> Workload:
    """What is known of a role's DaemonSet of `revision`; `pods` may hold those of other workloads too.

    `resting`: it is sent to no node. `since`: restarts that ended before it are no trouble (see health.trouble).
    """
    own = [pod for pod in pods if _selected(body, pod)]
    newest = newest_pods(body, own)
    wanted = 0 if resting else _count(body, "desiredNumberScheduled")
    return Workload(
        revision=revision,
        replicas=wanted,
        ready=sum(map(is_ready, own)),
        updated=sum(not pod["metadata"].get("deletionTimestamp") for pod in newest),
        updated_ready=sum(map(is_ready, newest)),
        settled=settled(body),
        trouble=trouble(newest, since=since),
        ready_since=tuple(filter(None, map(ready_since, own))),
        most=wanted if _seen(body) and not resting else None,
    )


def settled(body: Object) -> bool:
    """Has its controller seen the newest spec, and is there an updated pod on each allowed node and none elsewhere?"""
    wanted = _count(body, "desiredNumberScheduled")
    there = (_count(body, "currentNumberScheduled"), _count(body, "updatedNumberScheduled"))
    return _seen(body) and there == (wanted, wanted) and _count(body, "numberMisscheduled") == 0


def newest_pods(body: Object, own: Sequence[Object]) -> list[Object]:
    """The pods of the present template: all of them once it has settled, else those that are known to be.

    A template that went and came back has one hash and two counts, so the hash of a pod with the present count tells
    of the others.
    """
    if settled(body):
        return list(own)
    count = str(annotations(body).get(COUNT, ""))
    hashes = {labels(pod).get(HASH) for pod in own if count and labels(pod).get(GENERATION) == count} - {None}
    return [pod for pod in own if labels(pod).get(HASH) in hashes]


def _selected(body: Object, pod: Object) -> bool:
    same = pod["metadata"].get("namespace") == body["metadata"].get("namespace")
    return same and selects(body["spec"]["selector"], labels(pod))


def _seen(body: Object) -> bool:
    return _count(body, "observedGeneration") >= (body["metadata"].get("generation") or 0)


def _count(body: Object, field: str) -> int:
    return int((body.get("status") or {}).get(field) or 0)
