"""What kinds of targets have in common: some are copied with their pods, of others only a Service is led elsewhere.

A kind says what is its own; everything here is the usual answer of its sort.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Self

from delivery.cluster.objects import SERVICES, Change, Kind, Object
from delivery.workloads import deployment, selectors
from delivery.workloads.names import Names
from delivery.workloads.overlay import create_change
from delivery.workloads.selectors import USUAL, Labelling
from delivery.workloads.targets.target_kind import Template


@dataclass(frozen=True, slots=True)
class CopiedKind(ABC):
    """Workloads: the primary is one of the same kind, with pods of its own under one label of another value."""

    labelling: Labelling = USUAL

    kind: ClassVar[Kind]
    copied: ClassVar[tuple[str, ...]]
    """What the primary has of the target besides the pod template."""
    past: ClassVar[Kind | None] = None
    routes_only: ClassVar[bool] = False
    is_apex: ClassVar[bool] = False

    @property
    def primary_kind(self) -> Kind:
        return self.kind

    @abstractmethod
    def replicas(self, target: Object, floor: int) -> int | None:
        """How many pods a new primary is to have; None for a kind that does not say a number."""

    def serves(self, target: Object, primary: Object) -> bool:
        return False

    def labelled(self, labelling: Labelling) -> Self:
        return replace(self, labelling=labelling)

    def selections(
        self, target: Object | None, primary: Object | None, past: Sequence[Object]
    ) -> tuple[Mapping[str, str], ...]:
        return selectors.selections(target, primary, self.labelling.preferred)

    def create(
        self,
        target: Object,
        names: Names,
        template: Template,
        *,
        revision: str,
        floor: int,
        epoch: int,
        annotations: Mapping[str, str],
    ) -> Change:
        body = deployment.primary_body(
            {**target, "spec": {**target["spec"], "template": template}},
            names,
            revision=revision,
            replicas=self.replicas(target, floor),
            epoch=epoch,
            annotations=annotations,
            labelling=self.labelling,
            kind=self.kind,
            copied=self.copied,
        )
        return create_change(self.kind, body, epoch=epoch, why=f"create the primary at {revision}")

    def promote(
        self, primary: Object, template: Template, *, revision: str, epoch: int, target: Object | None
    ) -> Change | None:
        spec = target["spec"] if target is not None else None
        return deployment.promote_change(
            primary, template, revision=revision, epoch=epoch, spec=spec, kind=self.kind, copied=self.copied
        )

    def strands(self, primary: Object, template: Template, pods: Iterable[Object]) -> bool:
        return False


@dataclass(frozen=True, slots=True)
class LedKind:
    """Roles that are Services: their pods are nobody's copies, and how many there are is their people's business."""

    kind: ClassVar[Kind]
    primary_kind: ClassVar[Kind] = SERVICES
    past: ClassVar[Kind | None] = None
    routes_only: ClassVar[bool] = True
    is_apex: ClassVar[bool] = False

    def labelled(self, labelling: Labelling) -> Self:
        return self

    def at_least(self, workload: Object, pods: int, *, epoch: int, why: str) -> Change | None:
        return None

    def rest(self, target: Object, *, epoch: int) -> Change | None:
        return None
