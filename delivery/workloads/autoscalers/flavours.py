"""What differs between the kinds of autoscalers: how their bounds are called, and what they mean when absent."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from delivery.cluster.objects import AUTOSCALING_VERSIONS, SCALED_OBJECTS, Kind, Object

PAUSE_PREFIX = "autoscaling.keda.sh/paused"
"""KEDA: annotations that begin so stop a ScaledObject, in all or in one direction."""

PAUSED_AT = "autoscaling.keda.sh/paused-replicas"
"""KEDA: the workload is kept at exactly so many pods."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flavour:
    """A kind of autoscalers.

    `least` and `most` are the members of its spec that bound the number of pods, `least_default` and `most_default`
    what they are when absent. `members` are those members of the spec that a copy has exactly as its source: what the
    source lacks of them, the copy lacks. `idle` is the member that may send the workload below `least`; "" without.
    `pausable`: annotations pause it.
    """

    kinds: tuple[Kind, ...]
    least: str
    most: str
    least_default: int
    most_default: int
    members: tuple[str, ...]
    idle: str = ""
    pausable: bool = False

    def bounds(self, body: Object) -> tuple[int, int]:
        """The fewest and the most pods, as the autoscaler says or by default; the most is at least the fewest."""
        spec = body.get("spec") or {}
        least, most = _count(spec, self.least, self.least_default), _count(spec, self.most, self.most_default)
        return least, max(least, most)


HORIZONTAL = Flavour(
    kinds=AUTOSCALING_VERSIONS,
    least="minReplicas",
    most="maxReplicas",
    least_default=1,
    most_default=1,
    members=("metrics", "behavior", "targetCPUUtilizationPercentage"),
)
"""HorizontalPodAutoscalers. One whose workload has no replicas does nothing by itself."""

KEDA = Flavour(
    kinds=(SCALED_OBJECTS,),
    least="minReplicaCount",
    most="maxReplicaCount",
    least_default=0,
    most_default=100,
    members=("pollingInterval", "cooldownPeriod", "initialCooldownPeriod", "fallback", "advanced", "triggers"),
    idle="idleReplicaCount",
    pausable=True,
)
"""KEDA's ScaledObjects, each of which makes a HorizontalPodAutoscaler of its own."""

FLAVOURS: Mapping[str, Flavour] = {"HorizontalPodAutoscaler": HORIZONTAL, "ScaledObject": KEDA}
"""By the kind that an autoscalerRef names."""


def flavour_of(kind: Kind) -> Flavour:
    """The flavour of a kind of autoscalers. KeyError for any other kind."""
    return FLAVOURS[kind.kind]


def scaled(body: Object) -> Mapping[str, Any]:
    """The reference to what an autoscaler scales; KEDA lets its kind be left out, and means a Deployment."""
    found = (body.get("spec") or {}).get("scaleTargetRef")
    return {"kind": "Deployment", **found} if isinstance(found, Mapping) else {}


def paused_at(body: Object) -> str | None:
    """The number of pods at which an autoscaler is paused, as annotated; None when it is not."""
    value = (body["metadata"].get("annotations") or {}).get(PAUSED_AT)
    return None if value is None else str(value)


def _count(spec: Mapping[str, Any], name: str, default: int) -> int:
    value = spec.get(name)
    return value if isinstance(value, int) else default
