"""Events of the workload controllers, so that `kubectl describe` and `kubectl events` tell what is going on.

As on a real cluster, the same thing said again raises a count, old ones expire after an hour, and there is a bound on
how many there are. A simulation asks for none: they are nobody's input.
"""

import random
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime, timedelta

from delivery.cluster.memory.conditions import parse_time
from delivery.cluster.memory.store import MERGE_PATCH, Store
from delivery.cluster.objects import EVENTS, Object, Ref

EXPIRY = timedelta(hours=1)
EXPIRY_CHECK_SECONDS = 60.0

Key = tuple[str, str, str, str, str]


class Recorder:
    """Writes Events into the store; `most` of them at the same time, the oldest go first.

    `later` calls after some seconds. All Events of the store expire, whoever wrote them.
    """

    def __init__(
        self,
        store: Store,
        *,
        now: Callable[[], datetime],
        later: Callable[[float, Callable[[], None]], None],
        rng: random.Random,
        most: int = 2000,
    ) -> None:
        self._store, self._now, self._later = store, now, later
        self._rng, self._most = rng, most
        self._known: OrderedDict[Key, Ref] = OrderedDict()
        later(EXPIRY_CHECK_SECONDS, self._expire)

    def record(
        self, about: Object, reason: str, message: str, *, source: str, warning: bool = False, container: str = ""
    ) -> None:
        """Say something of an object, as `source`. `container` names one of a pod's containers."""
        key = (about["metadata"]["uid"], reason, message, source, container)
        ref = self._known.get(key)
        if ref is not None and (body := self._store.peek(ref)) is not None:
            self._known.move_to_end(key)
            patch = {"count": int(body.get("count", 1)) + 1, "lastTimestamp": self._timestamp()}
            self._store.patch(ref, patch, content_type=MERGE_PATCH, manager=source)
            return
        kind = "Warning" if warning else "Normal"
        self._known[key] = self._create(about, reason, message, source=source, type_=kind, container=container)
        while len(self._known) > self._most:
            self._forget(self._known.popitem(last=False)[1])

    def _create(self, about: Object, reason: str, message: str, *, source: str, type_: str, container: str) -> Ref:
        meta, now = about["metadata"], self._timestamp()
        namespace = meta.get("namespace", "default")
        involved = {
            "kind": about["kind"],
            "apiVersion": about["apiVersion"],
            "namespace": meta.get("namespace", ""),
            "name": meta["name"],
            "uid": meta["uid"],
            "resourceVersion": meta["resourceVersion"],
        }
        if container:
            involved["fieldPath"] = f"spec.containers{{{container}}}"
        body = {
            "metadata": {"name": f"{meta['name']}.{self._rng.getrandbits(64):016x}", "namespace": namespace},
            "involvedObject": {field: value for field, value in involved.items() if value},
            "reason": reason,
            "message": message,
            "type": type_,
            "source": {"component": source},
            "reportingComponent": source,
            "reportingInstance": "",
            "firstTimestamp": now,
            "lastTimestamp": now,
            "eventTime": None,
            "count": 1,
        }
        return Ref.of(EVENTS, self._store.create(EVENTS, body, namespace=namespace, manager=source))

    def _expire(self) -> None:
        limit = self._now() - EXPIRY
        for body in self._store.scan(EVENTS):
            if last_seen(body) < limit:
                self._forget(Ref.of(EVENTS, body))
        self._known = OrderedDict(item for item in self._known.items() if self._store.peek(item[1]) is not None)
        self._later(EXPIRY_CHECK_SECONDS, self._expire)

    def _forget(self, ref: Ref) -> None:
        if self._store.peek(ref) is not None:
            self._store.delete(ref)

    def _timestamp(self) -> str:
        return self._now().strftime("%Y-%m-%dT%H:%M:%SZ")


def last_seen(event: Object) -> datetime:
    """When an Event was told last."""
    series = (event.get("series") or {}).get("lastObservedTime")
    text = series or event.get("lastTimestamp") or event.get("eventTime") or event["metadata"]["creationTimestamp"]
    return parse_time(text)
