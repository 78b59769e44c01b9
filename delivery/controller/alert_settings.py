"""Who is told of Canaries that name nobody: flags and environment, Flagger's names for both.

`delivery run --help` and wrong flags come here, so that nothing heavy is imported.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

USER, CHANNEL = "progressive-delivery", "general"


class AlertSettingsError(ValueError):
    """A flag that cannot be used; its value may be secret and is not told."""

    def __init__(self, flag: str, allowed: str) -> None:
        super().__init__(allowed)
        self.flag = flag
        self.allowed = allowed


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertSettings:
    """Addresses and tokens are "" where nobody is to be told; `cluster` is named in every message."""

    slack_url: str = field(default="", repr=False)
    slack_token: str = field(default="", repr=False)
    slack_proxy_url: str = field(default="", repr=False)
    slack_user: str = USER
    slack_channel: str = CHANNEL
    msteams_url: str = field(default="", repr=False)
    msteams_proxy_url: str = field(default="", repr=False)
    event_webhook: str = field(default="", repr=False)
    cluster: str = ""

    @classmethod
    def parse(cls, known: Mapping[str, Any]) -> "AlertSettings":
        """Check the flags, by their names in snake case. AlertSettingsError names the first that cannot be used."""
        urls = {name: _url(name, str(known.get(name) or "")) for name in URLS}
        return cls(
            **urls,
            slack_token=_token(str(known.get("slack_token") or "")),
            slack_user=str(known.get("slack_user") or USER),
            slack_channel=str(known.get("slack_channel") or CHANNEL),
            cluster=str(known.get("cluster_name") or ""),
        )


URLS = ("slack_url", "slack_proxy_url", "msteams_url", "msteams_proxy_url", "event_webhook")


def _url(name: str, given: str) -> str:
    try:
        parts = urlsplit(given)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if given and not usable:
        raise AlertSettingsError(f"--{name.replace('_', '-')}", "an http or https URL")
    return given


def _token(given: str) -> str:
    token = given.strip()
    if any(ord(each) < 33 or ord(each) > 126 for each in token):
        raise AlertSettingsError("--slack-token", "a token without blanks and line breaks")
    return token
