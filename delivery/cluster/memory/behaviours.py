"""How a pod of the cluster in memory fares: said by annotations of its template, by its image, or from outside.

Nothing is ever run, so what a real pod does by itself has to be written down somewhere; and what is written wrongly
must be told to whoever wrote it, as a kubelet tells of a container that it cannot configure.
"""

import math
import re
from dataclasses import dataclass
from enum import StrEnum

from delivery.cluster.objects import Object

PREFIX = "sandbox.progressive.delivery"
READY_AFTER = f"{PREFIX}/ready-after"
"""Annotation of a pod: seconds from its binding to a node until it is Ready, 0 to 86400."""
BEHAVIOUR = f"{PREFIX}/behaviour"
"""Annotation of a pod: one of `Behaviour`."""
FULL_CPU = f"{PREFIX}/requests-at-full-cpu"
"""Annotation of a pod: the requests per second with which it uses all of the CPU that it requests, above 0."""

LONGEST_START = 86_400.0

_MISSING_TAG = re.compile(r"(no-such|missing|not-found|nonexistent|does-not-exist)([-._].*)?")
_IMAGE = re.compile(
    r"(?P<name>[a-z0-9]+((\.|_{1,2}|-+)[a-z0-9]+)*(:[0-9]+)?(/[a-z0-9]+((\.|_{1,2}|-+)[a-z0-9]+)*)*)"
    r"(:(?P<tag>[A-Za-z0-9_][A-Za-z0-9._-]{0,127}))?(@sha256:[0-9a-f]{64})?"
)


class Behaviour(StrEnum):
    """What becomes of a pod's containers."""

    HEALTHY = "healthy"
    NEVER_READY = "never-ready"
    CRASH_LOOP = "crash-loop"
    IMAGE_PULL = "image-pull"
    OOM = "oom"

    @classmethod
    def parse(cls, text: str, field: str) -> "Behaviour":
        """The behaviour of that name; ValueError names the field and what is allowed."""
        if text not in list(cls):
            raise ValueError(f"{field}: {text!r}; one of {', '.join(cls)}")
        return cls(text)


@dataclass(frozen=True, slots=True)
class Fate:
    """What is to become of a pod, and how many seconds after its binding it is Ready, should it ever be."""

    behaviour: Behaviour
    ready_after: float


def fate_of(pod: Object, *, ready_seconds: float) -> Fate:
    """What a pod's annotations and images say; `ready_seconds` where they say nothing.

    An image is there unless its tag is one of no-such, missing, not-found, nonexistent or does-not-exist, alone or
    with something after a `-`, `.` or `_` (no-such-tag, missing.2). ValueError names an annotation that can't be used.
    """
    annotations = pod["metadata"].get("annotations") or {}
    behaviour = Behaviour.HEALTHY
    if BEHAVIOUR in annotations:
        behaviour = Behaviour.parse(annotations[BEHAVIOUR], f"annotation {BEHAVIOUR}")
    elif any(missing_image(image) for image in images(pod)):
        behaviour = Behaviour.IMAGE_PULL
    return Fate(behaviour, _seconds(annotations.get(READY_AFTER, ready_seconds)))


def images(pod: Object) -> list[str]:
    """The images of a pod's containers."""
    return [str(each.get("image", "")) for each in (pod.get("spec") or {}).get("containers") or ()]


def invalid_image(image: str) -> bool:
    """Is this no name of an image (lower case, `[registry/]path[:tag][@digest]`)?"""
    return _IMAGE.fullmatch(image) is None


def missing_image(image: str) -> bool:
    """Is this an image that no registry has?"""
    match = _IMAGE.fullmatch(image)
    return match is None or _MISSING_TAG.fullmatch(match["tag"] or "") is not None


def _seconds(given: object) -> float:
    field = f"annotation {READY_AFTER}: {given!r}; seconds, 0 to {LONGEST_START:.0f}"
    try:
        seconds = float(str(given))
    except ValueError:
        raise ValueError(field) from None
    if not math.isfinite(seconds) or not 0.0 <= seconds <= LONGEST_START:
        raise ValueError(field)
    return seconds
