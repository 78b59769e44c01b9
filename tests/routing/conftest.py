"""A small mesh: the Canary `reviews` in the namespace `shop`, and objects as an API server stores them."""

import copy
from collections.abc import Callable, Mapping
from typing import Any

import jsonpatch
import pytest

from delivery.cluster.memory.patching import json_patch
from delivery.cluster.objects import DESTINATION_RULES, VIRTUAL_SERVICES, Change, Ref
from delivery.routing.istio import IstioRouter
from delivery.routing.route_spec import RouteSpec
from delivery.routing.router import Observed
from delivery.workloads.names import Names
from delivery.workloads.service_spec import ServiceSpec

Json = dict[str, Any]


@pytest.fixture
def names() -> Names:
    return Names(namespace="shop", canary="reviews", target="reviews", apex="reviews", uid="u-1")


@pytest.fixture
def spec() -> RouteSpec:
    return RouteSpec(service=ServiceSpec(port=9080))


KINDS = {"VirtualService": VIRTUAL_SERVICES, "DestinationRule": DESTINATION_RULES}


@pytest.fixture
def seen() -> Callable[..., Observed]:
    """What the caches hold: VirtualServices and DestinationRules, None where there is none."""

    def observed(*bodies: Mapping[str, Any] | None) -> Observed:
        there = [body for body in bodies if body is not None]
        return Observed({Ref.of(KINDS[body["kind"]], body): body for body in there})

    return observed


def _apply(body: Mapping[str, Any], change: Change) -> Json:
    """The object after the patch: by the API server's rules, and the same by another implementation."""
    after: Json = json_patch(body, change.patch)
    assert after == jsonpatch.apply_patch(body, change.patch)
    return after


def _stored(body: Mapping[str, Any], *, version: str = "1") -> Json:
    """A body as an API server hands it out after creating it."""
    out = copy.deepcopy(dict(body))
    out["metadata"] = {**out["metadata"], "uid": "x", "resourceVersion": version, "generation": 1}
    return out


@pytest.fixture
def apply() -> Callable[[Mapping[str, Any], Change], Json]:
    return _apply


@pytest.fixture
def stored() -> Callable[..., Json]:
    return _stored


@pytest.fixture
def render(names, seen, stored, apply):
    """The VirtualService after the changes for a traffic, over the one that was there."""

    def after(spec, traffic, found=None):
        changes = IstioRouter().routes(names, spec, traffic, seen(found), epoch=7)
        if found is None:
            return stored(changes[0].body, version="41")
        for change in changes:
            found = apply(found, change)
        assert IstioRouter().routes(names, spec, traffic, seen(found), epoch=7) == ()
        return found

    return after


@pytest.fixture
def view(names, seen):
    """What our VirtualService says."""
    return lambda spec, found: IstioRouter().read(names, spec, seen(found))
