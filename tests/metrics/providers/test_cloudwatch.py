"""CloudWatch: what is sent, as its API reference has it, and who may read it."""

import hashlib
import hmac
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from metrics.providers import Kind, Providers, Sample
from metrics.providers.aws_signature import Keys, signed, signing_key
from metrics.source import Source
from tests.metrics.conftest import ManualClock
from tests.metrics.providers.vendor import END, START, Request, Vendor, ask, error, vendor

KEYS = {"aws_access_key_id": "AKIDEXAMPLE", "aws_secret_access_key": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}
QUERY = """
[
  {"Id": "e1", "Expression": "m1 / m2", "Label": "error rate"},
  {"Id": "m1", "ReturnData": false, "MetricStat": {
     "Metric": {"Namespace": "Shop", "MetricName": "Errors", "Dimensions": [{"Name": "app", "Value": "reviews"}]},
     "Period": 60, "Stat": "Sum"}}
]
"""


@pytest.fixture
def cloudwatch() -> Iterator[Vendor]:
    with vendor() as each:
        yield each


def source(server: Vendor, **keys: str) -> Source:
    return Source(
        type="cloudwatch", region="eu-west-1", address=server.address, credentials=tuple({**KEYS, **keys}.items())
    )


def answered(*values: float, status: str = "Complete") -> dict[str, Any]:
    times = [END.timestamp() - 60 * number for number in range(len(values))]
    result = {"Id": "e1", "Label": "error rate", "StatusCode": status, "Timestamps": times, "Values": list(values)}
    return {"MetricDataResults": [result], "Messages": []}


def expected_signature(sent: Request, secret: str) -> str:
    """The signature of a request that was received, reckoned from what it says of itself (AWS, SigV4)."""
    found = re.fullmatch(
        r"AWS4-HMAC-SHA256 Credential=\w+/(\d+)/([\w-]+)/(\w+)/aws4_request, SignedHeaders=([\w;-]+), Signature=(\w+)",
        sent.headers["Authorization"],
    )
    assert found is not None, sent.headers
    day, region, service, names = found.groups()[:4]
    received = {name.lower(): value for name, value in sent.headers.items()}
    head = "".join(f"{name}:{received[name]}\n" for name in names.split(";"))
    payload = hashlib.sha256(sent.body).hexdigest()
    request = f"{sent.method}\n{sent.path}\n\n{head}\n{names}\n{payload}"
    digest = hashlib.sha256(request.encode()).hexdigest()
    to_sign = f"AWS4-HMAC-SHA256\n{received['x-amz-date']}\n{day}/{region}/{service}/aws4_request\n{digest}"
    return hmac.new(signing_key(secret, day, region, service), to_sign.encode(), hashlib.sha256).hexdigest()


async def test_the_query_is_a_signed_get_metric_data_of_the_window(cloudwatch: Vendor, providers: Providers) -> None:
    cloudwatch.says(answered(0.5, 0.1))

    assert await ask(providers, source(cloudwatch, aws_session_token="temporary"), QUERY) == (
        Sample(0.5, {"id": "e1"}),
    )
    sent = cloudwatch.asked
    assert (sent.method, sent.path) == ("POST", "/")
    assert sent.headers["X-Amz-Target"] == "GraniteServiceVersion20100801.GetMetricData"
    assert sent.headers["Content-Type"] == "application/x-amz-json-1.0"
    assert sent.headers["X-Amz-Security-Token"] == "temporary"
    assert json.loads(sent.body) == {
        "MetricDataQueries": json.loads(QUERY),
        "StartTime": START.timestamp(),
        "EndTime": END.timestamp(),
        "ScanBy": "TimestampDescending",
    }
    signature = sent.headers["Authorization"].rpartition("Signature=")[2]
    assert "/eu-west-1/monitoring/aws4_request, SignedHeaders=content-type;host;" in sent.headers["Authorization"]
    assert signature == expected_signature(sent, KEYS["aws_secret_access_key"])
    assert signature != expected_signature(sent, "another key")


