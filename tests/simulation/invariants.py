"""The guarantees, checked at every write that reaches the API server and at every moment that proxies may lag behind.

A check looks at what is true in the cluster, with the patience that a cache may have: "as last observed" means that
a count was right at some moment of the last seconds, however late its event came.
"""

import json
from collections.abc import Callable
from math import ceil
from typing import Any

from delivery.api.status import load
from delivery.cluster.memory import Happened, Store, VirtualLoop
from delivery.cluster.objects import (
    CANARIES,
    DAEMON_SETS,
    DEPLOYMENTS,
    DESTINATION_RULES,
    PODS,
    SERVICES,
    VIRTUAL_SERVICES,
    Kind,
    Object,
    Ref,
)
from delivery.sandbox.mesh import Fate, Load, Mesh
from delivery.sandbox.mesh.on_store import OnStore
from delivery.sandbox.mesh.telemetry import Sample
from delivery.workloads.health import is_ready
from delivery.workloads.ownership import fence_of, labels
from delivery.workloads.selectors import selects
from delivery.workloads.targets.daemonset import NOWHERE
from strategies.readiness import needed
from strategies.status import Phase, Skip, Stage, Status
from tests.simulation import bookinfo
from tests.simulation.analyst import Shares, shares_of
from tests.simulation.marks import asked_for, foreign, is_given_back, is_marked
from tests.simulation.recent import Recent

CONTROLLER = "delivery"
CANARY = Ref(CANARIES, bookinfo.NAMESPACE, bookinfo.NAME)
TARGET = Ref(DEPLOYMENTS, bookinfo.NAMESPACE, bookinfo.NAME)
PRIMARY = Ref(DEPLOYMENTS, bookinfo.NAMESPACE, f"{bookinfo.NAME}-primary")
ROUTE = Ref(VIRTUAL_SERVICES, bookinfo.NAMESPACE, bookinfo.NAME)
COPY = Ref(SERVICES, bookinfo.NAMESPACE, f"{bookinfo.NAME}-canary")
APEX = Ref(SERVICES, bookinfo.NAMESPACE, bookinfo.NAME)
STATUS_LIMIT = 4096


class BrokenPromise(AssertionError):  # noqa: N818 - what it is
    """A guarantee that did not hold, with its number."""


def status_of(body: Object | None) -> Status:
    """A Canary's status. A stored one is never changed, only replaced: so the same JSON is read once."""
    recorded = body.get("status") if body is not None else None
    if recorded is None:
        return Status()
    if _LAST.get("json") is not recorded:
        _LAST.update(json=recorded, status=load(recorded))
    status: Status = _LAST["status"]
    return status


_LAST: dict[str, Any] = {}


