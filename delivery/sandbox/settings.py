"""What whoever starts a sandbox decides, checked once, before anything is started."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROMETHEUS = ("auto", "binary", "embedded")
LONGEST_LAG = 600.0

_LAG = re.compile(r"(?P<least>[0-9]+(\.[0-9]+)?)(-(?P<most>[0-9]+(\.[0-9]+)?))?")


class SettingsError(ValueError):
    """An option that cannot be used."""

    def __init__(self, option: str, given: object, allowed: str) -> None:
        super().__init__(f"{option}: {given!r} given, allowed: {allowed}")
        self.option = option


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings of one sandbox. `parse` makes them from a command line's options.

    `port` 0: any free one. `kubeconfig` and `state` None: a file of its own that goes with it, and no memory. `lag` is
    the range of seconds after which a change of routes, clusters or endpoints reaches a proxy. `crds` are files that
    are applied besides our own definitions. `scrape_seconds` is how often Prometheus asks the mesh.
    `requests_per_second` is what users send through the gateway, and to each service that a Canary is made for.
    """

    port: int = 0
    state: Path | None = None
    prometheus: str = "auto"
    controller: bool = True
    restart_controller: bool = True
    bookinfo: bool = True
    kubeconfig: Path | None = None
    lag: tuple[float, float] = (0.1, 2.0)
    crds: tuple[Path, ...] = ()
    scrape_seconds: float = 1.0
    requests_per_second: float = 50.0

    @classmethod
    def parse(cls, given: Mapping[str, Any]) -> "Settings":
        """Check options, by their names in snake case; missing ones and None get their defaults.

        SettingsError names the first option that cannot be used.
        """
        known = {name: value for name, value in given.items() if value is not None}
        checks: dict[str, Callable[[Any], Any]] = {
            "port": _port,
            "prometheus": _prometheus,
            "kubeconfig": _kubeconfig,
            "state": _state,
            "lag": _lag,
            "crds": _crds,
            "requests_per_second": _requests,
        }
        return cls(**{name: checks.get(name, _as_it_is)(value) for name, value in known.items()})


def _as_it_is(given: Any) -> Any:
    return given


def _port(given: Any) -> int:
    if not (text := str(given)).isascii() or not text.isdecimal() or int(text) > 65535:
        raise SettingsError("--port", given, "a port from 1 to 65535, or 0 for any free one")
    return int(text)


def _prometheus(given: Any) -> str:
    if given not in PROMETHEUS:
        raise SettingsError("--prometheus", given, " | ".join(PROMETHEUS))
    return str(given)


def _kubeconfig(given: Any) -> Path:
    """A path that is the user's own cluster access is never written to."""
    path = Path(given).expanduser()
    if path.resolve() == (Path.home() / ".kube" / "config").resolve():
        raise SettingsError("--kubeconfig", str(given), "any file but ~/.kube/config, which is never touched")
    if not path.parent.is_dir():
        raise SettingsError("--kubeconfig", str(given), "a file in a folder that exists")
    return path


def _state(given: Any) -> Path:
    path = Path(given).expanduser()
    if path.is_dir() or not path.parent.is_dir():
        raise SettingsError("--state", str(given), "a file, there already or not, in a folder that exists")
    return path


def _lag(given: Any) -> tuple[float, float]:
    match = _LAG.fullmatch(str(given).strip())
    allowed = f"seconds as MIN-MAX, such as 0.1-10, both from 0 to {LONGEST_LAG:.0f}"
    if match is None:
        raise SettingsError("--lag", given, allowed)
    least, most = float(match["least"]), float(match["most"] or match["least"])
    if not least <= most <= LONGEST_LAG:
        raise SettingsError("--lag", given, allowed)
    return least, most


def _crds(given: Sequence[Any]) -> tuple[Path, ...]:
    paths = tuple(Path(each).expanduser() for each in given)
    for path in paths:
        if not path.is_file():
            raise SettingsError("--crds", str(path), "a file of CustomResourceDefinitions as YAML")
    return paths


def _requests(given: Any) -> float:
    allowed = "requests per second, 0 to 10000"
    try:
        requests = float(given)
    except (TypeError, ValueError):
        raise SettingsError("--requests-per-second", given, allowed) from None
    if not 0.0 <= requests <= 10_000.0:
        raise SettingsError("--requests-per-second", given, allowed)
    return requests
