"""People's words on a real API server: what it keeps, whom it lets speak, and a release that waits for them."""

import asyncio
import base64
import json
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from delivery.api.commands import COMMAND
from delivery.api.parse import parse_approval, parse_canary
from delivery.api.status import dump, load
from delivery.cluster.kubernetes import KubernetesApi
from delivery.cluster.objects import APPROVALS, CANARIES, FREEZES, Kind, Ref
from delivery.controller.doorbell import Doorbell
from delivery.controller.settings import Settings
from delivery.gates import freezing, speaking
from delivery.gates.seal import Seal
from delivery.gates.stamping import speaker, stamp
from strategies.gates import GateKind, GateRecord, Word
from strategies.status import Past, Phase, Result, Status, Waiting
from tests.cluster.harness.control_plane import ControlPlane
from tests.cluster.harness.kubectl import Kubectl, KubectlError
from tests.cluster.harness.stage import V1, V2, Stage
from tests.cluster.harness.telling import together
from tests.cluster.harness.waiting import eventually, until
from tests.cluster.test_crds import canary
from tests.controller_process.test_admission import make_certificate

MUTATING = Kind(
    "admissionregistration.k8s.io", "v1", "MutatingWebhookConfiguration", "mutatingwebhookconfigurations", False
)

SAID = {
    "canary": "reviews", "run": "a1b2c3-x", "revision": "v2-a1b2c3d4e5f6", "gate": "sign-off", "step": 2,
    "decision": "approve", "reason": "fine", "user": "jane", "signature": "f" * 64,
}  # fmt: skip
GATE = {"name": "sign-off", "before": "promotion", "approval": {}, "timeoutSeconds": 600, "onTimeout": "rollback"}
WINDOWS = {
    "allow": [{"cron": "0 9 * * 1-5", "durationSeconds": 28800}],
    "deny": [{"cron": "0 0 24 12 *", "durationSeconds": 259200}],
    "timeZone": "Europe/Berlin",
    "appliesTo": "increase",
    "onClose": "hold",
}


def approval(name: str = "word", **spec: Any) -> dict[str, Any]:
    given = {"apiVersion": APPROVALS.api_version, "kind": APPROVALS.kind, "metadata": {"name": name}}
    return {**given, "spec": {**SAID, **spec}}


# -- what is stored


@pytest.mark.usefixtures("crds")
async def test_a_word_is_stored_as_it_was_said_and_shown(api: KubernetesApi, kubectl: Kubectl, namespace: str) -> None:
    await kubectl.apply(approval())
    stored = await api.get(Ref(APPROVALS, namespace, "word"))
    assert parse_approval(stored).spec.as_json() == SAID
    answered = {"state": "Accepted", "message": "open", "answered": "2026-01-01T00:00:00.000001Z"}
    op = {"op": "add", "path": "/status", "value": answered}
    kept = await api.patch(Ref(APPROVALS, namespace, "word"), [op], subresource="status")
    assert kept["status"] == answered
    shown = await kubectl("get", "approvals")
    assert all(word in shown for word in ("reviews", "sign-off", "approve", "Accepted", "jane"))


@pytest.mark.usefixtures("crds")
@pytest.mark.parametrize(
    ("changes", "field"),
    [({"decision": "maybe"}, "spec.decision"), ({"reason": ""}, "spec.reason"), ({"gate": "Sign off"}, "spec.gate"),
     ({"step": 0}, "spec.step"), ({"run": None}, "spec.run")],
)  # fmt: skip
async def test_what_says_nothing_is_refused_by_the_server(
    kubectl: Kubectl, namespace: str, changes: dict[str, Any], field: str
) -> None:
    with pytest.raises(KubectlError) as refusal:
        await kubectl.apply(approval(**changes))
    assert field in str(refusal.value)


@pytest.mark.usefixtures("crds")
async def test_gates_and_windows_are_stored_as_written(api: KubernetesApi, kubectl: Kubectl, namespace: str) -> None:
    await kubectl.apply(canary(rolloutWindows=WINDOWS, analysis={"gates": [GATE]}))
    stored = await api.get(Ref(CANARIES, namespace, "reviews"))
    assert stored["spec"]["rolloutWindows"] == WINDOWS
    assert stored["spec"]["analysis"]["gates"] == [GATE]
    assert parse_canary(stored).spec.rollout_windows is not None
    with pytest.raises(KubectlError, match="rolloutWindows"):
        await kubectl.apply(canary(rolloutWindows={**WINDOWS, "allow": [{"cron": "0 9", "durationSeconds": 60}]}))
    with pytest.raises(KubectlError, match="onTimeout"):
        await kubectl.apply(canary(analysis={"gates": [{**GATE, "onTimeout": "panic"}]}))


