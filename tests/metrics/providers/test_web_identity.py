"""CloudWatch asked with the role of the controller's pod: a token from a file becomes keys that end."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from metrics.providers import Kind, Providers, QueryError, Sample
from metrics.providers.aws_signature import Keys
from metrics.providers.aws_web_identity import WebIdentity
from metrics.source import Source
from tests.metrics.providers.test_cloudwatch import QUERY, answered, expected_signature
from tests.metrics.providers.vendor import Vendor, ask, error, vendor

ROLE = "arn:aws:iam::123456789012:role/delivery"
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SECRET = "wJalrXUtnFEMI"


def lent(until: datetime, number: int = 1) -> str:
    """The answer of the API reference's example, with other values."""
    return f"""<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <AssumeRoleWithWebIdentityResult>
    <Credentials>
      <SessionToken>session-{number}</SessionToken>
      <SecretAccessKey>{SECRET}</SecretAccessKey>
      <Expiration>{until.strftime("%Y-%m-%dT%H:%M:%SZ")}</Expiration>
      <AccessKeyId>ASIA{number}</AccessKeyId>
    </Credentials>
  </AssumeRoleWithWebIdentityResult>
</AssumeRoleWithWebIdentityResponse>"""


def fault(name: str, message: str) -> str:
    told = f"<Type>Sender</Type><Code>{name}</Code><Message>{message}</Message>"
    return f"<ErrorResponse><Error>{told}</Error></ErrorResponse>"


@pytest.fixture
def sts() -> Iterator[Vendor]:
    with vendor() as each:
        yield each


@pytest.fixture
def environment(sts: Vendor, tmp_path: Path) -> dict[str, str]:
    (tmp_path / "token").write_text("first.token\n")
    return {
        "AWS_ROLE_ARN": ROLE,
        "AWS_WEB_IDENTITY_TOKEN_FILE": str(tmp_path / "token"),
        "AWS_ENDPOINT_URL_STS": sts.address,
    }


