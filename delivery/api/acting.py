"""Which fields are accepted but not acted on yet, said aloud instead of ignored in silence.

A field that decides whether or where traffic goes is blocking: without it a rollout would do something else than was
asked for, so no run starts. The others are only named.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from delivery.api.canary import Canary, CanarySpec
from delivery.api.model import Piece

BLOCKING = (
    "provider",
    "targetRef.apiVersion",
    "ingressRef",
    "routeRef",
    "upstreamRef",
    "analysis.metrics[].templateRef",
    "analysis.metrics[].templateVariables",
    "analysis.webhooks",
)
"""Fields without which no run may start."""

NAMED = (
    "revertOnDeletion",
    "service.backendTimeout",
    "service.gatewayRefs",
    "service.rewrite.type",
    "service.mirror",
    "service.meshName",
    "service.backends",
    "analysis.alerts",
)
"""Fields that do nothing yet, and are named."""

_VERSIONS = MappingProxyType({"Deployment": ("apps/v1",), "DaemonSet": ("apps/v1",), "Service": ("v1", "core/v1")})
"""The API versions that are meant; Flagger writes a core Service's as core/v1. Knative's Services are another kind."""

_ACTED_ON: Mapping[str, Callable[[CanarySpec], bool]] = MappingProxyType(
    {
        "provider": lambda spec: spec.provider in (None, "istio", "kubernetes"),
        "targetRef.apiVersion": lambda spec: spec.target_ref.api_version in _VERSIONS[spec.target_ref.kind],
    }
)
"""Fields of which some values are acted on."""


def not_acted_on(canary: Canary) -> tuple[str, ...]:
    """The fields of this Canary that are set and do nothing yet, blocking ones first; paths below spec."""
    return (*blocking(canary), *(path for path in NAMED if _waits(canary.spec, path)))


def blocking(canary: Canary) -> tuple[str, ...]:
    """The fields of this Canary because of which no run may start."""
    return tuple(path for path in BLOCKING if _waits(canary.spec, path))


def _waits(spec: CanarySpec, path: str) -> bool:
    if path in _ACTED_ON:
        return not _ACTED_ON[path](spec)
    return _is_set(spec, path.split("."))


def _is_set(piece: Piece, path: list[str]) -> bool:
    """Whether a field below `piece` differs from its default."""
    head, *rest = path
    name = head.removesuffix("[]")
    fields = type(piece).model_fields
    attribute = next(each for each, field in fields.items() if field.alias == name)
    value: Any = getattr(piece, attribute)
    if not rest:
        return bool(value != fields[attribute].get_default(call_default_factory=True, validated_data={}))
    inner = value if head.endswith("[]") else (value,)
    return any(_is_set(each, rest) for each in inner if each is not None)
