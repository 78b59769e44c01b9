"""How a version of a service behaves: what annotations of its pod template say.

All begin with `sandbox.progressive.delivery/`:

| annotation | meaning | default |
|---|---|---|
| error-share | share of requests answered with an error, 0 to 1 | 0 |
| error-kind | an HTTP code from 400 to 599, or `grpc-` and a status (`grpc-14`, `grpc-unavailable`) | 500 |
| latency-ms | median of the time a request takes, more than 0 | 20 |
| latency-spread | standard deviation of its logarithm, 0 or more; 0.3: the 99th percentile is twice the median | 0.3 |
| warm-up-seconds | for so long after it is ready a pod is slower, ever less | 0 |
| warm-up-factor | how many times slower at first, 1 or more | 5 |
| fails-after-minutes | so long after it is ready a pod begins to answer every request with an error | never |
| max-requests-per-second | what one pod can take; the rest is answered 503 (gRPC: 14) | no limit |
| shutdown-seconds | how long a pod still serves after its deletion was asked for | the mesh's |

Defaults may be given by image: `Mesh(by_image={"registry/reviews:bad": Behaviour(error_share=0.2)})`.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from delivery.cluster.memory.behaviours import BEHAVIOUR, FULL_CPU, READY_AFTER
from delivery.cluster.memory.behaviours import PREFIX as DOMAIN
from delivery.cluster.objects import Object
from delivery.sandbox.mesh.errors import MeshConfigError
from delivery.sandbox.mesh.grpc_status import grpc_code
from delivery.sandbox.mesh.latency import Latency

PREFIX = f"{DOMAIN}/"
WARM_UP_STEPS = 6


@dataclass(frozen=True, slots=True)
class Answer:
    """A code, Envoy's response flags, and for gRPC the status behind a 200."""

    code: int
    flags: str = "-"
    grpc: int | None = None

    @property
    def is_bad(self) -> bool:
        """Does it count against the version: a 5xx, or a gRPC status that is the server's fault?"""
        return self.code >= 500 or self.grpc in (2, 4, 13, 14, 15)


@dataclass(frozen=True, slots=True)
class Moment:
    """A behaviour at one moment: all that decides what becomes of a request that reaches the pod."""

    error_share: float
    error: Answer
    latency: Latency


@dataclass(frozen=True, slots=True)
class Behaviour:
    """See the module's table. Durations in seconds; `capacity` in requests per second."""

    error_share: float = 0.0
    error_kind: str = "500"
    latency_ms: float = 20.0
    latency_spread: float = 0.3
    warm_up_seconds: float = 0.0
    warm_up_factor: float = 5.0
    fails_after_seconds: float = math.inf
    capacity: float = math.inf
    shutdown_seconds: float | None = None

    def __post_init__(self) -> None:
        _check(self)

    @property
    def error(self) -> Answer:
        """What an error of this version looks like."""
        if self.error_kind.startswith("grpc-"):
            return Answer(200, "-", grpc_code(self.error_kind.removeprefix("grpc-").replace("-", "_"), "error-kind"))
        return Answer(int(self.error_kind))

    def at(self, age: float) -> Moment:
        """The behaviour `age` seconds after the pod became ready."""
        share = 1.0 if age >= self.fails_after_seconds else self.error_share
        factor = 1.0
        if age < self.warm_up_seconds:
            step = math.floor(age * WARM_UP_STEPS / self.warm_up_seconds)
            factor = 1.0 + (self.warm_up_factor - 1.0) * (1.0 - step / WARM_UP_STEPS)
        return Moment(share, self.error, Latency(self.latency_ms * factor, self.latency_spread))

    def changes(self) -> list[float]:
        """The ages, in seconds, at which it changes by itself."""
        steps = [self.warm_up_seconds * step / WARM_UP_STEPS for step in range(1, WARM_UP_STEPS + 1)]
        moments = steps if self.warm_up_seconds else []
        return [*moments, self.fails_after_seconds] if math.isfinite(self.fails_after_seconds) else moments


