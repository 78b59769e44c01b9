"""`delivery` as people run it: a process of its own, with a kubeconfig."""

import asyncio
import os
import sys
from pathlib import Path

SECONDS = 60.0


async def delivery(*arguments: str, kubeconfig: Path) -> tuple[int, str]:
    """`delivery ARGUMENTS` as a process of its own; its exit code and what it said, without folds.

    The environment is handed over in words: readline leaves a COLUMNS behind of which os.environ does not know.
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "delivery.cli", *arguments, f"--kubeconfig={kubeconfig}"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={name: value for name, value in os.environ.items() if name != "COLUMNS"},
    )
    try:
        said, _ = await asyncio.wait_for(process.communicate(), SECONDS)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode or 0, said.decode()