class Invariants:
    """Watches the store. `patience` is how late an observation may be, in virtual seconds."""

    def __init__(
        self, store: Store, loop: VirtualLoop, *, patience: float, settle: float, kind: Kind = DEPLOYMENTS
    ) -> None:
        self._target = Ref(kind, TARGET.namespace, TARGET.name)
        self._primary = Ref(kind, PRIMARY.namespace, PRIMARY.name)
        self.patience = patience
        self.route = ROUTE
        """What leads users: the VirtualService, or without a mesh the apex Service."""
        self.story: list[str] = []
        self.recorded: list[Status] = []
        self.released_at = 0.0
        self.lost_seconds = 0.0
        self.users = False
        self.writer = ""
        """The process whose request is being done."""
        self.tampered_at = -1e9
        self.most: Callable[[], int] | None = None
        """How many pods a role can have, where nodes decide that."""
        self._settle = settle
        self._store = store
        self._loop = loop
        self._ready = {"primary": Recent(0), "canary": Recent(0)}
        self._shares = Recent({"canary": 100, "primary": 0})
        self._lost_since: float | None = None
        self._mesh = OnStore(_mesh(loop.seed, settle), store, loop.time)
        store.observers.append(self.observe)

    # -- what is told

    def let_users_in(self) -> None:
        """From now on there are users, and each of them counts."""
        self.users = True
        self._mesh.look().send(Load(bookinfo.NAMESPACE, bookinfo.NAME, per_second=100))

    def mesh_samples(self) -> list[Sample]:
        """What a scrape of all proxies finds now."""
        return self._mesh.look().samples()

    def expect_primary(self, name: str) -> None:
        """The Canary gives the primary this name."""
        self._primary = Ref(self._primary.kind, self._primary.namespace, name)

    def expect_target(self, name: str) -> None:
        """The Canary is about a workload of this name."""
        self._target = Ref(self._target.kind, self._target.namespace, name)

    def let_in(self, source: str, **headers: str) -> None:
        """Some more users, who bring these headers."""
        self._mesh.look().send(Load(bookinfo.NAMESPACE, bookinfo.NAME, per_second=10, source=source, headers=headers))

    def met(self, source: str, role: str) -> float:
        """How many requests of these users a role has answered since the last release."""
        workload = {"canary": TARGET.name, "primary": PRIMARY.name}[role]
        return self._mesh.look().met(Fate.SERVED, since=self.released_at, source=source, workload=workload)

    def observe(self, event: Happened) -> None:
        """One write."""
        ours = self.writer.startswith(CONTROLLER)
        if event.ref.kind == PODS or event.ref.kind == self._target.kind == SERVICES:
            self._count_pods()
        if event.ref == CANARY:
            self._on_canary(event, ours)
        elif event.ref == self.route and ours and event.type != "DELETED" and not is_given_back(event):
            self._on_route(event)
        elif event.ref == self._target and ours:
            self._on_target(event)
        elif event.ref == self._primary and ours and event.type != "DELETED" and not is_given_back(event):
            self._on_primary(event)
        if ours and event.previous is not None and event.type != "DELETED":
            self._foreign_survives(event)
        if event.ref in (self.route, APEX) or event.ref.kind == PODS:
            self._note_shares()
            self._look_at_users()
            self._loop.call_later(self._settle, self._look_at_users, context=self._loop.world)

    def tell(self, what: str) -> None:
        """A line of the story."""
        self.story.append(f"{self._loop.time():9.3f} {what}")

    def tampered(self) -> None:
        """Somebody changed status or objects by hand: for a while, what is written need not follow from the status."""
        self.tampered_at = self._loop.time()

    # -- facts

    def most_ready(self, role: str) -> int:
        """The most ready pods that a role had within the time that an observation may be late."""
        return max(self._ready[role].since(self._loop.time() - self.patience))

    def least_share(self, role: str) -> int:
        """The least that the routes gave to a role within the time that an observation may be late."""
        return min(shares[role] for shares in self._shares.since(self._loop.time() - self.patience))

    def ready(self, role: str) -> int:
        """Ready pods now."""
        return self._ready[role].last

    @property
    def status(self) -> Status:
        """The recorded status now."""
        return status_of(self._store.peek(CANARY))

    def _count_pods(self) -> None:
        for role, ref in (("primary", self._primary), ("canary", self._target)):
            body = self._store.peek(ref)
            if ref.kind == SERVICES and role == "canary":
                body = self._store.peek(COPY) or body
            selector = body["spec"].get("selector") if body is not None else None
            pods = self._store.scan(PODS, bookinfo.NAMESPACE) if selector else []
            wanted = {"matchLabels": selector} if ref.kind == SERVICES else selector
            count = sum(is_ready(pod) for pod in pods if selects(wanted or {}, labels(pod)))
            if body is not None and not selector:
                count = 1  # what a Service without a selector leads to is nowhere in this cluster
            self._ready[role].note(self._loop.time(), count)

    # -- G1, G3, the write-ahead log

    def _on_route(self, event: Happened) -> None:
        new, old = shares_of(event.object), shares_of(event.previous)
        if event.ref == APEX and self.status.phase is Phase.TERMINATING and not is_marked(event.object):
            self.tell("the apex Service is given back")
            return
        self._fence_holds(event)
        if new is None and event.previous is not None and event.object["spec"] == event.previous["spec"]:
            return  # our fence alone
        if new is None:
            raise BrokenPromise(f"G1: our rule is missing in {event.object['spec']}")
        for rule in event.object["spec"].get("http") or ():
            total = sum(each.get("weight", 0) for each in rule["route"])
            self._expect(total == 100 or not rule["name"].startswith("progressive"), f"G1: weights sum to {total}")
        if new == old:
            return
        self.tell(f"route: canary {old} -> {new} by {self.writer}")
        status = self.status
        if self._loop.time() - self.tampered_at > self.patience and self._store.peek(CANARY) is not None:
            override = status.run.override if status.run is not None else None
            matched = status.run is not None and status.run.matched
            asked = {Shares(0 if matched else each, each or 0) for each in (status.canary_weight, override)}
            self._expect(new._replace(special=False) in asked, f"WAL: wrote {new}, status wants {asked}")
        self._carries(old.everybody if old is not None else None, new.everybody, status)
        self._carries(old.matched if old is not None else None, new.matched, status)
        if new.special and not (old is not None and old.special):
            self._expect(self.most_ready("canary") > 0, "G1: special rules for a canary without ready pods")

    def _carries(self, old: int | None, new: int, status: Status) -> None:
        """G1: no share for a role without ready pods, no rise above what its pods can carry."""
        floor = status.run.floor if status.run is not None else 1
        floor = min(floor, self.most()) if self.most is not None else floor
        canary_before = old if old is not None else 0
        if new > canary_before:
            pods = needed(floor, new) if new < 100 else 1
            self._expect(
                self.most_ready("canary") >= pods,
                f"G1: {new} % for {self.most_ready('canary')} canary pods, needs {pods}",
            )
        if old is None or new < old:
            primary = self.most_ready("primary")
            self._expect(primary >= 1, f"G1: {100 - new} % for a primary without ready pods")
        returning = status.phase is Phase.FINALISING and old is not None and new < old and self.patience < 10
        if returning:
            self._expect(
                self.most_ready("primary") >= floor, f"G1: promotion with {self.most_ready('primary')} of {floor}"
            )

    def _fence_holds(self, event: Happened) -> None:
        before, after = fence_of(event.previous), fence_of(event.object)
        self._expect(after >= before, f"G3: {self.writer} wrote {event.ref} with fence {after} over {before}")

    # -- G4

    def _foreign_survives(self, event: Happened) -> None:
        if event.previous is None or event.ref.kind not in (
            *(VIRTUAL_SERVICES, DESTINATION_RULES, SERVICES, DEPLOYMENTS, DAEMON_SETS),
        ):
            return
        asked = (self._store.peek(CANARY) or {}).get("spec", {}).get("service", {})
        for part in ("labels", "annotations"):
            ours = asked_for(asked, event, part)
            for key, value in foreign(event.previous, part).items():
                if key in ours:
                    continue
                now = (event.object["metadata"].get(part) or {}).get(key)
                self._expect(now == value, f"G4: {part} {key} of {event.ref} was {value}, is {now}")

    # -- pods

    def _on_target(self, event: Happened) -> None:
        self._expect(event.ref.kind != SERVICES, "G4: a target that is a Service is the user's, and was written")
        before, after = size(event.previous), size(event.object)
        if before == after:
            return
        self.tell(f"target: {before} -> {after} replicas by {self.writer}")
        if after == 0:
            weight = self.least_share("canary")
            self._expect(not weight, f"G10: the canary's pods go while it has {weight} %")
            self._expect(self.most_ready("primary") > 0, "G10: the canary's pods go while the primary has none")

    def _on_primary(self, event: Happened) -> None:
        self._fence_holds(event)
        noted = event.object["metadata"]["annotations"].get("progressive.delivery/revision")
        before = ((event.previous or {}).get("metadata", {}).get("annotations") or {}).get(
            "progressive.delivery/revision"
        )
        if noted == before:
            return
        self.tell(f"primary: {before} -> {noted}")
        status = self.status
        if event.previous is not None and self._loop.time() - self.tampered_at > self.patience:
            allowed = {status.last_promoted_spec}
            if status.run is not None and status.phase in (Phase.PROMOTING, Phase.FINALISING, Phase.FAILED):
                allowed.add(status.run.revision)
            self._expect(noted in allowed, f"G6: the primary got {noted}, analysed was {sorted(allowed)}")

    # -- the status

    def _on_canary(self, event: Happened, ours: bool) -> None:
        before, after = status_of(event.previous), status_of(event.object)
        size = len(json.dumps(event.object.get("status") or {}, separators=(",", ":")))  # as a server keeps it
        self._expect(size < STATUS_LIMIT, f"the status has {size} bytes")
        if not ours:
            return
        self.recorded.append(after)
        if (before.phase, before.stage, before.canary_weight) != (after.phase, after.stage, after.canary_weight):
            self.tell(
                f"status: {after.phase or '-'} {after.stage} {after.canary_weight} % {after.step} {after.reason} "
                f"by {self.writer}"
            )
        self._expect(
            after.fence >= before.fence or before == Status(), f"G3: status fence {before.fence} -> {after.fence}"
        )
        if after.phase is Phase.SUCCEEDED and after.reason == "Promoted" and before.phase is not Phase.SUCCEEDED:
            self._promoted_well(before, after)

    def _promoted_well(self, before: Status, after: Status) -> None:
        primary = self._store.peek(self._primary)
        noted = primary["metadata"]["annotations"].get("progressive.delivery/revision") if primary else None
        self._expect(noted == after.last_promoted_spec, f"G6: promoted {after.last_promoted_spec}, primary has {noted}")
        if primary is not None and primary["spec"].get("template") is None:
            return  # how good the pods behind a Service are, no template says
        template = primary["spec"]["template"]["metadata"].get("annotations", {}) if primary else {}
        # A person said so, of the step that came last or of all that were left, and it is told as that.
        by_hand = before.run is not None and before.run.skip is not Skip.NONE
        good = template.get("sim/quality") == "good" or by_hand
        self._expect(good, f"G6: a version of quality {template.get('sim/quality')} was promoted")

    # -- users

    def _note_shares(self) -> None:
        self._shares.note(self._loop.time(), self._now_shares())

    def _now_shares(self) -> dict[str, int]:
        found = shares_of(self._store.peek(self.route))
        if found is not None:
            most, least = max(found.everybody, found.matched), min(found.everybody, found.matched)
            return {"canary": max(most, int(found.special)), "primary": 100 - least}
        apex = self._store.peek(APEX)
        selector = (apex or {}).get("spec", {}).get("selector") or {}
        primary = selector.get("app") == PRIMARY.name
        return {"canary": 0 if primary else 100, "primary": 100 if primary else 0}

    def _look_at_users(self) -> None:
        """Does any proxy, up to settleSeconds late, send users to a role without a ready pod?

        The mesh's proxies are each late by some amount; this looks at every amount, and at weights only.
        """
        now = self._loop.time()
        views = self._shares.since(now - self._settle + 1e-6)
        lost = self.users and any(
            share > 0 and self.ready(role) == 0 for shares in views for role, share in shares.items()
        )
        if lost and self._lost_since is None:
            self._lost_since = now
            self.tell(f"users meet no ready pod: shares {views}, ready {self.ready('primary')}/{self.ready('canary')}")
        elif not lost and self._lost_since is not None:
            self.lost_seconds += now - self._lost_since
            self._lost_since = None

    @property
    def users_lost(self) -> bool:
        """Has any user, at any moment, been sent to a role without a ready pod, or not been answered at all?"""
        return self._lost_since is not None or self.lost_seconds > 0 or bool(self.unserved)

    @property
    def unserved(self) -> dict[tuple[object, ...], float]:
        """Requests that the mesh has lost, or had answered by the last breath of a role, by how and where."""
        found = self._mesh.look().by("fate", "flag", "destination")
        return {key: amount for key, amount in found.items() if key[0] in (Fate.LOST, Fate.UNREADY)}

    def _expect(self, holds: bool, promise: str) -> None:
        if not holds:
            self.tell(f"BROKEN {promise}")
            raise BrokenPromise(promise)


def size(body: Object | None) -> int | None:
    """The pods that a workload is to have; of a DaemonSet whether it may have any."""
    if body is None or body["spec"].get("template") is None:
        return None
    selector = body["spec"]["template"]["spec"].get("nodeSelector") or {}
    replicas: int | None = body["spec"].get("replicas", 0 if NOWHERE in selector else 1)
    return replicas


def _mesh(seed: int | None, settle: float) -> Mesh:
    """Proxies that are late by up to `settle`, each in its own way; pods serve until the last of them must know."""
    return Mesh(seed=str(seed), lag=(0.0, settle), shutdown_seconds=settle)


def at_rest(status: Status) -> bool:
    """Is there nothing left to do by itself?"""
    if status.phase is Phase.FAILED and status.run is not None:
        return True
    quiet = (Phase.INITIALIZED, Phase.SUCCEEDED, Phase.FAILED, Phase.WAITING)
    return status.phase in quiet and status.stage is Stage.NONE and status.run is None


def share_needs(floor: int, share: int) -> int:
    """Ready pods for a share, computed a second time."""
    return max(1, ceil(floor * share / 100)) if share else 0
