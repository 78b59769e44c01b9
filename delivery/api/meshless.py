"""Provider kubernetes: no mesh, so nothing can be asked of single requests.

What would decide where a request goes, or what becomes of it on its way, is refused with the reason: users would
otherwise believe in a split, a limit or a test that nobody carries out.
"""

from typing import TYPE_CHECKING

from delivery.api.combinations import is_given
from delivery.api.model import broken_rule

if TYPE_CHECKING:
    from delivery.api.canary import CanarySpec

KUBERNETES = "kubernetes"
"""The provider without a mesh."""

_MANY = "has(self.{0}) && size(self.{0}) > 0"
_ONE = "has(self.{0})"
_YES = "has(self.{0}) && self.{0}"
_ABOVE_0 = "has(self.{0}) && self.{0} > 0"
_NEEDS_A_MESH = {
    "analysis.stepWeight": _ABOVE_0,
    "analysis.stepWeights": _MANY,
    "analysis.stepWeightPromotion": _ABOVE_0,
    "analysis.mirror": _YES,
    "analysis.match": _MANY,
    "analysis.testerMatch": _MANY,
    "analysis.sessionAffinity": _ONE,
    "service.gateways": _MANY,
    "service.hosts": _MANY,
    "service.delegation": _YES,
    "service.trafficPolicy": _ONE,
    "service.match": _MANY,
    "service.timeout": _ONE,
    "service.rewrite": _ONE,
    "service.retries": _ONE,
    "service.headers": _ONE,
    "service.corsPolicy": _ONE,
    "service.headless": _YES,
}
"""Fields below spec that need a mesh, and when they are given, in CEL. Callers of a headless Service choose a pod
themselves and keep it, so its selector leads nobody."""

_FIELDS = ", ".join(_NEEDS_A_MESH)
IS_MESHLESS = f"has(self.provider) && self.provider == '{KUBERNETES}'"
_GIVEN = " || ".join(f"({rule.format(path)})" for path, rule in _NEEDS_A_MESH.items())

RULES: tuple[tuple[str, str], ...] = (
    (
        f"!({IS_MESHLESS}) || !({_GIVEN})",
        f"provider {KUBERNETES} moves all users at once; these need a mesh: {_FIELDS}",
    ),
    (
        f"!({IS_MESHLESS}) || self.targetRef.kind != 'Service'",
        f"provider {KUBERNETES} tells versions by their pods' labels; targetRef.kind Service needs a mesh",
    ),
)
"""The same rules for the API server, where the Canary itself names the provider."""


def check(spec: "CanarySpec") -> None:
    """Raise the error of the first broken rule."""
    if spec.has_mesh:
        return
    if given := [path for path in _NEEDS_A_MESH if is_given(spec, path)]:
        raise broken_rule(
            given=f'"{spec.provider}" together with {" and ".join(given)}',
            allowed=f"a provider with a mesh, such as istio; without one a Service leads all users at once: none of "
            f"{_FIELDS}",
            field="provider",
            drop=given,
        )
    if spec.target_ref.kind == "Service":
        raise broken_rule(
            given="Service with provider kubernetes",
            allowed="Deployment or DaemonSet, whose pods have labels to tell versions by; a Service needs a mesh",
            field="targetRef.kind",
        )
