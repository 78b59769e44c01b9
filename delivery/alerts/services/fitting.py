"""Messages that are longer than a service takes: shortened, and said to be, instead of refused.

What is cut is the text, from its end, and where that is not enough the links, the last one first. The short facts stay:
they hold the failing check with its value and limit.
"""

from collections.abc import Callable
from dataclasses import replace

from delivery.alerts.messages import Message

NOTE = "(shortened: longer than this service takes)"
LEAST = 400
"""Characters of the text that are worth more than a link."""

Fits = Callable[[Message], bool]
"""Whether a service takes it; of two texts that begin alike, never the longer one alone."""


def fitted(message: Message, fits: Fits) -> Message:
    """The message as it is, or as much of it as fits. What is left when nothing fits is up to the service."""
    if fits(message):
        return message
    for links in range(len(message.links), -1, -1):
        rest = replace(message, links=message.links[:links])
        length = _longest(rest, fits)
        if length >= min(LEAST, len(message.text)) or links == 0:
            break
    return _shortened(rest, length)


def utf16(text: str) -> int:
    """Units of two bytes, in which services count that keep texts so: an emoji is two."""
    return len(text.encode("utf-16-le", errors="surrogatepass")) // 2


def _longest(message: Message, fits: Fits) -> int:
    """How much of the text can stay, by halving."""
    low, high = 0, len(message.text)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(_shortened(message, middle)) else (low, middle - 1)
    return low


def _shortened(message: Message, length: int) -> Message:
    kept = message.text[:length].rstrip()
    whole = length >= len(message.text)
    return replace(message, text=f"{kept if whole else f'{kept}…'}\n{NOTE}")
