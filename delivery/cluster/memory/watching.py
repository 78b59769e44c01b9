"""The store's history: a bounded list of events per kind, replayed to whoever watches from a resourceVersion."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from delivery.cluster.memory.rejections import BadRequestError, ExpiredError, TooEarlyError
from delivery.cluster.memory.selectors import Predicate
from delivery.cluster.memory.values import clone
from delivery.cluster.objects import Kind, Ref
from delivery.cluster.protocols import WatchEvent

Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Happened:
    """One write as it is kept: what it was before (None: nothing) and is since (for a deletion: was last)."""

    type: str
    ref: Ref
    object: Body
    previous: Body | None
    version: int

    def last_selected(self) -> Body:
        """The object for a watch that it leaves: as it was while it was selected, in the version that ended that."""
        body: Body = clone(self.object if self.previous is None or self.type == "DELETED" else self.previous)
        body["metadata"]["resourceVersion"] = str(self.version)
        return body


@dataclass(slots=True, eq=False)
class Subscription:
    """One watch. `deliver` is called within the write, in the order of resourceVersions, with a copy of its own.

    It must only take note: a write from inside it would overtake the event being delivered.
    """

    kind: Kind
    namespace: str | None
    selects: Predicate
    deliver: Callable[[WatchEvent], None]
    close: Callable[[], None]

    def offer(self, event: Happened) -> None:
        """Deliver the event as this watch sees it: what leaves its selection is deleted, what enters is added."""
        if self.namespace is not None and event.ref.namespace != self.namespace:
            return
        before = event.previous is not None and self.selects(event.previous)
        after = event.type != "DELETED" and self.selects(event.object)
        if before or after:
            kind = "MODIFIED" if before and after else "ADDED" if after else "DELETED"
            self.deliver(WatchEvent(kind, event.last_selected() if before and not after else clone(event.object)))


class History:
    """The last `length` events of each kind, and who is told of new ones."""

    def __init__(self, length: int) -> None:
        self._length = length
        self._events: dict[Kind, deque[Happened]] = {}
        self._forgotten: dict[Kind, int] = {}
        self._subscriptions: dict[Kind, dict[int, Subscription]] = {}
        self._counter = self._floor = 0

    def begin_at(self, version: int) -> None:
        """What happened before `version` is not known: a watch from there gets a 410."""
        self._floor = version

    def append(self, event: Happened) -> None:
        """Keep an event and tell it to everybody who watches its kind."""
        kind = event.ref.kind
        events = self._events.setdefault(kind, deque())
        events.append(event)
        if len(events) > self._length:
            self._forgotten[kind] = events.popleft().version
        for subscription in list(self._subscriptions.get(kind, {}).values()):
            subscription.offer(event)

    def forget(self, version: int) -> None:
        """Compact: watches from before `version` get a 410."""
        for kind, events in self._events.items():
            while events and events[0].version <= version:
                self._forgotten[kind] = events.popleft().version

    def remembers(self, kind: Kind, version: int) -> bool:
        """Is everything known that happened to a kind since `version`?"""
        return version >= self._forgotten.get(kind, self._floor)

    def last(self, kind: Kind) -> int:
        """The version of the last event of a kind; if there was none, from where on it would be known."""
        events = self._events.get(kind)
        return events[-1].version if events else self._forgotten.get(kind, self._floor)

    def subscribe(
        self,
        kind: Kind,
        namespace: str | None,
        selects: Predicate,
        deliver: Callable[[WatchEvent], None],
        *,
        since: int,
    ) -> Subscription:
        """Replay what happened after `since`, then follow. ExpiredError if that is no longer known."""
        if since < self._forgotten.get(kind, self._floor):
            raise ExpiredError(f"too old resource version: {since} ({self._forgotten.get(kind, self._floor)})")
        self._counter += 1
        number = self._counter
        followers = self._subscriptions.setdefault(kind, {})
        subscription = Subscription(kind, namespace, selects, deliver, lambda: _forget(followers, number))
        for event in self._events.get(kind, ()):
            if event.version > since:
                subscription.offer(event)
        followers[number] = subscription
        return subscription


def _forget(followers: dict[int, Subscription], number: int) -> None:
    followers.pop(number, None)


def parse_version(text: str, current: int) -> int:
    """A resourceVersion to watch from; BadRequestError if it is no number, TooEarlyError if it is to come."""
    if not text.isdecimal():
        raise BadRequestError(f"resourceVersion: {text!r} is no number")
    if int(text) > current:
        raise TooEarlyError(f"Too large resource version: {text}, current: {current}")
    return int(text)
