"""Which gates are open, in a file: what was answered stands there, also after a restart or a power cut.

A gate that nobody has opened is closed, so only open ones are kept.
"""

import json
import os
import tempfile
import threading
from pathlib import Path

MOST = 10_000
"""Gates that may be open at a time."""
VERSION = 1


class LedgerError(Exception):
    """The file cannot be used, or not be written; the message says which and why."""


class Ledger:
    """Open gates by their keys, for the threads of one process; two processes would write over each other."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writing = threading.Lock()
        self._open = self._load()

    def is_open(self, key: str) -> bool:
        """Is it open?"""
        return key in self._open

    def put(self, key: str, *, is_open: bool) -> None:
        """Open or close a gate; returns when that is on the disk. Raises LedgerError, and then nothing has changed."""
        with self._writing:
            if self.is_open(key) == is_open:
                return
            changed = self._open | {key} if is_open else self._open - {key}
            if len(changed) > MOST:
                raise LedgerError(f"{MOST} gates are open; close those that are not needed")
            self._write(changed)
            self._open = changed

    def _load(self) -> frozenset[str]:
        try:
            text = self._path.read_text(encoding="utf-8")
        except FileNotFoundError:
            self._write(frozenset())  # whoever cannot write says so before anybody relies on it
            return frozenset()
        except (OSError, UnicodeDecodeError) as error:
            raise LedgerError(f"{self._path} cannot be read: {error}") from error
        try:
            body = json.loads(text)
            version, gates = body["version"], body["open"]
            usable = version == VERSION and all(isinstance(each, str) for each in gates)
        except (ValueError, KeyError, TypeError) as error:
            raise LedgerError(f"{self._path} is no file of gates; move it away to begin with all closed") from error
        if not usable:
            raise LedgerError(f"{self._path} is of another version; move it away to begin with all closed")
        return frozenset(gates)

    def _write(self, gates: frozenset[str]) -> None:
        """All or nothing: a new file takes the old one's place when it is complete."""
        body = json.dumps({"version": VERSION, "open": sorted(gates)}, indent=1)
        try:
            handle, name = tempfile.mkstemp(dir=self._path.parent, prefix=".gates-")
            try:
                with os.fdopen(handle, "w", encoding="utf-8") as file:
                    file.write(body)
                    file.flush()
                    os.fsync(file.fileno())
                os.replace(name, self._path)
            except BaseException:
                os.unlink(name)
                raise
            _settle(self._path.parent)
        except OSError as error:
            raise LedgerError(f"{self._path} cannot be written: {error.strerror or error}") from error


def _settle(folder: Path) -> None:
    """The new name is on the disk too."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