@pytest.mark.usefixtures("crds")
async def test_what_was_said_comes_back_from_the_status(api: KubernetesApi, kubectl: Kubectl, namespace: str) -> None:
    await kubectl.apply(canary())
    at = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC)
    record = GateRecord(gate="a", of="run", word=Word.DENIED, at=at, by="jane", reason="no", step=2, approval="word")
    past = Past(id="x", revision="v", started=at, ended=at, result=Result.PROMOTED, reason="Promoted", gates=(record,))
    waiting = Waiting(
        before=GateKind.PROMOTION, of="run", step=2, since=at, gates=("approval/a",), message="approve it"
    )
    status = Status(phase=Phase.WAITING_PROMOTION, waiting=waiting, gates=(record,), history=(past,))
    op = {"op": "add", "path": "/status", "value": dump(status)}
    kept = await api.patch(Ref(CANARIES, namespace, "reviews"), [op], subresource="status")
    assert load(kept["status"]) == status


# -- who may speak


@pytest.mark.usefixtures("crds")
async def test_whoever_may_not_speak_is_refused_and_whoever_may_is_let_in(kubectl: Kubectl, namespace: str) -> None:
    body = json.dumps(approval())
    with pytest.raises(KubectlError, match='cannot create resource "approvals"'):
        await kubectl("create", "--validate=false", "--as=jane", "-f", "-", stdin=body)

    await kubectl("create", "role", "approver", "--verb=create", "--resource=approvals.progressive.delivery")
    await kubectl("create", "rolebinding", "approver", "--role=approver", "--user=jane")
    await kubectl("create", "--validate=false", "--as=jane", "-f", "-", stdin=body)
    with pytest.raises(KubectlError, match='cannot delete resource "approvals"'):
        await kubectl("delete", "--as=jane", "approval/word")
    now = datetime.now(UTC)
    freeze = freezing.freeze(namespace, now + timedelta(hours=1), "x", "jane", now)
    with pytest.raises(KubectlError, match='cannot create resource "freezes"'):
        await kubectl("create", "--validate=false", "--as=jane", "-f", "-", stdin=json.dumps(freeze))


@pytest.mark.usefixtures("crds")
async def test_the_webhook_writes_and_seals_who_it_was(
    control_plane: ControlPlane, api: KubernetesApi, kubectl: Kubectl, namespace: str, tmp_path: Path
) -> None:
    certificate, key = make_certificate(tmp_path)
    given = {"kubeconfig": str(control_plane.kubeconfig()), "listen": "127.0.0.1:0", "namespace": namespace,
             "admission_cert": certificate, "admission_key": key, "admission_port": 0}  # fmt: skip
    doorbell = Doorbell(lambda _: None, Settings.parse(given), stamp=partial(stamp, Seal(key)))
    running = asyncio.ensure_future(doorbell.run())
    configured = Ref(MUTATING, "", f"stamp-{namespace}")
    try:
        async with asyncio.timeout(30):
            url = await doorbell.admission_url()
        await kubectl("label", "namespace", namespace, f"story={namespace}")
        await api.create(configured, stamping(url.replace("/validate", "/stamp"), certificate, namespace))
        await kubectl("create", "role", "approver", "--verb=create", "--resource=approvals.progressive.delivery")
        await kubectl("create", "rolebinding", "approver", "--role=approver", "--user=joe")
        names = count(1)

        async def stamped() -> bool:
            """The API server takes a moment to hear of a webhook."""
            body = approval(f"word-{next(names)}", user="jane", signature="forged")
            await kubectl("create", "--validate=false", "--as=joe", "-f", "-", stdin=json.dumps(body))
            stored = await api.get(Ref(APPROVALS, namespace, body["metadata"]["name"]))
            return Seal(key).vouches(stored, APPROVALS) and stored["spec"]["user"] == "joe"

        await eventually(stamped, seconds=30, what="a word with its speaker's name")
        await commanded_by_joe(api, kubectl, namespace, Seal(key))
    finally:
        await api.delete(configured)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def commanded_by_joe(api: KubernetesApi, kubectl: Kubectl, namespace: str, seal: Seal) -> None:
    """A command by kubectl, from somebody who may do it and says that they are somebody else."""
    await kubectl.apply(canary())
    await kubectl("create", "role", "commander", "--verb=get,patch", "--resource=canaries.progressive.delivery")
    await kubectl("create", "rolebinding", "commander", "--role=commander", "--user=joe")
    text = json.dumps({"id": "p-1", "verb": "pause", "by": "jane"})
    await kubectl("annotate", "--as=joe", "canary/reviews", f"{COMMAND}={text}")
    stored = await api.get(Ref(CANARIES, namespace, "reviews"))
    assert (stored["metadata"]["annotations"][COMMAND], speaker(seal, stored)) == (text, "joe")
    await kubectl("label", "canary/reviews", "team=shop")
    assert speaker(seal, await api.get(Ref(CANARIES, namespace, "reviews"))) == "joe", "whoever edits it says nothing"


