"""The keyboard of a story: `delivery` commands, run as anybody would run them, in a process of their own.

A story that called the code behind a command would show something that nobody can repeat.
"""

import asyncio
import shlex
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from delivery.sandbox.leash import leashed

ANSWER_SECONDS = 40.0


class TypingError(Exception):
    """A command ended otherwise than the story promises, or not at all; the text has its answer."""


class Keyboard(Protocol):
    """Where a story types."""

    async def type(self, line: str) -> str:
        """Run `line`, which begins with `delivery`, and give what it answered. TypingError if it was refused."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Shell:
    """Types at the cluster of `kubeconfig`. `typed` hears of each command line and of its answer, on one line each."""

    kubeconfig: Path
    environment: Mapping[str, str] = field(repr=False)
    typed: Callable[[str, str], None]

    async def type(self, line: str) -> str:
        """See Keyboard. The process is gone when this returns or is cancelled."""
        code, answer = await self._run(shlex.split(line)[1:], line)
        said = " | ".join(filter(None, map(str.strip, answer.splitlines())))
        self.typed(line, said)
        if code:
            raise TypingError(f"{line}: exit code {code}: {said}")
        return said

    async def _run(self, arguments: Sequence[str], line: str) -> tuple[int, str]:
        process = await asyncio.create_subprocess_exec(
            *leashed([sys.executable, "-m", "delivery.cli", *arguments], signal.SIGKILL),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={**self.environment, "KUBECONFIG": str(self.kubeconfig)},
            start_new_session=True,  # Ctrl-C is for the demo, which ends this
        )
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                out, _ = await process.communicate()
        except TimeoutError:
            raise TypingError(f"{line}: no answer within {ANSWER_SECONDS:.0f} s") from None
        finally:
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        return process.returncode or 0, out.decode(errors="replace")
