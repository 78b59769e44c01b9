"""Temporary keys of the role that a pod has by its service account's token (IRSA), fetched from AWS' token service.

The token is a file that the cluster renews; it is read for each exchange and sent to the token service alone, whose
address only the controller's environment can change. The exchange is not signed: the token proves who asks.
Source of the shapes: AWS, "Security Token Service API Reference, AssumeRoleWithWebIdentity"; of the variables, AWS,
"SDKs and Tools Reference Guide, Assume role credential provider".
"""

import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from xml.sax.saxutils import unescape

from metrics.providers.aws_signature import Keys
from metrics.providers.base import Kind, QueryError
from metrics.providers.registry import checked_address
from metrics.source import Source

if TYPE_CHECKING:
    import requests

ROLE, TOKEN_FILE, SESSION, ENDPOINT = (
    "AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_SESSION_NAME", "AWS_ENDPOINT_URL_STS",
)  # fmt: skip
EARLY = timedelta(minutes=5)
"""How long before their end keys are taken for ended: clocks differ, and a request is under way for a while."""
MOST_TOKEN = 64 * 1024
_ELEMENT = re.compile(r"<(\w+)>([^<]*)</\1>")

Now = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class _Lent:
    """Keys until a moment."""

    keys: Keys
    until: datetime


class WebIdentity:
    """The keys of a role, kept until shortly before they end. For several threads."""

    def __init__(self, environment: Mapping[str, str], region: str, *, now: Now = lambda: datetime.now(UTC)) -> None:
        self._role, self._file = environment[ROLE], Path(environment[TOKEN_FILE])
        self._session = environment.get(SESSION) or "progressive-delivery"
        domain = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
        self.address = checked_address(environment.get(ENDPOINT) or f"https://sts.{region}.{domain}")
        self._now = now
        self._lock = threading.Lock()
        self._lent: _Lent | None = None

    def keys(self, timeout: float) -> Keys:
        """The role's keys; `timeout` in seconds, if they have to be fetched. Raises QueryError."""
        if not self._lock.acquire(timeout=timeout):
            raise QueryError(Kind.TIMEOUT, f"the keys of role {self._role} were not there within {timeout:g} s")
        try:
            if self._lent is None or self._now() >= self._lent.until - EARLY:
                self._lent = self._fetched(timeout)
            return self._lent.keys
        finally:
            self._lock.release()

    def _fetched(self, timeout: float) -> _Lent:
        from metrics.providers.http_connection import HttpConnection

        asked = {
            "Action": "AssumeRoleWithWebIdentity",
            "Version": "2011-06-15",
            "RoleArn": self._role,
            "RoleSessionName": self._session,
            "WebIdentityToken": self._token(),
        }
        http = HttpConnection(Source(address=self.address), {})
        try:
            answer = http.exchange("POST", f"{self.address}/", timeout=timeout, data=asked)
        finally:
            http.close()
        if answer.status_code != 200:
            raise _declined(http.where, answer)
        return _lent(http.where, answer.content)

    def _token(self) -> str:
        try:
            with self._file.open("rb") as file:
                token = file.read(MOST_TOKEN).decode("ascii").strip()
        except (OSError, ValueError) as error:
            words = getattr(error, "strerror", None) or "it is no text"
            raise QueryError(Kind.REFUSED, f"the token in {TOKEN_FILE} cannot be read: {words}") from None
        if not token:
            raise QueryError(Kind.REFUSED, f"the file in {TOKEN_FILE} is empty")
        return token


def is_given(environment: Mapping[str, str]) -> bool:
    """Does the environment say which role, and where its token is?"""
    return bool(environment.get(ROLE)) and bool(environment.get(TOKEN_FILE))


def _lent(where: str, body: bytes) -> _Lent:
    found = _texts(body)
    access, secret, token = (found.get(name, "") for name in ("AccessKeyId", "SecretAccessKey", "SessionToken"))
    try:
        until = datetime.fromisoformat(found.get("Expiration", ""))
    except ValueError:
        until = None
    if not (access and secret and token) or until is None or until.tzinfo is None:
        raise QueryError(Kind.NOT_PROMETHEUS, f"{where} does not answer as AWS' token service does; check {ENDPOINT}")
    return _Lent(Keys(access, secret, token), until)


def _declined(where: str, answer: "requests.Response") -> QueryError:
    """The token service's own name of the error, and never the token."""
    from metrics.providers.http_connection import declined, limited

    found = _texts(answer.content)
    name, words = found.get("Code", ""), " ".join(found.get("Message", "").split())[:300]
    if name in ("Throttling", "ThrottlingException", "RequestLimitExceeded"):
        return limited(where, answer)
    if answer.status_code < 500 and name:
        way_out = "check the role's trust policy and the service account"
        return QueryError(Kind.REFUSED, f"{where} gives no keys of the role ({name}: {words}); {way_out}")
    return declined(where, answer, f"{name}: {words}" if name else "")


def _texts(body: bytes) -> Mapping[str, str]:
    """The texts of the innermost elements by their names; none of what is no XML. A parser of all of XML would follow
    what an answer declares, and nothing of it is needed here.
    """
    return {name: unescape(text).strip() for name, text in _ELEMENT.findall(body.decode(errors="replace"))}
