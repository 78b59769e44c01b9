"""How long people wait at a terminal: help, a key press of completion, and the first paint of `delivery get`.

Each is a program of its own, started several times against an API server on loopback; the best and the middle time are
printed, in milliseconds. `python -m benchmarks.terminal [TIMES]`.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from delivery.api.status import dump
from tests.cli.served import serving
from tests.terminal.recorded import PROGRESSING

CALLS = {
    "delivery --help": (300, ["-m", "delivery.cli", "--help"]),
    "delivery get --help": (300, ["-m", "delivery.cli", "get", "--help"]),
    "a key press": (300, ["-c", "from delivery.cli.completing import proposals; proposals([''])"]),
    "delivery get": (1000, ["-m", "delivery.cli", "get", "reviews"]),
    "delivery list": (1000, ["-m", "delivery.cli", "list"]),
}


def milliseconds(arguments: list[str], environ: dict[str, str]) -> float:
    """From the start of the program to its end."""
    began = time.perf_counter()
    subprocess.run([sys.executable, *arguments], env=environ, check=True, capture_output=True)
    return (time.perf_counter() - began) * 1000


def main(times: int = 10) -> None:
    """Print a line for each call."""
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder)) as served:
        served.canary("reviews", status=dump(PROGRESSING))
        environ = {**os.environ, "KUBECONFIG": str(served.kubeconfig)}
        print(f"{'call':22} {'best':>6} {'middle':>7} {'aim':>6}")
        for name, (aim, arguments) in CALLS.items():
            took = [milliseconds(arguments, environ) for _ in range(times)]
            print(f"{name:22} {min(took):6.0f} {median(took):7.0f} {aim:6}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
