"""What an answer means, where a service has no meanings of its own."""

import json
import re
from typing import Any

from delivery.alerts.services.service import TryAgainError, UnusableError
from delivery.alerts.sink import UndeliverableError
from delivery.outbound.outgoing import Outgoing, Reply
from delivery.outbound.retry_after import retry_after

LONGEST_WAIT = 600.0
"""Seconds that a service may ask us to wait; what asks for more is asked again sooner."""

TOO_EARLY = (408, 425, 429)
NEVER = (400, 413, 415, 422)

_WORD = re.compile(r"[a-z][a-z_]{1,40}")


def check(outgoing: Outgoing, reply: Reply) -> None:
    """Raises what the answer means, unless it is any 2xx."""
    if reply.ok:
        return
    said = f"{outgoing.where} answers {reply.status}{_in_words(reply)}"
    if reply.status in TOO_EARLY or reply.status >= 500:
        raise TryAgainError(said, asked_for(reply))
    if reply.status in NEVER:
        raise UndeliverableError(said)
    if 300 <= reply.status < 400:
        raise UnusableError("AddressRedirects", f"{said}, a redirect that is not followed; give the final address")
    if reply.status in (401, 403):
        raise UnusableError("TokenRefused", f"{said}; correct the token, or the address if it holds one")
    raise UnusableError("AddressRefused", f"{said}; correct the address")


def asked_for(reply: Reply) -> float | None:
    """The seconds that the service asks to wait, by header or in its JSON (Discord), at most LONGEST_WAIT."""
    seconds = retry_after(reply, at_most=LONGEST_WAIT)
    given = parsed(reply).get("retry_after") if seconds is None else None
    if isinstance(given, int | float) and given >= 0:
        return min(LONGEST_WAIT, float(given))
    return seconds


def parsed(reply: Reply) -> dict[str, Any]:
    """The answer's JSON object; empty if it is none."""
    try:
        body = json.loads(reply.body)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def word(value: object) -> str:
    """An error code in a service's own words, if it looks like one: nothing else of an answer is ever shown."""
    return value if isinstance(value, str) and _WORD.fullmatch(value) else ""


def _in_words(reply: Reply) -> str:
    said = word(reply.body[:64].decode(errors="replace").strip()) or word(parsed(reply).get("error"))
    return f" ({said})" if said else ""
