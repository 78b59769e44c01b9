"""Which router serves which `spec.provider`."""

from delivery.routing.istio import IstioRouter
from delivery.routing.router import Router

ROUTERS: dict[str, Router] = {"istio": IstioRouter()}


def router_for(provider: str) -> Router:
    """The router of a provider. Raises ValueError naming the field, what was given and what is allowed."""
    if provider not in ROUTERS:
        raise ValueError(f"spec.provider: given {provider!r}, allowed are {', '.join(sorted(ROUTERS))}")
    return ROUTERS[provider]
