"""The sandbox's memory between two lives: everything in the store, in one file.

People build something up while they play, and want it back after a restart. The file is only ever replaced as a whole,
so that a crash leaves the last good one; and a file that is not understood is never overwritten.
"""

import asyncio
import fcntl
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from delivery.cluster.memory import Happened, Store
from delivery.cluster.objects import Kind, Object

FORMAT = "progressive-delivery-sandbox"
VERSION = 1
SAVE_SECONDS = 1.0

Body = dict[str, Any]
Key = tuple[Kind, str, str]


class StateError(Exception):
    """The file of --state cannot be used. The text names the file and what is wrong with it."""


@dataclass(frozen=True, slots=True)
class State:
    """What a store held when its resourceVersion was `version`."""

    version: int
    objects: tuple[tuple[Kind, Body], ...]


class StateFile:
    """One file, held by one process at a time. A context manager: leaving it lets go of the file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock_path = path.with_name(f"{path.name}.lock")
        self._lock: int | None = None
        self._encoded: dict[Key, tuple[str, str]] = {}

    def __enter__(self) -> "StateFile":
        """StateError if another sandbox holds it, or if nothing can be written there."""
        try:
            self._lock = os.open(self._lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._close()
            raise StateError(f"--state: {self.path} is in use by another sandbox") from None
        except OSError as error:
            self._close()
            raise StateError(f"--state: {self.path} cannot be written: {error.strerror or error}") from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._lock is not None:
            self._lock_path.unlink(missing_ok=True)
        self._close()

    def load(self) -> State | None:
        """What was saved last, None if there is no file yet; StateError if it is not understood."""
        try:
            text = self.path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise StateError(f"--state: {self.path} cannot be read: {error}") from error
        try:
            return _parse(json.loads(text))
        except json.JSONDecodeError as error:
            why = f"line {error.lineno}, column {error.colno}: {error.msg}"
            raise self._broken(f"it is no JSON: {why}") from error
        except StateError as error:
            raise self._broken(str(error)) from error

    def encode(self, store: Store) -> bytes:
        """The file's content for what is stored now. Only what was changed since the last time is encoded anew."""
        kinds = [resource.kind for resource in store.kinds()]
        lines, encoded = [], {}
        for kind in kinds:
            for body in store.scan(kind):
                key = (kind, body["metadata"].get("namespace", ""), body["metadata"]["name"])
                encoded[key] = entry = self._encode(key, body)
                lines.append(entry[1])
        self._encoded = encoded
        head = json.dumps(
            {
                "format": FORMAT,
                "version": VERSION,
                "resourceVersion": store.resource_version,
                "kinds": [_kind_out(kind) for kind in kinds],
            }
        )
        return (head[:-1] + ', "objects": [\n' + ",\n".join(lines) + "\n]}\n").encode()

    def write(self, content: bytes) -> None:
        """Replace the file, or leave it as it is: OSError if it cannot be written."""
        temporary = self.path.with_name(f"{self.path.name}.new")
        try:
            with open(temporary, "wb", opener=_private) as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, self.path)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise
        folder = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _encode(self, key: Key, body: Object) -> tuple[str, str]:
        version = body["metadata"]["resourceVersion"]
        known = self._encoded.get(key)
        return known if known is not None and known[0] == version else (version, json.dumps(body))

    def _broken(self, why: str) -> StateError:
        return StateError(f"--state: {self.path}: {why}; it is left as it is. Move it away to begin anew")

    def _close(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


class Keeper:
    """Saves a store while it changes, at most once in `seconds`, and once more at the end.

    `problem` is told when the file cannot be written; the next change tries again.
    """

    def __init__(
        self, store: Store, file: StateFile, *, problem: Callable[[str], None], seconds: float = SAVE_SECONDS
    ) -> None:
        self._store, self._file, self._problem, self._seconds = store, file, problem, seconds
        self._changed = asyncio.Event()
        self._saved = ""
        store.observers.append(self._note)

    async def run(self) -> None:
        """Save until cancelled."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            await self._save()
            await asyncio.sleep(self._seconds)

    def finish(self) -> None:
        """Save what has not been saved yet, at once."""
        if self._store.resource_version != self._saved:
            self._write(self._file.encode(self._store), self._store.resource_version)

    def _note(self, _: Happened) -> None:
        self._changed.set()

    async def _save(self) -> None:
        content, version = self._file.encode(self._store), self._store.resource_version
        # shielded, so that two writers never meet: a save that has begun ends before the last one begins
        await _to_the_end(asyncio.to_thread(self._write, content, version))

    def _write(self, content: bytes, version: str) -> None:
        try:
            self._file.write(content)
            self._saved = version
        except OSError as error:
            self._problem(f"the state was not saved to {self._file.path}: {error.strerror or error}")


async def _to_the_end(work: Any) -> None:
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await task
        raise


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _kind_out(kind: Kind) -> Body:
    return {
        "group": kind.group,
        "version": kind.version,
        "kind": kind.kind,
        "plural": kind.plural,
        "namespaced": kind.namespaced,
    }


def _parse(document: Any) -> State:
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise StateError("it is no state of a sandbox")
    version = document.get("version")
    if not isinstance(version, int) or version < 1:
        raise StateError(f"version: {version!r}; a whole number from 1")
    if version > VERSION:
        raise StateError(f"it was written by a newer program (version {version}; this one reads up to {VERSION})")
    try:
        counter = int(document["resourceVersion"])
        kinds = {(kind.api_version, kind.kind): kind for kind in _kinds(document["kinds"])}
        objects = tuple((kinds[body["apiVersion"], body["kind"]], _checked(body)) for body in document["objects"])
    except (KeyError, TypeError, ValueError) as error:
        raise StateError(f"it is damaged: {type(error).__name__}: {error}") from error
    return State(counter, objects)


def _kinds(entries: Any) -> Iterator[Kind]:
    for each in entries:
        yield Kind(**{**each, "namespaced": bool(each["namespaced"])})


def _checked(body: Body) -> Body:
    meta = body["metadata"]
    for field in ("name", "uid", "resourceVersion"):
        if not isinstance(meta[field], str) or not meta[field]:
            raise ValueError(f"metadata.{field}: {meta[field]!r} in an object of kind {body['kind']}")
    return body
