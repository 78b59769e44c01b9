"""Whose a label or an annotation is: ours, the user's, or one that the Canary asks for."""

from collections.abc import Mapping
from typing import Any

from delivery.cluster.memory import Happened
from delivery.cluster.memory.defaulting import TEMPLATE_GENERATION
from delivery.cluster.objects import Object
from delivery.workloads.ownership import CANARY_LABEL, labels
from delivery.workloads.written import Written
from tests.simulation import bookinfo

OURS = (
    "progressive.delivery/",
    "kustomize.toolkit.fluxcd.io/",
    "helm.toolkit.fluxcd.io/",
    "app.kubernetes.io/managed-by",
)


def is_marked(body: Object) -> bool:
    """Does it say that we were there?"""
    return any(key.startswith("progressive.delivery/") for key in body["metadata"].get("annotations") or {})


def is_given_back(event: Happened) -> bool:
    """Is an object that was there before the Canary its people's again? Then nothing of ours is on it, and no fence."""
    before = labels(event.previous) if event.previous is not None else {}
    return CANARY_LABEL in before and CANARY_LABEL not in labels(event.object)


def foreign(body: Object, part: str) -> Mapping[str, Any]:
    kept = {key: value for key, value in (body["metadata"].get(part) or {}).items() if not key.startswith(OURS)}
    kept.pop(TEMPLATE_GENERATION, None)  # the API server's
    return kept


def asked_for(service: Mapping[str, Any], event: Happened, part: str) -> set[str]:
    """The keys that a Canary gives to a Service or route, and those that it gave: they are not foreign."""
    roles = {f"{bookinfo.NAME}-primary": "primary", f"{bookinfo.NAME}-canary": "canary", bookinfo.NAME: "apex"}
    given = (service.get(roles.get(event.ref.name, "")) or {}).get(part) or {}
    return {*given, *getattr(Written.on(event.previous), part)}
