"""What a Canary's author has decided about preflight, and what its metrics need: read once from its spec."""

from dataclasses import dataclass

from delivery.api.canary import Canary
from delivery.api.rollout import metric_specs
from delivery.routing.policies import ROOT_NAMESPACE


@dataclass(frozen=True, slots=True, kw_only=True)
class Caution:
    """How cautious preflight is.

    `acknowledged` are the things that may tell the roles apart. `meshed`: callers' proxies route. `reported`: a metric
    counts what the proxies of the called pods report. `root` is Istio's root namespace.
    """

    acknowledged: frozenset[str] = frozenset()
    meshed: bool = True
    reported: bool = True
    root: str = ROOT_NAMESPACE

    @classmethod
    def of(cls, canary: Canary, root: str = ROOT_NAMESPACE) -> "Caution":
        """The caution that a Canary asks for."""
        meshed = canary.spec.has_mesh
        builtin = any(not metric.query for metric in metric_specs(canary))
        return cls(
            acknowledged=frozenset(canary.spec.preflight.acknowledge),
            meshed=meshed,
            reported=meshed and builtin and not canary.spec.skip_analysis,
            root=root,
        )
