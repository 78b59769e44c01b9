"""The demo without a terminal: a line for everything that happens, and none when nothing does."""

from collections.abc import Iterator

from delivery.sandbox.demo.frame import Frame
from delivery.terminal.figures import clock, percent


class Lines:
    """Turns frames into lines; what was said is not said again."""

    def __init__(self) -> None:
        self._act = ""
        self._state: tuple[object, ...] = ()
        self._said: set[tuple[float, str, str]] = set()

    def of(self, frame: Frame) -> Iterator[str]:
        """What is new in this frame, oldest first."""
        if frame.act != self._act:
            self._act = frame.act
            yield f"{clock(frame.at):>5}  == {frame.act}"
        news = [(one.at, one.reason, one.message) for one in frame.told]
        news += [(one.at, f"wrote {one.object}", one.what) for one in frame.wrote]
        for at, head, text in sorted(each for each in news if each not in self._said):
            self._said.add((at, head, text))
            yield f"{clock(at):>5}  {head}: {text}" if text else f"{clock(at):>5}  {head}"
        state = (frame.phase, frame.step, frame.wanted, frame.routed)
        if state != self._state and frame.phase:
            self._state = state
            yield f"{clock(frame.at):>5}  {_state(frame)}"


def _state(frame: Frame) -> str:
    step = f" step {frame.step}" if frame.step else ""
    shares = ", ".join(f"{one.name} ({one.role}) {one.share:.0f} %" for one in frame.versions)
    requests = f"; requests: {shares}" if shares else ""
    return f"-- {frame.phase}{step}: wanted {frame.wanted} %, routed {percent(frame.routed)}{requests}"
