"""What a builtin metric can be asked about: a check that can never be made holds a run, so it is refused when written.

Only callers' proxies see a request that meets no pod, and they name the Service that it was led to. Without a mesh
there are none, and two subsets of one Service have one name.
"""

from typing import TYPE_CHECKING

from delivery.api.meshless import IS_MESHLESS, KUBERNETES
from delivery.api.model import broken_rule
from metrics.spec import REACHABILITY, SUCCESS_RATE

if TYPE_CHECKING:
    from delivery.api.canary import CanarySpec

_OWN = "(has(m.query) && size(m.query) > 0) || has(m.templateRef)"
_ASKED = (
    f"has(self.analysis) && has(self.analysis.metrics) && "
    f"self.analysis.metrics.exists(m, m.name == '{REACHABILITY}' && !({_OWN}))"
)
_STATUSES = (
    "has(self.analysis) && has(self.analysis.metrics) && self.analysis.metrics.exists(m, has(m.grpcFailureStatuses))"
)

RULES: tuple[tuple[str, str], ...] = (
    (
        f"!({IS_MESHLESS}) || !({_ASKED} || {_STATUSES})",
        f"provider {KUBERNETES} has no proxies that count: neither metric {REACHABILITY} nor grpcFailureStatuses",
    ),
    (
        f"!has(self.subsetRef) || !({_ASKED})",
        f"metric {REACHABILITY} is told by the canary's Service, and with subsetRef both roles have the same",
    ),
)
"""The same rules for the API server, where the Canary itself names the provider."""


def check(spec: "CanarySpec") -> None:
    """Raise the error of the first broken rule."""
    for metric in spec.analysis.metrics:
        reachability = metric.name == REACHABILITY and not metric.has_its_own
        if reachability and spec.subset_ref is not None:
            raise broken_rule(
                given=f"{REACHABILITY} with subsetRef",
                allowed="other metrics; this one is told by the canary's Service, and both roles have the same",
                field="analysis.metrics",
            )
        if not spec.has_mesh and (reachability or metric.grpc_failure_statuses is not None):
            raise broken_rule(
                given=f'{REACHABILITY if reachability else "grpcFailureStatuses"} with provider "{spec.provider}"',
                allowed=f"{SUCCESS_RATE} and others that an application counts itself; no proxy counts there",
                field="analysis.metrics",
            )
