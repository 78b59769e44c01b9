"""What the controller said and wrote, and what people typed, noted as it happens.

Everything of the controller is taken from the cluster's own objects: what was said are Events, what was written are
objects whose field manager is the controller.
"""

from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from delivery.cluster.memory import Admission, Happened, Store
from delivery.cluster.objects import CANARIES, EVENTS, LEASES, Object
from delivery.sandbox.demo.frame import Told, Wrote

TYPED = "Typed"
"""Stands before what a person typed."""
KEPT = 50
"""How many of each are remembered."""


class Chronicle:
    """Listens to a store. `clock` gives seconds since the demo began; `manager` is the controller's field manager."""

    def __init__(self, store: Store, clock: Callable[[], float], *, manager: str) -> None:
        self.told: deque[Told] = deque(maxlen=KEPT)
        self.wrote: deque[Wrote] = deque(maxlen=KEPT)
        self._clock, self._manager, self._writer = clock, manager, ""
        store.admission.append(self._admitted)
        store.observers.append(self._happened)

    def typed(self, line: str, answer: str) -> None:
        """A person has typed a command line, and was answered so."""
        self.told.append(Told(at=self._clock(), reason=TYPED, message=f"{line}  ->  {answer}"))

    def _admitted(self, admission: Admission) -> None:
        self._writer = admission.manager

    def _happened(self, event: Happened) -> None:
        writer, self._writer = self._writer, ""
        if event.ref.kind == EVENTS:
            self._note_event(event)
        elif writer == self._manager and event.ref.kind not in (LEASES, CANARIES):
            what = change(event.previous, event.object)
            if what:
                self.wrote.append(Wrote(at=self._clock(), object=f"{event.ref.kind.kind}/{event.ref.name}", what=what))

    def _note_event(self, event: Happened) -> None:
        body = event.object
        if event.type == "ADDED" and (body.get("involvedObject") or {}).get("kind") == CANARIES.kind:
            warning = body.get("type") == "Warning"
            told = Told(at=self._clock(), reason=body["reason"], message=body.get("message", ""), warning=warning)
            self.told.append(told)


def change(before: Object | None, after: Object) -> str:
    """A write in a few words; empty if it is about nothing but bookkeeping."""
    if before is None:
        return ", ".join(["created", *_facts(after).values()])
    was, now = _facts(before), _facts(after)
    news = [text for name, text in now.items() if was.get(name) != text]
    if news or before.get("spec") == after.get("spec"):
        return ", ".join(news)
    fields = sorted(name for name in after["spec"] if before["spec"].get(name) != after["spec"][name])
    return f"spec.{', spec.'.join(fields)}"


def _facts(body: Object) -> dict[str, str]:
    """What is worth a word of an object, by name."""
    spec = body.get("spec") or {}
    finder = {"VirtualService": _weights, "Deployment": _pods, "Service": _selector}.get(body.get("kind", ""))
    return finder(spec) if finder is not None else {}


def _weights(spec: Mapping[str, Any]) -> dict[str, str]:
    for rule in spec.get("http") or ():
        shares = [
            (each["destination"]["host"].split(".")[0], each.get("weight", 100)) for each in rule.get("route") or ()
        ]
        return {"weights": ", ".join(f"{host} {weight} %" for host, weight in shares)}
    return {}


def _pods(spec: Mapping[str, Any]) -> dict[str, str]:
    containers = spec["template"]["spec"].get("containers") or ()
    images = [str(each.get("image", "")).rpartition("/")[2] for each in containers]
    return {"replicas": f"replicas {spec.get('replicas', 1)}", "image": ", ".join(images)}


def _selector(spec: Mapping[str, Any]) -> dict[str, str]:
    selector = spec.get("selector") or {}
    return {"selector": "selects " + ",".join(f"{name}={value}" for name, value in sorted(selector.items()))}
