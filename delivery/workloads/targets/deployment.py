"""Deployments as targets: as many pods as `replicas` says, earlier templates in ReplicaSets."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from delivery.cluster.objects import DEPLOYMENTS, REPLICA_SETS, Change, Kind, Object
from delivery.workloads import deployment, selectors
from delivery.workloads.observation import observe
from delivery.workloads.revision import POD_TEMPLATE_HASH, matches
from delivery.workloads.service_spec import ServiceSpec
from delivery.workloads.targets.bases import CopiedKind
from delivery.workloads.targets.target_kind import Template
from strategies.snapshot import Problem, Workload


@dataclass(frozen=True, slots=True)
class DeploymentKind(CopiedKind):
    """The TargetKind of apps/v1 Deployments."""

    kind: ClassVar[Kind] = DEPLOYMENTS
    past: ClassVar[Kind | None] = REPLICA_SETS
    copied: ClassVar[tuple[str, ...]] = deployment.COPIED

    def problem(self, target: Object, service: ServiceSpec) -> Problem | None:
        return selectors.selector_problem(target, preferred=self.labelling.preferred)

    def template_of(self, target: Object) -> Template:
        template: Template = target["spec"]["template"]
        return template

    def template(
        self, revision: str, *, target: Object | None, primary: Object | None, past: Sequence[Object]
    ) -> Template | None:
        if target is not None and matches(revision, self.template_of(target)):
            return self.template_of(target)
        if primary is not None and (found := deployment.template_of(primary, revision)) is not None:
            return found
        for each in past:
            if matches(revision, each["spec"]["template"]):
                return _without_hash(each["spec"]["template"])
        return None

    def observe(
        self, body: Object, pods: Iterable[Object], *, past: Iterable[Object], since: datetime | None
    ) -> Workload:
        return observe(body, pods, replica_sets=past, since=since)

    def replicas(self, target: Object, floor: int) -> int | None:
        return max(1, target["spec"].get("replicas") or 0, floor)

    def at_least(self, workload: Object, pods: int, *, epoch: int, why: str) -> Change | None:
        if workload["spec"].get("replicas", 1) >= pods:
            return None
        return deployment.scale_change(workload, pods, epoch=epoch, why=why)

    def rest(self, target: Object, *, epoch: int) -> Change | None:
        return deployment.scale_change(target, 0, epoch=epoch, why="the canary rests")


def _without_hash(template: Template) -> Template:
    """A ReplicaSet's template is the Deployment's with one label more."""
    metadata = template.get("metadata") or {}
    labels = {name: value for name, value in (metadata.get("labels") or {}).items() if name != POD_TEMPLATE_HASH}
    return {**template, "metadata": {**metadata, "labels": labels}}
