"""What promotion.method switch needs of a Canary, and what has no meaning beside it."""

from typing import TYPE_CHECKING

from delivery.api.model import broken_rule

if TYPE_CHECKING:
    from delivery.api.canary import CanarySpec

_SWITCH = "(has(self.promotion) && has(self.promotion.method) && self.promotion.method == 'switch')"

_PLACES = (
    f"!{_SWITCH} || (self.targetRef.kind == 'Deployment' && has(self.service.name) && "
    "self.service.name != self.targetRef.name)"
)
_ALONE = (
    f"!{_SWITCH} || !(has(self.autoscalerRef) || (has(self.provider) && self.provider == 'kubernetes'))"
)
_SUBSETS = f"!has(self.subsetRef) || has(self.subsetRef.primarySubset) != {_SWITCH}"
RULES: tuple[tuple[str, str], ...] = (
    (
        _PLACES,
        "promotion.method switch needs a Deployment for each version and service.name, the Service that users call",
    ),
    (
        _ALONE,
        "promotion.method switch finds autoscalers itself and needs a mesh: no autoscalerRef, no provider kubernetes",
    ),
    (
        _SUBSETS,
        "subsetRef names primarySubset and canarySubset, but with promotion.method switch it names none of them",
    ),
)
"""The same rules in CEL."""


def check(spec: "CanarySpec") -> None:
    """Raise the error of the first broken rule."""
    _subsets(spec)
    if spec.promotion.method != "switch":
        return
    if spec.target_ref.kind != "Deployment":
        raise _refused(f'"switch" for a {spec.target_ref.kind}', "switch for a target of kind Deployment")
    if spec.service.name in (None, spec.target_ref.name):
        raise _refused(
            '"switch" without service.name', "service.name, the Service that users call whatever version is released"
        )
    given = ["autoscalerRef"] if spec.autoscaler_ref is not None else []
    given += [] if spec.has_mesh else ["provider kubernetes"]
    if given:
        raise _refused(
            f'"switch" together with {" and ".join(given)}',
            "switch in a mesh, and no autoscalerRef: the autoscaler of each version is found by what it scales",
        )


def _subsets(spec: "CanarySpec") -> None:
    """Versions come and go, so subsets that are named once can only be roles."""
    if spec.subset_ref is None or spec.subset_ref.names_roles != (spec.promotion.method == "switch"):
        return
    if spec.subset_ref.names_roles:
        raise broken_rule(
            given='primarySubset and canarySubset together with promotion.method "switch"',
            allowed="name alone: the subset of each version is found by the labels of its pods",
            field="subsetRef",
            drop=("subsetRef",),
        )
    raise broken_rule(
        given='name alone, with promotion.method "copy"',
        allowed="name, primarySubset and canarySubset",
        field="subsetRef",
        drop=("subsetRef",),
    )


def _refused(given: str, allowed: str) -> Exception:
    return broken_rule(given=given, allowed=allowed, field="promotion.method", drop=("promotion.method",))
