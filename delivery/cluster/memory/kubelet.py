"""The scheduler and the kubelets of the simulated world: pods start, become ready, crash, and go when deleted.

How a pod behaves stands in annotations of its template (`sim/ready-after` in seconds, `sim/behaviour`), or is imposed
from outside while it runs, as real pods fail for reasons that no manifest tells.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from delivery.cluster.memory.conditions import Condition, condition, find
from delivery.cluster.memory.controlling import Context
from delivery.cluster.memory.selectors import Predicate, label_selector
from delivery.cluster.objects import PODS, Object, Ref

READY_AFTER = "sim/ready-after"
BEHAVIOUR = "sim/behaviour"

MANAGER = "kubelet"
RUN_SECONDS = 1.0
FIRST_BACKOFF, LONGEST_BACKOFF = 10.0, 300.0


class Behaviour(StrEnum):
    """What becomes of a pod's containers."""

    HEALTHY = "healthy"
    NEVER_READY = "never-ready"
    CRASH_LOOP = "crash-loop"
    IMAGE_PULL = "image-pull"
    OOM = "oom"

    @classmethod
    def parse(cls, text: str, field: str) -> "Behaviour":
        """The behaviour of that name; ValueError names the field and what is allowed."""
        if text not in list(cls):
            raise ValueError(f"{field}: {text!r}; one of {', '.join(cls)}")
        return cls(text)


_CRASHES = {Behaviour.CRASH_LOOP: ("Error", 1), Behaviour.OOM: ("OOMKilled", 137)}


@dataclass(slots=True)
class _Life:
    """What the kubelet remembers of a pod. `chapter` outdates the timers of what was going on before."""

    address: str
    chapter: int = 0
    crashes: int = 0
    last: dict[str, Any] | None = None
    terminating: bool = False


