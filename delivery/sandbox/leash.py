"""A leash for programs that we start: the kernel ends them when we are gone, however that came about."""

import os
import signal
import sys
from collections.abc import Sequence

_LEASH = """\
import ctypes, os, sys
ctypes.CDLL(None).prctl(1, int(sys.argv[1]))  # PR_SET_PDEATHSIG; kept across the exec below
if os.getppid() != int(sys.argv[2]):          # the parent went before it could be asked for
    sys.exit(1)
os.execv(sys.argv[3], sys.argv[3:])
"""


def leashed(command: Sequence[str], number: signal.Signals) -> list[str]:
    """The command under a leash: on Linux the process gets this signal when the thread that started it ends.

    `command[0]` must be a path. Elsewhere there is no leash, and the command is as it was.
    """
    if sys.platform != "linux":
        return [*command]
    return [sys.executable, "-I", "-S", "-c", _LEASH, str(int(number)), str(os.getpid()), *command]
