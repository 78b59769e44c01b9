"""What may run next and what comes due later, by the process to which it belongs.

A paused process's handles are set aside, a killed one's are kept and never run: what they hold must not be let go of
while the world goes on, for that would run their `finally`.
"""

import heapq
import random
from collections import deque

from delivery.cluster.memory.handles import AnyHandle, Timer


class Agenda:
    """The handles of a loop. `seed` decides which of those that are ready is next; None means first in, first out."""

    def __init__(self, seed: int | None) -> None:
        self._order = None if seed is None else random.Random(f"order/{seed}")  # noqa: S311 - no secret
        self._ready: deque[AnyHandle] = deque()
        self._timers: list[tuple[float, int, Timer]] = []
        self._prune_at = 1000
        self._parked: dict[str, list[AnyHandle]] = {}
        self._dead: dict[str, list[AnyHandle]] = {}

    # -- what is on it

    def push(self, handle: AnyHandle) -> None:
        """A handle is ready."""
        if handle.instance in self._dead:
            self._dead[handle.instance].append(handle)
        elif handle.instance in self._parked:
            self._parked[handle.instance].append(handle)
        else:
            self._ready.append(handle)

    def schedule(self, when: float, number: int, timer: Timer) -> None:
        """A timer is to come due at `when`; of two for the same moment the lower `number` is first."""
        if timer.instance in self._dead:
            self._dead[timer.instance].append(timer)
        else:
            heapq.heappush(self._timers, (when, number, timer))
        if len(self._timers) > self._prune_at:
            self._timers = [entry for entry in self._timers if not entry[2].cancelled()]
            heapq.heapify(self._timers)
            self._prune_at = max(1000, 2 * len(self._timers))

    @property
    def is_empty(self) -> bool:
        """Is nothing ready and no timer pending (those of paused instances not counted)?"""
        return not any(not handle.cancelled() for handle in self._ready) and not any(
            not timer.cancelled() and timer.instance not in self._parked for _, _, timer in self._timers
        )

    def clear(self) -> None:
        """Let go of every handle. The names of the killed stay taken."""
        self._parked.clear()
        self._dead = {instance: [] for instance in self._dead}
        self._ready.clear()
        self._timers.clear()

    # -- what is next

    def take(self, now: float) -> AnyHandle | None:
        """One of the handles that are ready at `now`, which may have been cancelled; None when there is none."""
        while self._timers and self._timers[0][0] <= now:
            self.push(heapq.heappop(self._timers)[2])
        return self._pick() if self._ready else None

    def _pick(self) -> AnyHandle:
        if self._order is None:
            return self._ready.popleft()
        # the chosen one changes places with the last: all are drawn at random, so their order means nothing
        index = int(self._order.random() * len(self._ready))
        last = self._ready.pop()
        if index == len(self._ready):
            return last
        chosen, self._ready[index] = self._ready[index], last
        return chosen

    def next_at(self) -> float | None:
        """When the next timer comes due; None without any."""
        while self._timers and self._timers[0][2].cancelled():
            heapq.heappop(self._timers)
        return self._timers[0][0] if self._timers else None

    # -- whose it is

    @property
    def paused(self) -> tuple[str, ...]:
        """The paused processes."""
        return tuple(self._parked)

    def is_dead(self, instance: str) -> bool:
        """Was a process killed?"""
        return instance in self._dead

    def pause(self, instance: str) -> None:
        """Set the handles of a process aside, those that come due too."""
        if instance in self._dead or instance in self._parked:
            return
        mine = [handle for handle in self._ready if handle.instance == instance]
        self._ready = deque(handle for handle in self._ready if handle.instance != instance)
        self._parked[instance] = mine

    def resume(self, instance: str) -> None:
        """What was set aside is ready at once."""
        for handle in self._parked.pop(instance, []):
            self.push(handle)

    def kill(self, instance: str) -> None:
        """None of a process's handles runs again."""
        if instance in self._dead:
            return
        dropped = self._parked.pop(instance, [])
        dropped += [handle for handle in self._ready if handle.instance == instance]
        dropped += [timer for _, _, timer in self._timers if timer.instance == instance]
        self._ready = deque(handle for handle in self._ready if handle.instance != instance)
        self._timers = [entry for entry in self._timers if entry[2].instance != instance]
        heapq.heapify(self._timers)
        self._dead[instance] = dropped
