"""A sandbox as a process of its own, as people start it."""

import asyncio
import os
import shutil
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
def sandbox(environment):
    """Starts `delivery sandbox`; whatever a story leaves running is ended."""

    @asynccontextmanager
    async def start(*options, wait=True, env=None):
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "delivery.cli", "sandbox", *options),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**environment, **(env or {})},
        )
        running_one = Process(process, Path(environment["HOME"]))
        try:
            if wait:
                await running_one.says("Ctrl-C ends everything.")
            yield running_one
        finally:
            if process.returncode is None:
                left = descendants(process.pid)
                process.kill()
                await running_one.ended()
                await gone(left)

    return start


@pytest.fixture
def prometheus_binary():
    """The path of a real Prometheus."""
    path = shutil.which("prometheus")
    if path is None:
        pytest.skip("there is no prometheus on the PATH")
    return path
