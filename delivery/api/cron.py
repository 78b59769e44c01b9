"""Cron expressions as everybody writes them: five fields, Sunday is 0 and 7, days by either of two fields.

Programs disagree about the last two points, so an expression is read here, into numbers, and handed on as such.
"""

import re
from dataclasses import dataclass

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_LONGEST = {month: 30 if month in (4, 6, 9, 11) else 31 for month in range(1, 13)} | {2: 29}
_PART = re.compile(r"(\*|[0-9a-z]+(?:-[0-9a-z]+)?)(?:/([0-9]+))?")

CRON_PATTERN = r"^\s*(\S+\s+){4}\S+\s*$"
CRON_IN_WORDS = 'five fields "minute hour day month weekday", such as "0 9 * * 1-5"'


class CronError(ValueError):
    """An expression that cannot be used; the text says what was given and what is allowed."""


@dataclass(frozen=True, slots=True)
class Cron:
    """When something comes: minutes 0..59, hours 0..23, days 1..31, months 1..12, weekdays 0 (Sunday) to 6.

    `either`: both kinds of days are given, and one of them is enough; as cron has it.
    """

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: tuple[int, ...]
    months: tuple[int, ...]
    weekdays: tuple[int, ...]
    either: bool = False


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    low: int
    high: int
    words: tuple[str, ...] = ()

    def number(self, text: str) -> int:
        if text in self.words:
            return self.words.index(text) + self.low
        if not text.isdecimal() or not self.low <= int(text) <= self.high:
            names = f", or {self.words[0]} to {self.words[-1]}" if self.words else ""
            raise CronError(f"{self.name} {text!r}: allowed {self.low} to {self.high}{names}")
        return int(text)


_FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day", 1, 31),
    _Field("month", 1, 12, MONTHS),
    _Field("weekday", 0, 7, WEEKDAYS),
)


def parse(text: str) -> Cron:
    """The expression in numbers. CronError for anything but five fields, and for days that no year has."""
    words = text.lower().split()
    if len(words) != len(_FIELDS):
        raise CronError(f"{len(words)} fields: allowed {CRON_IN_WORDS}")
    found = [_values(field, word) for field, word in zip(_FIELDS, words, strict=True)]
    minutes, hours, days, months, weekdays = (tuple(sorted(each)) for each in found)
    by_day, by_weekday = (not words[at].startswith("*") for at in (2, 4))
    if by_day and not by_weekday and all(min(days) > _LONGEST[month] for month in months):
        raise CronError(f"day {words[2]} of month {words[3]}: allowed a date that there is")
    sundays = tuple(sorted({each % 7 for each in weekdays}))
    return Cron(minutes, hours, days, months, sundays, either=by_day and by_weekday)


def _values(field: _Field, word: str) -> set[int]:
    found: set[int] = set()
    for part in word.split(","):
        matched = _PART.fullmatch(part)
        if matched is None:
            allowed = "*, numbers, lists (1,2), ranges (1-5) and steps (*/15, 10-40/5)"
            raise CronError(f"{field.name} {part!r}: allowed {allowed}")
        found |= _range(field, part, matched[1], matched[2])
    return found


def _range(field: _Field, part: str, span: str, step: str | None) -> set[int]:
    first, _, last = span.partition("-")
    low = field.low if span == "*" else field.number(first)
    high = field.number(last) if last else field.high if span == "*" or step else low
    if low > high:
        raise CronError(f"{field.name} {part!r}: allowed a range that begins with its lower end")
    if step is not None and not 1 <= int(step) <= field.high:
        raise CronError(f"{field.name} {part!r}: allowed a step of 1 to {field.high}")
    return set(range(low, high + 1, int(step or 1)))
