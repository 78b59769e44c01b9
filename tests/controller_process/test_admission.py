"""The admission webhook, asked over real HTTPS the way an API server asks."""

import asyncio
import base64
import json
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import jsonpatch  # type: ignore[import-untyped]
import pytest

from delivery.api.commands import COMMAND
from delivery.cluster.objects import APPROVALS, FREEZES, Kind, Object
from delivery.controller import operator
from delivery.controller.doorbell import Doorbell, Stamp
from delivery.controller.settings import Settings
from delivery.gates.seal import Seal
from delivery.gates.stamping import SPEAKER, speaker, stamp
from tests.controller_process.api_server import KINDS, SAID, ApiServer

LIMIT = 20.0


def make_certificate(folder: Path, name: str = "tls") -> tuple[str, str]:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("there is no program openssl to make a certificate with")
    certificate, key = folder / f"{name}.crt", folder / f"{name}.key"
    command = [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-keyout", str(key), "-out", str(certificate), "-days", "2", "-subj", f"/CN={name}"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(command, check=True, capture_output=True, timeout=30)
    return str(certificate), str(key)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    return make_certificate(tmp_path_factory.mktemp("certificate"))


def validate(body: Object) -> list[str]:
    """Stands for the rules of the API room, of which this part knows nothing."""
    weight = body["spec"].get("weight", 0)
    if weight == "bug":
        raise RuntimeError("a bug in a rule")
    if isinstance(weight, int) and 0 <= weight <= 100:
        return []
    return [f"spec.weight: {weight!r} given, allowed: 0 to 100"]


def advise(body: Object) -> list[str]:
    """Stands for what the API room has to say about an object that is let in."""
    weight = body["spec"].get("weight", 0)
    if weight == 13:
        raise RuntimeError("a bug in an advice")
    return ["spec.weight: 100 leaves nothing to compare with"] if weight == 100 else []


class Webhook:
    """Asks the webhook."""

    def __init__(self, url: str, certificate: str) -> None:
        self.url = url
        self.trust = ssl.create_default_context(cafile=certificate)

    async def ask(
        self,
        new: dict[str, Any] | None,
        old: dict[str, Any] | None = None,
        *,
        operation: str = "CREATE",
        plural: str = "canaries",
    ) -> dict[str, Any]:
        kind = {"group": "progressive.delivery", "version": "v1beta1", "kind": (KINDS | SAID)[plural]}
        request = {
            "uid": "u-1",
            "kind": kind,
            "resource": {"group": "progressive.delivery", "version": "v1beta1", "resource": plural},
            "namespace": "shop",
            "name": "reviews",
            "operation": operation,
            "userInfo": {"username": "me"},
            "object": new,
            "oldObject": old,
            "dryRun": False,
        }
        review = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request}
        limit = aiohttp.ClientTimeout(total=LIMIT)
        async with (
            aiohttp.ClientSession(timeout=limit) as session,
            session.post(self.url, json=review, ssl=self.trust) as answer,
        ):
            body = await answer.json()
        assert body["response"]["uid"] == "u-1"
        response: dict[str, Any] = body["response"]
        return response


def manifest(weight: object, plural: str = "canaries", **meta: object) -> dict[str, Any]:
    return {
        "apiVersion": "progressive.delivery/v1beta1",
        "kind": (KINDS | SAID)[plural],
        "metadata": {"namespace": "shop", "name": "reviews", "uid": "u-9", **meta},
        "spec": {"weight": weight},
    }


@asynccontextmanager
async def asking(
    folder: Path, certificate: tuple[str, str], stamp: Stamp = lambda kind, body, old, user: {}
) -> AsyncIterator[tuple[Webhook, Doorbell, ApiServer]]:
    async with ApiServer().serving() as server:
        settings = Settings.parse(
            {
                "kubeconfig": server.kubeconfig(folder),
                "listen": "127.0.0.1:0",
                "admission_cert": certificate[0],
                "admission_key": certificate[1],
                "admission_port": 0,
            }
        )
        doorbell = Doorbell(lambda key: None, settings, validate=validate, advise=advise, stamp=stamp)
        task = asyncio.ensure_future(doorbell.run())
        try:
            async with asyncio.timeout(LIMIT):
                url = await doorbell.admission_url()
            yield Webhook(url, certificate[0]), doorbell, server
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize("plural", [*KINDS, *SAID])
async def test_a_wrong_manifest_is_refused_with_field_given_and_allowed(
    tmp_path: Path, certificate: tuple[str, str], plural: str
) -> None:
    async with asking(tmp_path, certificate) as (webhook, _, _):
        assert (await webhook.ask(manifest(50, plural), plural=plural))["allowed"] is True
        refused = await webhook.ask(manifest(101, plural), plural=plural)
    assert refused["allowed"] is False
    assert refused["status"]["message"] == "spec.weight: 101 given, allowed: 0 to 100"
    assert refused["status"]["code"] == 422


async def test_what_the_author_should_know_comes_with_the_answer(tmp_path: Path, certificate: tuple[str, str]) -> None:
    async with asking(tmp_path, certificate) as (webhook, _, _):
        answers = [await webhook.ask(manifest(weight)) for weight in (50, 100, 13)]
    assert [answer["allowed"] for answer in answers] == [True, True, True]
    assert [answer.get("warnings") for answer in answers] == [
        None,
        ["spec.weight: 100 leaves nothing to compare with"],
        None,
    ]


