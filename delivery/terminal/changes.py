"""A Canary that is watched without a terminal: a line for everything that happens, and none when nothing does."""

from collections.abc import Iterator

from delivery.terminal.figures import percent, printable, stamp
from delivery.terminal.screen import EventLine, Screen
from delivery.terminal.sentences import of_command


class Changes:
    """Turns screens into lines; what was said is not said again."""

    def __init__(self) -> None:
        self._state: tuple[object, ...] = ()
        self._said: set[EventLine] = set()
        self._command: tuple[str, str] | None = None

    def of(self, shown: Screen) -> Iterator[str]:
        """What is new on this screen, oldest first."""
        for each in shown.events:
            if each not in self._said:
                self._said.add(each)
                yield f"{stamp(each.at)}  {printable(f'{each.reason}: {each.message}')}"
        given = shown.command
        if given is not None and (given.id, given.state) != self._command:
            self._command = (given.id, given.state)
            yield f"{stamp(shown.at)}  {printable(f'command {of_command(given, shown.at)}')}"
        state = (shown.phase, shown.step, shown.wanted, shown.reason, shown.message, shown.held)
        if state != self._state:
            self._state = state
            yield f"{stamp(shown.at)}  {_state(shown)}"


def _state(shown: Screen) -> str:
    step = f", step {shown.step} of {shown.steps}" if shown.run else ""
    why = f": {shown.reason}: {shown.message}" if shown.message else f": {shown.reason}" if shown.reason else ""
    held = f"; held by {', '.join(shown.held)}" if shown.held else ""
    return printable(
        f"{shown.phase or 'New'}{step}, wanted {shown.wanted} %, seen {percent(shown.seen)}{why}{held}; next: "
        f"{shown.next.action}"
    )
