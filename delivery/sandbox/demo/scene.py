"""The hands of a user, in a sandbox: what `kubectl apply`, `patch` and `get --watch` would do, and a keyboard.

A story writes through these as anybody would and never talks to the controller.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import yaml

from delivery.cluster.memory import Happened, Store
from delivery.cluster.memory.resources import NAMESPACES
from delivery.cluster.objects import (
    ALERT_PROVIDERS,
    CANARIES,
    DEPLOYMENTS,
    SECRETS,
    SERVICES,
    VIRTUAL_SERVICES,
    Kind,
    Object,
    Ref,
)
from delivery.sandbox.client import Client
from delivery.sandbox.demo.typing import Keyboard

NAMESPACE, NAME = "bookinfo", "reviews"
CANARY = Ref(CANARIES, NAMESPACE, NAME)
TARGET = Ref(DEPLOYMENTS, NAMESPACE, NAME)
PRIMARY = Ref(DEPLOYMENTS, NAMESPACE, f"{NAME}-primary")
ROUTE = Ref(VIRTUAL_SERVICES, NAMESPACE, NAME)

_USED = (NAMESPACES, SERVICES, DEPLOYMENTS, CANARIES, ALERT_PROVIDERS, SECRETS)
KINDS: Mapping[str, Kind] = {kind.kind: kind for kind in _USED}
"""What the example's files hold, and what goes with them."""


class StoryError(Exception):
    """The story could not go on; the text says what it waited for."""


class Switch(Protocol):
    """Prometheus, as far as a story may harm it."""

    async def down(self) -> None:
        """Nobody can reach it from now on."""
        ...

    async def up(self) -> None:
        """It can be reached again, and knows what it knew."""
        ...


class Scene:
    """`store` is what is looked at, `user` writes, `examples` is the folder of manifests, `prometheus` its switch,
    `keyboard` runs the commands that people type.
    """

    def __init__(self, store: Store, user: Client, examples: Path, prometheus: Switch, keyboard: Keyboard) -> None:
        self.prometheus, self.keyboard = prometheus, keyboard
        self._store, self._user, self._examples = store, user, examples

    @property
    def canary(self) -> Object:
        """The Canary as the cluster has it; empty before it is applied."""
        return self._store.peek(CANARY) or {}

    @property
    def status(self) -> Mapping[str, Any]:
        """The Canary's status."""
        status: Mapping[str, Any] = self.canary.get("status") or {}
        return status

    def version(self, deployment: Ref = PRIMARY) -> str:
        """The version that a Deployment runs; empty without one."""
        body = self._store.peek(deployment)
        return str(body["spec"]["template"]["metadata"]["labels"].get("version", "")) if body is not None else ""

    def manifests(self, file: str) -> list[dict[str, Any]]:
        """The objects of a file of the example."""
        return [body for body in yaml.safe_load_all((self._examples / file).read_text()) if body]

    async def apply(self, file: str) -> None:
        """`kubectl apply -f FILE`, of objects that are not there yet."""
        for body in self.manifests(file):
            await self.create(body)

    async def create(self, body: Object) -> None:
        """`kubectl create`."""
        await self._user.create(KINDS[body["kind"]], body, namespace=body["metadata"].get("namespace", ""))

    async def release(self, file: str) -> None:
        """`kubectl patch deployment reviews --patch-file FILE`."""
        (patch,) = self.manifests(file)
        await self._user.patch(TARGET, patch)

    async def edit(self, ref: Ref, patch: Mapping[str, Any]) -> None:
        """`kubectl patch --type=merge`."""
        await self._user.merge(ref, patch)

    async def route_by_hand(self, weight: int) -> None:
        """`kubectl edit virtualservice reviews`: so many percent for the canary, the rest for the primary."""
        rules = self._store.get(ROUTE)["spec"]["http"]
        for branch in rules[0]["route"]:
            to_canary = branch["destination"]["host"].startswith(f"{NAME}-canary")
            branch["weight"] = weight if to_canary else 100 - weight
        await self._user.merge(ROUTE, {"spec": {"http": rules}})

    async def until(self, is_so: Callable[[Mapping[str, Any]], object], *, what: str, seconds: float = 40.0) -> None:
        """Wait until the Canary's status is so; StoryError after `seconds`."""
        with self._watched() as changed:
            try:
                async with asyncio.timeout(seconds):
                    while not is_so(self.status):
                        changed.clear()
                        await changed.wait()
            except TimeoutError:
                stands = f"{self.status.get('phase', 'no status')}: {self.status.get('message', '')}"
                raise StoryError(f"waited {seconds:.0f} s for {what}; the Canary says {stands}") from None

    @contextmanager
    def _watched(self) -> Iterator[asyncio.Event]:
        changed = asyncio.Event()

        def note(event: Happened) -> None:
            if event.ref == CANARY:
                changed.set()

        self._store.observers.append(note)
        try:
            yield changed
        finally:
            self._store.observers.remove(note)


def at_rest(*phases: str) -> Callable[[Mapping[str, Any]], bool]:
    """Is the Canary in one of these phases, with nothing left to do?"""
    return lambda status: status.get("phase") in phases and not status.get("stage") and not status.get("run")


def at_weight(weight: int) -> Callable[[Mapping[str, Any]], bool]:
    """Does the status want so many percent for the canary of a run?"""
    return lambda status: status.get("phase") == "Progressing" and status.get("canaryWeight") == weight


def held(reason: str) -> Callable[[Mapping[str, Any]], bool]:
    """Is the condition of this type true?"""

    def is_so(status: Mapping[str, Any]) -> bool:
        conditions = status.get("conditions") or ()
        return any(one["type"] == reason and one["status"] == "True" for one in conditions)

    return is_so


def because(reason: str) -> Callable[[Mapping[str, Any]], bool]:
    """Is this the reason why the Canary stands where it stands, or that of one of its conditions?"""

    def is_so(status: Mapping[str, Any]) -> bool:
        conditions = status.get("conditions") or ()
        return status.get("reason") == reason or any(one.get("reason") == reason for one in conditions)

    return is_so
