"""As much of KEDA as a rollout meets: a ScaledObject makes an autoscaler, a pause pins the number of pods.

Its triggers are active unless an annotation says that they are not; then the workload goes to its idle count, or to
its least one. What the triggers measure, apart from the CPU, is left to nobody: an autoscaler that cannot measure
keeps what is there within its bounds.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from delivery.cluster.memory.behaviours import PREFIX
from delivery.cluster.memory.controlling import Context, owner_reference
from delivery.cluster.memory.resources import AUTOSCALERS
from delivery.cluster.memory.store import MERGE_PATCH
from delivery.cluster.objects import DEPLOYMENTS, Object, Ref

MANAGER = "keda-operator"
ACTIVE = f"{PREFIX}/active"
"""The annotation of a ScaledObject that says "false" when its triggers are quiet."""

POLL_SECONDS = 30

_PAUSED, _PAUSED_AT = "autoscaling.keda.sh/paused", "autoscaling.keda.sh/paused-replicas"


class ScaledObjects:
    """KEDA's operator."""

    def __init__(self, context: Context) -> None:
        self._context, self._store = context, context.store

    def sync(self, ref: Ref) -> None:
        """One look at a ScaledObject."""
        body = self._store.peek(ref)
        if body is None or "deletionTimestamp" in body["metadata"]:
            return
        self._context.wake_at(ref, [self._context.now() + timedelta(seconds=POLL_SECONDS)])
        noted = body["metadata"].get("annotations") or {}
        if _PAUSED_AT in noted:
            self._drop(ref, body)
            self._scale(ref, body, int(noted[_PAUSED_AT]))
        elif noted.get(_PAUSED) == "true":
            self._drop(ref, body)
        else:
            self._work(ref, body, active=noted.get(ACTIVE) != "false")

    def _work(self, ref: Ref, body: Object, *, active: bool) -> None:
        spec = body["spec"]
        least = int(spec.get("minReplicaCount", 0))
        if not active:
            self._drop(ref, body)
            self._scale(ref, body, int(spec.get("idleReplicaCount", least)))
            return
        self._ensure(ref, body)
        target = self._store.peek(self._target(ref, body))
        if target is not None and int(target["spec"].get("replicas", 1)) < max(1, least):
            self._scale(ref, body, max(1, least))

    def _ensure(self, ref: Ref, body: Object) -> None:
        spec = {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": self._target(ref, body).name},
            "minReplicas": max(1, int(body["spec"].get("minReplicaCount", 0))),
            "maxReplicas": int(body["spec"].get("maxReplicaCount", 100)),
            "metrics": [_metric(trigger) for trigger in body["spec"].get("triggers") or ()],
        }
        made = Ref(AUTOSCALERS, ref.namespace, _name(body))
        have = self._store.peek(made)
        if have is None:
            owner = owner_reference(ref, body)
            meta = {"name": made.name, "namespace": ref.namespace, "ownerReferences": [owner]}
            self._store.create(AUTOSCALERS, {"metadata": meta, "spec": spec}, manager=MANAGER)
        elif any(have["spec"].get(name) != value for name, value in spec.items()):
            self._store.patch(made, {"spec": spec}, content_type=MERGE_PATCH, manager=MANAGER)

    def _drop(self, ref: Ref, body: Object) -> None:
        made = Ref(AUTOSCALERS, ref.namespace, _name(body))
        if self._store.peek(made) is not None:
            self._store.delete(made)

    def _scale(self, ref: Ref, body: Object, replicas: int) -> None:
        where = self._target(ref, body)
        target = self._store.peek(where)
        if target is not None and target["spec"].get("replicas", 1) != replicas:
            self._store.patch(where, [{"op": "add", "path": "/spec/replicas", "value": replicas}], manager=MANAGER)

    def _target(self, ref: Ref, body: Object) -> Ref:
        return Ref(DEPLOYMENTS, ref.namespace, str(body["spec"]["scaleTargetRef"]["name"]))


def _name(body: Object) -> str:
    config = (body["spec"].get("advanced") or {}).get("horizontalPodAutoscalerConfig") or {}
    return str(config.get("name") or f"keda-hpa-{body['metadata']['name']}")


def _metric(trigger: Mapping[str, Any]) -> dict[str, Any]:
    if trigger.get("type") != "cpu":
        name = str(trigger.get("name") or trigger.get("type"))
        return {"type": "External", "external": {"metric": {"name": name}, "target": {"type": "AverageValue"}}}
    value = str((trigger.get("metadata") or {}).get("value", "500m"))
    return {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "AverageValue", "averageValue": value}}}
