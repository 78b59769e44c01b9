"""The scheduler and the kubelets of the cluster in memory: pods start, become ready, crash, and go when deleted.

How a pod behaves stands in its annotations and its image (behaviours.py), or is imposed from outside while it runs, as
real pods fail for reasons that no manifest tells.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from delivery.cluster.memory.behaviours import Behaviour, Fate, fate_of, images, invalid_image
from delivery.cluster.memory.conditions import is_ready
from delivery.cluster.memory.controlling import Context
from delivery.cluster.memory.nodes import NODES, node_of
from delivery.cluster.memory.pod_status import Life, pod_status, waiting, waiting_for
from delivery.cluster.memory.selectors import Predicate, label_selector
from delivery.cluster.objects import PODS, Object, Ref

MANAGER = "kubelet"
SCHEDULER = "default-scheduler"
RUN_SECONDS = 1.0
FIRST_BACKOFF, LONGEST_BACKOFF = 10.0, 300.0
RETRY_SECONDS = 10.0
PROBE_SECONDS = 10.0

_CRASHES = {Behaviour.CRASH_LOOP: ("Error", 1), Behaviour.OOM: ("OOMKilled", 137)}

Chapter = Callable[[Ref, str], None]


class Kubelet:
    """Runs all pods of the cluster. `ready_seconds` without an annotation; `terminate_seconds` at the most."""

    def __init__(self, context: Context, *, ready_seconds: float, terminate_seconds: float) -> None:
        self._context, self._store = context, context.store
        self._ready_seconds, self._terminate_seconds = ready_seconds, terminate_seconds
        self._lives: dict[str, Life] = {}
        self._imposed: list[tuple[Predicate, Behaviour]] = []
        lives = (Life.remembered(pod) for pod in self._store.scan(PODS))
        self._addresses = max((_number(life.address) for life in lives if life is not None), default=0)

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
            self._take_up(ref, uid, pod)
        if "deletionTimestamp" in pod["metadata"] and not self._lives[uid].terminating:
            self._lives[uid].terminating = True
            self._lives[uid].chapter += 1
            grace = float(pod["metadata"].get("deletionGracePeriodSeconds") or 0)
            self._tell_of_containers(ref, "Killing", "Stopping container {name}")
            self._context.later(min(grace, self._terminate_seconds), self._terminate, ref, uid)

    # -- chapters of a pod's life

    def _take_up(self, ref: Ref, uid: str, pod: Object) -> None:
        life = Life.remembered(pod)
        if life is not None and pod["spec"].get("nodeName"):
            self._lives[uid] = life
            self._resume(ref, uid, pod)
            return
        self._addresses += 1
        self._lives[uid] = Life(_address(self._addresses))
        node = node_of(pod) or NODES[self._addresses % len(NODES)]
        bind = [{"op": "add", "path": "/spec/nodeName", "value": node}]
        self._store.patch(ref, bind, manager="kube-scheduler")
        assigned = f"Successfully assigned {ref.namespace}/{ref.name} to {node}"
        self._context.tell(pod, "Scheduled", assigned, source=SCHEDULER)
        self._write(ref, uid, "Pending", waiting("ContainerCreating"))
        self._later(ref, uid, self._creating_seconds(ref), self._run)

    def _resume(self, ref: Ref, uid: str, pod: Object) -> None:
        """Go on with a pod that an earlier kubelet ran: one that is Ready stays so."""
        if is_ready(pod) or "deletionTimestamp" in pod["metadata"]:
            return
        backoff = FIRST_BACKOFF if waiting_for(pod) == "CrashLoopBackOff" else 0.0
        self._later(ref, uid, backoff, self._run)

    def _run(self, ref: Ref, uid: str) -> None:
        """The containers start, and what happens then is up to the behaviour."""
        try:
            fate = self._fate(ref)
        except ValueError as error:
            self._refuse(ref, uid, "CreateContainerConfigError", str(error))
            return
        if fate.behaviour is Behaviour.IMAGE_PULL:
            self._pull_in_vain(ref, uid)
            return
        self._lives[uid].started = self._context.timestamp()
        self._write(ref, uid, "Running", self._running(uid))
        self._tell_of_start(ref)
        if fate.behaviour is Behaviour.HEALTHY:
            self._later(ref, uid, max(0.0, fate.ready_after - 0.5), self._become_ready)
        elif fate.behaviour is Behaviour.NEVER_READY:
            self._fail_probe(ref, uid)
        else:
            self._later(ref, uid, RUN_SECONDS, self._crash)

    def _become_ready(self, ref: Ref, uid: str) -> None:
        self._write(ref, uid, "Running", self._running(uid), ready=True)

    def _fail_probe(self, ref: Ref, uid: str) -> None:
        """A probe that fails changes nothing but what is told of it."""
        if self._context.tells:
            why = "Readiness probe failed: HTTP probe failed with statuscode: 503"
            self._tell_of_containers(ref, "Unhealthy", why, warning=True)
            self._later(ref, uid, PROBE_SECONDS, self._fail_probe)

    def _refuse(self, ref: Ref, uid: str, reason: str, message: str) -> None:
        """What cannot be started is tried again, as its annotations may be changed meanwhile."""
        self._write(ref, uid, "Pending", waiting(reason, message))
        self._tell_of_containers(ref, "Failed", f"Error: {message}", warning=True)
        self._later(ref, uid, RETRY_SECONDS, self._run)

    def _pull_in_vain(self, ref: Ref, uid: str) -> None:
        unusable = next((image for image in images(self._pod(ref)) if invalid_image(image)), None)
        if unusable is not None:
            self._refuse(ref, uid, "InvalidImageName", f"couldn't parse image name {unusable!r}")
            return
        self._tell_of_containers(ref, "Pulling", 'Pulling image "{image}"')
        self._write(ref, uid, "Pending", waiting("ErrImagePull", "rpc error: code = NotFound"))
        why = 'Failed to pull image "{image}": rpc error: code = NotFound'
        self._tell_of_containers(ref, "Failed", why, warning=True)
        self._later(ref, uid, 2.0, self._back_off_pulling)

    def _back_off_pulling(self, ref: Ref, uid: str) -> None:
        self._write(ref, uid, "Pending", waiting("ImagePullBackOff", "Back-off pulling image"))
        self._tell_of_containers(ref, "BackOff", 'Back-off pulling image "{image}"')

    def _crash(self, ref: Ref, uid: str) -> None:
        life, behaviour = self._lives[uid], self._behaviour(ref)
        if behaviour not in _CRASHES:  # its annotation was changed meanwhile
            self._run(ref, uid)
            return
        reason, code = _CRASHES[behaviour]
        ended = {"startedAt": life.started, "finishedAt": self._context.timestamp()}
        life.last = {"terminated": {"reason": reason, "exitCode": code, **ended}}
        backoff = min(FIRST_BACKOFF * 2**life.crashes, LONGEST_BACKOFF)
        life.crashes += 1
        self._write(ref, uid, "Running", waiting("CrashLoopBackOff", f"back-off {backoff:.0f}s restarting"))
        why = f"Back-off restarting failed container {{name}} in pod {ref.name}_{ref.namespace}({uid})"
        self._tell_of_containers(ref, "BackOff", why, warning=True)
        self._later(ref, uid, backoff, self._run)

    def _terminate(self, ref: Ref, uid: str) -> None:
        pod = self._store.peek(ref)
        if pod is not None and pod["metadata"]["uid"] == uid:
            self._store.delete(ref, uid=uid, grace_seconds=0)
        self._lives.pop(uid, None)

    # -- inside

    def _later(self, ref: Ref, uid: str, delay: float, chapter: Chapter) -> None:
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

    def _creating_seconds(self, ref: Ref) -> float:
        try:
            return min(0.5, self._fate(ref).ready_after)
        except ValueError:
            return 0.5  # what is wrong with it is told when it is run

    def _fate(self, ref: Ref) -> Fate:
        pod = self._pod(ref)
        fate = fate_of(pod, ready_seconds=self._ready_seconds)
        for applies, behaviour in reversed(self._imposed):
            if applies(pod):
                return Fate(behaviour, fate.ready_after)
        return fate

    def _behaviour(self, ref: Ref) -> Behaviour | None:
        """None if the annotations can't be used."""
        with suppress(ValueError):
            return self._fate(ref).behaviour
        return None

    def _running(self, uid: str) -> dict[str, Any]:
        return {"running": {"startedAt": self._lives[uid].started}}

    def _write(self, ref: Ref, uid: str, phase: str, state: dict[str, Any], *, ready: bool = False) -> None:
        pod, life = self._pod(ref), self._lives[uid]
        life.chapter += 1
        status = pod_status(pod, life, phase, state, ready=ready, now=self._context.timestamp())
        self._context.write_status(ref, status, MANAGER)

    def _tell_of_start(self, ref: Ref) -> None:
        self._tell_of_containers(ref, "Pulled", 'Container image "{image}" already present on machine')
        self._tell_of_containers(ref, "Created", "Created container: {name}")
        self._tell_of_containers(ref, "Started", "Started container {name}")

    def _tell_of_containers(self, ref: Ref, reason: str, message: str, *, warning: bool = False) -> None:
        """The same of every container; `{name}` and `{image}` stand for what they are."""
        pod = self._store.peek(ref)
        if pod is None or not self._context.tells:
            return
        for each in pod["spec"].get("containers") or ():
            text = message.replace("{name}", each["name"]).replace("{image}", str(each.get("image", "")))
            self._context.tell(pod, reason, text, source=MANAGER, warning=warning, container=each["name"])


def _address(number: int) -> str:
    return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


def _number(address: str) -> int:
    _, high, middle, low = map(int, address.split("."))
    return high << 16 | middle << 8 | low
