"""Plays the kubelet: there is none in the test control plane, so nothing else would ever make a Pod ready.

How a Pod fares is said by annotations, usually on the pod template:

    test/behaviour            ready (default) | never-ready | crash-loop | image-pull | oom
    test/ready-after-seconds  time from being created to that state (default 0.2)

A change of the annotation on a Pod itself changes its state at once, so a release can break while it is being judged.
Pods are not bound to a node, so the API server removes a deleted one immediately.
"""

import asyncio
import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from delivery.cluster.errors import Conflict, Expired, Gone, Unavailable, Unknown
from delivery.cluster.kubernetes import KubernetesApi
from delivery.cluster.objects import PODS, Object, Ref, pointer
from delivery.cluster.projections import SIDECAR_STATUS
from tests.cluster.harness.threads import beside
from tests.cluster.harness.waiting import pause

BEHAVIOUR = "test/behaviour"
READY_AFTER = "test/ready-after-seconds"
BEHAVIOURS = ("ready", "never-ready", "crash-loop", "image-pull", "oom")
RETRY_SECONDS = 0.2

WAITING = {
    "crash-loop": {
        "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off restarting failed container"}},
        "lastState": {"terminated": {"exitCode": 1, "reason": "Error"}},
        "restartCount": 5,
    },
    "image-pull": {
        "state": {"waiting": {"reason": "ImagePullBackOff", "message": "back-off pulling image"}},
        "restartCount": 0,
    },
    "oom": {
        "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off restarting failed container"}},
        "lastState": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}},
        "restartCount": 2,
    },
}


class Kubelet:
    """Makes Pods of all namespaces what their annotations say."""

    def __init__(self, api: KubernetesApi) -> None:
        self._api = api
        self._numbers = itertools.count(1)
        self._given: dict[str, str] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    @classmethod
    @contextmanager
    def start(cls, kubeconfig: str) -> Iterator[None]:
        """Run one beside the block, on a loop of its own."""

        async def run(ready: Callable[[], None]) -> None:
            async with KubernetesApi.connect(kubeconfig, user_agent="test-kubelet/1") as api:
                await cls(api).run(ready)

        with beside(run, name="kubelet"):
            yield

    async def run(self, ready: Callable[[], None]) -> None:
        """Watch Pods until cancelled."""
        try:
            while True:
                try:
                    await self._watch(ready)
                except (Expired, Unavailable):
                    await pause(RETRY_SECONDS)
        finally:
            for task in self._tasks.values():
                task.cancel()

    async def _watch(self, ready: Callable[[], None]) -> None:
        listing = await self._api.list(PODS)
        for pod in listing.items:
            self._see(pod)
        ready()
        version = listing.resource_version
        while True:
            async for event in self._api.watch(PODS, resource_version=version):
                version = event.object["metadata"]["resourceVersion"]
                if event.type == "DELETED":
                    self._forget(event.object["metadata"]["uid"])
                elif event.type != "BOOKMARK":
                    self._see(event.object)

    def _see(self, pod: Object) -> None:
        uid, behaviour = pod["metadata"]["uid"], behaviour_of(pod)
        if self._given.get(uid) == behaviour or "deletionTimestamp" in pod["metadata"]:
            return
        first = uid not in self._given
        self._forget(uid)
        self._given[uid] = behaviour
        delay = float(_annotations(pod).get(READY_AFTER, "0.2")) if first else 0.0
        self._tasks[uid] = asyncio.create_task(self._change(pod, behaviour, delay))

    def _forget(self, uid: str) -> None:
        self._given.pop(uid, None)
        if task := self._tasks.pop(uid, None):
            task.cancel()

    async def _change(self, pod: Object, behaviour: str, delay: float) -> None:
        await pause(delay)
        status = pod_status(pod, behaviour, address=self._address())
        while True:
            try:
                if SIDECAR_STATUS not in _annotations(pod):
                    pod = await self._api.patch(Ref.of(PODS, pod), [_marked(pod)])
                ops = [{"op": "add", "path": "/status", "value": status}]
                await self._api.patch(Ref.of(PODS, pod), ops, subresource="status")
            except Gone:
                return
            except (Conflict, Unavailable, Unknown):
                await pause(RETRY_SECONDS)
            else:
                return

    def _address(self) -> str:
        number = next(self._numbers)
        return f"10.1.{number // 250 % 250}.{number % 250 + 1}"


def _marked(pod: Object) -> dict[str, Any]:
    """The mark of Istio's injector, of which there is none either: all Pods are in the mesh."""
    if not _annotations(pod):
        return {"op": "add", "path": "/metadata/annotations", "value": {SIDECAR_STATUS: "{}"}}
    return {"op": "add", "path": pointer("metadata", "annotations", SIDECAR_STATUS), "value": "{}"}


def behaviour_of(pod: Object) -> str:
    """How a Pod is to fare, in the word of its annotation."""
    return _annotations(pod).get(BEHAVIOUR, "ready")


def pod_status(pod: Object, behaviour: str, *, address: str) -> dict[str, Any]:
    """The status that a kubelet would write; a word that is none of BEHAVIOURS is told in its message."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    ready = behaviour == "ready"
    conditions = {"Initialized": True, "Ready": ready, "ContainersReady": ready, "PodScheduled": True}
    return {
        "message": "" if behaviour in BEHAVIOURS else f"{BEHAVIOUR}: {behaviour!r} is none of {BEHAVIOURS}",
        "phase": "Pending" if behaviour == "image-pull" else "Running",
        "startTime": now,
        "hostIP": "127.0.0.1",
        "podIP": address,
        "podIPs": [{"ip": address}],
        "conditions": [{"type": sort, "status": str(so), "lastTransitionTime": now} for sort, so in conditions.items()],
        "containerStatuses": [_container(container, behaviour, now) for container in pod["spec"]["containers"]],
    }


def _container(container: Object, behaviour: str, now: str) -> dict[str, Any]:
    running = {"state": {"running": {"startedAt": now}}, "restartCount": 0}
    return {
        "name": container["name"],
        "image": container["image"],
        "imageID": "" if behaviour == "image-pull" else f"test://{container['image']}",
        "ready": behaviour == "ready",
        "started": behaviour in ("ready", "never-ready"),
        **WAITING.get(behaviour, running),
    }


def _annotations(pod: Object) -> dict[str, str]:
    return pod["metadata"].get("annotations") or {}
