"""DaemonSets as targets: a pod on every node that is allowed, and on none while they rest.

A DaemonSet has no number of pods to set to 0. It rests by a nodeSelector that no node has; that selector is ours, so
it is no part of a revision and never gets into a primary. Earlier templates are not looked up in ControllerRevisions:
where the analysed one is no longer on the target nor on the primary, the run begins anew with what is there.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from delivery.cluster.objects import DAEMON_SETS, Change, Kind, Object, Op, Ref, pointer
from delivery.workloads import daemon_pods, deployment, selectors
from delivery.workloads.overlay import overlay
from delivery.workloads.ownership import FENCE, check_fence, generation_tests, is_managed
from delivery.workloads.revision import matches, revision
from delivery.workloads.service_spec import ServiceSpec
from delivery.workloads.targets.bases import CopiedKind
from delivery.workloads.targets.target_kind import Template
from strategies.snapshot import Problem, Workload

NOWHERE = "progressive.delivery/scale-to-zero"
"""Key of the nodeSelector by which a target rests."""
FLAGGERS = "flagger.app/scale-to-zero"
"""Flagger's key for the same, which a target may have from before."""
COPIED = ("updateStrategy", "minReadySeconds", "revisionHistoryLimit")
"""What the primary has of the target besides the pod template."""

_SELECTOR = ("spec", "template", "spec", "nodeSelector")


@dataclass(frozen=True, slots=True)
class DaemonSetKind(CopiedKind):
    """The TargetKind of apps/v1 DaemonSets."""

    kind: ClassVar[Kind] = DAEMON_SETS
    copied: ClassVar[tuple[str, ...]] = COPIED

    def problem(self, target: Object, service: ServiceSpec) -> Problem | None:
        strategy = (target["spec"].get("updateStrategy") or {}).get("type", "RollingUpdate")
        name = target["metadata"]["name"]
        if strategy != "RollingUpdate":
            return Problem(
                reason="UpdateStrategyUnsupported",
                message=f"DaemonSet {name} has updateStrategy.type {strategy}, allowed is RollingUpdate: with any "
                "other its pods stay at an old version and nobody could tell which is analysed",
            )
        if (port := _host_port(target)) is not None:
            return Problem(
                reason="HostPortUnsupported",
                message=f"DaemonSet {name} has hostPort {port}, which only one pod of a node can have, and during a "
                "run each node has one of the primary and one of the canary; reach it by its Service instead",
            )
        return selectors.selector_problem(target, DAEMON_SETS, self.labelling.preferred)

    def template_of(self, target: Object) -> Template:
        return awake(target["spec"]["template"])

    def template(
        self, revision: str, *, target: Object | None, primary: Object | None, past: Sequence[Object]
    ) -> Template | None:
        if target is not None and matches(revision, self.template_of(target)):
            return self.template_of(target)
        return deployment.template_of(primary, revision) if primary is not None else None

    def observe(
        self, body: Object, pods: Iterable[Object], *, past: Iterable[Object], since: datetime | None
    ) -> Workload:
        return daemon_pods.observe(body, pods, revision=_revision(body), resting=rests(body), since=since)

    def replicas(self, target: Object, floor: int) -> int | None:
        return None

    def at_least(self, workload: Object, pods: int, *, epoch: int, why: str) -> Change | None:
        """Lift the rest: how many pods there are then, the nodes say."""
        if not rests(workload):
            return None
        selector = _node_selector(workload["spec"]["template"])
        left = awake(workload["spec"]["template"])["spec"].get("nodeSelector")
        keys = [key for key in (NOWHERE, FLAGGERS) if key in selector]
        ops: tuple[Op, ...] = tuple({"op": "remove", "path": pointer(*_SELECTOR, key)} for key in keys)
        return _change(workload, ops if left else ({"op": "remove", "path": pointer(*_SELECTOR)},), epoch, why)

    def rest(self, target: Object, *, epoch: int) -> Change | None:
        if rests(target):
            check_fence(Ref.of(DAEMON_SETS, target), target, epoch)
            return None
        there = target["spec"]["template"]["spec"].get("nodeSelector") is not None
        op: Op = {"op": "add", "path": pointer(*_SELECTOR, NOWHERE), "value": "true"}
        if not there:
            op = {"op": "add", "path": pointer(*_SELECTOR), "value": {NOWHERE: "true"}}
        return _change(target, (op,), epoch, "the canary rests")


def rests(body: Object) -> bool:
    """Is it sent to no node, by us or by Flagger before us?"""
    return not {NOWHERE, FLAGGERS}.isdisjoint(_node_selector(body["spec"]["template"]))


def awake(template: Template) -> dict[str, Any]:
    """A pod template without what sends it to no node."""
    spec = dict(template.get("spec") or {})
    selector = {key: value for key, value in _node_selector(template).items() if key not in (NOWHERE, FLAGGERS)}
    spec.pop("nodeSelector", None)
    return {**template, "spec": {**spec, "nodeSelector": selector} if selector else spec}


def _host_port(target: Object) -> int | None:
    """The first port of the node that a container asks for (with hostNetwork the API server fills it in)."""
    spec = target["spec"]["template"]["spec"]
    containers = (*(spec.get("initContainers") or ()), *(spec.get("containers") or ()))
    ports = [port.get("hostPort") for container in containers for port in container.get("ports") or ()]
    return next((port for port in ports if port), None)


def _node_selector(template: Template) -> Mapping[str, str]:
    return (template.get("spec") or {}).get("nodeSelector") or {}


def _revision(body: Object) -> str:
    """The revision of a target's template; for a primary the one that it was made from, as recorded."""
    if not is_managed(body):
        return revision(awake(body["spec"]["template"]))
    return deployment.promoted_revision(body) or revision(deployment.target_template_of(body))


def _change(body: Object, ops: tuple[Op, ...], epoch: int, why: str) -> Change:
    """A change of the nodeSelector alone: it holds for the generation that was seen. Our own object gets the fence."""
    ref = Ref.of(DAEMON_SETS, body)
    check_fence(ref, body, epoch)
    fence = overlay(body, {"metadata": {"annotations": {FENCE: str(epoch)}}}) if is_managed(body) else ()
    return Change(ref=ref, tests=generation_tests(body), ops=(*ops, *fence), why=why)
