"""A Canary that tells Slack, and a Slack that outlives every controller and has its moods."""

import asyncio
import base64
import json
import random
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from delivery.cluster.objects import ALERT_PROVIDERS, SECRETS, Ref
from delivery.outbound.outgoing import OutboundError, Outgoing, Reply
from tests.simulation import bookinfo
from tests.simulation.simulation import Simulation

PROVIDER = Ref(ALERT_PROVIDERS, bookinfo.NAMESPACE, "slack")
SECRET = Ref(SECRETS, bookinfo.NAMESPACE, "slack")
TOKEN = "xoxb-1"
ALERTS = [{"name": "team", "providerRef": {"name": PROVIDER.name}}]


@dataclass(slots=True)
class Slack:
    """A Caller behind which there is nothing but Slack: channels with messages, and threads under them.

    `down`: nobody answers. `mood` is a chance of trouble for each call: no answer before or after the work, 429, 500,
    or `ok: false`.
    """

    down: bool = False
    hangs: bool = False
    mood: float = 0.0
    rng: random.Random = field(default_factory=lambda: random.Random(1))
    messages: dict[str, dict[str, Any]] = field(default_factory=dict)
    threads: dict[str, list[str]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)

    async def send(self, outgoing: Outgoing) -> Reply:
        """See Caller."""
        method = urlsplit(outgoing.url).path.rpartition("/")[2]
        self.calls.append(method)
        await asyncio.sleep(3600 if self.hangs else 0.2)
        trouble = self.rng.choice(("lost", "429", "500", "no", "late")) if self.rng.random() < self.mood else ""
        if self.down or trouble == "lost":
            raise OutboundError("https://slack.com cannot be reached: Connection refused")
        if trouble in ("429", "500"):
            return Reply(status=int(trouble), headers=(("retry-after", "3"),) if trouble == "429" else ())
        if trouble == "no":
            return _said({"ok": False, "error": "internal_error"})
        if dict(outgoing.headers).get("Authorization") != f"Bearer {TOKEN}":
            return _said({"ok": False, "error": "invalid_auth"})
        answer = self._done(method, json.loads(outgoing.body))
        if trouble == "late":
            raise OutboundError("https://slack.com gave no answer within 10 s")
        return _said(answer)

    def _done(self, method: str, body: dict[str, Any]) -> dict[str, Any]:
        if method == "chat.update":
            if body["ts"] not in self.messages:
                return {"ok": False, "error": "message_not_found"}
            self.messages[body["ts"]] = body
            return {"ok": True, "channel": "C1", "ts": body["ts"]}
        ts = f"17.{len(self.messages) + sum(map(len, self.threads.values())):04d}"
        if "thread_ts" in body:
            self.threads.setdefault(body["thread_ts"], []).append(body["text"])
        else:
            self.messages[ts] = body
        return {"ok": True, "channel": "C1", "ts": ts}

    def titles(self) -> list[str]:
        """What the channel shows now, a title a message."""
        return [each["attachments"][0]["title"].partition(": ")[2] for each in self.messages.values()]

    def details(self) -> list[str]:
        """What stands in the threads, a reason each."""
        return [text.split("*")[1] for thread in self.threads.values() for text in thread]


def _said(answer: dict[str, Any]) -> Reply:
    return Reply(status=200, body=json.dumps(answer).encode())


def provider(**spec: Any) -> dict[str, Any]:
    """The AlertProvider."""
    given = {"type": "slack", "channel": "releases", "secretRef": {"name": SECRET.name}, **spec}
    meta = {"name": PROVIDER.name, "namespace": PROVIDER.namespace}
    return {"apiVersion": ALERT_PROVIDERS.api_version, "kind": ALERT_PROVIDERS.kind, "metadata": meta, "spec": given}


def secret(token: str = TOKEN) -> dict[str, Any]:
    """Its Secret."""
    meta = {"name": SECRET.name, "namespace": SECRET.namespace}
    data = {"token": base64.b64encode(token.encode()).decode()}
    return {"apiVersion": "v1", "kind": SECRETS.kind, "metadata": meta, "data": data}


def with_slack(sim: Simulation, **moods: Any) -> Slack:
    """A Slack, an AlertProvider and its Secret."""
    slack = sim.caller = Slack(**moods)  # type: ignore[assignment]
    sim.apply(ALERT_PROVIDERS, provider())
    sim.apply(SECRETS, secret())
    return slack
