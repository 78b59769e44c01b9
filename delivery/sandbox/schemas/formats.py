"""The formats of strings that an API server checks; of a format that it does not know it says nothing.

And its regular expressions: they are Go's, which search, know ASCII classes only and end with the text at `$`.
"""

import base64
import binascii
import ipaddress
import re
from collections.abc import Callable
from datetime import date, datetime
from functools import lru_cache
from urllib.parse import urlsplit

_DURATION = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)([\d.]+(ns|us|µs|μs|ms|s|m|h))*|[-+]?0")
_WORDS = re.compile(r"\d+\s*(ns|us|µs|ms|s|sec|secs|seconds?|m|min|mins|minutes?|h|hours?|d|days?|w|weeks?)")
_MAC = re.compile(r"[0-9a-fA-F]{2}([:-][0-9a-fA-F]{2}){5}")
_UUID = re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}", re.IGNORECASE)
_HOST = re.compile(
    r"(?=.{1,255}$)[a-zA-Z0-9]([a-zA-Z0-9-]{0,62}[a-zA-Z0-9])?(\.[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?)*"
)
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([zZ]|[+-]\d\d:?\d\d)?")


def acceptable(format_: str, text: str) -> bool:
    """Whether `text` is of the format, or the format is none that is checked."""
    check = _CHECKS.get(format_.replace("-", ""))
    try:
        return check is None or bool(check(text))
    except ValueError:
        return False


@lru_cache(maxsize=1024)
def expression(pattern: str) -> re.Pattern[str]:
    """A Go regular expression, compiled. ValueError if it is none that can be."""
    end = re.search(r"(?<!\\)(\\\\)*\$$", pattern)
    try:
        return re.compile(pattern[:-1] + r"\Z" if end else pattern, re.ASCII)
    except re.error as error:
        raise ValueError(f"{pattern!r} is no regular expression: {error}") from None


def _is_time(text: str) -> bool:
    return bool(_TIME.fullmatch(text)) and bool(datetime.fromisoformat(text.upper().replace(" ", "T")))


def _is_base64(text: str) -> bool:
    try:
        return base64.b64encode(base64.b64decode(text, validate=True)) == text.encode()
    except binascii.Error:
        return False


def _is_uri(text: str) -> bool:
    parts = urlsplit(text)
    return text.startswith("/") or (bool(parts.scheme) and bool(parts.netloc or parts.path))


def _is_duration(text: str) -> bool:
    return bool(_DURATION.fullmatch(text) or _WORDS.fullmatch(text.strip()))


_CHECKS: dict[str, Callable[[str], object]] = {
    "datetime": _is_time,
    "date": lambda text: date.fromisoformat(text) and len(text) == len("2000-01-01"),
    "byte": _is_base64,
    "ipv4": lambda text: bool(ipaddress.IPv4Address(text)),
    "ipv6": lambda text: bool(ipaddress.IPv6Address(text)),
    "cidr": lambda text: "/" in text and bool(ipaddress.ip_interface(text)),
    "mac": _MAC.fullmatch,
    "uri": _is_uri,
    "email": _EMAIL.fullmatch,
    "hostname": _HOST.fullmatch,
    "uuid": _UUID.fullmatch,
    "duration": _is_duration,
}
