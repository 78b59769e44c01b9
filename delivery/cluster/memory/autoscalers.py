"""The HorizontalPodAutoscaler controller of the cluster in memory: Deployments follow the load of their pods.

Nothing here burns CPU, so the use is worked out from the requests that each pod answers and from an annotation that
says how many of them fill the CPU that it asks for.
"""

import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from delivery.cluster.memory.behaviours import FULL_CPU
from delivery.cluster.memory.conditions import condition, find, is_ready
from delivery.cluster.memory.controlling import Context
from delivery.cluster.memory.hpa_spec import (
    Rescale,
    Target,
    Usage,
    limited,
    millicores,
    proposal,
    ratio,
    stabilized,
)
from delivery.cluster.memory.selectors import matches_labels
from delivery.cluster.objects import DEPLOYMENTS, PODS, REPLICA_SETS, Object, Ref

MANAGER = "kube-controller-manager"
SOURCE = "horizontal-pod-autoscaler"
DEFAULT_FULL_CPU = 100.0
PERIOD_SECONDS = 15.0

Load = Callable[[Object], float]
Body = dict[str, Any]

_KINDS = {kind.kind: kind for kind in (DEPLOYMENTS, REPLICA_SETS)}


@dataclass(slots=True)
class _Memory:
    """What was wanted of one autoscaler and what was done, as far as its windows reach back."""

    spec: Object
    due: datetime
    wanted: deque[tuple[datetime, int]] = field(default_factory=lambda: deque(maxlen=1000))
    changes: deque[Rescale] = field(default_factory=lambda: deque(maxlen=1000))


class Autoscalers:
    """Looks at each autoscaler every 15 s. `load` gives the requests per second that a pod answers."""

    def __init__(self, context: Context, load: Load) -> None:
        self._context, self._store, self._load = context, context.store, load
        self._memories: dict[str, _Memory] = {}

    def sync(self, ref: Ref) -> None:
        """One look, if it is time for it or the spec has changed."""
        body = self._store.peek(ref)
        if body is None or "deletionTimestamp" in body["metadata"]:
            return
        now, memory = self._context.now(), self._memories.get(body["metadata"]["uid"])
        if memory is not None and memory.spec == body["spec"] and now < memory.due:
            self._context.wake_at(ref, [memory.due])
            return
        if memory is None:
            memory = self._memories[body["metadata"]["uid"]] = _Memory(body["spec"], now)
        memory.spec, memory.due = body["spec"], now + timedelta(seconds=PERIOD_SECONDS)
        self._context.wake_at(ref, [memory.due])
        _Look(self._context, self._load, ref, body, memory, now).take()


