"""Programs as a terminal starts them.

A shell without job control starts what it puts into the background with Ctrl-C ignored, and so everything below it:
what tests start must not depend on how the tests were started.
"""

import signal


def foreground() -> None:
    """For `preexec_fn`: Ctrl-C does what it does by default."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
