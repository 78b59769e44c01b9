"""Webhooks against real HTTP servers on loopback: what they are sent, and what each kind of answer means."""

import asyncio
import hashlib
import hmac
import json
import random
import ssl
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from ipaddress import ip_network

import pytest
from aiohttp import web

from delivery.api.hooks import Webhook
from delivery.cluster.contents import ContentError, Contents
from delivery.gates.payload import Occasion
from delivery.gates.webhooks import Webhooks
from delivery.outbound.caller import HttpCaller
from delivery.outbound.guard import Guard
from metrics.verdict import Outcome
from strategies.questions import Ask, Question
from strategies.spec import Analysis, RolloutSpec
from strategies.status import Farewell, Phase, Run, Status
from tests.metrics.providers.vendor import make_certificate

NOW = datetime(2024, 3, 1, 12, 0, tzinfo=UTC)
ASKED = Question(run="1a2b-xyz", step=1, kind=Ask.HOOK, name="load test", window=2, start=NOW, end=NOW, at=NOW)
SPEC = RolloutSpec(
    name="reviews", namespace="shop", analysis=Analysis(interval_seconds=60, step_weights=(10, 50, 80), threshold=3)
)
RUNNING = Status(
    phase=Phase.PROGRESSING,
    canary_weight=10,
    failed_checks=2,
    run=Run(id="1a2b-xyz", revision="v2-feed", started=NOW, step=0),
)


class Clock:
    def now(self):
        return NOW

    def monotonic(self):
        return 0.0


class Known(Contents):
    """Secrets and ConfigMaps by their names."""

    def __init__(self, known):
        self.known = known

    async def of(self, ref, *, named_by=""):
        if ref.name not in self.known:
            raise ContentError(f"{ref} does not exist; create it", reason="SecretNotFound")
        return self.known[ref.name]


class Receiver:
    """Somebody's service: keeps whole requests."""

    def __init__(self):
        self.requests, self.status, self.url, self.answer = [], 200, "", None

    async def handle(self, request):
        self.requests.append((request.path, dict(request.headers), await request.read()))
        if self.answer is not None:
            return await self.answer(request)
        return web.Response(status=self.status)

    @property
    def only(self):
        ((path, headers, body),) = self.requests
        return path, headers, body


