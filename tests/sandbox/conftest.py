"""Our commands as processes of their own, as people start them."""

import asyncio
import os
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.sandbox.stage.processes import Process, descendants, gone


@pytest.fixture
def environment(tmp_path):
    """A home and a folder for temporary files of its own, and nothing that tells of another cluster."""
    home, temporary = tmp_path / "home", tmp_path / "tmp"
    (home / ".kube").mkdir(parents=True)
    (home / ".kube" / "config").write_text("never touched")
    temporary.mkdir()
    return {**os.environ, "HOME": str(home), "TMPDIR": str(temporary), "PYTHONUNBUFFERED": "1"}


@pytest.fixture
def launch(environment):
    """Starts `delivery` with these arguments and waits for what it says first; what a story leaves running is ended."""

    @asynccontextmanager
    async def start(*arguments, ready=None, env=None):
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "delivery.cli", *arguments),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**environment, **(env or {})},
        )
        launched = Process(process, Path(environment["HOME"]))
        try:
            if ready is not None:
                await launched.says(ready)
            yield launched
        finally:
            if process.returncode is None:
                left = descendants(process.pid)
                process.kill()
                await launched.ended()
                await gone(left)

    return start
