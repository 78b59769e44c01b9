"""What a comparison remembers from window to window, small enough to stand in a status.

The text is versioned and bounded (below 250 characters for failures, below 1,250 for a latency with ten edges).
Numbers are rounded to what the text holds as soon as they are remembered, so that a judge that was stopped and goes on
from the text says exactly what it would have said undisturbed.
"""

import base64
import binascii
import struct
from functools import lru_cache
from typing import NamedTuple

VERSION = 1
MOST_EDGES = 10
SLOTS_OF_FAILURES = 16
SLOTS_OF_LATENCY = 8

_MOST_IN_SLOT = 65504.0  # the largest number of half precision
_HEADER = struct.Struct("<BBfi8f")
_SUMS = 11


class Track(NamedTuple):
    """One kind of bad requests, followed through a run; sums over the windows that were used.

    `edge` is a bucket's edge in milliseconds, 0 for failures. `ratios` are log-likelihood ratios, one for each that the
    judge weighs. The rest tells how much the primary's bad requests come in clusters: `pods_excess` over
    `pods_weight` within windows, `windows_excess` over `windows_weight` from one window to the next, each with the
    variance that it has by chance (`..._noise`), `before` the primary's bad requests in the window before, and `slots`
    how far its pods are from their fair part over the run. `boost` is the logarithm of what overshoot.py adds.
    """

    edge: float
    canary_bad: float
    primary_bad: float
    pods_excess: float
    pods_weight: float
    pods_noise: float
    windows_excess: float
    windows_weight: float
    windows_noise: float
    before: float
    boost: float
    ratios: tuple[float, ...]
    slots: tuple[float, ...]

    @classmethod
    def read(cls, packed: bytes, at: int = 0) -> tuple["Track", int]:
        """The track that stands at a place, and where the next one does."""
        count, slots = packed[at], packed[at + 1]
        layout = _layout(count, slots)
        numbers = layout.unpack_from(packed, at)[2:]
        lists = (numbers[_SUMS : _SUMS + count], numbers[_SUMS + count :])
        return cls._make((*numbers[:_SUMS], *lists)), at + layout.size

    def packed(self) -> bytes:
        """As it stands in a text."""
        slots = self.slots
        if max(slots) > _MOST_IN_SLOT or min(slots) < -_MOST_IN_SLOT:
            slots = tuple(min(max(slot, -_MOST_IN_SLOT), _MOST_IN_SLOT) for slot in slots)
        sizes = len(self.ratios), len(slots)
        return _layout(*sizes).pack(*sizes, *self[:_SUMS], *self.ratios, *slots)


class Memory(NamedTuple):
    """What is known after window number `window` (-1 before the first).

    `margin` is the setting that the sums were made with. `exposure` is a sum of weights, `pod_size` and `role_size` are
    sums with these weights of how many requests of a window a pod and a role had. `pods_seen` and `windows_seen` count
    what the clusters were estimated from, `requests_before` is the primary's requests in the window before.
    """

    margin: float
    window: int = -1
    canary_requests: float = 0.0
    primary_requests: float = 0.0
    requests_before: float = 0.0
    exposure: float = 0.0
    pod_size: float = 0.0
    role_size: float = 0.0
    pods_seen: float = 0.0
    windows_seen: float = 0.0
    tracks: tuple[Track, ...] = ()

    def encode(self) -> str:
        """The text for a status; `decode` gives it back unchanged if the memory is `rounded`."""
        head = _HEADER.pack(VERSION, len(self.tracks), *self[:-1])
        return base64.b64encode(b"".join([head, *map(Track.packed, self.tracks)])).decode("ascii")

    @classmethod
    def decode(cls, text: str) -> "Memory":
        """The memory that a text holds. Raises ValueError for anything that is not one of this version."""
        try:
            packed = base64.b64decode(text, validate=True)
            version, count, *sums = _HEADER.unpack_from(packed)
            if version != VERSION:
                raise ValueError(f"version {version}")
            tracks, at = [], _HEADER.size
            for _ in range(count):
                track, at = Track.read(packed, at)
                tracks.append(track)
            if at != len(packed):
                raise ValueError(f"{len(packed)} bytes, {at} expected")
            return cls._make((*sums, tuple(tracks)))
        except (binascii.Error, struct.error, ValueError, IndexError) as error:
            raise ValueError(f"memory: {text[:20]!r}... is not a memory of version {VERSION}: {error}") from error

    def rounded(self) -> "Memory":
        """As it will be read from its text."""
        _, _, *sums = _HEADER.unpack(_HEADER.pack(VERSION, 0, *self[:-1]))
        return Memory._make((*sums, tuple([Track.read(track.packed())[0] for track in self.tracks])))


@lru_cache(maxsize=32)
def _layout(ratios: int, slots: int) -> struct.Struct:
    return struct.Struct(f"<BB{_SUMS + ratios}f{slots}e")
