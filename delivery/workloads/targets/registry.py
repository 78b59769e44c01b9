"""Which kind of target is which `spec.targetRef.kind`."""

from delivery.workloads.selectors import Labelling
from delivery.workloads.targets.daemonset import DaemonSetKind
from delivery.workloads.targets.deployment import DeploymentKind
from delivery.workloads.targets.target_kind import TargetKind

TARGET_KINDS: dict[str, TargetKind] = {"Deployment": DeploymentKind(), "DaemonSet": DaemonSetKind()}


def target_kind(kind: str, labelling: Labelling) -> TargetKind:
    """The kind of this name; one that is not acted on holds everything up, and is looked at as a Deployment."""
    return TARGET_KINDS.get(kind, TARGET_KINDS["Deployment"]).labelled(labelling)
