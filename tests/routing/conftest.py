"""A small mesh: the Canary `reviews` in the namespace `shop`, and objects as an API server stores them."""

import copy
from collections.abc import Callable, Mapping
from typing import Any

import jsonpatch
import pytest

from delivery.cluster.memory.patching import json_patch
from delivery.cluster.objects import Change
from delivery.workloads.names import Names
from delivery.workloads.service_spec import ServiceSpec

Json = dict[str, Any]


@pytest.fixture
def names() -> Names:
    return Names(namespace="shop", canary="reviews", target="reviews", apex="reviews", uid="u-1")


@pytest.fixture
def spec() -> ServiceSpec:
    return ServiceSpec(port=9080)


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