class _Look:
    """One pass over one autoscaler."""

    def __init__(self, context: Context, load: Load, ref: Ref, body: Object, memory: _Memory, now: datetime) -> None:
        self._context, self._load, self._ref, self._body = context, load, ref, body
        self._spec, self._memory, self._now = body["spec"], memory, now
        self._conditions = {each["type"]: each for each in (body.get("status") or {}).get("conditions") or ()}
        self._metrics: list[Body] = []

    def take(self) -> None:
        target = self._target()
        if target is None:
            return
        current = int((target["spec"]).get("replicas", 1))
        self._say("AbleToScale", True, "SucceededGetScale", "the HPA controller was able to get the target's scale")
        desired = self._desired(target, current)
        scaled = desired != current
        if scaled:
            self._rescale(target, current, desired)
        self._report(target, desired, scaled=scaled)

    # -- how many

    def _desired(self, target: Object, current: int) -> int:
        least, most = int(self._spec.get("minReplicas", 1)), int(self._spec["maxReplicas"])
        if current == 0 and least != 0:
            why = "scaling is disabled since the replica count of the target is zero"
            self._say("ScalingActive", False, "ScalingDisabled", why)
            return 0
        if not self._memory.wanted:
            self._memory.wanted.append((self._now, current))
        if not least <= current <= most:
            return min(max(current, least), most)
        try:
            metric = Target.of(self._spec)
            pods = [self._usage(pod) for pod in self._pods(target)]
            self._check(metric, pods)
        except ValueError as error:
            self._fail("ScalingActive", "FailedGetResourceMetric", str(error))
            return current
        self._measured(metric, pods)
        return self._within(proposal(metric, pods, current), current, least, most)

    def _within(self, wanted: int, current: int, least: int, most: int) -> int:
        self._memory.wanted.append((self._now, wanted))
        steady = stabilized(self._memory.wanted, self._spec, current, self._now)
        if steady == wanted:
            self._say("AbleToScale", True, "ReadyForNewScale", "recommended size matches current size")
        elif wanted < current:
            why = "recent recommendations were higher than current one, applying the highest recent recommendation"
            self._say("AbleToScale", True, "ScaleDownStabilized", why)
        else:
            why = "recent recommendations were lower than current one, applying the lowest recent recommendation"
            self._say("AbleToScale", True, "ScaleUpStabilized", why)
        self._limit(steady, least, most)
        inside = min(max(steady, least), most)
        return limited(inside, current, self._spec, self._memory.changes, self._now)

    def _limit(self, wanted: int, least: int, most: int) -> None:
        if wanted > most:
            why = "the desired replica count is more than the maximum replica count"
            self._say("ScalingLimited", True, "TooManyReplicas", why)
        elif wanted < least:
            why = "the desired replica count is less than the minimum replica count"
            self._say("ScalingLimited", True, "TooFewReplicas", why)
        else:
            why = "the desired count is within the acceptable range"
            self._say("ScalingLimited", False, "DesiredWithinRange", why)

    # -- what is measured

    def _pods(self, target: Object) -> list[Object]:
        selector, namespace = target["spec"].get("selector") or {}, self._ref.namespace
        return [
            pod
            for pod in self._context.store.scan(PODS, namespace)
            if "deletionTimestamp" not in pod["metadata"]
            and matches_labels(selector, pod["metadata"].get("labels") or {})
        ]

    def _usage(self, pod: Object) -> Usage:
        requested = sum(_requested(each) for each in pod["spec"].get("containers") or ())
        used = self._load(pod) / _full_cpu(pod) * (requested or 1000)
        return Usage(used, requested, is_ready(pod))

    def _check(self, metric: Target, pods: Sequence[Usage]) -> None:
        if metric.utilization is not None and not all(pod.requested for pod in pods):
            raise ValueError("failed to get cpu utilization: missing request for cpu in a container")
        if not any(pod.ready for pod in pods):
            raise ValueError("unable to get metrics for resource cpu: no pod is ready")

    def _measured(self, metric: Target, pods: Sequence[Usage]) -> None:
        ready = [pod for pod in pods if pod.ready]
        average = f"{round(sum(pod.used for pod in ready) / len(ready))}m"
        current: Body = {"averageValue": average}
        what = "cpu resource"
        if metric.utilization is not None:
            current["averageUtilization"] = round(ratio(metric, ready) * metric.utilization)
            what = "cpu resource utilization (percentage of request)"
        self._metrics = [{"type": "Resource", "resource": {"name": "cpu", "current": current}}]
        why = f"the HPA was able to successfully calculate a replica count from {what}"
        self._say("ScalingActive", True, "ValidMetricFound", why)

    # -- what comes of it

    def _target(self) -> Object | None:
        wanted = self._spec["scaleTargetRef"]
        kind = _KINDS.get(wanted.get("kind", ""))
        target = self._context.store.peek(Ref(kind, self._ref.namespace, wanted["name"])) if kind else None
        if target is None:
            why = f"the HPA controller was unable to get the target's current scale: {wanted.get('kind')} "
            self._fail("AbleToScale", "FailedGetScale", f'{why}"{wanted.get("name")}" not found')
            self._write({})
        return target

    def _rescale(self, target: Object, current: int, desired: int) -> None:
        ref = Ref(_KINDS[target["kind"]], self._ref.namespace, target["metadata"]["name"])
        op = {"op": "add", "path": "/spec/replicas", "value": desired}
        self._context.store.patch(ref, [op], manager=MANAGER)
        self._memory.changes.append(Rescale(self._now, desired - current))
        way = "above" if desired > current else "below"
        why = f"New size: {desired}; reason: cpu resource utilization (percentage of request) {way} target"
        if not self._metrics:
            bound = "below Spec.MinReplicas" if desired > current else "above Spec.MaxReplicas"
            why = f"New size: {desired}; reason: Current number of replicas {bound}"
        self._context.tell(self._body, "SuccessfulRescale", why, source=SOURCE)
        done = f"the HPA controller was able to update the target scale to {desired}"
        self._say("AbleToScale", True, "SucceededRescale", done)

    def _report(self, target: Object, desired: int, *, scaled: bool) -> None:
        status: Body = {
            "currentReplicas": int((target.get("status") or {}).get("replicas", 0)),
            "desiredReplicas": desired,
        }
        last = self._context.timestamp() if scaled else (self._body.get("status") or {}).get("lastScaleTime")
        if last:
            status["lastScaleTime"] = last
        self._write(status)

    def _write(self, status: Body) -> None:
        if self._metrics:
            status["currentMetrics"] = self._metrics
        self._context.write_status(self._ref, {**status, "conditions": [*self._conditions.values()]}, MANAGER)

    def _say(self, type_: str, so: bool, reason: str, message: str) -> None:
        before = find(self._body.get("status") or {}, type_)
        now = self._context.timestamp()
        self._conditions[type_] = condition(before, type_, so, now, reason=reason, message=message)

    def _fail(self, type_: str, reason: str, message: str) -> None:
        self._say(type_, False, reason, message)
        self._context.tell(self._body, reason, message, source=SOURCE, warning=True)


def _requested(container: Object) -> float:
    requests = (container.get("resources") or {}).get("requests") or {}
    return millicores(requests["cpu"]) if "cpu" in requests else 0


def _full_cpu(pod: Object) -> float:
    given = (pod["metadata"].get("annotations") or {}).get(FULL_CPU, DEFAULT_FULL_CPU)
    field_ = f"annotation {FULL_CPU}: {given!r}; requests per second, more than 0"
    try:
        requests = float(given)
    except ValueError:
        raise ValueError(field_) from None
    if not math.isfinite(requests) or requests <= 0:
        raise ValueError(field_)
    return requests
