"""The Deployment controller of the simulated world: a ReplicaSet for each pod template, rolled within its bounds.

Availability is counted from the pods themselves, not from the ReplicaSets' statuses, which lag; so maxUnavailable
holds at every step and a test may check that it does.
"""

import hashlib
import json
from datetime import timedelta
from typing import Any

from delivery.cluster.memory.conditions import available_at, condition, find, is_ready, parse_time
from delivery.cluster.memory.controlling import Context, owner_reference
from delivery.cluster.memory.rolling import Bounds, SetState, next_sizes
from delivery.cluster.memory.values import SAFE, copy_json, equal_json
from delivery.cluster.objects import PODS, REPLICA_SETS, Object, Ref

MANAGER = "kube-controller-manager"
SOURCE = "deployment-controller"
HASH_LABEL = "pod-template-hash"
REVISION = "deployment.kubernetes.io/revision"

Body = dict[str, Any]


class Deployments:
    """Creates ReplicaSets, sizes them, and reports."""

    def __init__(self, context: Context) -> None:
        self._context, self._store = context, context.store

    def sync(self, ref: Ref) -> None:
        """One pass over one Deployment: at most one kind of step, then the status."""
        body = self._store.peek(ref)
        if body is None or "deletionTimestamp" in body["metadata"]:
            return
        sets = sorted(self._context.owned(REPLICA_SETS, body), key=_revision)
        new = next((each for each in sets if _same_template(each, body)), None)
        if body["spec"].get("paused"):
            self._scale_paused(body, sets)
        elif new is None:
            self._create(ref, body, sets)
        else:
            self._number(ref, body, new, sets)
            self._roll(body, new, [each for each in sets if each is not new])
        self._report(ref)

    # -- steps

    def _create(self, ref: Ref, body: Object, sets: list[Object]) -> None:
        template = copy_json(body["spec"]["template"])
        digest = template_hash(template)
        labels = template.setdefault("metadata", {}).setdefault("labels", {})
        labels[HASH_LABEL] = digest
        selector = copy_json(body["spec"]["selector"])
        selector.setdefault("matchLabels", {})[HASH_LABEL] = digest
        annotations = {REVISION: str(_newest(sets) + 1)}
        meta = {"name": f"{ref.name}-{digest}", "labels": labels, "annotations": annotations}
        spec = {"replicas": 0, "selector": selector, "template": template}
        if "minReadySeconds" in body["spec"]:
            spec["minReadySeconds"] = body["spec"]["minReadySeconds"]
        replica_set = {"metadata": {**meta, "ownerReferences": [owner_reference(ref, body)]}, "spec": spec}
        self._store.create(REPLICA_SETS, replica_set, namespace=ref.namespace, manager=MANAGER)

    def _number(self, ref: Ref, body: Object, new: Object, sets: list[Object]) -> None:
        """The current template has the highest revision, also after going back to an older one."""
        number = _revision(new)
        if number < _newest(sets):
            number = _newest(sets) + 1
            self._annotate(Ref.of(REPLICA_SETS, new), number)
        if (body["metadata"].get("annotations") or {}).get(REVISION) != str(number):
            self._annotate(ref, number)

    def _annotate(self, ref: Ref, number: int) -> None:
        patch = {"metadata": {"annotations": {REVISION: str(number)}}}
        self._store.patch(ref, patch, content_type="application/merge-patch+json", manager=MANAGER)

    def _roll(self, body: Object, new: Object, old: list[Object]) -> None:
        spec = body["spec"]
        sizes = next_sizes(spec, self._state(new, spec), [self._state(each, spec) for each in old])
        for name, replicas in sizes.items():
            self._scale(body, Ref(REPLICA_SETS, body["metadata"]["namespace"], name), replicas)
        if not sizes:
            self._forget_history(spec, old)

    def _scale_paused(self, body: Object, sets: list[Object]) -> None:
        active = [each for each in sets if each["spec"]["replicas"]] or sets[-1:]
        if len(active) == 1:
            self._scale(body, Ref.of(REPLICA_SETS, active[0]), int(body["spec"].get("replicas", 1)))

    def _scale(self, body: Object, ref: Ref, replicas: int) -> None:
        before = int((self._store.peek(ref) or {"spec": {"replicas": replicas}})["spec"]["replicas"])
        if before != replicas:
            way = "up" if replicas > before else "down"
            text = f"Scaled {way} replica set {ref.name} from {before} to {replicas}"
            self._context.tell(body, "ScalingReplicaSet", text, source=SOURCE)
        self._store.patch(ref, [{"op": "replace", "path": "/spec/replicas", "value": replicas}], manager=MANAGER)

    def _forget_history(self, spec: Object, old: list[Object]) -> None:
        idle = [each for each in old if not each["spec"]["replicas"] and not self._context.owned(PODS, each)]
        for each in idle[: max(0, len(idle) - int(spec.get("revisionHistoryLimit", 10)))]:
            self._store.delete(Ref.of(REPLICA_SETS, each))

    def _state(self, replica_set: Object, spec: Object) -> SetState:
        pods = self._context.owned(PODS, replica_set)
        return SetState(
            name=replica_set["metadata"]["name"],
            replicas=int(replica_set["spec"]["replicas"]),
            available=self._available(pods, spec),
            pods=len(pods),
        )

    def _available(self, pods: list[Object], spec: Object) -> int:
        least, now = int(spec.get("minReadySeconds", 0)), self._context.now()
        return sum((at := available_at(pod, least)) is not None and at <= now for pod in pods)

    # -- report

    def _report(self, ref: Ref) -> None:
        body = self._store.peek(ref)
        if body is None:
            return
        sets = self._context.owned(REPLICA_SETS, body)
        new = next((each for each in sets if _same_template(each, body)), None)
        status = self._counts(body, sets, new)
        status["conditions"] = [self._is_available(body, status), self._is_progressing(ref, body, status, new)]
        status["observedGeneration"] = body["metadata"]["generation"]
        self._context.write_status(ref, {key: value for key, value in status.items() if value}, MANAGER)

    def _counts(self, body: Object, sets: list[Object], new: Object | None) -> Body:
        pods = {each["metadata"]["name"]: self._living(each) for each in sets}
        everything = [pod for of_set in pods.values() for pod in of_set]
        available = self._available(everything, body["spec"])
        return {
            "replicas": len(everything),
            "updatedReplicas": len(pods[new["metadata"]["name"]]) if new is not None else 0,
            "readyReplicas": sum(is_ready(pod) for pod in everything),
            "availableReplicas": available,
            "unavailableReplicas": max(0, sum(int(each["spec"]["replicas"]) for each in sets) - available),
        }

    def _living(self, replica_set: Object) -> list[Object]:
        pods = self._context.owned(PODS, replica_set)
        return [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]

    def _is_available(self, body: Object, status: Body) -> Body:
        least = int(body["spec"].get("replicas", 1)) - Bounds.of(body["spec"]).unavailable
        enough = status["availableReplicas"] >= least
        reason = "MinimumReplicasAvailable" if enough else "MinimumReplicasUnavailable"
        message = f"Deployment {'has' if enough else 'does not have'} minimum availability."
        before = find(body.get("status") or {}, "Available")
        return _updated(before, "Available", enough, self._context.timestamp(), reason, message)

    def _is_progressing(self, ref: Ref, body: Object, status: Body, new: Object | None) -> Body:
        was, now = body.get("status") or {}, self._context.timestamp()
        before = find(was, "Progressing")
        if body["spec"].get("paused"):
            return _paused(before, now)
        name = f'"{new["metadata"]["name"] if new is not None else ""}"'
        subject = f"ReplicaSet {name}"
        if name not in before.get("message", ""):
            return _updated({}, "Progressing", True, now, "NewReplicaSetCreated", f"Created new replica set {name}")
        if _complete(body, status):
            done = f"{subject} has successfully progressed."
            return _updated(before, "Progressing", True, now, "NewReplicaSetAvailable", done)
        if before["reason"] == "NewReplicaSetAvailable":
            return dict(before)  # pods lost after a completed roll are no roll
        if _advanced(was, status):
            before = {**before, "reason": ""}  # every advance counts as an update
            return _updated(before, "Progressing", True, now, "ReplicaSetUpdated", f"{subject} is progressing.")
        return self._overdue(ref, body, before, f"{subject} has timed out progressing.")

    def _overdue(self, ref: Ref, body: Object, before: Object, message: str) -> Body:
        seconds = int(body["spec"].get("progressDeadlineSeconds", 600))
        deadline = parse_time(before["lastUpdateTime"]) + timedelta(seconds=seconds)
        if before["status"] == "True" and self._context.now() < deadline:
            self._context.wake_at(ref, [deadline])
            return dict(before)
        return _updated(before, "Progressing", False, self._context.timestamp(), "ProgressDeadlineExceeded", message)