@asynccontextmanager
async def receiving(certificate=None):
    receiver = Receiver()
    app = web.Application()
    app.router.add_post("/{tail:.*}", receiver.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    tls = None
    if certificate is not None:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(*certificate)
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
    receiver.url = f"http{'s' if tls else ''}://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield receiver
    finally:
        await runner.cleanup()


async def no_time(_):
    """A pause that is over."""


async def asked(hook, *, known=None, status=RUNNING, question=ASKED, guard=None, sleep=asyncio.sleep):
    guard = guard or Guard(allowed=(ip_network("127.0.0.0/8"),))
    async with HttpCaller(guard, rng=random.Random(1), sleep=sleep) as caller:
        hooks = Webhooks(caller, Known(known or {}), Clock())
        return await hooks.ask(Webhook.model_validate(hook), question, Occasion(spec=SPEC, status=status))


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return make_certificate(tmp_path_factory.mktemp("certificate"))


async def test_the_payload_is_what_flagger_sends():
    async with receiving() as receiver:
        metadata = {"cmd": "hey -z 1m http://reviews", "größe": "ä"}
        verdict = await asked({"name": "load test", "url": f"{receiver.url}/run", "metadata": metadata})
    path, headers, body = receiver.only
    assert (verdict.outcome, path) == (Outcome.PASS, "/run")
    assert headers["Content-Type"] == "application/json"
    assert json.loads(body) == {
        "name": "reviews",
        "namespace": "shop",
        "phase": "Progressing",
        "checksum": "v2-feed",
        "buildId": "1a2b-xyz",
        "type": "rollout",
        "failedChecks": 2,
        "canaryWeight": 10,
        "iterations": 0,
        "remainingTime": 180_000_000_000,
        "metadata": metadata,
    }


async def test_before_a_run_there_is_a_revision_and_no_run():
    async with receiving() as receiver:
        status = Status(phase=Phase.SUCCEEDED, revision="v1-face")
        question = Question(**{**_fields(ASKED), "run": "v2-feed", "step": -1})
        await asked({"name": "a", "url": receiver.url, "type": "confirm-rollout"}, status=status, question=question)
    said = json.loads(receiver.only[2])
    assert (said["phase"], said["checksum"], said["buildId"], said["remainingTime"]) == ("Waiting", "v2-feed", "", 0)


async def test_a_farewell_says_how_the_run_ended_whatever_has_begun_since():
    async with receiving() as receiver:
        ended = Farewell(run="1a2b-xyz", revision="v2-feed", phase=Phase.FAILED, at=NOW, hooks=("abcdef",))
        await asked(
            {"name": "a", "url": receiver.url, "type": "post-rollout"},
            status=Status(phase=Phase.PROGRESSING, farewell=ended),
        )
    said = json.loads(receiver.only[2])
    assert (said["phase"], said["checksum"], said["buildId"]) == ("Failed", "v2-feed", "1a2b-xyz")


async def test_headers_and_secrets_go_along():
    async with receiving() as receiver:
        known = {"hooks": {"token": "t0ken\n", "hmacKey": "k3y"}}
        hook = {
            "name": "a",
            "url": receiver.url,
            "headers": {"X-Team": "books"},
            "secretRef": {"name": "hooks"},
        }
        assert (await asked(hook, known=known)).outcome is Outcome.PASS
    _, headers, body = receiver.only
    assert headers["X-Team"] == "books"
    assert headers["Authorization"] == "Bearer t0ken"
    stamp = headers["X-Delivery-Timestamp"]
    expected = hmac.new(b"k3y", f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    assert stamp == str(int(NOW.timestamp()))
    assert headers["X-Delivery-Signature"] == f"sha256={expected}"


async def test_the_same_question_has_the_same_key_and_another_one_has_another():
    async with receiving() as receiver:
        hook = {"name": "load test", "url": receiver.url}
        for question in (ASKED, ASKED, Question(**{**_fields(ASKED), "window": 3})):
            await asked(hook, question=question)
    first, again, other = (headers["Idempotency-Key"] for _, headers, _ in receiver.requests)
    assert first == again == "shop/reviews/1a2b-xyz/1/load%20test/2-1709294400000"
    assert other != first


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, Outcome.PASS),
        (202, Outcome.PASS),
        (204, Outcome.PASS),
        (400, Outcome.FAIL),
        (403, Outcome.FAIL),
        (500, Outcome.FAIL),
        (429, Outcome.ERROR),
        (502, Outcome.ERROR),
        (503, Outcome.ERROR),
        (504, Outcome.ERROR),
    ],
)
async def test_what_an_answer_means(status, outcome):
    """In Flagger 204 is a failure, and so is a service that is away."""
    async with receiving() as receiver:
        receiver.status = status
        verdict = await asked({"name": "a", "url": receiver.url})
    assert verdict.outcome is outcome
    assert str(status) in verdict.message


async def test_a_hook_is_asked_again_as_often_as_it_says_and_under_the_same_key():
    async with receiving() as receiver:
        answers = iter([500, 503, 200])

        async def moody(_):
            return web.Response(status=next(answers))

        receiver.answer = moody
        verdict = await asked({"name": "a", "url": receiver.url, "retries": 2}, sleep=no_time)
    assert verdict.outcome is Outcome.PASS
    assert len({headers["Idempotency-Key"] for _, headers, _ in receiver.requests}) == 1
    assert len(receiver.requests) == 3


async def test_a_hook_without_retries_is_asked_once():
    async with receiving() as receiver:
        receiver.status = 500
        verdict = await asked({"name": "a", "url": receiver.url}, sleep=no_time)
    assert (verdict.outcome, len(receiver.requests)) == (Outcome.FAIL, 1)