async def test_an_update_is_judged_by_what_it_makes(tmp_path: Path, certificate: tuple[str, str]) -> None:
    async with asking(tmp_path, certificate) as (webhook, _, _):
        good = await webhook.ask(manifest(60), manifest(101), operation="UPDATE")
        bad = await webhook.ask(manifest(101), manifest(50), operation="UPDATE")
    assert good["allowed"] is True
    assert bad["allowed"] is False


async def test_nobody_is_kept_from_an_object_that_was_let_in_before(
    tmp_path: Path, certificate: tuple[str, str]
) -> None:
    """Given a Canary that is wrong by today's rules, its labels and finalizers can be changed and it can go."""
    async with asking(tmp_path, certificate) as (webhook, _, _):
        labelled = await webhook.ask(manifest(101, labels={"a": "b"}), manifest(101), operation="UPDATE")
        going = manifest(102, deletionTimestamp="2030-01-01T00:00:00Z")
        finalized = await webhook.ask(going, manifest(101), operation="UPDATE")
        deleted = await webhook.ask(None, manifest(101), operation="DELETE")
    assert [answer["allowed"] for answer in (labelled, finalized, deleted)] == [True, True, True]


async def test_a_fault_of_our_own_lets_the_object_in(tmp_path: Path, certificate: tuple[str, str]) -> None:
    async with asking(tmp_path, certificate) as (webhook, _, _):
        assert (await webhook.ask(manifest("bug")))["allowed"] is True


def written(answer: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
    """The object with the patch of an answer."""
    patch = json.loads(base64.b64decode(answer["patch"]))
    return dict(jsonpatch.apply_patch(body, patch))


@pytest.mark.parametrize(("plural", "kind"), [("approvals", APPROVALS), ("freezes", FREEZES)])
async def test_who_says_something_is_written_over_whatever_they_claim(
    tmp_path: Path, certificate: tuple[str, str], plural: str, kind: Kind
) -> None:
    seal = Seal(certificate[1])
    said = manifest(50, plural)
    said["spec"] |= {"user": "somebody-else", "signature": "forged", "reason": "fine"}
    async with asking(tmp_path, certificate, partial(stamp, seal)) as (webhook, _, _):
        webhook.url = webhook.url.replace("/validate", "/stamp")
        answer = await webhook.ask(said, plural=plural)
    assert answer["allowed"] is True
    body = written(answer, said)
    assert (body["spec"]["user"], body["spec"]["reason"]) == ("me", "fine")
    assert seal.vouches(body, kind)
    assert not seal.vouches({**body, "spec": {**body["spec"], "user": "you"}}, kind)


async def test_without_a_readable_key_a_word_is_let_in_as_a_claim(
    tmp_path: Path, certificate: tuple[str, str]
) -> None:
    said = manifest(50, "approvals")
    async with asking(tmp_path, certificate, partial(stamp, Seal(str(tmp_path / "gone")))) as (webhook, _, _):
        webhook.url = webhook.url.replace("/validate", "/stamp")
        answer = await webhook.ask(said, plural="approvals")
    assert answer["allowed"] is True
    body = written(answer, said)
    assert body["spec"]["user"] == "me"
    assert not Seal(certificate[1]).vouches(body, APPROVALS)


def commanded(text: str = '{"id":"a","verb":"pause","by":"somebody-else"}') -> dict[str, Any]:
    return manifest(50, annotations={COMMAND: text, "a/b~c": "kept"})


async def test_who_gives_a_command_is_written_beside_it(tmp_path: Path, certificate: tuple[str, str]) -> None:
    """What the author wrote stays: a tool that keeps the Canary like its file has nothing to repair."""
    seal, said = Seal(certificate[1]), commanded()
    async with asking(tmp_path, certificate, partial(stamp, seal)) as (webhook, _, _):
        webhook.url = webhook.url.replace("/validate", "/stamp")
        given = await webhook.ask(said, manifest(50), operation="UPDATE")
        at_once = await webhook.ask(said)
        same = await webhook.ask(said, said, operation="UPDATE")
        silent = await webhook.ask(manifest(50), said, operation="UPDATE")
    assert [answer["allowed"] for answer in (given, at_once, same, silent)] == [True] * 4
    for answer in (given, at_once):
        body = written(answer, said)
        assert speaker(seal, body) == "me"
        assert {name: text for name, text in body["metadata"]["annotations"].items() if name != SPEAKER} == (
            said["metadata"]["annotations"]
        )
    assert "patch" not in same
    assert "patch" not in silent


async def test_the_webhook_comes_back_with_kopf(tmp_path: Path, certificate: tuple[str, str]) -> None:
    async with asking(tmp_path, certificate) as (webhook, doorbell, server):
        async with asyncio.timeout(LIMIT):
            await server.watched(3)
        server.break_watches(500)
        async with asyncio.timeout(LIMIT):
            webhook.url = await doorbell.admission_url(after=webhook.url)
        assert (await webhook.ask(manifest(101)))["allowed"] is False


def test_what_kopf_would_do_to_the_process_is_switched_off() -> None:
    wiring = operator.Wiring(
        login=None,  # type: ignore[arg-type] - not called here
        ring=lambda kind, key: None,
        namespace=None,
        validate=validate,
        advise=advise,
        stamp=lambda kind, body, old, user: {},
        admission=None,
        host="",
        listening=lambda url: None,
    )
    settings = operator._settings(wiring)
    assert settings.process.ultimate_exiting_timeout is None
    assert settings.posting.enabled is False
    assert settings.scanning.disabled is True
    assert settings.admission.server is None
    assert settings.admission.managed is None
