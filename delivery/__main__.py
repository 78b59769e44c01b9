"""Where the program begins, also as `python -m delivery`: Ctrl-C ends it without a traceback from its first moment on.

Loading the program takes a part of a second, in which nothing of it is there yet to hear of Ctrl-C. The exit code is
the same as later: 130.
"""

INTERRUPTED = 130


def run() -> None:
    """The program `delivery`."""
    try:
        from delivery.cli import main

        main(prog_name="delivery")
    except KeyboardInterrupt:
        raise SystemExit(INTERRUPTED) from None


def plugin() -> None:
    """The program `kubectl-delivery`, under the name by which people call it."""
    try:
        from delivery.cli import plugin

        plugin()
    except KeyboardInterrupt:
        raise SystemExit(INTERRUPTED) from None


if __name__ == "__main__":
    run()
