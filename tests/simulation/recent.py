"""What was so within the last seconds: an observation may be late, and then it is right of an earlier moment."""

from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")
KEPT = 200


class Recent(Generic[T]):
    """The values that something had, the last of them at most; it has had `first` for ever."""

    def __init__(self, first: T) -> None:
        self._seen: deque[tuple[float, T]] = deque([(0.0, first)], maxlen=KEPT)

    @property
    def last(self) -> T:
        """What it has now."""
        return self._seen[-1][1]

    def note(self, at: float, value: T) -> None:
        """From this moment on it has this value."""
        if value != self.last:
            self._seen.append((at, value))

    def since(self, horizon: float) -> list[T]:
        """Every value that it had at this moment or later, oldest first."""
        before = [value for at, value in self._seen if at < horizon]
        return [*before[-1:], *(value for at, value in self._seen if at >= horizon)]