def template_hash(template: Object) -> str:
    """The value of the label pod-template-hash, which the template alone decides: ten characters as in SAFE."""
    text = json.dumps(template, sort_keys=True)
    number = int.from_bytes(hashlib.sha256(text.encode()).digest()[:4])
    return "".join(SAFE[ord(digit) % len(SAFE)] for digit in f"{number:010d}")


def _updated(before: Object, type_: str, value: bool, now: str, reason: str, message: str) -> Body:
    """A condition whose lastUpdateTime moves when its status or reason changes."""
    same = before.get("status") == str(value) and before.get("reason") == reason
    updated = before["lastUpdateTime"] if same else now
    return condition(before, type_, value, now, reason=reason, message=message, lastUpdateTime=updated)


def _paused(before: Object, now: str) -> Body:
    """Nobody can say whether a paused Deployment gets on."""
    if before.get("reason") == "DeploymentPaused":
        return dict(before)
    paused = _updated({}, "Progressing", False, now, "DeploymentPaused", "Deployment is paused")
    return {**paused, "status": "Unknown"}


def _same_template(replica_set: Object, deployment: Object) -> bool:
    ours, theirs = replica_set["spec"]["template"], deployment["spec"]["template"]
    return equal_json(ours["spec"], theirs["spec"]) and equal_json(_plain(ours), _plain(theirs))


def _plain(template: Object) -> Body:
    """The template's metadata without the label that tells its ReplicaSets apart."""
    meta = template.get("metadata") or {}
    labels = {key: value for key, value in (meta.get("labels") or {}).items() if key != HASH_LABEL}
    return {**meta, "labels": labels}


def _complete(body: Object, status: Body) -> bool:
    replicas = int(body["spec"].get("replicas", 1))
    return all(status[field] == replicas for field in ("replicas", "updatedReplicas", "availableReplicas"))


def _advanced(was: Object, status: Body) -> bool:
    """More updated or ready pods than before, or fewer old ones."""

    def old_pods(of: Object) -> int:
        return int(of.get("replicas", 0)) - int(of.get("updatedReplicas", 0))

    grown = ("updatedReplicas", "readyReplicas", "availableReplicas")
    return any(status[field] > was.get(field, 0) for field in grown) or old_pods(status) < old_pods(was)


def _revision(replica_set: Object) -> int:
    return int((replica_set["metadata"].get("annotations") or {}).get(REVISION, "0"))


def _newest(sets: list[Object]) -> int:
    return max((_revision(each) for each in sets), default=0)
