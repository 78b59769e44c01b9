"""Takes frames: what the cluster's objects and the mesh's ledger say at a moment."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Protocol

from delivery.cluster.memory import Store
from delivery.cluster.objects import Object
from delivery.sandbox.demo.chronicle import Chronicle
from delivery.sandbox.demo.frame import CheckLine, Frame, Version
from delivery.sandbox.demo.scene import CANARY, NAME, NAMESPACE, PRIMARY, ROUTE
from delivery.sandbox.mesh import Fate
from delivery.terminal.figures import UNITS

LATELY = 3.0
"""Seconds over which rates are taken."""


class Books(Protocol):
    """What the mesh has counted (delivery.sandbox.mesh.Mesh)."""

    now: float

    def by(self, *names: str, since: float | None = None, **where: object) -> dict[tuple[object, ...], float]:
        """Requests for each value of these fields."""

    def met(self, fate: Fate, *, since: float | None = None, **where: object) -> float:
        """Requests that met this fate."""


class Camera:
    """`clock` gives seconds since the demo began, `now` the wall clock; `refresh` brings the books up to now."""

    def __init__(
        self,
        store: Store,
        books: Books,
        chronicle: Chronicle,
        *,
        clock: Callable[[], float],
        now: Callable[[], datetime],
        refresh: Callable[[], None] = lambda: None,
    ) -> None:
        self.act = ""
        self._store, self._books, self._chronicle = store, books, chronicle
        self._clock, self._now, self._refresh = clock, now, refresh

    def take(self) -> Frame:
        """The present moment."""
        self._refresh()
        body = self._store.peek(CANARY) or {}
        status: Mapping[str, Any] = body.get("status") or {}
        return Frame(
            at=self._clock(),
            act=self.act,
            canary=NAME,
            phase=status.get("phase", ""),
            step=status.get("step", ""),
            reason=status.get("reason", ""),
            message=status.get("message", ""),
            wanted=status.get("canaryWeight", 0),
            routed=routed(self._store.peek(ROUTE)),
            seen=status.get("seenWeight"),
            versions=self._versions(),
            checks=tuple(map(_check, status.get("checks") or ())),
            timers=tuple(timers(body, self._now())),
            told=tuple(self._chronicle.told),
            wrote=tuple(self._chronicle.wrote),
            lost=self.lost(),
            bad=self.bad(),
        )

    def lost(self) -> int:
        """Requests that met no ready pod, from the beginning."""
        return _some(self._books.met(Fate.LOST, namespace=NAMESPACE))

    def bad(self, version: str | None = None) -> int:
        """Requests that (a version of) the service answered with an error, from the beginning."""
        where: dict[str, Any] = {} if version is None else {"version": version}
        return _some(self._books.met(Fate.BAD, namespace=NAMESPACE, service=NAME, **where))

    def _versions(self) -> tuple[Version, ...]:
        """Who answered lately, the primary first."""
        since = self._books.now - LATELY
        met = self._books.by("workload", "version", "fate", since=since, namespace=NAMESPACE, service=NAME)
        answered = {key: amount for key, amount in met.items() if key[0]}
        total = sum(answered.values())
        found = []
        for workload, version in sorted({key[:2] for key in answered}, key=lambda key: key[0] != PRIMARY.name):
            mine = {key[2]: amount for key, amount in answered.items() if key[:2] == (workload, version)}
            amount = sum(mine.values())
            found.append(
                Version(
                    name=str(version),
                    role=self._role(str(workload)),
                    share=100.0 * amount / total,
                    rate=amount / LATELY,
                    bad=mine.get(Fate.BAD, 0.0) / LATELY,
                )
            )
        return tuple(found)

    def _role(self, workload: str) -> str:
        if workload == PRIMARY.name:
            return "primary"
        return "canary" if self._store.peek(PRIMARY) is not None else "target"


def routed(route: Object | None) -> int | None:
    """The canary's weight in the VirtualService; None without one."""
    for rule in (route or {}).get("spec", {}).get("http") or ():
        branches = [
            each for each in rule.get("route") or () if each["destination"]["host"].startswith(f"{NAME}-canary")
        ]
        return sum(int(each.get("weight", 100)) for each in branches)
    return None


def timers(canary: Object, now: datetime) -> list[str]:
    """What the Canary waits for, and how long still."""
    status: Mapping[str, Any] = canary.get("status") or {}
    run: Mapping[str, Any] = status.get("run") or {}
    found = []
    if run.get("windowsFrom") and status.get("phase") == "Progressing" and run.get("step", -1) >= 0:
        ends = _window_end(canary, run, now)
        found.append(f"the window that is measured ends in {max(0.0, (ends - now).total_seconds()):.0f} s")
    if status.get("stage") == "drain" and status.get("stageSince"):
        since = (now - _time(status["stageSince"])).total_seconds()
        found.append(f"pods without traffic drain, {since:.0f} s so far")
    settled = status.get("phase") in ("Initialized", "Succeeded", "Failed")
    return found or ([] if settled else [str(status.get("message", ""))])


def _window_end(canary: Object, run: Mapping[str, Any], now: datetime) -> datetime:
    """Windows follow each other without a gap; this is the end of the present one."""
    interval = timedelta(seconds=float(str(canary["spec"]["analysis"].get("interval", "60s")).removesuffix("s")))
    opened = _time(run["windowsFrom"])
    passed = max(0, (now - opened) // interval)
    return opened + (passed + 1) * interval


def _check(check: Mapping[str, Any]) -> CheckLine:
    value, unit = check.get("value"), UNITS.get(check["name"], "")
    return CheckLine(
        name=check["name"],
        value="-" if value is None else f"{value:.1f}{unit}",
        limit=str(check.get("limit", "")),
        outcome=check["outcome"],
    )


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _some(amount: float) -> int:
    """Whole requests; a fraction of one that was lost is one that was lost."""
    return int(amount) + (amount % 1 > 1e-6)
