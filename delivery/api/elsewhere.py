"""Fields that mean something to other providers only, named with a sentence instead of ignored in silence.

The schema has every field of Flagger's, so that manifests can be taken over. One that decides where traffic goes stops
a new run: its author believes in a route that nobody makes. The others are only named.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from types import MappingProxyType

from delivery.api.canary import Canary, CanarySpec
from delivery.api.combinations import is_given

SERVED = ("istio", "kubernetes")
"""The providers that this version has a router for."""

_VERSIONS = MappingProxyType({"Deployment": ("apps/v1",), "DaemonSet": ("apps/v1",), "Service": ("v1", "core/v1")})
"""The API versions that are meant; Flagger writes a core Service's as core/v1. Knative's Services are another kind."""
_GATEWAY_API = ("gatewayapi:v1", "gatewayapi:v1beta1")
_APP_MESH = ("appmesh", "appmesh:v1beta2")


@dataclass(frozen=True, slots=True)
class _Field:
    """A field below spec, who it is for, and what to do with it here. `blocks`: it decides where traffic goes."""

    path: str
    providers: tuple[str, ...]
    advice: str = "take it out"
    blocks: bool = False


FIELDS = (
    _Field("ingressRef", ("nginx", "skipper"), blocks=True),
    _Field("routeRef", ("apisix",), blocks=True),
    _Field("upstreamRef", ("gloo",), blocks=True),
    _Field("service.gatewayRefs", _GATEWAY_API, "with istio name gateways in service.gateways", blocks=True),
    _Field("service.backendTimeout", _GATEWAY_API, "with istio set service.timeout"),
    _Field("service.rewrite.type", _GATEWAY_API, "with istio a path that was matched by prefix is rewritten as one"),
    _Field("service.mirror", _GATEWAY_API),
    _Field("service.meshName", _APP_MESH),
    _Field("service.backends", _APP_MESH),
)


@dataclass(frozen=True, slots=True)
class Misplaced:
    """A field that is set and means nothing to the Canary's provider, in one sentence with the way out."""

    path: str
    sentence: str
    blocks: bool


def misplaced(canary: Canary) -> tuple[Misplaced, ...]:
    """What this Canary asks of providers that do not serve it, provider and target first."""
    return tuple(_misplaced(canary.spec))


def _misplaced(spec: CanarySpec) -> Iterator[Misplaced]:
    provider = spec.provider or SERVED[0]
    if provider not in SERVED:
        sentence = f"spec.provider: given {provider}, which this version does not serve; use {' or '.join(SERVED)}"
        yield Misplaced("provider", sentence, blocks=True)
    target = spec.target_ref
    if target.api_version not in (versions := _VERSIONS[target.kind]):
        meant = f"a {target.kind} is of {' or '.join(versions)}"
        sentence = f"spec.targetRef.apiVersion: given {target.api_version}, {meant}"
        yield Misplaced("targetRef.apiVersion", sentence, blocks=True)
    for field in FIELDS:
        if provider not in field.providers and is_given(spec, field.path):
            whose = f"only for provider {' or '.join(field.providers)}, which this version does not serve"
            yield Misplaced(field.path, f"spec.{field.path}: {whose}; {field.advice}", field.blocks)
