"""Pods as they really are, however late any proxy hears of it.

A pod that is being deleted goes on serving for its shutdown time, whatever becomes of its object: that is what a
preStop hook buys. A pod whose object vanishes without a word (a forced deletion, a lost node) is gone at once.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from delivery.cluster.objects import Object
from delivery.sandbox.mesh.behaviour import Behaviour, Moment


@dataclass(slots=True, eq=False)
class Pod:
    """A pod with a proxy beside it. Times are the mesh's seconds."""

    uid: str
    namespace: str
    name: str
    labels: Mapping[str, str]
    workload: str
    account: str
    image: str
    behaviour: Behaviour
    is_scraped: bool = False
    """Is what its application counts shown to Prometheus?"""
    ready: bool = False
    running: bool = False
    ready_since: float = math.inf
    ends_at: float = math.inf
    gone: bool = False
    overload: float = 0.0
    """The share 0..1 of its requests that is more than it can take."""
    rate: float = 0.0
    """Requests per second that reach it now."""
    hosts: tuple[str, ...] = field(default=())
    """The services that select it."""

    @property
    def serves(self) -> bool:
        """Does it accept connections?"""
        return not self.gone and (self.ready or self.running)

    def moment(self, now: float) -> Moment | None:
        """What becomes of a request that gets here; None: the connection is refused."""
        if not self.serves:
            return None
        age = now - self.ready_since if self.ready_since <= now else 0.0
        return self.behaviour.at(age + 1e-9)

    def changes_after(self, now: float) -> list[float]:
        """When its behaviour changes by itself."""
        if self.ready_since == math.inf:
            return []
        return [at for each in self.behaviour.changes() if (at := self.ready_since + each) > now]


def identity(body: Object) -> tuple[str, str, str]:
    """Workload, service account, image: what a pod is, whatever its state."""
    spec = body.get("spec") or {}
    containers = spec.get("containers") or [{}]
    return workload_of(body), str(spec.get("serviceAccountName") or "default"), str(containers[0].get("image", ""))


def workload_of(body: Object) -> str:
    """The Deployment's name, as Istio tells it: the ReplicaSet's without the hash of the template."""
    meta = body["metadata"]
    owner = next(iter(meta.get("ownerReferences") or ()), {"kind": "Pod", "name": meta["name"]})
    suffix = f"-{(meta.get('labels') or {}).get('pod-template-hash', '')}"
    return str(owner["name"]).removesuffix(suffix) if owner["kind"] == "ReplicaSet" else str(owner["name"])


def is_ready(body: Object) -> bool:
    """Does Kubernetes send it requests: condition Ready, and nobody is deleting it?"""
    if body["metadata"].get("deletionTimestamp"):
        return False
    conditions = (body.get("status") or {}).get("conditions") or ()
    return any(each.get("type") == "Ready" and each.get("status") == "True" for each in conditions)


def is_running(body: Object) -> bool:
    """Do all its containers run? Then it answers, ready or not."""
    containers = (body.get("status") or {}).get("containerStatuses") or ()
    return bool(containers) and all("running" in (each.get("state") or {}) for each in containers)
