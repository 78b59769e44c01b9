"""The census: which pods there really are, from their objects, and what becomes of them with time.

It tells of each change before it takes place (`changes`, `ends`), so that what was so up to then can be accounted for.
"""

import heapq
import math
from collections.abc import Callable, Mapping

from delivery.cluster.objects import Object
from delivery.sandbox.mesh.application import is_scraped
from delivery.sandbox.mesh.behaviour import Behaviour, behaviour_of, unknown_annotations
from delivery.sandbox.mesh.control_plane import ControlPlane, Delta
from delivery.sandbox.mesh.errors import MeshConfigError
from delivery.sandbox.mesh.pods import Pod, identity, is_ready, is_running

_PLAIN = Behaviour()


class Census:
    """`pods` by uid. A pod serves for `shutdown_seconds` after its deletion was asked for, unless it says itself."""

    def __init__(
        self,
        control: ControlPlane,
        *,
        by_image: Mapping[str, Behaviour],
        shutdown_seconds: float,
        changes: Callable[[Pod], None],
        ends: Callable[[Pod], None],
    ) -> None:
        self.pods: dict[str, Pod] = {}
        self.problems: dict[tuple[str, str, str], str] = {}
        self._control, self._by_image, self._shutdown_seconds = control, by_image, shutdown_seconds
        self._changes, self._ends = changes, ends
        self._moments: list[tuple[float, int, str]] = []
        self._count = 0

    def see(self, body: Object, now: float, *, deleted: bool) -> list[Delta]:
        """Take a pod's object, or its end; what proxies have to be told."""
        uid = str(body["metadata"]["uid"])
        pod = self.pods.get(uid)
        if deleted:
            return [] if pod is None else self._vanish(pod, body, now)
        if pod is None:
            pod = self.pods[uid] = _pod(uid, body)
            self._changes(pod)
            self._control.pod(pod)
        behaviour = self._behaviour(body, pod)
        if body["metadata"].get("deletionTimestamp") and pod.ends_at == math.inf:
            self._end_later(pod, now)
        return self._update(pod, body, behaviour, now)

    def next_at(self) -> float | None:
        """When a pod ends or changes by itself."""
        return self._moments[0][0] if self._moments else None

    def pass_time(self, now: float) -> None:
        """Let happen what is due by now."""
        while self._moments and self._moments[0][0] <= now:
            pod = self.pods.get(heapq.heappop(self._moments)[2])
            if pod is not None and pod.ends_at <= now:
                self._gone(pod)
            elif pod is not None:
                self._changes(pod)

    def _update(self, pod: Pod, body: Object, behaviour: Behaviour, now: float) -> list[Delta]:
        ready, running = is_ready(body), is_running(body)
        labels = body["metadata"].get("labels") or {}
        if (pod.ready, pod.running, pod.behaviour, pod.labels) == (ready, running, behaviour, labels):
            return []
        self._changes(pod)
        if ready and pod.ready_since == math.inf:
            pod.ready_since = now
        # Who is going goes on as long as it said, whatever its containers' last word is.
        pod.running = running or (pod.ends_at < math.inf and pod.serves)
        pod.ready, pod.behaviour, pod.labels = ready, behaviour, labels
        for at in pod.changes_after(now):
            self._remind(at, pod)
        return self._control.pod(pod)

    def _behaviour(self, body: Object, pod: Pod) -> Behaviour:
        """As annotated; what is not understood is told of, and the last good one stays."""
        name = ("Pod", pod.namespace, pod.name)
        try:
            found, wrong = behaviour_of(body, self._by_image), unknown_annotations(body)
        except MeshConfigError as error:
            found, wrong = pod.behaviour, str(error)
        if wrong:
            self.problems[name] = f"Pod {pod.namespace}/{pod.name}: {wrong}"
        else:
            self.problems.pop(name, None)
        return found

    def _vanish(self, pod: Pod, body: Object, now: float) -> list[Delta]:
        """Its object is gone. Who was on a node and was not told to go is cut off."""
        deltas = self._control.pod(pod, gone=True)
        if pod.ends_at == math.inf:
            if (body.get("spec") or {}).get("nodeName"):
                self._gone(pod)
                return deltas
            self._end_later(pod, now)
        self._changes(pod)
        pod.running, pod.ready = pod.serves, False
        return deltas

    def _end_later(self, pod: Pod, now: float) -> None:
        given = pod.behaviour.shutdown_seconds
        pod.ends_at = now + (self._shutdown_seconds if given is None else given)
        self._remind(pod.ends_at, pod)

    def _gone(self, pod: Pod) -> None:
        self._ends(pod)
        pod.gone = True
        del self.pods[pod.uid]
        self.problems.pop(("Pod", pod.namespace, pod.name), None)

    def _remind(self, at: float, pod: Pod) -> None:
        self._count += 1
        heapq.heappush(self._moments, (at, self._count, pod.uid))


def _pod(uid: str, body: Object) -> Pod:
    meta = body["metadata"]
    workload, account, image = identity(body)
    labels = meta.get("labels") or {}
    name, shown = meta["name"], is_scraped(body)
    return Pod(uid, meta["namespace"], name, labels, workload, account, image, _PLAIN, is_scraped=shown)
