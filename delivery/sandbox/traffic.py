"""Users of the sandbox: who sends how many requests to what, in real time.

Without requests no release can be judged. So whoever makes a Canary gets callers for its service by themselves, and an
annotation of the Service says how many, for services without a Canary too. Whom a Canary tells apart calls as well.
"""

import asyncio
import math
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace

from delivery.cluster.memory import Happened, Store
from delivery.cluster.memory.behaviours import PREFIX
from delivery.cluster.objects import CANARIES, SERVICES, Object, Ref
from delivery.sandbox import bookinfo
from delivery.sandbox.mesh import Load, Mesh, Sample
from delivery.sandbox.mesh.on_store import KINDS, OnStore
from delivery.sandbox.special_users import special_loads

REQUESTS = f"{PREFIX}/requests-per-second"
"""Annotation of a Service: how many requests its callers send, 0 to 10000; 0 sends none."""
MOST_REQUESTS = 10_000.0
CALLERS = "callers"
LONGEST_WAIT = 5.0

_KINDS = {kind.kind: kind for kind in KINDS}

Name = tuple[str, str]


def bookinfo_loads(per_second: float) -> dict[Name, Load]:
    """Users at the gateway, and what productpage asks of others for each of them."""
    where = bookinfo.NAMESPACE
    users = Load(
        where,
        "productpage",
        per_second,
        source="istio-ingressgateway",
        source_namespace="istio-system",
        gateway=f"{where}/{bookinfo.GATEWAY}",
        authority=bookinfo.HOST,
        path="/productpage",
    )
    inner = {(where, app): Load(where, app, per_second, path=f"/{app}/0") for app in ("details", "reviews")}
    return {(where, "productpage"): users, **inner}


class Traffic:
    """A mesh that follows a store in real time. `time` gives seconds that never go back.

    `per_second` is sent to the service of each Canary, unless `known` has a load for it. `problem` is told of what the
    mesh does not understand, once each, and `warn` of the object besides.
    """

    def __init__(
        self,
        store: Store,
        mesh: Mesh,
        *,
        time: Callable[[], float],
        per_second: float,
        known: Mapping[Name, Load],
        problem: Callable[[str], None],
    ) -> None:
        self.mesh = mesh
        self.warn: Callable[[Ref, str], None] = lambda _ref, _text: None
        self._store, self._time, self._per_second = store, time, per_second
        self._known, self._problem = known, problem
        self._sent: dict[Name, tuple[Load, ...]] = {}
        self._told: set[str] = set()
        self._changed, self._moved = asyncio.Event(), asyncio.Event()
        self._following = OnStore(mesh, store, time)
        for name in {*map(_name, store.scan(SERVICES)), *filter(None, map(_canary_service, store.scan(CANARIES)))}:
            self._adjust(name)
        store.observers.append(self._note)

    async def run(self) -> None:
        """Move the mesh's time until cancelled."""
        while True:
            self._following.look()
            self._tell()
            self._moved.set()
            self._moved = asyncio.Event()
            due = self.mesh.next_change()
            wait = LONGEST_WAIT if due is None else min(max(0.0, due - self._time()), LONGEST_WAIT)
            self._changed.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), wait)

    async def moved(self) -> None:
        """Until the mesh's time has gone on: something has changed in the cluster, or has arrived at a proxy."""
        await self._moved.wait()

    def scrape(self) -> list[Sample]:
        """What the proxies show to Prometheus at this moment."""
        return self._following.look().samples()

    def load(self, pod: Object) -> float:
        """Requests per second that a pod answers now."""
        return self.mesh.rate(pod["metadata"]["namespace"], pod["metadata"]["name"])

    # -- what happens in the cluster

    def _note(self, event: Happened) -> None:
        kind = event.ref.kind
        if kind in KINDS:
            self._changed.set()
        if kind == SERVICES:
            self._adjust(_name(event.object))
        elif kind == CANARIES:
            for body in (event.object, event.previous):
                if body is not None and (name := _canary_service(body)) is not None:
                    self._adjust(name)

    def _adjust(self, name: Name) -> None:
        """Begin, change or end what is sent to a service."""
        wanted, sent = self._wanted_from_all(name), self._sent.get(name, ())
        if wanted == sent:
            return
        self._following.look()  # what was sent until now was sent at the old rate
        for load in sent:
            self.mesh.stop(load)
        for load in wanted:
            self.mesh.send(load)
        self._sent[name] = wanted
        self._changed.set()

    def _wanted_from_all(self, name: Name) -> tuple[Load, ...]:
        """From everybody, and from those whom a Canary tells apart."""
        load = self._wanted(name)
        if load is None:
            return ()
        canaries = [body for body in self._store.scan(CANARIES, name[0]) if _canary_service(body) == name]
        return (load, *(special for body in canaries[:1] for special in special_loads(body, load)))

    def _wanted(self, name: Name) -> Load | None:
        namespace, service = name
        body = self._store.peek(Ref(SERVICES, namespace, service))
        if body is None:
            return None
        load = self._known.get(name)
        annotated = (body["metadata"].get("annotations") or {}).get(REQUESTS)
        if load is None and annotated is None and not self._has_canary(name):
            return None
        load = load or Load(namespace, service, self._per_second, source=CALLERS)
        per_second = load.per_second if annotated is None else self._parse(name, annotated, load.per_second)
        return replace(load, per_second=per_second) if per_second else None

    def _has_canary(self, name: Name) -> bool:
        return any(_canary_service(body) == name for body in self._store.scan(CANARIES, name[0]))

    def _parse(self, name: Name, given: str, default: float) -> float:
        try:
            requests = float(given)
        except ValueError:
            requests = math.nan
        if 0.0 <= requests <= MOST_REQUESTS:
            return requests
        where = f"Service {name[0]}/{name[1]}, annotation {REQUESTS}"
        self._tell_once(f"{where}: {given!r}; requests per second, 0 to {MOST_REQUESTS:.0f}; {default:g} are sent")
        return default

    # -- what people should know

    def _tell(self) -> None:
        for (kind, namespace, name), text in self.mesh.problems.items():
            if text not in self._told and kind in _KINDS:
                self.warn(Ref(_KINDS[kind], namespace, name), text)
            self._tell_once(text)

    def _tell_once(self, text: str) -> None:
        if text not in self._told:
            self._told.add(text)
            self._problem(text)


def _name(body: Object) -> Name:
    return body["metadata"]["namespace"], body["metadata"]["name"]


def _canary_service(body: Object) -> Name | None:
    """The service that a Canary is about: `spec.service.name`, else its target's name."""
    spec = body.get("spec") or {}
    name = (spec.get("service") or {}).get("name") or (spec.get("targetRef") or {}).get("name")
    return (body["metadata"]["namespace"], name) if name else None
