"""Which fields a kind of target leaves without meaning; refused where they are written, not ignored.

A DaemonSet has as many pods as there are nodes, and a Service has none of its own. The copies of a Service that is the
target are made of that Service, so that nothing else can say what they are like.
"""

from typing import TYPE_CHECKING

from delivery.api.model import broken_rule

if TYPE_CHECKING:
    from delivery.api.canary import CanarySpec

_OF_THE_TARGET = {
    "targetPort": "has(self.service.targetPort)",
    "portDiscovery": "has(self.service.portDiscovery) && self.service.portDiscovery",
    "headless": "has(self.service.headless) && self.service.headless",
    "trafficDistribution": "has(self.service.trafficDistribution)",
}
"""Fields of spec.service that a target of kind Service says itself, and when they are given, in CEL."""

_SERVICE = "self.targetRef.kind == 'Service'"

RULES: tuple[tuple[str, str], ...] = (
    (
        "!has(self.autoscalerRef) || self.targetRef.kind == 'Deployment'",
        "autoscalerRef needs a target of kind Deployment: nothing else has a number of pods to be scaled",
    ),
    (
        f"!({_SERVICE}) || !has(self.service.name) || self.service.name == self.targetRef.name",
        "a target of kind Service is the apex Service itself: service.name is its name, or is left out",
    ),
    (
        f"!({_SERVICE} && ({' || '.join(f'({rule})' for rule in _OF_THE_TARGET.values())}))",
        f"a target of kind Service says itself what its copies are like: no {', '.join(_OF_THE_TARGET)} in service",
    ),
)
"""The same rules in CEL."""


def check(spec: "CanarySpec") -> None:
    """Raise the error of the first broken rule."""
    kind = spec.target_ref.kind
    if spec.autoscaler_ref is not None and kind != "Deployment":
        raise broken_rule(
            given=f"an autoscaler for a {kind}",
            allowed="none, or a target of kind Deployment: nothing else has a number of pods to be scaled",
            field="autoscalerRef",
            drop=("autoscalerRef",),
        )
    if kind == "Service":
        _the_apex_itself(spec)
        _nothing_that_the_target_says(spec)


def _the_apex_itself(spec: "CanarySpec") -> None:
    if spec.service.name not in (None, spec.target_ref.name):
        raise broken_rule(
            given=f'"{spec.service.name}"',
            allowed=f'"{spec.target_ref.name}", because a target of kind Service is the apex Service itself',
            field="service.name",
            drop=("service.name",),
        )


def _nothing_that_the_target_says(spec: "CanarySpec") -> None:
    service = spec.service
    values = (service.target_port, service.port_discovery, service.headless, service.traffic_distribution)
    given = [name for name, value in zip(_OF_THE_TARGET, values, strict=True) if value]
    if given:
        raise broken_rule(
            given=f"{' and '.join(given)} for a target of kind Service",
            allowed=f"none of {', '.join(_OF_THE_TARGET)}: the Service says itself what its copies are like",
            field=f"service.{given[0]}",
            drop=tuple(f"service.{name}" for name in given),
        )
