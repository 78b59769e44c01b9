"""Where a role's Service leads where promotions move users: which Deployment, its pods, and their subset.

It stands on the Service in the very write that leads it there, so that a restarted controller, or one that has lost the
status, reads whose the users are from the object that says it. What the primary service says stands on the canary
service a second time: somebody may delete the first, and no Deployment is ours to be marked.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from delivery.cluster.objects import Object
from delivery.workloads.ownership import REVISION, annotations
from delivery.workloads.targets.target_kind import Template

LEADS_TO = "progressive.delivery/leads-to"
"""Annotation on the roles' Services: JSON of the Deployment and of its pods' labels."""
SERVED = "progressive.delivery/primary-leads-to"
"""Annotation on the canary service: the same of the primary service, with the revision that it is at."""
SUBSET = "subset"
"""In a template that is promoted: what the user's DestinationRule calls its pods. No part of a version."""
NOTE = "note"
"""In a template that is remembered: what the primary service said. No part of a version."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Led:
    """Where a role's Service leads; empty where nobody can tell.

    `selector` are the labels that select the Deployment's pods, None where nobody can tell; `labels` all that they
    have; `subset` is what a DestinationRule of the user's calls them ("" without one). `before` is the Deployment that
    was led to until the last promotion, and `before_subset` what its pods were called.
    """

    deployment: str = ""
    selector: Mapping[str, str] | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    subset: str = ""
    before: str = ""
    before_subset: str = ""

    @property
    def text(self) -> str:
        """As it is annotated; what is not known is left out."""
        said = {
            "deployment": self.deployment,
            "selector": dict(self.selector or {}),
            "labels": dict(self.labels),
            "subset": self.subset,
            "before": self.before,
            "beforeSubset": self.before_subset,
        }
        kept = {name: value for name, value in said.items() if value or name in ("deployment", "selector")}
        return json.dumps(kept, sort_keys=True, separators=(",", ":"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """The version that serves, as the canary service remembers it: its revision, and where the primary service led."""

    revision: str
    led: Led

    @property
    def template(self) -> Template:
        """As much of the version as a Service has to know of it."""
        noted = {SUBSET: self.led.subset} if self.led.subset else {}
        return {
            "deployment": self.led.deployment,
            "selector": dict(self.led.selector or {}),
            "template": {"metadata": {"labels": dict(self.led.labels)}},
            NOTE: self.led.text,
            **noted,
        }


def remembering(primary: Object) -> dict[str, str]:
    """The annotation of the canary service that remembers what the primary service says; {} when that says nothing."""
    revision, led = str(annotations(primary).get(REVISION, "")), led_to(primary)
    if not revision or not led.selector:
        return {}
    said = {"revision": revision, "leadsTo": json.loads(led.text)}
    return {SERVED: json.dumps(said, sort_keys=True, separators=(",", ":"))}


def served(canary_service: Object | None) -> Served | None:
    """What the canary service remembers; None when it remembers nothing, or nobody can read it."""
    try:
        noted = json.loads(str(annotations(canary_service).get(SERVED, ""))) if canary_service is not None else {}
        found = Served(revision=str(noted["revision"]), led=_led(noted["leadsTo"]))
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
    return found if found.revision and found.led.selector else None


def led_to(service: Object | None) -> Led:
    """Where it was led last, as noted by that write."""
    try:
        return _led(json.loads(str(annotations(service).get(LEADS_TO, ""))) if service is not None else {})
    except (ValueError, TypeError, KeyError, AttributeError):
        return Led()  # somebody made it unreadable: then the Service itself has to be right


def _led(noted: Mapping[str, Any]) -> Led:
    return Led(
        deployment=str(noted["deployment"]),
        selector=_labels(noted["selector"]),
        labels=_labels(noted.get("labels") or {}),
        subset=str(noted.get("subset") or ""),
        before=str(noted.get("before") or ""),
        before_subset=str(noted.get("beforeSubset") or ""),
    )


def leading_to(template: Template, *, subset: str = "", since: Led | None = None) -> Led:
    """A note for the version of this template, whose pods are called `subset`; `since`: where it led until now."""
    moved = since is not None and since.deployment not in ("", template["deployment"])
    return Led(
        deployment=str(template["deployment"]),
        selector=dict(template["selector"]),
        labels=pod_labels({"spec": template}),
        subset=subset,
        before=since.deployment if moved and since is not None else since.before if since is not None else "",
        before_subset=since.subset if moved and since is not None else since.before_subset if since is not None else "",
    )


def pod_labels(workload: Mapping[str, Any]) -> dict[str, str]:
    """All labels of a workload's pods."""
    return _labels((workload["spec"]["template"].get("metadata") or {}).get("labels") or {})


def _labels(given: Mapping[str, object]) -> dict[str, str]:
    return {str(key): str(value) for key, value in given.items()}
