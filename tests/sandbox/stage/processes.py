"""A sandbox as a process of its own, as a story sees it, and kubectl to talk to it."""

import asyncio
import contextlib
import json
import os
import re
import select
import signal
import sys
from pathlib import Path

PATIENCE = 60.0
KUBECTL = Path(sys.executable).with_name("kubectl")


def descendants(pid):
    """All processes below one, by the kernel's table."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                stat = (entry / "stat").read_text()
            except OSError:  # it has ended
                continue
            parents[int(entry.name)] = int(stat.rpartition(")")[2].split()[1])
    found, level = set(), {pid}
    while level:
        level = {child for child, parent in parents.items() if parent in level} - found
        found |= level
    return found


def running(pids):
    """Those of these processes that there are, zombies not counted."""
    found = set()
    for pid in pids:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if state != "Z":
            found.add(pid)
    return found


async def gone(pids):
    """Wait until none of these processes is left."""
    async with asyncio.timeout(PATIENCE):
        while left := running(pids):
            await asyncio.to_thread(_wait_for, next(iter(left)))


def _wait_for(pid):
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        select.select([descriptor], [], [], 5.0)
    finally:
        os.close(descriptor)


class Process:
    """`delivery sandbox`, running."""

    def __init__(self, process, home):
        self.process, self.home, self.told, self.complaints = process, home, [], []
        self._readers = [
            asyncio.create_task(self._read(process.stdout, self.told)),
            asyncio.create_task(self._read(process.stderr, self.complaints)),
        ]
        self._line = asyncio.Event()

    @property
    def pid(self):
        return self.process.pid

    @property
    def kubeconfig(self):
        return Path(self.found(r"export KUBECONFIG=(.*)"))

    @property
    def url(self):
        return self.found(r"API server +(.*)")

    def found(self, pattern):
        match = re.search(pattern, "\n".join(self.told))
        assert match, (pattern, self.told, self.complaints)
        return match[1]

    async def _read(self, stream, lines):
        async for line in stream:
            lines.append(line.decode().rstrip())
            self._line.set()
        self._line.set()

    async def says(self, text):
        """Wait until it says something, to either stream."""
        async with asyncio.timeout(PATIENCE):
            while not any(text in line for line in (*self.told, *self.complaints)):
                assert not all(reader.done() for reader in self._readers), (text, self.told, self.complaints)
                self._line.clear()
                await self._line.wait()

    def send(self, number):
        self.process.send_signal(number)

    async def ended(self):
        """Its exit code."""
        code = await asyncio.wait_for(self.process.wait(), PATIENCE)
        await asyncio.wait(self._readers, timeout=PATIENCE)
        return code

    async def stop(self):
        self.send(signal.SIGTERM)
        return await self.ended()

    async def kubectl(self, *arguments, stdin=None, check=True):
        """The output of kubectl; with `check` False its exit code and its complaint."""
        environment = {**os.environ, "KUBECONFIG": str(self.kubeconfig), "HOME": str(self.home)}
        process = await asyncio.create_subprocess_exec(
            *(str(KUBECTL), *arguments),
            stdin=asyncio.subprocess.PIPE if stdin is not None else asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=environment,
        )
        given = json.dumps(stdin).encode() if stdin is not None else None
        out, err = await asyncio.wait_for(process.communicate(given), PATIENCE)
        if check:
            assert process.returncode == 0, err.decode()
            return out.decode()
        return process.returncode, err.decode()


def files_in(folder):
    """What is in a folder."""
    return sorted(path.name for path in Path(folder).iterdir())


def text_of(path):
    """What is in a file; empty if there is none."""
    path = Path(path)
    return path.read_text() if path.exists() else ""


async def until_time(predicate):
    """Wait for what time alone brings, such as a push to a proxy, a scrape or the start of a process."""
    never = asyncio.Event()
    async with asyncio.timeout(PATIENCE):
        while not predicate():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(never.wait(), 0.02)
