"""Headers by which a receiver knows who is calling, that nothing was changed, and that it has heard it before."""

import hashlib
import hmac
from urllib.parse import quote

SIGNATURE = "X-Delivery-Signature"
TIMESTAMP = "X-Delivery-Timestamp"
KEY = "Idempotency-Key"

Header = tuple[str, str]


def signed(body: bytes, *, key: str, at: int) -> tuple[Header, Header]:
    """A signature of body and time (seconds since 1970): `sha256=` and HMAC-SHA256 of `TIMESTAMP.BODY` in hex.

    Who checks the time too cannot be sent an old request again.
    """
    digest = hmac.new(key.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return ((TIMESTAMP, str(at)), (SIGNATURE, f"sha256={digest}"))


def bearer(token: str) -> Header:
    """The token in the header that is meant for it. Raises ValueError for one that no header can hold."""
    token = token.strip()
    if not token.isprintable() or not token.isascii() or not token:
        raise ValueError("a token is one line of printable ASCII characters")
    return ("Authorization", f"Bearer {token}")


def repeatable(*parts: object) -> Header:
    """A key that is the same whenever the same thing is sent again, after a crash too."""
    return (KEY, "/".join(quote(str(part), safe="") for part in parts))
