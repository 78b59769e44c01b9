"""The ReplicaSet controller of the simulated world: keeps as many pods as wanted, and says how many are ready."""

from typing import Any

from delivery.cluster.memory.conditions import available_at, find, is_ready, parse_time
from delivery.cluster.memory.controlling import Context, owner_reference
from delivery.cluster.objects import PODS, Object, Ref

MANAGER = "kube-controller-manager"
SOURCE = "replicaset-controller"


class ReplicaSets:
    """Creates and deletes pods. Those that serve nobody are deleted first, then the youngest."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def sync(self, ref: Ref) -> None:
        """One pass over one ReplicaSet."""
        body = self._context.store.peek(ref)
        if body is None or "deletionTimestamp" in body["metadata"]:
            return
        pods = [pod for pod in self._context.owned(PODS, body) if "deletionTimestamp" not in pod["metadata"]]
        surplus = len(pods) - int(body["spec"].get("replicas", 1))
        for _ in range(-surplus):
            self._create(ref, body)
        for pod in sorted(pods, key=_rank)[: max(0, surplus)]:
            self._context.store.delete(Ref.of(PODS, pod))
            gone = f"Deleted pod: {pod['metadata']['name']}"
            self._context.tell(body, "SuccessfulDelete", gone, source=SOURCE)
        self._report(ref)

    def _create(self, ref: Ref, body: Object) -> None:
        template = body["spec"]["template"]
        meta = {
            "generateName": f"{ref.name}-",
            "labels": template["metadata"].get("labels", {}),
            "annotations": template["metadata"].get("annotations", {}),
            "ownerReferences": [owner_reference(ref, body)],
        }
        pod = {"metadata": meta, "spec": template["spec"]}
        created = self._context.store.create(PODS, pod, namespace=ref.namespace, manager=MANAGER)
        text = f"Created pod: {created['metadata']['name']}"
        self._context.tell(body, "SuccessfulCreate", text, source=SOURCE)

    def _report(self, ref: Ref) -> None:
        body = self._context.store.peek(ref)
        if body is None:
            return
        pods = [pod for pod in self._context.owned(PODS, body) if "deletionTimestamp" not in pod["metadata"]]
        ready = [pod for pod in pods if is_ready(pod)]
        least = int(body["spec"].get("minReadySeconds", 0))
        due = [at for pod in ready if (at := available_at(pod, least)) is not None]
        status: dict[str, Any] = {
            "replicas": len(pods),
            "fullyLabeledReplicas": len(pods),
            "readyReplicas": len(ready),
            "availableReplicas": sum(at <= self._context.now() for at in due),
            "observedGeneration": body["metadata"]["generation"],
        }
        self._context.wake_at(ref, [at for at in due if at > self._context.now()])
        # zeros are left out, as the real controller leaves them out
        status = {key: value for key, value in status.items() if value or key == "replicas"}
        self._context.write_status(ref, status, MANAGER)


def _rank(pod: Object) -> tuple[bool, bool, float, str]:
    """Deletion order: not yet on a node, not ready, younger."""
    created = pod["metadata"]["creationTimestamp"]
    since = find(pod.get("status") or {}, "Ready").get("lastTransitionTime", created)
    age_rank = -parse_time(since).timestamp()
    return ("nodeName" in pod["spec"], is_ready(pod), age_rank, pod["metadata"]["name"])
