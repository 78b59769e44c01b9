"""What is the users' stays theirs: every object that people made is looked at with each write of ours.

What we may change of it is left out of the look: weights and rules of ours, the apex Service's selector, how many pods
a target has. When a Canary has left nothing behind, even that is as before, unless people have edited it meanwhile.
"""

import copy
from collections.abc import Callable
from typing import Any

from delivery.cluster.memory import Happened, Store
from delivery.cluster.objects import (
    DAEMON_SETS,
    DEPLOYMENTS,
    DESTINATION_RULES,
    HORIZONTAL_POD_AUTOSCALERS,
    SERVICES,
    VIRTUAL_SERVICES,
    Kind,
    Object,
    Ref,
)
from delivery.workloads.ownership import CANARY_LABEL, labels
from delivery.workloads.targets.daemonset import FLAGGERS, NOWHERE
from tests.simulation import bookinfo
from tests.simulation.invariants import CONTROLLER, ROUTE, BrokenPromise, Invariants
from tests.simulation.marks import OURS

Json = dict[str, Any]
WORKLOADS = (DEPLOYMENTS, DAEMON_SETS)
KINDS = (*WORKLOADS, SERVICES, VIRTUAL_SERVICES, DESTINATION_RULES)
_ROLES = ("stable", "next")
_SERVERS = (*OURS[:3], "deployment.kubernetes.io/", "deprecated.daemonset.template.generation")


class Theirs:
    """The users' objects of a world."""

    def __init__(self, store: Store, promises: Invariants, view: Callable[[Ref, Object], Json]) -> None:
        self._view = view
        self.led_elsewhere: tuple[Kind, ...] = ()
        """Kinds that lead users on to what serves them at the end, and not to what did at the beginning."""
        self._first: dict[Ref, Object] = {}
        self._edited: set[Ref] = set()
        self._store, self._promises = store, promises
        store.observers.append(self.observe)

    def observe(self, event: Happened) -> None:
        """One write, whoever has done it."""
        if event.ref.kind not in KINDS:
            return
        if self._promises.writer.startswith(CONTROLLER):
            self._stays(event)
        elif event.type == "DELETED":
            self._first.pop(event.ref, None)
        elif event.previous is None:
            self._first[event.ref] = event.object
        elif said(event.previous) != said(event.object):
            self._edited.add(event.ref)

    def _stays(self, event: Happened) -> None:
        if event.ref not in self._first or event.previous is None:
            return
        before, after = self._view(event.ref, event.previous), self._view(event.ref, event.object)
        if event.type == "DELETED" or before != after:
            self._promises.tell(f"BROKEN G4: {event.ref} {event.type}: {before} -> {after}")
            raise BrokenPromise(f"G4: {event.ref} is the user's; it was {before}, is {after} ({event.type})")

    def left(self) -> list[str]:
        """What tells that there was a Canary, after it has left nothing behind; empty when all is well."""
        found = []
        for kind in (*KINDS, HORIZONTAL_POD_AUTOSCALERS):
            for body in self._store.scan(kind, bookinfo.NAMESPACE):
                found += [f"{Ref.of(kind, body)}: {each}" for each in self._marks(Ref.of(kind, body), body)]
        gone = [f"{ref} is gone" for ref in self._first if self._store.peek(ref) is None]
        return [*found, *gone]

    def _marks(self, ref: Ref, body: Object) -> list[str]:
        if ref not in self._first and CANARY_LABEL in labels(body):
            return ["was left"]
        meta = body["metadata"]
        keys = [*(meta.get("labels") or {}), *(meta.get("annotations") or {})]
        marks = [key for key in keys if key.startswith(OURS[0])]
        marks += [str(rule["name"]) for rule in body["spec"].get("http") or () if is_rule_of_ours(rule)]
        was = self._first.get(ref)
        exactly = ref.kind not in (*WORKLOADS, *self.led_elsewhere)
        if was is not None and exactly and ref not in self._edited and said(was) != said(body):
            marks.append(f"was {said(was)}, is {said(body)}")
        return marks


def said(body: Object) -> Json:
    """What people say in an object: no status, and nothing that is noted there by a server or by us."""
    meta = body["metadata"]
    parts = {part: _foreign(meta.get(part)) for part in ("labels", "annotations")}
    return {**parts, "spec": body["spec"]}


def theirs(ref: Ref, body: Object, *, roles: tuple[str, ...] = _ROLES) -> Json:
    """What of a user's object may not be changed by us: of the weights of `roles`, which are subsets, only the sum."""
    kept = said(body)
    kept["labels"] = {key: value for key, value in kept["labels"].items() if value != "progressive-delivery"}
    spec = kept["spec"] = copy.deepcopy(dict(body["spec"]))
    if ref.kind in WORKLOADS:
        _without_pods(ref, spec)
    elif ref.kind == SERVICES:
        spec.pop("selector", None)
        if ref.name != bookinfo.NAME:
            spec.pop("ports", None)
    elif ref.kind == DESTINATION_RULES and ref.name.startswith(f"{bookinfo.NAME}-"):
        spec.pop("trafficPolicy", None)
        spec.pop("host", None)
    elif ref == ROUTE:
        spec.pop("hosts", None)  # a Canary may ask for more of them
        spec.pop("gateways", None)
    for protocol in ("http", "tls", "tcp"):
        if protocol in spec:
            spec[protocol] = [_without_shares(each, roles) for each in spec[protocol] if not is_rule_of_ours(each)]
    return kept


def is_rule_of_ours(rule: Json) -> bool:
    """Is it a rule that we put in front, or for everybody?"""
    return str(rule.get("name", "")).startswith("progressive-delivery")


def _foreign(marks: Json | None) -> Json:
    return {key: value for key, value in (marks or {}).items() if not key.startswith(_SERVERS)}


def _without_pods(ref: Ref, spec: Json) -> None:
    spec.pop("replicas", None)
    if ref.name.endswith("-primary"):
        del spec["template"]  # of an adopted primary a promotion changes it
    elif ref.kind == DAEMON_SETS:
        pods = spec["template"]["spec"]
        given = pods.pop("nodeSelector", None) or {}
        pods["nodeSelector"] = {key: value for key, value in given.items() if key not in (NOWHERE, FLAGGERS)}


def _without_shares(rule: Json, roles: tuple[str, ...]) -> Json:
    rest = 0
    for each in rule.get("route") or []:
        there = each.get("destination") or {}
        short, name = str(there.get("host", "")).split(".")[0], bookinfo.NAME
        if short in (name, f"{name}-primary", f"{name}-canary") and there.get("subset") in (None, *roles):
            rest += each.pop("weight", 0)
    return {**rule, "rest": rest}
