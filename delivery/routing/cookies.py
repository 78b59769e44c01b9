"""Cookies that keep users with the version that served them.

The value names the run: a cookie of an earlier run proves nothing in this one. Its condition compares whole cookies,
so that neither a longer name nor a longer value is taken for it.
"""

import re
from typing import Any

from delivery.api.affinity import SessionAffinity

HEADER = "Set-Cookie"


def condition(name: str, value: str) -> dict[str, Any]:
    """The requests that bring this cookie; RE2 as Istio takes it: it must match the whole header."""
    return {"headers": {"cookie": {"regex": rf"(.*;\s*)?{_escaped(name)}={_escaped(value)}\s*(;.*)?"}}}


def _escaped(text: str) -> str:
    """Quoted for RE2, which knows fewer escapes than Python writes."""
    return re.sub(r"([\\.+*?()|\[\]{}^$])", r"\\\1", text)


def given(affinity: SessionAffinity, *, name: str, value: str, seconds: int) -> dict[str, Any]:
    """The headers of a destination that gives out the cookie for `seconds`; negative takes it away (RFC 6265, 5.2.2).

    The header is added, for the application's own cookies come under the same name.
    """
    attributes = [
        f"{name}={value}",
        f"Max-Age={seconds}",
        *([f"Domain={affinity.domain}"] if affinity.domain else []),
        *([f"Path={affinity.path}"] if affinity.path else []),
        *(["HttpOnly"] if affinity.http_only else []),
        *([f"SameSite={affinity.same_site}"] if affinity.same_site else []),
        *(["Secure"] if affinity.secure else []),
        *(["Partitioned"] if affinity.partitioned else []),
    ]
    return {"response": {"add": {HEADER: "; ".join(attributes)}}}
