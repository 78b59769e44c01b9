"""Signs a request to an AWS service (Signature Version 4).

Of our own, because the library that does it well wants older versions of what we stand on, and it is one page.
Source: AWS, "Signature Version 4 signing process"; the names below are the ones used there.
"""

import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import quote, urlsplit

ALGORITHM = "AWS4-HMAC-SHA256"


@dataclass(frozen=True, slots=True)
class Keys:
    """Who signs. `token` is set for temporary credentials only."""

    access_key: str
    secret_key: str = field(repr=False)
    token: str = field(default="", repr=False)


def signed(
    keys: Keys, *, method: str, url: str, headers: dict[str, str], body: bytes, region: str, service: str, at: datetime
) -> dict[str, str]:
    """The headers with those that prove who sends the request; the URL has no query. `at` is in UTC."""
    moment, day = at.strftime("%Y%m%dT%H%M%SZ"), at.strftime("%Y%m%d")
    scope = f"{day}/{region}/{service}/aws4_request"
    sent = {**headers, "X-Amz-Date": moment, **({"X-Amz-Security-Token": keys.token} if keys.token else {})}
    hosted = {**sent, "Host": urlsplit(url).netloc}
    canonical, names = canonical_request(method, urlsplit(url).path, hosted, body)
    to_sign = "\n".join((ALGORITHM, moment, scope, hashlib.sha256(canonical.encode()).hexdigest()))
    signature = hmac.new(signing_key(keys.secret_key, day, region, service), to_sign.encode(), hashlib.sha256)
    credential = f"Credential={keys.access_key}/{scope}"
    authorization = f"{ALGORITHM} {credential}, SignedHeaders={names}, Signature={signature.hexdigest()}"
    return {**sent, "Authorization": authorization}


def canonical_request(method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[str, str]:
    """The request as it is hashed, and the names of the headers that are signed."""
    lines = sorted((name.lower(), " ".join(value.split())) for name, value in headers.items())
    names = ";".join(name for name, _ in lines)
    head = "".join(f"{name}:{value}\n" for name, value in lines)
    digest = hashlib.sha256(body).hexdigest()
    return "\n".join((method, quote(path or "/", safe="/-_.~"), "", head, names, digest)), names


def signing_key(secret_key: str, day: str, region: str, service: str) -> bytes:
    """The key of one day, region and service."""
    key = f"AWS4{secret_key}".encode()
    for part in (day, region, service, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key
