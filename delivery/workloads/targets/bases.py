"""What kinds of targets have in common: some are copied with their pods, of others only a Service is led elsewhere.

A kind says what is its own; everything here is the usual answer of its sort.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Self

from delivery.cluster.objects import SERVICES, Change, Kind, Object
from delivery.workloads import selectors
from delivery.workloads.selectors import USUAL, Labelling
from delivery.workloads.targets.target_kind import Template


@dataclass(frozen=True, slots=True)
class CopiedKind:
    """Workloads: the primary is one of the same kind, with pods of its own under one label of another value."""

    labelling: Labelling = USUAL

    kind: ClassVar[Kind]
    past: ClassVar[Kind | None] = None
    routes_only: ClassVar[bool] = False
    is_apex: ClassVar[bool] = False

    @property
    def primary_kind(self) -> Kind:
        return self.kind

    def serves(self, target: Object, primary: Object) -> bool:
        return False

    def labelled(self, labelling: Labelling) -> Self:
        return replace(self, labelling=labelling)

    def selections(
        self, target: Object | None, primary: Object | None, past: Sequence[Object]
    ) -> tuple[Mapping[str, str], ...]:
        return selectors.selections(target, primary, self.labelling.preferred)

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
