"""When a service wants to be asked again, by the header Retry-After: the one place that reads it.

It is a number of seconds or a date (RFC 9110, section 10.2.3). A date is read against the answer's own Date, which is
by the same clock, and against ours only where there is none. Nobody is made to wait for ever: each caller has a bound.
"""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from delivery.outbound.outgoing import Reply

_SECONDS = re.compile(r"[0-9]+(\.[0-9]+)?")
"""Whole ones by the RFC; Discord sends fractions."""


def retry_after(reply: Reply, *, at_most: float) -> float | None:
    """Seconds that the answer asks to wait, from 0 to `at_most`; None if it asks for nothing that can be understood."""
    text = reply.header("retry-after").strip()
    if _SECONDS.fullmatch(text):
        return min(at_most, float(text))
    until, now = _date(text), _date(reply.header("date")) or reply.received
    if until is None or now is None:
        return None
    return min(at_most, max(0.0, (until - now).total_seconds()))


def _date(text: str) -> datetime | None:
    """An HTTP-date in any of its three forms (RFC 9110, section 5.6.7)."""
    try:
        found = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
