"""A program that runs beside the sandbox and ends with it, however the sandbox ends.

It has a session of its own: Ctrl-C in a terminal reaches the sandbox alone, which then stops things in their order
(the controller gives its Lease back while there is still an API server). On Linux the kernel kills it when the sandbox
is killed.
"""

import asyncio
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from delivery.sandbox.leash import leashed

STOP_SECONDS = 5.0
FIRST_RESTART_SECONDS, LONGEST_RESTART_SECONDS = 1.0, 30.0
STEADY_SECONDS = 60.0
"""Who ran for so long is started again at once; who ends sooner, later each time."""


class Child:
    """Keeps a program running: `command[0]` is its path, `log` takes its output (appended).

    `ended` is told when it ends by itself. With `restart` it is then started again, after a moment.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        log: Path,
        env: Mapping[str, str],
        ended: Callable[[int], None],
        restart: bool = True,
    ) -> None:
        self.log, self.starts = log, 0
        self._command, self._env = leashed(command, signal.SIGKILL), dict(env)
        self._ended, self._restart = ended, restart
        self._process: asyncio.subprocess.Process | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """Its process, None while it does not run."""
        return self._process.pid if self._process is not None and self._process.returncode is None else None

    async def start(self) -> None:
        """Start it and keep it running."""
        await self._spawn()
        self._task = asyncio.create_task(self._keep(), name="child")

    async def stop(self, *, seconds: float = STOP_SECONDS) -> None:
        """SIGTERM, and SIGKILL after `seconds`. Once stopped it stays so."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])
        process = self._process
        if process is None or process.returncode is not None:
            return
        try:
            _signal(process, signal.SIGTERM)
            with suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), seconds)
        finally:
            _signal(process, signal.SIGKILL)
        await process.wait()

    def kill(self) -> None:
        """SIGKILL at once; nothing is waited for."""
        if self._task is not None:
            self._task.cancel()
        if self._process is not None:
            _signal(self._process, signal.SIGKILL)

    async def _spawn(self) -> None:
        descriptor = os.open(self.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=descriptor,
                stderr=descriptor,
                env=self._env,
                start_new_session=True,
            )
        finally:
            os.close(descriptor)
        self.starts += 1

    async def _keep(self) -> None:
        loop, delay = asyncio.get_running_loop(), FIRST_RESTART_SECONDS
        while self._process is not None:
            since = loop.time()
            self._ended(await self._process.wait())
            if not self._restart:
                return
            delay = FIRST_RESTART_SECONDS if loop.time() - since > STEADY_SECONDS else delay
            await asyncio.sleep(delay)
            delay = min(2 * delay, LONGEST_RESTART_SECONDS)
            await self._spawn()


def _signal(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    if process.returncode is None:
        with suppress(ProcessLookupError):
            process.send_signal(number)
