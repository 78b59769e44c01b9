"""Who takes part: the Canary, what is given beside it, and a stand-in for a target that nobody has given."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from delivery.api.canary import Canary
from delivery.api.defaults import without_nulls
from delivery.api.parse import InvalidSpec, parse_canary
from delivery.cluster.objects import CANARIES, DAEMON_SETS, DEPLOYMENTS, SERVICES, Ref
from delivery.cluster.objects import VIRTUAL_SERVICES as ISTIO

Body = dict[str, Any]

TARGETS = {"Deployment": DEPLOYMENTS, "DaemonSet": DAEMON_SETS, "Service": SERVICES}
NEW_VERSION = "progressive.delivery/rehearsed"
"""The annotation that makes a new version of the target's template."""


class UnplayableError(ValueError):
    """What cannot be rehearsed; the text says why, in one line for each problem."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cast:
    """The objects that a rehearsal begins with. `assumed`: what was taken for granted, in sentences."""

    canary: Canary
    body: Body
    others: tuple[Body, ...]
    target: Ref
    assumed: tuple[str, ...]

    @property
    def key(self) -> Ref:
        """The Canary."""
        return Ref(CANARIES, self.canary.metadata.namespace, self.canary.metadata.name)


def cast(documents: Sequence[Body], *, file: str, namespace: str = "default") -> Cast:
    """The one Canary among objects, and the others. Raises UnplayableError.

    `namespace` is that of objects which name none.
    """
    placed = [_placed(body, namespace) for body in documents if isinstance(body, dict) and body.get("kind")]
    canaries = [body for body in placed if body["kind"] == "Canary"]
    if len(canaries) != 1:
        raise UnplayableError(f"{file}: given {len(canaries)} Canaries, allowed exactly one")
    body, removed = _without_people(canaries[0])
    try:
        canary = parse_canary(body)
    except InvalidSpec as error:
        raise UnplayableError("\n".join(f"{file}: {line}" for line in str(error).splitlines())) from error
    if problem := _idle(canary):
        raise UnplayableError(f"{file}: {problem}")
    others = [each for each in placed if each["kind"] != "Canary"]
    ref = canary.spec.target_ref
    if ref.kind not in TARGETS:
        raise UnplayableError(f"{file}: spec.targetRef.kind: given {ref.kind}, allowed {', '.join(TARGETS)}")
    target = Ref(TARGETS[ref.kind], canary.metadata.namespace, ref.name)
    there = any(each["kind"] == ref.kind and each["metadata"].get("name") == ref.name for each in others)
    made = () if there else _stand_in(canary, ref.kind, ref.name)
    assumed = () if there else (f"{ref.kind} {ref.name} was not given: one with 2 pods stands in for it",)
    return Cast(canary=canary, body=body, others=(*others, *made), target=target, assumed=(*assumed, *removed))


def _placed(body: Body, namespace: str) -> Body:
    placed: Body = copy.deepcopy(without_nulls(body))
    meta = placed.setdefault("metadata", {})
    if isinstance(meta, dict):
        meta.setdefault("namespace", namespace)
        for name in ("resourceVersion", "uid", "generation", "managedFields", "creationTimestamp", "ownerReferences"):
            meta.pop(name, None)
    placed.pop("status", None)
    if str(placed.get("apiVersion")).partition("/")[0] == ISTIO.group:
        placed["apiVersion"] = ISTIO.api_version  # an API server stores all of Istio's versions as one
    return placed


def _without_people(body: Body) -> tuple[Body, tuple[str, ...]]:
    """The Canary as if people, clocks and hooks had agreed already, and what was left out of it."""
    spec, said = body.get("spec"), []
    if not isinstance(spec, dict):
        return body, ()
    analysis = spec.get("analysis")
    if spec.pop("rolloutWindows", None):
        said.append("every rollout window is open")
    if isinstance(analysis, dict):
        gates = analysis.pop("gates", None) or ()
        said += [f"gate {each.get('name')} is opened at once" for each in gates if isinstance(each, dict)]
        hooks = analysis.pop("webhooks", None) or ()
        said += [f"webhook {each.get('name')} agrees at once" for each in hooks if isinstance(each, dict)]
        analysis.pop("alerts", None)
    return body, tuple(said)


def _idle(canary: Canary) -> str:
    """Why nothing would ever happen; "" if something does."""
    spec = canary.spec
    if spec.mode != "apply":
        return f"spec.mode: given {spec.mode}, allowed apply: it writes nothing"
    for field, given in (("spec.suspend", spec.suspend), ("spec.paused", spec.paused)):
        if given:
            return f"{field}: given true, allowed false: nothing would ever happen"
    return ""


def _stand_in(canary: Canary, kind: str, name: str) -> tuple[Body, ...]:
    namespace, labels = canary.metadata.namespace, {"app": name}
    meta = {"name": name, "namespace": namespace, "labels": labels}
    pods: Body = {
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": {"containers": [{"name": name, "image": f"{name}:1"}]}},
    }
    if kind == "Service":
        pods["selector"]["matchLabels"] = pods["template"]["metadata"]["labels"] = {**labels, "version": "present"}
        port = canary.spec.service.port
        behind: Body = {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": meta,
            "spec": {"replicas": 2, **pods},
        }
        service: Body = {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": meta,
            "spec": {"selector": {**labels, "version": "present"}, "ports": [{"name": "http", "port": port}]},
        }
        return behind, service
    replicas: Body = {"replicas": 2} if kind == "Deployment" else {}
    return ({"apiVersion": "apps/v1", "kind": kind, "metadata": meta, "spec": {**replicas, **pods}},)
