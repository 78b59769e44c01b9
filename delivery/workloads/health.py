"""pod-health: pods that can be seen to be broken without asking any metric.

A crash loop, a container killed for its memory or an image that cannot be pulled is a fact, not a statistic; it
fails a release at once, also while Prometheus is away.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from delivery.cluster.objects import Object
from strategies.reasons import Reason
from strategies.snapshot import Problem

RESTARTS_TOLERATED = 2  # the third restart is trouble

_WAITING: Mapping[Reason, str] = {
    "CrashLoopBackOff": "it keeps crashing; read its log with kubectl logs --previous",
    "ImagePullBackOff": "its image cannot be pulled; check the image's name and the pull secrets",
    "ErrImagePull": "its image cannot be pulled; check the image's name and the pull secrets",
    "ErrImageNeverPull": "its image is not on the node and imagePullPolicy is Never",
    "ImageInspectError": "its image cannot be inspected on the node",
    "InvalidImageName": "the name of its image is not valid",
    "CreateContainerConfigError": "a ConfigMap, Secret or key that it refers to is missing",
    "CreateContainerError": "the node could not create it",
    "RunContainerError": "the node could not start it; check its command",
}
_OUT_OF_MEMORY = "it used more memory than its limit; raise the limit or find the leak"


def is_ready(pod: Object) -> bool:
    """Does the pod serve: condition Ready is True and nobody is deleting it?"""
    conditions = (pod.get("status") or {}).get("conditions") or []
    ready = any(item.get("type") == "Ready" and item.get("status") == "True" for item in conditions)
    return ready and not pod["metadata"].get("deletionTimestamp")


def ready_since(pod: Object) -> datetime | None:
    """When a pod that serves became ready; None if it does not serve, or where nobody says when."""
    if not is_ready(pod):
        return None
    conditions = (pod.get("status") or {}).get("conditions") or []
    times = [str(item.get("lastTransitionTime") or "") for item in conditions if item.get("type") == "Ready"]
    try:
        since = datetime.fromisoformat(times[0])
    except ValueError:
        return None
    return since if since.tzinfo is not None else None


def trouble(pods: Iterable[Object], *, since: datetime | None = None) -> Problem | None:
    """What is wrong with these pods, if it is certain: the first finding, by name of the pod.

    Given the pods of one template. With `since`, restarts and kills that ended before it are history and do not
    count; what a container is stuck in now always does.
    """
    living = [pod for pod in pods if not pod["metadata"].get("deletionTimestamp")]
    for pod in sorted(living, key=lambda pod: str(pod["metadata"]["name"])):
        for container in _containers(pod):
            found = _stuck(container) or _killed(container, since) or _restarting(container, since)
            if found:
                reason, why = found
                where = f"pod {pod['metadata']['name']}, container {container.get('name', '?')}"
                return Problem(reason=reason, message=f"{where}: {reason}: {why}")
    return None


def _containers(pod: Object) -> Iterator[Mapping[str, Any]]:
    status = pod.get("status") or {}
    yield from status.get("initContainerStatuses") or []
    yield from status.get("containerStatuses") or []


def _stuck(container: Mapping[str, Any]) -> tuple[Reason, str] | None:
    reason = ((container.get("state") or {}).get("waiting") or {}).get("reason")
    return next(((known, why) for known, why in _WAITING.items() if known == reason), None)


def _killed(container: Mapping[str, Any], since: datetime | None) -> tuple[Reason, str] | None:
    for end in _ends(container):
        if end.get("reason") == "OOMKilled" and _counts(end, since):
            return "OOMKilled", _OUT_OF_MEMORY
    return None


def _restarting(container: Mapping[str, Any], since: datetime | None) -> tuple[Reason, str] | None:
    restarts = int(container.get("restartCount") or 0)
    if restarts <= RESTARTS_TOLERATED or not all(_counts(end, since) for end in _ends(container)):
        return None
    return "Restarting", f"it has restarted {restarts} times"


def _ends(container: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """How the container ended: now and the time before, as far as it is known."""
    states = (container.get("state") or {}, container.get("lastState") or {})
    return [state["terminated"] for state in states if state.get("terminated")]


def _counts(end: Mapping[str, Any], since: datetime | None) -> bool:
    finished = end.get("finishedAt")
    return since is None or not finished or datetime.fromisoformat(finished) >= since
