"""Which kind of target is which `spec.targetRef.kind`."""

from delivery.workloads.selectors import Labelling
from delivery.workloads.service_spec import ServiceSpec
from delivery.workloads.targets.daemonset import DaemonSetKind
from delivery.workloads.targets.deployment import DeploymentKind
from delivery.workloads.targets.service import ServiceKind
from delivery.workloads.targets.switched import SwitchedKind
from delivery.workloads.targets.target_kind import TargetKind

TARGET_KINDS: dict[str, TargetKind] = {
    "Deployment": DeploymentKind(),
    "DaemonSet": DaemonSetKind(),
    "Service": ServiceKind(),
}


def target_kind(kind: str, labelling: Labelling, *, switched: ServiceSpec | None = None) -> TargetKind:
    """The kind of this name, with primaries that are labelled like this; `switched`: promotions move users, by this
    service, and copy nothing.

    Raises ValueError naming the field, what was given and what is allowed.
    """
    if kind not in TARGET_KINDS:
        raise ValueError(f"spec.targetRef.kind: given {kind!r}, allowed are {', '.join(sorted(TARGET_KINDS))}")
    return SwitchedKind(switched) if switched is not None else TARGET_KINDS[kind].labelled(labelling)
