"""A Canary that is watched without a terminal: a line for everything that happens, and none when nothing does."""

from collections.abc import Iterator

from delivery.terminal.figures import percent, printable, stamp
from delivery.terminal.screen import EventLine, Screen


class Changes:
    """Turns screens into lines; what was said is not said again."""

    def __init__(self) -> None:
        self._state: tuple[object, ...] = ()
        self._said: set[EventLine] = set()

    def of(self, shown: Screen) -> Iterator[str]:
        """What is new on this screen, oldest first."""
        for each in shown.events:
            if each not in self._said:
                self._said.add(each)
                yield f"{stamp(each.at)}  {printable(f'{each.reason}: {each.message}')}"
        state = (shown.phase, shown.step, shown.wanted, shown.reason, shown.message)
        if state != self._state:
            self._state = state
            yield f"{stamp(shown.at)}  {_state(shown)}"


def _state(shown: Screen) -> str:
    step = f", step {shown.step} of {shown.steps}" if shown.run else ""
    why = f": {shown.reason}: {shown.message}" if shown.message else f": {shown.reason}" if shown.reason else ""
    return printable(
        f"{shown.phase or 'New'}{step}, wanted {shown.wanted} %, seen {percent(shown.seen)}{why}; next: "
        f"{shown.next.action}"
    )
