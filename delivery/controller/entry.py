"""What the process remembers of a Canary between two ticks. All of it can be lost: the status holds what counts."""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from delivery.cluster.objects import Ref
from delivery.controller.guarded import Known
from delivery.controller.reading import Reading
from delivery.controller.rivalry import Rivalry
from delivery.gates.calendar import Remembered
from delivery.workloads.configs.references import Config
from strategies.snapshot import Problem
from strategies.status import Status
from strategies.traffic import Traffic

CONTESTED_TAKES = 3
CONTESTED_SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What a config held at a resourceVersion: its digest, made with the key `salt`; "" for one that is not tracked."""

    version: str = ""
    salt: str = ""
    digest: str = ""


@dataclass(slots=True)
class Entry:
    """One Canary's memory. Times are monotonic seconds.

    `reading` is what was made of its JSON last, `status` what was made of the `recorded` one. `confirmed` is, of each
    route object (by uid), the traffic that a response of the API server, and no cache, has shown. `unsure`: route
    objects of which a write got no answer and may still arrive; the next one must change the object even if it looks
    right, so that the late one fails its test. `raise_at`: no route may give a role more before this, because
    destinations were written shortly before. `rivalry`: who keeps taking back what we write about pods. `absent`:
    objects whose absence a GET has confirmed since they were seen last. `contents`: what configs held when they
    were read last; after a GET of one failed (`unread` says how), none is tried before `unread_until`.
    `unread_since`: since when some of them could not be read, or were missing. `window`: until when the rollout window
    stays as it is.
    """

    key: str
    reading: Reading
    recorded: Any = None
    status: Status | None = None
    confirmed: dict[Ref, tuple[str, Traffic]] = field(default_factory=dict)
    unsure: set[Ref] = field(default_factory=set)
    raise_at: float = 0.0
    unsynced_since: float | None = None
    failing_since: float | None = None
    problem: Problem | None = None
    repair_at: float = 0.0
    takes: deque[float] = field(default_factory=lambda: deque(maxlen=CONTESTED_TAKES))
    rivals: int = 0
    rival: str = ""
    absent: dict[Ref, None] = field(default_factory=dict)
    contents: dict[Config, Content] = field(default_factory=dict)
    unread: str = ""
    unread_since: float | None = None
    unread_until: float = 0.0
    guarded: Known = field(default_factory=Known)
    rivalry: Rivalry = field(default_factory=Rivalry)
    window: Remembered = field(default_factory=Remembered)

    def unconfirmed(self, uids: Mapping[Ref, str], traffic: Traffic) -> tuple[Ref, ...]:
        """The route objects, by their uids, of which no response has shown this traffic."""
        return tuple(ref for ref, uid in uids.items() if self.confirmed.get(ref) != (uid, traffic))

    def awaits(self, refs: Iterable[Ref]) -> bool:
        """May a write to one of these still arrive? One to what nobody routes by any more is not waited for."""
        return not self.unsure.isdisjoint(refs)

    def taken(self, now: float, who: str) -> None:
        """Somebody took our fields once more; after three times in a minute we step back, longer each time.

        `who` is remembered, because our own write makes the API server forget whose the fields were.
        """
        self.rival = who
        self.takes.append(now)
        if len(self.takes) == CONTESTED_TAKES and now - self.takes[0] <= CONTESTED_SECONDS:
            self.rivals += 1
            self.repair_at = now + min(600.0, CONTESTED_SECONDS * 2 ** (self.rivals - 1))
            self.takes.clear()

    def contested(self, now: float) -> bool:
        """True while we have stepped back."""
        if self.rivals and now >= self.repair_at + 2 * CONTESTED_SECONDS:
            self.rivals = 0
        return now < self.repair_at
