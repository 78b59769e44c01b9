"""The machines of the cluster in memory, as far as DaemonSets need them: names, labels, and who may run where.

They are no objects of the store: nobody reads Nodes, and a DaemonSet asks only how many there are for it.
"""

from collections.abc import Callable
from typing import Any

from delivery.cluster.objects import Object

NODES = ("node-1", "node-2", "node-3")

Body = dict[str, Any]


class Nodes:
    """The nodes that there are now; who listens is told when that changes."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self._labels = {name: _labels(name) for name in NODES}
        self._changed = changed

    @property
    def names(self) -> list[str]:
        """All of them, sorted."""
        return sorted(self._labels)

    def add(self, name: str) -> None:
        """One more node."""
        self._labels[name] = _labels(name)
        self._changed()

    def remove(self, name: str) -> None:
        """A node is lost; KeyError if there is none of this name."""
        del self._labels[name]
        self._changed()

    def selected(self, pod_spec: Object) -> list[str]:
        """The nodes that a pod's nodeSelector allows, sorted."""
        wanted = (pod_spec.get("nodeSelector") or {}).items()
        return [name for name in self.names if all(self._labels[name].get(key) == value for key, value in wanted)]


def _labels(name: str) -> dict[str, str]:
    return {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux"}


def bound(pod_spec: Object, node: str) -> Body:
    """The spec of a pod that may run on one node only, as the DaemonSet controller writes it."""
    field = {"key": "metadata.name", "operator": "In", "values": [node]}
    only = {"nodeSelectorTerms": [{"matchFields": [field]}]}
    affinity = dict(pod_spec.get("affinity") or {})
    affinity["nodeAffinity"] = {
        **(affinity.get("nodeAffinity") or {}),
        "requiredDuringSchedulingIgnoredDuringExecution": only,
    }
    return {**pod_spec, "affinity": affinity}


def node_of(pod: Object) -> str:
    """The node that a pod is on or is bound to; "" if it may go anywhere."""
    spec = pod.get("spec") or {}
    if spec.get("nodeName"):
        return str(spec["nodeName"])
    rules = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    terms = (rules.get("requiredDuringSchedulingIgnoredDuringExecution") or {}).get("nodeSelectorTerms") or ()
    fields = [field for term in terms for field in term.get("matchFields") or ()]
    return next((str(each["values"][0]) for each in fields if each.get("key") == "metadata.name"), "")