@pytest.fixture
def inside(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def cloudwatch() -> Iterator[Vendor]:
    with vendor() as each:
        each.says(answered(0.5))
        yield each


def source(server: Vendor) -> Source:
    return Source(type="cloudwatch", region="eu-west-1", address=server.address)


@pytest.mark.usefixtures("inside")
async def test_the_roles_keys_sign_and_are_fetched_once(sts: Vendor, cloudwatch: Vendor, providers: Providers) -> None:
    sts.says(lent(datetime.now(UTC) + timedelta(hours=1)), Content_Type="text/xml")

    for _ in range(3):
        assert await ask(providers, source(cloudwatch), QUERY) == (Sample(0.5, {"id": "e1"}),)

    asked = sts.asked
    assert (asked.method, asked.path) == ("POST", "/")
    assert {name: value[0] for name, value in parse_qs(asked.body.decode()).items()} == {
        "Action": "AssumeRoleWithWebIdentity",
        "Version": "2011-06-15",
        "RoleArn": ROLE,
        "RoleSessionName": "progressive-delivery",
        "WebIdentityToken": "first.token",
    }
    assert "Authorization" not in asked.headers
    for sent in cloudwatch.requests:
        assert sent.headers["X-Amz-Security-Token"] == "session-1"
        assert "Credential=ASIA1/" in sent.headers["Authorization"]
        assert sent.headers["Authorization"].rpartition("Signature=")[2] == expected_signature(sent, SECRET)
        assert "first.token" not in str(sent), "the token is for the token service alone"


def test_keys_are_fetched_again_before_they_end_with_the_token_of_then(
    sts: Vendor, environment: dict[str, str], tmp_path: Path
) -> None:
    now = NOW
    identity = WebIdentity(environment, "eu-west-1", now=lambda: now)
    sts.says(lent(NOW + timedelta(hours=1)))
    assert identity.keys(5.0) == Keys("ASIA1", SECRET, "session-1")
    now = NOW + timedelta(minutes=54)
    identity.keys(5.0)
    assert len(sts.requests) == 1

    (tmp_path / "token").write_text("second.token")
    sts.says(lent(NOW + timedelta(hours=2), 2))
    now = NOW + timedelta(minutes=55)

    assert identity.keys(5.0) == Keys("ASIA2", SECRET, "session-2")
    assert parse_qs(sts.requests[-1].body.decode())["WebIdentityToken"] == ["second.token"]


@pytest.mark.parametrize(
    ("status", "body", "kind", "says"),
    [
        (400, fault("ExpiredTokenException", "Token expired"), Kind.REFUSED, "ExpiredTokenException: Token expired"),
        (403, fault("AccessDenied", "Not authorized"), Kind.REFUSED, "check the role's trust policy"),
        (400, fault("Throttling", "Rate exceeded"), Kind.UNREACHABLE, "limits how often"),
        (503, "<html>", Kind.UNREACHABLE, "HTTP 503"),
        (200, "{}", Kind.NOT_PROMETHEUS, "AWS_ENDPOINT_URL_STS"),
        (200, lent(NOW).replace("<SessionToken>session-1", "<SessionToken>"), Kind.NOT_PROMETHEUS, "token service"),
        (200, lent(NOW).replace("Z</Exp", "</Exp"), Kind.NOT_PROMETHEUS, "token service"),
    ],
)
@pytest.mark.usefixtures("inside")
async def test_without_keys_nobody_is_asked_and_it_is_said_why(
    sts: Vendor, cloudwatch: Vendor, providers: Providers, status: int, body: str, kind: Kind, says: str
) -> None:
    sts.says(body, status=status)

    found = await error(providers, source(cloudwatch), QUERY)

    assert (found.kind, says in found.message) == (kind, True), found.message
    assert "first.token" not in found.message
    assert SECRET not in found.message
    assert not cloudwatch.requests


@pytest.mark.parametrize(("content", "says"), [(None, "cannot be read"), (b"", "is empty"), (b"\xff\xfe", "no text")])
def test_a_token_that_is_not_there_is_an_error_that_names_the_variable(
    environment: dict[str, str], tmp_path: Path, content: bytes | None, says: str
) -> None:
    (tmp_path / "token").unlink()
    if content is not None:
        (tmp_path / "token").write_bytes(content)

    with pytest.raises(QueryError, match=says) as caught:
        WebIdentity(environment, "eu-west-1").keys(5.0)

    assert "AWS_WEB_IDENTITY_TOKEN_FILE" in caught.value.message


@pytest.mark.usefixtures("inside")
async def test_keys_of_a_secret_or_the_environment_come_before_the_role(
    sts: Vendor, cloudwatch: Vendor, providers: Providers, monkeypatch: pytest.MonkeyPatch
) -> None:
    own: dict[str, Any] = {"aws_access_key_id": "AKIDOWN", "aws_secret_access_key": "own"}
    secret = Source(type="cloudwatch", region="eu-west-1", address=cloudwatch.address, credentials=tuple(own.items()))
    await ask(providers, secret, QUERY)
    for name, value in own.items():
        monkeypatch.setenv(name.upper(), value)
    await ask(providers, source(cloudwatch), QUERY)

    assert not sts.requests
    assert all("Credential=AKIDOWN/" in each.headers["Authorization"] for each in cloudwatch.requests)


@pytest.mark.parametrize(
    ("region", "host"),
    [("eu-west-1", "sts.eu-west-1.amazonaws.com"), ("cn-north-1", "sts.cn-north-1.amazonaws.com.cn")],
)
def test_the_token_service_is_that_of_the_region(environment: dict[str, str], region: str, host: str) -> None:
    del environment["AWS_ENDPOINT_URL_STS"]

    assert WebIdentity(environment, region).address == f"https://{host}"
