"""`delivery` as a program of its own, as people and pipelines start it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.cli.served import Served

PATIENCE = 30.0
KEPT = ("PATH", "HOME", "LANG", "PYTHONPATH", "VIRTUAL_ENV")
ROOT = Path(__file__).parents[2]


def environment(served: Served, **more: str) -> dict[str, str]:
    """What a program needs and nothing that leads it elsewhere."""
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    path = os.pathsep.join((str(Path(sys.executable).parent), kept.get("PATH", "")))
    return {**kept, "PATH": path, "PYTHONPATH": str(ROOT), "KUBECONFIG": str(served.kubeconfig), **more}


@contextmanager
def started(served: Served, *arguments: str, stdout: int = subprocess.PIPE) -> Iterator[subprocess.Popen[str]]:
    """The program while the block lasts."""
    process = subprocess.Popen(
        [sys.executable, "-m", "delivery.cli", *arguments],
        env=environment(served),
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate(timeout=PATIENCE)


def ended(process: "subprocess.Popen[str]") -> tuple[int, str, str]:
    """Its exit code and all that it said."""
    out, err = process.communicate(timeout=PATIENCE)
    return process.returncode, out or "", err