def stamping(url: str, certificate: str, story: str) -> dict[str, Any]:
    """The webhook of deploy/admission, for one namespace and at an address of its own."""
    ours = {"apiGroups": ["progressive.delivery"], "apiVersions": ["v1beta1"]}
    rules = [{**ours, "resources": ["approvals", "freezes"], "operations": ["CREATE"]},
             {**ours, "resources": ["canaries"], "operations": ["CREATE", "UPDATE"]}]  # fmt: skip
    bundle = base64.b64encode(Path(certificate).read_bytes()).decode()
    webhook = {
        "name": "stamp.progressive.delivery", "admissionReviewVersions": ["v1"], "sideEffects": "None",
        "clientConfig": {"url": url, "caBundle": bundle}, "rules": rules, "failurePolicy": "Fail",
        "namespaceSelector": {"matchLabels": {"story": story}},
    }  # fmt: skip
    return {"webhooks": [webhook]}


# -- releases


async def said_of(stage: Stage, *, approves: bool) -> Ref:
    """Somebody says it in a terminal."""
    body = await stage.api.get(stage.ref(CANARIES))
    saying = speaking.Saying(gate="sign-off", approves=approves, reason="as told", user="jane")
    word = speaking.approval(body, saying)
    await stage.kubectl.apply(word)
    return stage.ref(APPROVALS, word["metadata"]["name"])


async def waits(stage: Stage) -> str:
    await stage.release(V2)
    message = await stage.condition("GateClosed", "True", "GateClosed")
    assert f"kubectl delivery approve reviews -n {stage.namespace} --gate sign-off" in message
    assert await stage.image("reviews-primary") == V1
    return message


@together
async def test_a_release_waits_for_sign_off_and_is_promoted_by_it(stage: Stage) -> None:
    await stage.initialised(interval="3s", stepWeights=[50], gates=[GATE])
    await waits(stage)
    ref = await said_of(stage, approves=True)
    body = await stage.at_rest("Succeeded")
    assert await stage.image("reviews-primary") == V2
    (record,) = body["status"]["history"][-1]["gates"]
    assert (record["word"], record["by"], record["approval"]) == ("approved", "jane (claimed)", ref.name)
    answered = await until(stage.api, ref, lambda one: one["status"]["state"], what="answered")
    assert answered["status"]["state"] == "Accepted"
    mine = [one for one in stage.plane.audited() if one.get("objectRef", {}).get("namespace") == stage.namespace]
    refused = [one for one in mine if one.get("responseStatus", {}).get("code") == 403]
    assert refused == []
    about = {(one["verb"], one["objectRef"].get("subresource", "")) for one in mine
             if one["objectRef"]["resource"] in ("approvals", "freezes")}  # fmt: skip
    assert about == {("patch", "status")}
    assert stage.lost() == 0


@together
async def test_a_release_that_is_refused_goes_back(stage: Stage) -> None:
    await stage.initialised(interval="3s", stepWeights=[50], gates=[GATE])
    await waits(stage)
    ref = await said_of(stage, approves=False)
    body = await stage.until(lambda one: one["status"]["phase"] == "Failed", what="failed")
    assert body["status"]["reason"] == "GateDenied"
    await stage.routed(0)
    assert (await until(stage.api, ref, lambda one: one["status"]["state"], what="answered"))["status"]["answered"]
    assert await stage.image("reviews-primary") == V1
    assert stage.lost() == 0


@together
async def test_a_freeze_holds_until_it_is_lifted(stage: Stage) -> None:
    await stage.initialised(interval="3s", stepWeights=[50])
    now = datetime.now(UTC)
    body = freezing.freeze(stage.namespace, now + timedelta(hours=1), "the big day", "jane", now)
    await stage.kubectl.apply(body)
    assert "by jane (claimed): the big day" in await stage.condition("Frozen", "True", "Frozen")
    await stage.release(V2)
    await stage.condition("GateClosed", "True", "GateClosed")
    await stage.api.delete(stage.ref(FREEZES, body["metadata"]["name"]))
    await stage.at_rest("Succeeded")
    assert await stage.image("reviews-primary") == V2
    assert stage.lost() == 0
