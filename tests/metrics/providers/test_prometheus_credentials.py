"""A Prometheus behind a proxy that lets nobody in without credentials, or without trusting its certificate."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from metrics.analysis import Analyst
from metrics.providers import Kind, Providers, Sample
from metrics.providers.registry import MOST_SOURCES
from metrics.source import Source
from metrics.spec import MetricSpec, Subject
from metrics.verdict import Outcome
from tests.metrics.conftest import NOON, prometheus_with, window_of
from tests.metrics.providers.vendor import Request, Vendor, ask, error, make_certificate, vendor

ONE = {"status": "success", "data": {"resultType": "scalar", "result": [1, "1"]}}
REFUSED = (("token", "wrong"),)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return make_certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture
def prometheus() -> Iterator[Vendor]:
    with vendor() as each:
        each.says(ONE)
        yield each


@pytest.fixture
def encrypted(certificate: tuple[Path, Path]) -> Iterator[Vendor]:
    with vendor(certificate) as each:
        each.says(ONE)
        yield each


@pytest.mark.parametrize(
    ("credentials", "sent"),
    [
        ({"username": "me", "password": "secret\n"}, "Basic bWU6c2VjcmV0"),
        ({"token": "secret"}, "Bearer secret"),
        ({"token": "secret", "ca.crt": "PEM"}, "Bearer secret"),
    ],
)
async def test_credentials_and_headers_go_with_every_question(
    prometheus: Vendor, providers: Providers, credentials: dict[str, str], sent: str
) -> None:
    source = Source(
        address=prometheus.address, credentials=tuple(credentials.items()), headers=(("X-Scope-OrgID", "a"),)
    )
    for _ in range(2):
        assert await ask(providers, source, "up") == (Sample(1),)
    for request in prometheus.requests:
        assert request.path == "/api/v1/query"
        # Flagger's header grows with each question
        assert (request.headers["Authorization"], request.headers["X-Scope-OrgID"]) == (sent, "a")


async def test_a_netrc_file_of_the_machine_gives_no_credentials_away(
    prometheus: Vendor, providers: Providers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("default login machine password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setattr("metrics.providers.http_session.is_loopback", lambda _: False)
    await ask(providers, Source(address=prometheus.address, headers=(("X-A", "b"),)), "up")
    await ask(providers, Source(address=prometheus.address, credentials=(("token", "own"),)), "up")
    assert [each.headers.get("Authorization") for each in prometheus.requests] == [None, "Bearer own"]


@pytest.mark.parametrize(
    ("credentials", "says"),
    [
        ({"username": "me"}, "no password"),
        ({"password": "secret"}, "no username"),
        ({"token": "a", "password": "secret"}, "keep one of them"),
        ({"other": "secret"}, "neither token nor username and password"),
    ],
)
def test_a_secret_without_what_is_needed_is_refused_by_the_names_of_its_keys(
    providers: Providers, credentials: dict[str, str], says: str
) -> None:
    with pytest.raises(ValueError, match=says) as refused:
        providers.source_for(Source(address="http://prometheus:9090", credentials=tuple(credentials.items())))
    assert "secret" not in str(refused.value)


async def test_a_certificate_is_checked_by_the_given_authority(
    encrypted: Vendor, providers: Providers, certificate: tuple[Path, Path]
) -> None:
    trusting = Source(address=encrypted.address, ca=certificate[0].read_text())
    assert await ask(providers, trusting, "up") == (Sample(1),)
    assert await ask(providers, Source(address=encrypted.address, verify=False), "up") == (Sample(1),)

    suspicious = await error(providers, Source(address=encrypted.address))
    assert suspicious.kind is Kind.UNREACHABLE
    assert "certificate" in suspicious.message.lower()


async def test_another_authority_does_not_vouch(encrypted: Vendor, providers: Providers, tmp_path: Path) -> None:
    other, _ = make_certificate(tmp_path)
    found = await error(providers, Source(address=encrypted.address, ca=other.read_text()))
    assert (found.kind, "certificate" in found.message.lower()) == (Kind.UNREACHABLE, True)
    assert not encrypted.requests


async def test_the_same_holds_for_other_services(
    encrypted: Vendor, providers: Providers, certificate: tuple[Path, Path]
) -> None:
    encrypted.says({"a": 1})
    web = {"type": "web", "address": encrypted.address, "json_path": "$.a"}
    assert await ask(providers, Source(**web, ca=certificate[0].read_text()), "") == (Sample(1),)  # type: ignore[arg-type]
    assert (await error(providers, Source(**web))).kind is Kind.UNREACHABLE  # type: ignore[arg-type]


def test_an_authority_that_is_no_certificate_is_refused(providers: Providers) -> None:
    with pytest.raises(ValueError, match="no certificate in PEM"):
        providers.source_for(Source(address="https://prometheus", ca="hello"))


async def test_one_sources_failures_are_nobody_elses(prometheus: Vendor, providers: Providers) -> None:
    def gate(request: Request) -> Any:
        refused = "wrong" in request.headers.get("Authorization", "")
        prometheus.status = 503 if refused else 200
        return {} if refused else ONE

    prometheus.answer = gate
    for _ in range(7):
        await error(providers, Source(address=prometheus.address, credentials=REFUSED))
    assert await ask(providers, Source(address=prometheus.address), "up") == (Sample(1),)


def test_a_source_is_kept_while_it_is_used_and_forgotten_after(providers: Providers) -> None:
    def provider(number: int) -> object:
        return providers.source_for(Source(address="http://prometheus:9090", credentials=(("token", f"t{number}"),)))

    first = provider(0)
    for number in range(MOST_SOURCES - 1):
        provider(number)
    assert provider(0) is first
    for number in range(1, MOST_SOURCES + 1):
        provider(number)
    assert provider(0) is not first


def test_no_credential_shows_in_a_text_of_a_source() -> None:
    source = Source(address="http://p", credentials=(("token", "hunter2"),), headers=(("X-Key", "hunter2"),))
    assert "hunter2" not in repr(source) + repr(MetricSpec(name="errors", source=source))


OPENMETRICS = f'errors{{job="reviews"}} 7 {NOON.timestamp()}\n# EOF\n'


@pytest.mark.skipif(shutil.which("prometheus") is None, reason="no prometheus on PATH")
async def test_a_real_prometheus_behind_a_proxy_that_checks(
    prometheus: Vendor, providers: Providers, subject: Subject, tmp_path: Path
) -> None:
    with prometheus_with(OPENMETRICS, tmp_path) as address:

        def forward(request: Request) -> Any:
            if request.headers.get("Authorization") != "Bearer secret":
                prometheus.status = 401
                return "who are you?"
            answer = requests.get(address + request.path, params=dict(request.query), timeout=20)
            prometheus.status = answer.status_code
            return answer.text

        prometheus.answer = forward
        analyst = Analyst(providers.provider_for, source_for=providers.source_for, timeout=20)
        query = 'sum(errors{job="{{ target }}"}) + {{ variables.more }}'

        async def judged(token: str, query: str = query) -> Any:
            source = Source(address=prometheus.address, credentials=(("token", token),))
            spec = MetricSpec(name="errors", maximum=9, query=query, variables={"more": "1"}, source=source)
            return await analyst.metric(spec, subject, window_of(60, ending=NOON), server="http://nobody")

        passed = await judged("secret")
        assert (passed.outcome, passed.value) == (Outcome.PASS, 8)
        refused = await judged("wrong")
        assert refused.outcome is Outcome.ERROR
        assert "refuses access (HTTP 401); check its credentials" in refused.message
        wrong = await judged("secret", "sum(")
        assert (wrong.outcome, "refuses the query" in wrong.message) == (Outcome.ERROR, True)
