"""What a comparison remembers from window to window, small enough to stand in a status.

The text is versioned and bounded (below 250 characters for failures, below 1,250 for a latency with ten edges).
Numbers are rounded to what the text holds as soon as they are remembered, so that a judge that was stopped and goes on
from the text says exactly what it would have said undisturbed.
"""

import base64
import binascii
import struct
from dataclasses import dataclass
from functools import lru_cache

VERSION = 1
MOST_EDGES = 10
SLOTS_OF_FAILURES = 16
SLOTS_OF_LATENCY = 8

_MOST_IN_SLOT = 65504.0  # the largest number of half precision
_HEADER = struct.Struct("<BBi9f")


@dataclass(frozen=True, slots=True)
class Track:
    """One kind of bad requests, followed through a run; sums over the windows that were used.

    `edge` is a bucket's edge in milliseconds, 0 for failures. `ratios` are log-likelihood ratios, one for each that the
    judge weighs. The rest tells how much the primary's bad requests come in clusters: `pods_excess` over
    `pods_weight` within windows, `windows_excess` over `windows_weight` from one window to the next, `before` the
    primary's bad requests in the window before, and `slots` how far its pods are from their fair part over the run.
    """

    edge: float
    canary_bad: float
    primary_bad: float
    pods_excess: float
    pods_weight: float
    windows_excess: float
    windows_weight: float
    before: float
    ratios: tuple[float, ...]
    slots: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Memory:
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
        return base64.b64encode(_pack(self)).decode("ascii")

    @classmethod
    def decode(cls, text: str) -> "Memory":
        """The memory that a text holds. Raises ValueError for anything that is not one of this version."""
        try:
            return _unpack(base64.b64decode(text, validate=True))
        except (binascii.Error, struct.error, ValueError, IndexError) as error:
            raise ValueError(f"memory: {text[:20]!r}... is not a memory of version {VERSION}: {error}") from error

    def rounded(self) -> "Memory":
        """As it will be read from its text."""
        return _unpack(_pack(self))


def _pack(memory: Memory) -> bytes:
    head = _HEADER.pack(
        VERSION,
        len(memory.tracks),
        memory.window,
        memory.margin,
        memory.canary_requests,
        memory.primary_requests,
        memory.requests_before,
        memory.exposure,
        memory.pod_size,
        memory.role_size,
        memory.pods_seen,
        memory.windows_seen,
    )
    return head + b"".join(map(_pack_track, memory.tracks))


def _pack_track(track: Track) -> bytes:
    slots = [min(max(slot, -_MOST_IN_SLOT), _MOST_IN_SLOT) for slot in track.slots]
    return _layout(len(track.ratios), len(slots)).pack(
        len(track.ratios),
        len(slots),
        track.edge,
        track.canary_bad,
        track.primary_bad,
        track.pods_excess,
        track.pods_weight,
        track.windows_excess,
        track.windows_weight,
        track.before,
        *track.ratios,
        *slots,
    )


def _unpack(packed: bytes) -> Memory:
    version, count, window, margin, *sums = _HEADER.unpack_from(packed)
    if version != VERSION:
        raise ValueError(f"version {version}")
    tracks = []
    at = _HEADER.size
    for _ in range(count):
        ratios, slots = packed[at], packed[at + 1]
        layout = _layout(ratios, slots)
        _, _, edge, canary, primary, *rest = layout.unpack_from(packed, at)
        pods, pods_weight, windows, windows_weight, before, *lists = rest
        tracks.append(
            Track(
                edge=edge,
                canary_bad=canary,
                primary_bad=primary,
                pods_excess=pods,
                pods_weight=pods_weight,
                windows_excess=windows,
                windows_weight=windows_weight,
                before=before,
                ratios=tuple(lists[:ratios]),
                slots=tuple(lists[ratios:]),
            )
        )
        at += layout.size
    if at != len(packed):
        raise ValueError(f"{len(packed)} bytes, {at} expected")
    canary, primary, before, exposure, pod_size, role_size, pods_seen, windows_seen = sums
    return Memory(
        margin=margin,
        window=window,
        canary_requests=canary,
        primary_requests=primary,
        requests_before=before,
        exposure=exposure,
        pod_size=pod_size,
        role_size=role_size,
        pods_seen=pods_seen,
        windows_seen=windows_seen,
        tracks=tuple(tracks),
    )


@lru_cache(maxsize=32)
def _layout(ratios: int, slots: int) -> struct.Struct:
    return struct.Struct(f"<BB{8 + ratios}f{slots}e")
