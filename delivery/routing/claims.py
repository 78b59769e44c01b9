"""What we note on a VirtualService of the user: for whom, and what we wrote there last.

One annotation for each Canary, because several may move routes of one VirtualService. It proves that we have been
there, tells a hand edit from our own write, and keeps what a run has left on routes that the Canary names no longer.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass

from delivery.cluster.objects import Object
from delivery.cluster.route_index import CLAIM_PREFIX
from delivery.routing.applied import digest
from delivery.workloads.names import Names
from delivery.workloads.ownership import annotations


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """The canary's percent that was wanted last, of matched requests and of all others, for these routes (none: all
    that name a role); `applied` is a digest of what we wrote for it.
    """

    canary: str
    weight: int = 0
    everybody: int = 0
    routes: tuple[str, ...] = ()
    applied: str = ""

    @property
    def text(self) -> str:
        """The annotation's value."""
        said = {
            "canary": self.canary,
            "weight": self.weight,
            "everybody": self.everybody,
            "routes": list(self.routes),
            "applied": self.applied,
        }
        return json.dumps(said, separators=(",", ":"))


def owner(names: Names) -> str:
    """Who claims: the Canary's namespace and name."""
    return f"{names.namespace}/{names.canary}"


def key(names: Names) -> str:
    """The annotation of one Canary. Its name is a hash, because two names are too long for a key."""
    return f"{CLAIM_PREFIX}{digest(owner(names))[:10]}"


def claim_of(route: Object, names: Names) -> Claim | None:
    """What is noted for this Canary; None without a note, or with one that cannot be read."""
    text = annotations(route).get(key(names))
    found = None if text is None else _read(str(text))
    return found if found is not None and found.canary == owner(names) else None


def claims(route: Object) -> Iterator[Claim]:
    """What is noted for any Canary."""
    for name, text in annotations(route).items():
        if name.startswith(CLAIM_PREFIX) and (found := _read(str(text))) is not None:
            yield found


def _read(text: str) -> Claim | None:
    try:
        said = json.loads(text)
        return Claim(
            canary=str(said["canary"]),
            weight=_percent(said["weight"]),
            everybody=_percent(said["everybody"]),
            routes=tuple(str(each) for each in said["routes"]),
            applied=str(said["applied"]),
        )
    except (ValueError, TypeError, KeyError):
        return None


def _percent(value: object) -> int:
    if not isinstance(value, int) or not 0 <= value <= 100:
        raise ValueError(f"a percentage is 0..100, given {value!r}")
    return value
