"""The target's autoscaler is the user's: for a run its least number of pods is raised, and then given back.

What it was stands on the object from the write that raised it, so that whoever comes next, without a status, without
the Canary's reference or in the middle of its deletion, gives it back. Who changes the number meanwhile has the last
word: a value that is not the one that we wrote is theirs, it is not fought over and it stays when the run ends.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from delivery.cluster.indexes import FLOOR
from delivery.cluster.objects import Change, Kind, Object
from delivery.workloads.autoscalers.flavours import PAUSED_AT, Flavour, flavour_of, paused_at
from delivery.workloads.autoscalers.writing import change
from delivery.workloads.overlay import Absent, plain
from delivery.workloads.ownership import MANAGER, annotations
from strategies.snapshot import Problem

REST = "0"
"""The value of KEDA's annotation for a target that rests."""


@dataclass(frozen=True, slots=True)
class Floor:
    """What stands on an autoscaler that was raised: for which Canary, to how many pods, and what was there before.

    `was` has a member for each member of the spec that was written, None for one that was absent.
    """

    canary: str
    least: int
    was: Mapping[str, int | None]

    @property
    def text(self) -> str:
        """As it is annotated."""
        value = {"canary": self.canary, "least": self.least, "was": dict(self.was)}
        return json.dumps(value, sort_keys=True, separators=(",", ":"))


def floor_on(body: Object) -> Floor | None:
    """The floor that an autoscaler holds; None without one, or with one that nobody can read."""
    try:
        found = json.loads(annotations(body)[FLOOR])
        was = {str(name): None if value is None else int(value) for name, value in found["was"].items()}
        return Floor(str(found["canary"]), int(found["least"]), was)
    except (KeyError, ValueError, TypeError, AttributeError):
        return None


def hold(kind: Kind, body: Object, *, canary: str, least: int, epoch: int) -> Change | None:
    """The change after which the target's autoscaler works and brings at least `least` pods, 1 or more; None if so.

    What cannot be reached (`maxReplicas`) and what somebody has set back is left; `lack` says so.
    """
    flavour, present = flavour_of(kind), floor_on(body)
    own, changed = _own(flavour, body)
    wanted = max(min(least, flavour.bounds(body)[1]), flavour.least_default if own is None else own)
    idle = _idle(flavour, body, present)
    spec: dict[str, Any] = {}
    noted = _resumed(flavour, body)
    if wanted == own and not idle:
        spec, noted = _returned(flavour, body, noted)
        present = None
    elif not (changed and present is not None and present.least == wanted):
        present = Floor(canary, wanted, {flavour.least: own, **idle})
        spec = {**{name: Absent() for name in idle}, flavour.least: wanted}
        noted[FLOOR] = present.text
    wish = {"metadata": {"annotations": noted}, "spec": spec}
    why = f"have at least {wanted} pods of the canary"
    return change(kind, body, wish, epoch=epoch, why=why, fence=present is not None)


def give_back(kind: Kind, body: Object, *, epoch: int, pause: bool = False) -> Change | None:
    """The change after which the target's autoscaler holds no floor; None when that is so.

    A number that somebody changed since we wrote it stays as they wrote it. `pause`: KEDA's is paused at no pods,
    because the target rests.
    """
    flavour = flavour_of(kind)
    noted: dict[str, Any] = {PAUSED_AT: REST} if pause and flavour.pausable and paused_at(body) is None else {}
    spec, noted = _returned(flavour, body, noted)
    wish = {"metadata": {"annotations": noted}, "spec": spec}
    return change(kind, body, wish, epoch=epoch, why="give the autoscaler back as it was", fence=False)


def as_people_have_it(kind: Kind, body: Object) -> Object:
    """The target's autoscaler without what we raised on it: what the primary's is a copy of."""
    present = floor_on(body)
    if present is None:
        return body
    wish, _ = _returned(flavour_of(kind), body, {})
    spec = {name: value for name, value in body["spec"].items() if name not in wish}
    return {**body, "spec": {**spec, **plain(wish)}}


def lack(kind: Kind, body: Object, *, least: int) -> Problem | None:
    """Why the target's autoscaler will not bring `least` pods by itself, with the way out; None when it will."""
    flavour = flavour_of(kind)
    what, most = f"{kind.kind} {body['metadata']['name']}", flavour.bounds(body)[1]
    present, (own, reverted) = floor_on(body), _own(flavour, body)
    if most < least:
        return _lack(f"{what} allows at most {most} pods and {least} are needed; raise its {flavour.most}")
    if paused_at(body) not in (None, REST) or _is_paused(flavour, body):
        return _lack(f"{what} is paused by an annotation; take it off")
    if present is not None and reverted and (own if own is not None else flavour.least_default) < least:
        who = _last_writer(body) or "somebody"
        return _lack(
            f"{who} set {flavour.least} of {what} back, {least} are needed; let it ignore the field, or wait for the "
            "load to bring them"
        )
    return None


def _lack(message: str) -> Problem:
    return Problem(reason="AutoscalerHoldsBack", message=message)


def _own(flavour: Flavour, body: Object) -> tuple[int | None, bool]:
    """The user's own least number (None: absent), and whether ours was set back to it or to another one."""
    present, value = floor_on(body), body["spec"].get(flavour.least)
    if present is None:
        return value, False
    idle = flavour.idle in present.was and flavour.idle in body["spec"]
    return (present.was.get(flavour.least), idle) if value == present.least else (value, True)


def _idle(flavour: Flavour, body: Object, present: Floor | None) -> dict[str, int | None]:
    """What would send the canary below its least number, and goes for the time of the run."""
    if not flavour.idle:
        return {}
    if flavour.idle in body["spec"]:
        return {flavour.idle: body["spec"][flavour.idle]}
    return {flavour.idle: present.was[flavour.idle]} if present is not None and flavour.idle in present.was else {}


def _resumed(flavour: Flavour, body: Object) -> dict[str, Any]:
    """A pause at no pods ends; any other is the user's."""
    return {PAUSED_AT: Absent()} if flavour.pausable and paused_at(body) == REST else {}


def _returned(flavour: Flavour, body: Object, noted: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The spec and the annotations after which the floor is gone."""
    present = floor_on(body)
    if present is None:
        return {}, {**noted, FLOOR: Absent()}
    spec: dict[str, Any] = {}
    for name, value in present.was.items():
        ours = body["spec"].get(name) == (present.least if name == flavour.least else None)
        if ours:
            spec[name] = Absent() if value is None else value
    return spec, {**noted, FLOOR: Absent()}


def _is_paused(flavour: Flavour, body: Object) -> bool:
    return flavour.pausable and annotations(body).get("autoscaling.keda.sh/paused") == "true"


def _last_writer(body: Object) -> str:
    """Who wrote the object last, as far as the API server says, and it was not us."""
    entries = body["metadata"].get("managedFields") or ()
    managers = [str(entry.get("manager", "")) for entry in entries if not entry.get("subresource")]
    others = [name for name in managers if name and not name.startswith(MANAGER)]
    return others[-1] if others else ""