_READ = {
    "error-share": ("error_share", 1.0),
    "latency-ms": ("latency_ms", 1.0),
    "latency-spread": ("latency_spread", 1.0),
    "warm-up-seconds": ("warm_up_seconds", 1.0),
    "warm-up-factor": ("warm_up_factor", 1.0),
    "fails-after-minutes": ("fails_after_seconds", 60.0),
    "max-requests-per-second": ("capacity", 1.0),
    "shutdown-seconds": ("shutdown_seconds", 1.0),
}
ANNOTATIONS = tuple(PREFIX + name for name in ("error-kind", *_READ))
OF_KUBELETS = (BEHAVIOUR, READY_AFTER, FULL_CPU)


def behaviour_of(pod: Object, by_image: Mapping[str, Behaviour]) -> Behaviour:
    """A pod's behaviour. MeshConfigError names the annotation, what it says, and what is allowed."""
    containers = (pod.get("spec") or {}).get("containers") or [{}]
    base = next((by_image[each["image"]] for each in containers if each.get("image") in by_image), _PLAIN)
    given = pod["metadata"].get("annotations") or {}
    changed: dict[str, float | str] = {}
    for name, value in given.items():
        if name not in ANNOTATIONS:
            continue
        short = name.removeprefix(PREFIX)
        if short == "error-kind":
            changed["error_kind"] = value
        else:
            field, factor = _READ[short]
            changed[field] = _number(name, value) * factor
    return _changed(base, changed) if changed else base


def unknown_annotations(pod: Object) -> str:
    """What is wrong with the names of a pod's annotations of the sandbox; "" if nothing is."""
    given = pod["metadata"].get("annotations") or {}
    unknown = [name for name in given if name.startswith(PREFIX) and name not in (*ANNOTATIONS, *OF_KUBELETS)]
    return f"{min(unknown)}: unknown; known are {', '.join((*ANNOTATIONS, *OF_KUBELETS))}" if unknown else ""


def _changed(base: Behaviour, changed: Mapping[str, float | str]) -> Behaviour:
    return replace(base, **changed)  # type: ignore[arg-type]


def _number(name: str, value: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise MeshConfigError(f"{name}: {value!r}; allowed is a number")
    return number


def _check(given: Behaviour) -> None:
    limits = {
        "error-share": (given.error_share, 0.0 <= given.error_share <= 1.0, "a share from 0 to 1"),
        "latency-ms": (given.latency_ms, given.latency_ms > 0.0, "more than 0 milliseconds"),
        "latency-spread": (given.latency_spread, given.latency_spread >= 0.0, "0 or more"),
        "warm-up-seconds": (given.warm_up_seconds, given.warm_up_seconds >= 0.0, "0 or more seconds"),
        "warm-up-factor": (given.warm_up_factor, given.warm_up_factor >= 1.0, "1 or more"),
        "fails-after-minutes": (given.fails_after_seconds / 60, given.fails_after_seconds >= 0.0, "0 or more minutes"),
        "max-requests-per-second": (given.capacity, given.capacity > 0.0, "more than 0 requests per second"),
        "shutdown-seconds": (given.shutdown_seconds, (given.shutdown_seconds or 0.0) >= 0.0, "0 or more seconds"),
    }
    for name, (value, fine, allowed) in limits.items():
        if not fine:
            raise MeshConfigError(f"{PREFIX}{name}: {value}; allowed is {allowed}")
    kind = given.error_kind
    if kind.startswith("grpc-"):
        grpc_code(kind.removeprefix("grpc-").replace("-", "_"), f"{PREFIX}error-kind")
    elif not (kind.isdecimal() and 400 <= int(kind) <= 599):
        allowed = "an HTTP code from 400 to 599, or grpc- and a status such as grpc-14"
        raise MeshConfigError(f"{PREFIX}error-kind: {kind!r}; allowed is {allowed}")


_PLAIN = Behaviour()