class Kubelet:
    """Runs all pods of the cluster. `ready_seconds` without an annotation; `terminate_seconds` at the most."""

    def __init__(self, context: Context, *, ready_seconds: float, terminate_seconds: float) -> None:
        self._context, self._store = context, context.store
        self._ready_seconds, self._terminate_seconds = ready_seconds, terminate_seconds
        self._lives: dict[str, _Life] = {}
        self._imposed: list[tuple[Predicate, Behaviour]] = []
        self._addresses = 0

    def impose(self, selector: str, behaviour: Behaviour, namespace: str | None) -> None:
        """Pods that `selector` selects, those there are and those to come, behave so from now on."""
        selects = label_selector(selector)

        def applies(pod: Object) -> bool:
            return namespace in (None, pod["metadata"]["namespace"]) and selects(pod)

        self._imposed.append((applies, behaviour))
        for pod in self._store.scan(PODS, namespace):
            if applies(pod) and pod["metadata"]["uid"] in self._lives and "deletionTimestamp" not in pod["metadata"]:
                self._run(Ref.of(PODS, pod), pod["metadata"]["uid"])

    def sync(self, ref: Ref) -> None:
        """Take up a new pod, end one that is being deleted."""
        pod = self._store.peek(ref)
        if pod is None:
            return
        uid = pod["metadata"]["uid"]
        if uid not in self._lives:
            self._take_up(ref, uid)
        elif "deletionTimestamp" in pod["metadata"] and not self._lives[uid].terminating:
            self._lives[uid].terminating = True
            self._lives[uid].chapter += 1
            grace = float(pod["metadata"].get("deletionGracePeriodSeconds") or 0)
            self._context.later(min(grace, self._terminate_seconds), self._terminate, ref, uid)

    # -- chapters of a pod's life

    def _take_up(self, ref: Ref, uid: str) -> None:
        self._addresses += 1
        address = f"10.{self._addresses >> 16 & 255}.{self._addresses >> 8 & 255}.{self._addresses & 255}"
        self._lives[uid] = _Life(address)
        bind = [{"op": "add", "path": "/spec/nodeName", "value": f"node-{self._addresses % 3 + 1}"}]
        self._store.patch(ref, bind, manager="kube-scheduler")
        self._write(ref, uid, "Pending", {"waiting": {"reason": "ContainerCreating"}})
        self._later(ref, uid, min(0.5, self._ready_after(ref)), self._run)

    def _run(self, ref: Ref, uid: str) -> None:
        """The containers start, and what happens then is up to the behaviour."""
        behaviour = self._behaviour(ref)
        if behaviour is Behaviour.IMAGE_PULL:
            self._write(ref, uid, "Pending", _waiting("ErrImagePull", "rpc error: code = NotFound"))
            self._later(ref, uid, 2.0, self._back_off_pulling)
            return
        self._write(ref, uid, "Running", {"running": {"startedAt": self._context.timestamp()}})
        if behaviour is Behaviour.HEALTHY:
            self._later(ref, uid, max(0.0, self._ready_after(ref) - 0.5), self._become_ready)
        elif behaviour in _CRASHES:
            self._later(ref, uid, RUN_SECONDS, self._crash)

    def _become_ready(self, ref: Ref, uid: str) -> None:
        self._write(ref, uid, "Running", {"running": {"startedAt": self._context.timestamp()}}, ready=True)

    def _back_off_pulling(self, ref: Ref, uid: str) -> None:
        self._write(ref, uid, "Pending", _waiting("ImagePullBackOff", "Back-off pulling image"))

    def _crash(self, ref: Ref, uid: str) -> None:
        life, behaviour = self._lives[uid], self._behaviour(ref)
        if behaviour not in _CRASHES:  # its annotation was changed meanwhile
            self._run(ref, uid)
            return
        reason, code = _CRASHES[behaviour]
        life.last = {"terminated": {"reason": reason, "exitCode": code, "finishedAt": self._context.timestamp()}}
        backoff = min(FIRST_BACKOFF * 2**life.crashes, LONGEST_BACKOFF)
        life.crashes += 1
        self._write(ref, uid, "Running", _waiting("CrashLoopBackOff", f"back-off {backoff:.0f}s restarting"))
        self._later(ref, uid, backoff, self._run)

    def _terminate(self, ref: Ref, uid: str) -> None:
        pod = self._store.peek(ref)
        if pod is not None and pod["metadata"]["uid"] == uid:
            self._store.delete(ref, uid=uid, grace_seconds=0)
        self._lives.pop(uid, None)

    # -- inside

    def _later(self, ref: Ref, uid: str, delay: float, chapter: Any) -> None:
        """Begin the next chapter, if the pod is still in this one by then."""
        life = self._lives[uid]
        life.chapter += 1
        number = life.chapter

        def begin() -> None:
            pod = self._store.peek(ref)
            if pod is None or pod["metadata"]["uid"] != uid:
                self._lives.pop(uid, None)
            elif self._lives[uid].chapter == number:
                chapter(ref, uid)

        self._context.later(delay, begin)

    def _pod(self, ref: Ref) -> Object:
        return self._store.peek(ref) or {"metadata": {}}

    def _ready_after(self, ref: Ref) -> float:
        annotations = self._pod(ref)["metadata"].get("annotations") or {}
        return float(annotations.get(READY_AFTER, self._ready_seconds))

    def _behaviour(self, ref: Ref) -> Behaviour:
        pod = self._pod(ref)
        for applies, behaviour in reversed(self._imposed):
            if applies(pod):
                return behaviour
        text = (pod["metadata"].get("annotations") or {}).get(BEHAVIOUR, "healthy")
        return Behaviour.parse(text, f"{ref}, annotation {BEHAVIOUR}")

    def _write(self, ref: Ref, uid: str, phase: str, state: dict[str, Any], *, ready: bool = False) -> None:
        pod, life = self._pod(ref), self._lives[uid]
        was, now = pod.get("status") or {}, self._context.timestamp()
        life.chapter += 1
        containers = [self._container(each, life, state, ready) for each in pod["spec"].get("containers") or ()]
        status = {
            "phase": phase,
            "conditions": _conditions(was, now, ready),
            "containerStatuses": containers,
            "hostIP": "192.168.0.1",
            "podIP": life.address,
            "startTime": was.get("startTime", now),
            "qosClass": "BestEffort",
        }
        self._context.write_status(ref, status, MANAGER)

    def _container(self, spec: Object, life: _Life, state: dict[str, Any], ready: bool) -> dict[str, Any]:
        return {
            "name": spec["name"],
            "image": spec.get("image", ""),
            "imageID": "",
            "ready": ready,
            "started": "running" in state,
            "restartCount": life.crashes,
            "state": state,
            "lastState": life.last or {},
        }


def _waiting(reason: str, message: str) -> dict[str, Any]:
    return {"waiting": {"reason": reason, "message": message}}


def _conditions(was: Object, now: str, ready: bool) -> list[Condition]:
    """The conditions that a kubelet writes, and PodScheduled."""
    why = {} if ready else {"reason": "ContainersNotReady", "message": "containers with unready status"}
    return [
        condition(find(was, "Initialized"), "Initialized", True, now),
        condition(find(was, "Ready"), "Ready", ready, now, **why),
        condition(find(was, "ContainersReady"), "ContainersReady", ready, now, **why),
        condition(find(was, "PodScheduled"), "PodScheduled", True, now),
    ]
