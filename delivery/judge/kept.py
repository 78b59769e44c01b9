"""Counts that have been fetched, in a file, so that an interrupted look back goes on where it was.

One line a window, written as soon as it is known, with who asked in the first line. A line that was cut off by the
interruption is fetched again.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

from delivery.judge.asked import Asked
from metrics.judges.counts import PodCounts, RoleCounts, WindowCounts
from metrics.raw_queries import What

VERSION = 1
Place = tuple[float, What, int]
"""When an episode began (seconds since 1970), what was counted, and the window's number."""


class KeptError(ValueError):
    """A file that cannot be gone on with; the text says why and what to do."""


class Kept:
    """Counts by their place, in memory and, if there is one, in a file. Used as a context."""

    def __init__(self, file: Path | None, asked: Asked) -> None:
        self._file, self._asked = file, asked
        self._known: dict[Place, WindowCounts] = {}
        self._open: TextIO | None = None

    def __enter__(self) -> "Kept":
        if self._file is not None:
            lines = _lines(self._file)
            self._known.update(_known(lines, self._file, self._asked))
            text = "".join(f"{line}\n" for line in (_head(self._asked), *lines[1:]))
            self._file.write_text(text)  # without what was cut off
            self._open = self._file.open("a")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._open is not None:
            self._open.close()

    def __len__(self) -> int:
        return len(self._known)

    def get(self, place: Place) -> WindowCounts | None:
        """The counts of a window, None if they have not been fetched."""
        return self._known.get(place)

    def add(self, begin: datetime, what: What, counts: Iterable[WindowCounts]) -> None:
        """Remember windows of the episode that began at `begin`."""
        for each in counts:
            place = (begin.timestamp(), what, each.number)
            if place in self._known:
                continue  # of a span that was kept in part
            self._known[place] = each
            if self._open is not None:
                self._open.write(json.dumps([begin.timestamp(), what.value, *_packed(each)]) + "\n")
        if self._open is not None:
            self._open.flush()


def times(file: Path | None) -> tuple[datetime, datetime] | None:
    """The piece of time that a file was begun for; None without one."""
    if file is None or not (lines := _lines(file)):
        return None
    head = _decoded(lines[0], file)
    return datetime.fromisoformat(head["begin"]), datetime.fromisoformat(head["end"])


def _lines(file: Path) -> list[str]:
    """The lines that are whole."""
    return file.read_text().rpartition("\n")[0].splitlines() if file.exists() else []


def _head(asked: Asked) -> str:
    times = {"begin": asked.begin.isoformat(), "end": asked.end.isoformat()}
    return json.dumps({"version": VERSION, "asked": asked.fingerprint, **times})


def _decoded(line: str, file: Path) -> Mapping[str, Any]:
    try:
        head = json.loads(line)
        if head["version"] == VERSION and head["begin"] and head["end"] and head["asked"]:
            return dict(head)
    except (ValueError, TypeError, KeyError):
        pass
    raise KeptError(f"{file} is no file of this command; name another one, which is made if it does not exist")


def _known(lines: list[str], file: Path, asked: Asked) -> Mapping[Place, WindowCounts]:
    if not lines:
        return {}
    if _decoded(lines[0], file)["asked"] != asked.fingerprint:
        raise KeptError(f"{file} belongs to another question (other workloads, windows or metrics); name another file")
    try:
        return dict(_unpacked(json.loads(line)) for line in lines[1:])
    except (ValueError, TypeError, IndexError) as error:
        raise KeptError(f"{file} is damaged ({error}); delete it or name another one") from error


def _packed(counts: WindowCounts) -> list[Any]:
    return [counts.number, counts.edges, _role(counts.primary), _role(counts.canary)]


def _role(role: RoleCounts) -> list[Any]:
    return [role.requests, role.bad, [[pod.name, pod.requests, pod.bad] for pod in role.pods]]


def _unpacked(line: list[Any]) -> tuple[Place, WindowCounts]:
    begin, what, number, edges, *roles = line
    primary, canary = (
        RoleCounts(requests, tuple(bad), tuple(PodCounts(name, many, tuple(each)) for name, many, each in pods))
        for requests, bad, pods in roles
    )
    return (begin, What(what), number), WindowCounts(number, primary, canary, tuple(edges))