@pytest.mark.parametrize(
    ("method", "signature"),
    [
        ("GET", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        ("POST", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
    ],
)
def test_the_signature_is_that_of_the_published_test_suite(method: str, signature: str) -> None:
    """Its cases get-vanilla and post-vanilla."""
    headers = signed(
        Keys(*KEYS.values()),
        method=method,
        url="https://example.amazonaws.com/",
        headers={},
        body=b"",
        region="us-east-1",
        service="service",
        at=datetime(2015, 8, 30, 12, 36, tzinfo=UTC),
    )
    assert headers["Authorization"] == (
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
        f"SignedHeaders=host;x-amz-date, Signature={signature}"
    )


async def test_no_values_are_an_empty_answer(cloudwatch: Vendor, providers: Providers) -> None:
    cloudwatch.says(answered())
    assert await ask(providers, source(cloudwatch), QUERY) == ()


def fault(name: str, message: str) -> dict[str, str]:
    return {"__type": f"com.amazonaws.cloudwatch.v2010_08_01#{name}", "message": message}


@pytest.mark.parametrize(
    ("status", "body", "kind", "says"),
    [
        (400, fault("InvalidParameterValue", "Period must be"), Kind.REFUSED, "InvalidParameterValue: Period must be"),
        (403, fault("AccessDenied", "User is not"), Kind.REFUSED, "check the credentials"),
        (400, fault("SignatureDoesNotMatch", "The request"), Kind.REFUSED, "check the credentials"),
        (500, fault("InternalServiceFault", "oops"), Kind.UNREACHABLE, "oops"),
        (503, "<html>", Kind.UNREACHABLE, "HTTP 503"),
        (200, {"hello": 1}, Kind.NOT_PROMETHEUS, "not answer as CloudWatch"),
        (200, answered(1, status="InternalError"), Kind.UNREACHABLE, "InternalError of e1"),
        (200, answered(1, status="Forbidden"), Kind.REFUSED, "Forbidden of e1"),
        (200, {"MetricDataResults": [{"Id": "a", "Values": ["x"]}]}, Kind.SHAPE, "no numbers"),
    ],
)
async def test_an_error_is_told_with_cloudwatchs_words(
    cloudwatch: Vendor, providers: Providers, status: int, body: Any, kind: Kind, says: str
) -> None:
    cloudwatch.says(body, status=status)
    found = await error(providers, source(cloudwatch), QUERY)
    assert (found.kind, says in found.message) == (kind, True), found.message
    assert KEYS["aws_secret_access_key"] not in found.message


async def test_throttling_is_a_400_that_asks_for_patience(
    cloudwatch: Vendor, providers: Providers, clock: ManualClock
) -> None:
    cloudwatch.says(fault("Throttling", "Rate exceeded"), status=400, Retry_After="7")
    await error(providers, source(cloudwatch), QUERY)
    assert "asked again in 7 s" in (await error(providers, source(cloudwatch), QUERY)).message
    assert len(cloudwatch.requests) == 1
    clock.now += 8
    cloudwatch.says(answered(1))
    assert await ask(providers, source(cloudwatch), QUERY) == (Sample(1, {"id": "e1"}),)


@pytest.mark.parametrize("query", ["sum(x)", "{}", "[]", "[1]", "[" * 100_000])
async def test_a_query_that_is_no_list_of_queries_is_not_sent(
    cloudwatch: Vendor, providers: Providers, query: str
) -> None:
    assert (await error(providers, source(cloudwatch), query)).kind is Kind.SHAPE
    assert not cloudwatch.requests


async def test_without_a_secret_the_controllers_own_environment_signs(
    cloudwatch: Vendor, providers: Providers, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = Source(type="cloudwatch", region="eu-west-1", address=cloudwatch.address)
    for name in KEYS:
        monkeypatch.delenv(name.upper(), raising=False)
    with pytest.raises(
        ValueError, match="aws_access_key_id and aws_secret_access_key in a Secret, or the controller's"
    ):
        providers.source_for(own)
    for name, value in KEYS.items():
        monkeypatch.setenv(name.upper(), value)
    cloudwatch.says(answered(1))
    assert await ask(providers, own, QUERY) == (Sample(1, {"id": "e1"}),)
    assert "Credential=AKIDEXAMPLE/" in cloudwatch.asked.headers["Authorization"]


def test_half_a_secret_is_named_and_not_completed_from_elsewhere(
    providers: Providers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "of the controller")
    with pytest.raises(ValueError, match="in its Secret"):
        providers.source_for(Source(type="cloudwatch", region="eu-west-1", credentials=(("aws_access_key_id", "A"),)))
    with pytest.raises(ValueError, match="needs a region"):
        providers.source_for(Source(type="cloudwatch", credentials=tuple(KEYS.items())))