async def test_no_answer_is_an_error():
    async with receiving() as receiver:
        url = receiver.url
    verdict = await asked({"name": "a", "url": url})
    assert verdict.outcome is Outcome.ERROR
    assert "cannot be reached" in verdict.message


async def test_a_slow_answer_is_none():
    release = asyncio.Event()

    async def slow(_):
        await release.wait()
        return web.Response()

    async with receiving() as receiver:
        receiver.answer = slow
        verdict = await asked({"name": "a", "url": receiver.url, "timeout": "200ms"})
        release.set()
    assert (verdict.outcome, "within 0.2 s" in verdict.message) == (Outcome.ERROR, True)


async def test_what_a_service_says_in_its_answer_is_shown_to_nobody():
    async def telling(_):
        return web.Response(status=403, text="password=hunter2")

    async with receiving() as receiver:
        receiver.answer = telling
        verdict = await asked({"name": "a", "url": f"{receiver.url}/s3cret?token=s3cret"})
    assert "hunter2" not in verdict.message
    assert "s3cret" not in verdict.message


async def test_a_redirect_to_a_refused_address_is_an_error_and_goes_nowhere():
    async def leading(_):
        return web.Response(status=307, headers={"Location": "http://169.254.169.254/latest/"})

    async with receiving() as receiver:
        receiver.answer = leading
        verdict = await asked({"name": "a", "url": receiver.url})
    assert (verdict.outcome, "link-local" in verdict.message) == (Outcome.ERROR, True)


async def test_a_login_page_opens_no_gate():
    async def login(_):
        return web.Response(status=302, headers={"Location": "/login"})

    async with receiving() as receiver:
        receiver.answer = login
        verdict = await asked({"name": "a", "url": receiver.url})
    assert (verdict.outcome, "redirects" in verdict.message) == (Outcome.FAIL, True)
    assert len(receiver.requests) == 1


async def test_loopback_is_refused_where_nobody_allowed_it():
    async with receiving() as receiver:
        verdict = await asked({"name": "a", "url": receiver.url}, guard=Guard())
    assert (verdict.outcome, "loopback" in verdict.message) == (Outcome.ERROR, True)
    assert receiver.requests == []


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ({}, "does not exist; create it"),
        ({"hooks": {"token": "two\nlines"}}, "Secret shop/hooks cannot be used"),
        ({"hooks": {"token": "two\nlines"}}, "correct its key token"),
        ({"hooks": {"password": "x"}}, "neither a key token nor a key hmacKey"),
        ({"hooks": {"token": "two\nlines"}}, "one line of printable ASCII"),
    ],
)
async def test_a_secret_that_cannot_be_used_is_an_error_and_nothing_is_sent(content, says):
    async with receiving() as receiver:
        verdict = await asked({"name": "a", "url": receiver.url, "secretRef": {"name": "hooks"}}, known=content)
    assert (verdict.outcome, says in verdict.message, receiver.requests) == (Outcome.ERROR, True, [])


async def test_a_certificate_is_checked_against_ones_own_authority(certificate):
    known = {"ca": {"ca.crt": certificate[0].read_text()}}
    async with receiving(certificate) as receiver:
        stranger = await asked({"name": "a", "url": receiver.url})
        trusted = await asked({"name": "a", "url": receiver.url, "caRef": {"name": "ca"}}, known=known)
        empty = await asked({"name": "a", "url": receiver.url, "caRef": {"name": "ca", "key": "no"}}, known=known)
    assert (stranger.outcome, trusted.outcome, empty.outcome) == (Outcome.ERROR, Outcome.PASS, Outcome.ERROR)
    assert "has no key no" in empty.message


async def test_any_certificate_will_do_when_that_is_said(certificate):
    async with receiving(certificate) as receiver:
        verdict = await asked({"name": "a", "url": receiver.url, "disableTLS": True})
    assert verdict.outcome is Outcome.PASS


def _fields(question):
    names = ("run", "step", "kind", "name", "window", "start", "end", "at")
    return {name: getattr(question, name) for name in names}
