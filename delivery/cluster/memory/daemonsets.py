"""The DaemonSet controller of the simulated world: one pod on each node that the template's nodeSelector allows.

After the documented semantics of DaemonSet.spec.updateStrategy: with OnDelete nothing is replaced by itself; a rolling
update takes at most maxUnavailable nodes out of service at a time, or with maxSurge first puts a new pod beside the
old one. A node that is no longer allowed loses its pod at once, outside of these bounds.
"""

import math
from datetime import datetime
from typing import Any

from delivery.cluster.memory.conditions import available_at, is_ready
from delivery.cluster.memory.controlling import Context, owner_reference
from delivery.cluster.memory.defaulting import TEMPLATE_GENERATION
from delivery.cluster.memory.deployments import template_hash
from delivery.cluster.memory.nodes import Nodes, bound, node_of
from delivery.cluster.objects import PODS, Object, Ref

MANAGER = "kube-controller-manager"
SOURCE = "daemonset-controller"
HASH_LABEL = "controller-revision-hash"
GENERATION_LABEL = "pod-template-generation"

Pods = dict[str, list[Object]]


class DaemonSets:
    """Creates and deletes pods, and reports."""

    def __init__(self, context: Context, nodes: Nodes) -> None:
        self._context, self._nodes = context, nodes

    def sync(self, ref: Ref) -> None:
        """One pass over one DaemonSet: what is missing and what is too much, then a step of the roll, then status."""
        body = self._context.store.peek(ref)
        if body is None or "deletionTimestamp" in body["metadata"]:
            return
        pods, wanted = self._pods(body), self._nodes.selected(body["spec"]["template"]["spec"])
        self._drop(body, [pod for node in pods if node not in wanted for pod in pods[node]])
        for node in wanted:
            if not pods.get(node):
                self._create(ref, body, node)
        self._roll(ref, body, {node: pods.get(node, []) for node in wanted})
        self._report(ref)

    def _pods(self, body: Object) -> Pods:
        """The pods by their nodes, those that are on their way out included."""
        found: Pods = {}
        for pod in self._context.owned(PODS, body):
            found.setdefault(node_of(pod), []).append(pod)
        return found

    # -- steps

    def _roll(self, ref: Ref, body: Object, pods: Pods) -> None:
        strategy = body["spec"].get("updateStrategy") or {}
        if strategy.get("type", "RollingUpdate") != "RollingUpdate":
            return
        rolling = strategy.get("rollingUpdate") or {}
        surge = _share(rolling.get("maxSurge", 0), len(pods))
        if surge:
            self._roll_surging(ref, body, pods, surge)
        else:
            self._roll_in_place(body, pods, max(1, _share(rolling.get("maxUnavailable", 1), len(pods))))

    def _roll_in_place(self, body: Object, pods: Pods, most: int) -> None:
        unavailable, candidates = 0, []
        for node in sorted(pods):
            living = _living(pods[node])
            old = [pod for pod in living if not _is_new(pod, body)]
            if not living or not self._available(body, living):
                unavailable += 1
                self._drop(body, old)
            elif old:
                candidates.append(old)
        for old in candidates[: max(0, most - unavailable)]:
            self._drop(body, old)

    def _roll_surging(self, ref: Ref, body: Object, pods: Pods, most: int) -> None:
        surging, candidates = 0, []
        for node in sorted(pods):
            living = _living(pods[node])
            old = [pod for pod in living if not _is_new(pod, body)]
            new = [pod for pod in living if _is_new(pod, body)]
            if old and new:
                surging += 1
                self._drop(body, old if self._available(body, new) else [])
            elif old:
                candidates.append(node)
        for node in candidates[: max(0, most - surging)]:
            self._create(ref, body, node)

    def _create(self, ref: Ref, body: Object, node: str) -> None:
        template = body["spec"]["template"]
        meta = template.get("metadata") or {}
        labels = {**(meta.get("labels") or {}), **_marks(body)}
        pod = {
            "metadata": {
                "generateName": f"{ref.name}-",
                "labels": labels,
                "annotations": meta.get("annotations") or {},
                "ownerReferences": [owner_reference(ref, body)],
            },
            "spec": bound(template["spec"], node),
        }
        created = self._context.store.create(PODS, pod, namespace=ref.namespace, manager=MANAGER)
        text = f"Created pod: {created['metadata']['name']}"
        self._context.tell(body, "SuccessfulCreate", text, source=SOURCE)

    def _drop(self, body: Object, pods: list[Object]) -> None:
        for pod in _living(pods):
            self._context.store.delete(Ref.of(PODS, pod))
            text = f"Deleted pod: {pod['metadata']['name']}"
            self._context.tell(body, "SuccessfulDelete", text, source=SOURCE)

    # -- report

    def _available(self, body: Object, pods: list[Object]) -> bool:
        now = self._context.now()
        return any(at is not None and at <= now for at in self._due(body, pods))

    def _due(self, body: Object, pods: list[Object]) -> list[datetime | None]:
        return [available_at(pod, int(body["spec"].get("minReadySeconds", 0))) for pod in pods]

    def _report(self, ref: Ref) -> None:
        body = self._context.store.peek(ref)
        if body is None:
            return
        pods, wanted = self._pods(body), self._nodes.selected(body["spec"]["template"]["spec"])
        first = [_oldest(pods[node]) for node in wanted if pods.get(node)]
        available = sum(self._available(body, [pod]) for pod in first)
        status: dict[str, Any] = {
            "currentNumberScheduled": len(first),
            "numberMisscheduled": sum(node not in wanted for node in pods),
            "desiredNumberScheduled": len(wanted),
            "numberReady": sum(map(is_ready, first)),
            "updatedNumberScheduled": sum(_is_new(pod, body) for pod in first),
            "numberAvailable": available,
            "numberUnavailable": len(wanted) - available,
            "observedGeneration": body["metadata"]["generation"],
        }
        due = [at for at in self._due(body, first) if at is not None and at > self._context.now()]
        self._context.wake_at(ref, due)
        always = ("currentNumberScheduled", "numberMisscheduled", "desiredNumberScheduled", "numberReady")
        # the other zeros are left out, as the real controller leaves them out
        status = {key: value for key, value in status.items() if value or key in always}
        self._context.write_status(ref, status, MANAGER)


def _marks(body: Object) -> dict[str, str]:
    """The labels that say of which template a pod is."""
    generation = (body["metadata"].get("annotations") or {}).get(TEMPLATE_GENERATION, "1")
    return {HASH_LABEL: template_hash(body["spec"]["template"]), GENERATION_LABEL: str(generation)}


def _is_new(pod: Object, body: Object) -> bool:
    """Is the pod of the present template? One that was made before the template went and came back is, too."""
    labels, marks = pod["metadata"].get("labels") or {}, _marks(body)
    return any(labels.get(key) == value for key, value in marks.items())


def _living(pods: list[Object]) -> list[Object]:
    return [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]


def _oldest(pods: list[Object]) -> Object:
    return min(pods, key=lambda pod: (pod["metadata"]["creationTimestamp"], pod["metadata"]["name"]))


def _share(value: Any, nodes: int) -> int:
    """A number of nodes, or a percentage of them, rounded up."""
    if not isinstance(value, str):
        return int(value)
    return math.ceil(nodes * int(value.removesuffix("%")) / 100)
