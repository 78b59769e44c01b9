"""Amazon CloudWatch as a provider: the query is the list of MetricDataQueries of a GetMetricData request, as JSON.

Source of the shapes: AWS, "Amazon CloudWatch API Reference, GetMetricData" and "Common Errors".
"""

import json
import os
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from metrics.providers.aws_signature import Keys, signed
from metrics.providers.aws_web_identity import ROLE, TOKEN_FILE, WebIdentity, is_given
from metrics.providers.base import Kind, Query, QueryError, Sample, Samples
from metrics.providers.pooled import PooledProvider
from metrics.providers.registry import displayed
from metrics.source import Source

if TYPE_CHECKING:
    import requests


TARGET = "GraniteServiceVersion20100801.GetMetricData"
CONTENT_TYPE = "application/x-amz-json-1.0"
NAMES = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")
"""Keys of the Secret; in capitals, the variables of the environment that are used without a Secret."""

THROTTLED = ("Throttling", "ThrottlingException", "RequestLimitExceeded", "TooManyRequestsException")
FOREIGN = (
    "AccessDenied", "AccessDeniedException", "ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId",
    "InvalidSignatureException", "IncompleteSignature", "MissingAuthenticationToken", "NotAuthorized", "OptInRequired",
    "SignatureDoesNotMatch", "UnrecognizedClientException", "RequestExpired",
)  # fmt: skip


def cloudwatch(source: Source, pool: ThreadPoolExecutor, monotonic: Callable[[], float]) -> PooledProvider:
    """The provider. Raises ValueError without a region, or without credentials in the Secret or the environment: keys,
    or a role and where its token is.
    """
    if not source.region:
        raise ValueError("cloudwatch needs a region")
    lent = _lent(source)
    if lent is None:
        _keys(source)
    domain = "amazonaws.com.cn" if source.region.startswith("cn-") else "amazonaws.com"
    source = source if source.address else replace(source, address=f"https://monitoring.{source.region}.{domain}")
    return PooledProvider(displayed(source.address), partial(_Way, source, lent), pool=pool, monotonic=monotonic)


class _Way:
    """A connection to CloudWatch."""

    def __init__(self, source: Source, lent: WebIdentity | None) -> None:
        from metrics.providers.http_connection import HttpConnection

        self._source, self._lent = source, lent
        self._http: HttpConnection = HttpConnection(replace(source, credentials=()), {})

    def ask(self, query: Query, *, start: datetime, end: datetime, timeout: float) -> Samples:
        """The latest value of each result in the window. Raises QueryError, nothing else."""
        from metrics.providers.http_connection import content

        body = json.dumps(request(query, start, end)).encode()
        deadline = time.monotonic() + timeout
        keys = self._present_keys(timeout)
        url = f"{self._source.address}/"
        headers = signed(
            keys,
            method="POST",
            url=url,
            headers={"Content-Type": CONTENT_TYPE, "X-Amz-Target": TARGET},
            body=body,
            region=self._source.region,
            service="monitoring",
            at=datetime.now(UTC),
        )
        left = max(0.001, deadline - time.monotonic())
        answer = self._http.exchange("POST", url, timeout=left, data=body, headers=headers)
        if answer.status_code != 200:
            raise _declined(self._http.where, answer)
        return results(self._http.where, content(self._http.where, answer))

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def _present_keys(self, timeout: float) -> Keys:
        if self._lent is not None:
            return self._lent.keys(timeout)
        try:
            return _keys(self._source)
        except ValueError as error:
            raise QueryError(Kind.REFUSED, str(error)) from None


def request(query: Query, start: datetime, end: datetime) -> dict[str, Any]:
    """The request's body. Raises QueryError when the query is no list of objects."""
    try:
        asked = json.loads(query)
    except (ValueError, RecursionError):
        asked = None
    if not isinstance(asked, list) or not asked or not all(isinstance(each, dict) for each in asked):
        raise QueryError(Kind.SHAPE, "the query is no JSON list of MetricDataQueries")
    period = {"StartTime": start.timestamp(), "EndTime": end.timestamp()}
    return {"MetricDataQueries": asked, **period, "ScanBy": "TimestampDescending"}


def results(where: str, body: Any) -> Samples:
    """The newest value of each result that has one. Raises QueryError for what is incomplete or no answer."""
    found = body.get("MetricDataResults") if isinstance(body, dict) else None
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise QueryError(Kind.NOT_PROMETHEUS, f"{where} does not answer as CloudWatch does; check the address")
    for each in found:
        if each.get("StatusCode") in ("InternalError", "Forbidden"):
            words = "; ".join(str(told.get("Value", "")) for told in each.get("Messages") or ())[:300]
            kind = Kind.REFUSED if each["StatusCode"] == "Forbidden" else Kind.UNREACHABLE
            raise QueryError(kind, f"{where} says {each['StatusCode']} of {each.get('Id')}: {words}")
    try:
        return tuple(
            Sample(float(each["Values"][0]), {"id": str(each.get("Id", ""))}) for each in found if each.get("Values")
        )
    except (TypeError, ValueError):
        raise QueryError(Kind.SHAPE, f"{where} answers with values that are no numbers") from None


def _lent(source: Source) -> WebIdentity | None:
    """The role of the controller's pod, where neither the Secret nor the environment has keys."""
    own_keys = all(os.environ.get(name.upper()) for name in NAMES[:2])
    if source.credentials or own_keys or not is_given(os.environ):
        return None
    return WebIdentity(os.environ, source.region)


def _keys(source: Source) -> Keys:
    """From the Secret alone if there is one, else from the environment of the controller."""
    own = {name: os.environ.get(name.upper(), "") for name in NAMES}
    given = dict(source.credentials) if source.credentials else own
    access, secret, token = (given.get(name, "").strip() for name in NAMES)
    if not access or not secret:
        where = "its Secret"
        if not source.credentials:
            where = f"a Secret, or the controller's environment (in capitals), or a role there ({ROLE}, {TOKEN_FILE})"
        raise ValueError(f"cloudwatch needs {NAMES[0]} and {NAMES[1]} in {where}")
    return Keys(access, secret, token)


def _declined(where: str, answer: "requests.Response") -> QueryError:
    """CloudWatch says in the body what kind of error it is; the status is 400 for most of them."""
    from metrics.providers.http_connection import declined, limited

    name, words = _error(answer.content)
    if name in THROTTLED:
        return limited(where, answer)
    if name in FOREIGN:
        return QueryError(Kind.REFUSED, f"{where} refuses access ({name}: {words}); check the credentials")
    return declined(where, answer, f"{name}: {words}" if name else "")


def _error(raw: bytes) -> tuple[str, str]:
    try:
        body = json.loads(raw)
    except ValueError:
        return "", ""
    told: Mapping[str, Any] = body if isinstance(body, dict) else {}
    name = str(told.get("__type") or told.get("code") or "").rpartition("#")[2]
    return name, " ".join(str(told.get("message") or told.get("Message") or "").split())[:300]
