"""Programs that belong to this process: started on ports of the system's choice, and gone when this process is.

Between choosing a port and listening on it another program can take it. So a start counts only when this very process
is seen to listen, and is tried again on new ports when it is not: who asked another one's server would believe it.
"""

import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from delivery.sandbox import leash

T = TypeVar("T")

START_SECONDS = 60.0
POLL_SECONDS = 0.05
ATTEMPTS = 5


class NotStartedError(Exception):
    """A program ended, or did not get ready in time. The text holds the end of its log."""


class PortLostError(NotStartedError):
    """Another program took the port in the meantime: try again with another one."""


def free_port() -> int:
    """A loopback TCP port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Program:
    """A running program with its output in a file. Ended by `stop`, or paused and continued.

    With `leashed`, Linux ends it when the thread that started it ends, so that a killed parent leaves nothing behind:
    start it from a thread that lives as long as it should. `command[0]` must be a path then.
    """

    def __init__(
        self, command: Sequence[str], *, log: Path, env: Mapping[str, str] | None = None, leashed: bool = False
    ) -> None:
        self.log = log
        self.name = Path(command[0]).name
        if leashed:
            command = leash.leashed(command, signal.SIGTERM)
        with log.open("ab") as output:
            self._process = subprocess.Popen(  # noqa: S603 - the command is this program's own
                [*command], stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=env
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative for the signal that ended it."""
        return self._process.poll()

    def output(self) -> str:
        """All that it has written so far."""
        return self.log.read_text(errors="replace")

    def wait_until(self, ready: Callable[[], bool], *, seconds: float = START_SECONDS) -> None:
        """Wait until `ready` says so; NotStartedError (PortLostError) if the program ends first or takes too long."""
        deadline = time.monotonic() + seconds
        while not ready():
            if self.ended_within(POLL_SECONDS):
                raise self.not_started()
            if time.monotonic() > deadline:
                raise NotStartedError(f"{self.name} is not ready after {seconds:g} s: {self.tail()}")

    def not_started(self) -> NotStartedError:
        """Why it ended, by its log: a PortLostError if its port was taken."""
        lost = "address already in use" in self.output().lower()
        return (PortLostError if lost else NotStartedError)(f"{self.name} ended: {self.tail()}")

    def ended_within(self, seconds: float) -> bool:
        """Whether it ends by itself within so many seconds."""
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def listens_on(self, port: int) -> bool:
        """Whether this very process listens on the port. Where the system does not tell, it is believed to."""
        if not Path("/proc/self/fd").exists():
            return True
        return bool(_listening_sockets(self.pid, port) & _open_sockets(self.pid))

    def send(self, sign: signal.Signals) -> None:
        """Send a signal, if it still runs (SIGKILL to crash it, SIGSTOP and SIGCONT to pause it)."""
        if self.running:
            self._process.send_signal(sign)

    def stop(self, *, seconds: float = 10.0) -> None:
        """End it: politely, then by force."""
        self.send(signal.SIGCONT)
        self.send(signal.SIGTERM)
        if not self.ended_within(seconds):
            self.kill()

    def kill(self) -> None:
        """Crash it."""
        self.send(signal.SIGKILL)
        self._process.wait()

    def tail(self) -> str:
        """The end of what it has written."""
        return self.output()[-2000:]


def start_on_free_ports(start: Callable[[], T]) -> T:
    """Call `start`, which chooses ports and starts a program on them, again while it loses a port to others."""
    for _ in range(ATTEMPTS - 1):
        try:
            return start()
        except PortLostError:
            continue
    return start()


def _open_sockets(pid: int) -> set[str]:
    found = set()
    try:
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            try:
                target = os.readlink(entry)
            except OSError:  # closed since it was listed
                continue
            if match := re.fullmatch(r"socket:\[(\d+)\]", target):
                found.add(match[1])
    except OSError:  # it has ended
        return set()
    return found


def _listening_sockets(pid: int, port: int) -> set[str]:
    """Inodes of sockets in state LISTEN (0A) on the port, by the kernel's own table."""
    found = set()
    for table in ("tcp", "tcp6"):
        try:
            lines = Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]
        except OSError:  # it has ended, or there is no IPv6
            continue
        for line in lines:
            fields = line.split()
            if fields[3] == "0A" and int(fields[1].rpartition(":")[2], 16) == port:
                found.add(fields[9])
    return found
