"""What a Canary asks of its autoscalers, with the names that follow from it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from delivery.api.canary import Canary
from delivery.workloads.autoscalers.flavours import FLAVOURS, Flavour
from delivery.workloads.names import PRIMARY_SUFFIX


@dataclass(frozen=True, slots=True, kw_only=True)
class AutoscalerSpec:
    """`spec.autoscalerRef`. `least` and `most` are the primary's own bounds; None: those of the target's.

    `queries` are what the primary's triggers ask instead, by the name of the trigger (KEDA).
    """

    kind: str
    name: str
    least: int | None = None
    most: int | None = None
    queries: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, canary: Canary) -> "AutoscalerSpec | None":
        """What a Canary says; None when it names no autoscaler."""
        ref = canary.spec.autoscaler_ref
        if ref is None:
            return None
        bounds = ref.primary_scaler_replicas
        return cls(
            kind=ref.kind,
            name=ref.name,
            least=bounds.min_replicas if bounds else None,
            most=bounds.max_replicas if bounds else None,
            queries=dict(ref.primary_scaler_queries),
        )

    @property
    def primary(self) -> str:
        """The name of the primary's autoscaler."""
        return self.name + PRIMARY_SUFFIX

    @property
    def flavour(self) -> Flavour:
        """How autoscalers of this kind speak."""
        return FLAVOURS[self.kind]

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"
