"""Releases that are told of in Slack: a real controller over HTTP, and a Slack on loopback.

Each in a namespace of its own, all at the same time; the bot's messages are edited from the beginning to the end.
"""

import asyncio
import base64

import pytest
import pytest_asyncio
from aiohttp import web

from delivery.cluster.objects import ALERT_PROVIDERS
from tests.alerts.scenes import TOKEN, serving
from tests.sandbox.stage.test_examples import PATIENCE
from tests.sandbox.stage.test_verdicts import LIMIT, Story, telling

STORIES = {"told-well": "0", "told-badly": "0.2"}
"""The share of requests that the new version fails."""


class Slack:
    """Channels by their names, each with messages that are posted and edited, and threads."""

    def __init__(self) -> None:
        self.messages: dict[str, dict[str, dict]] = {}
        self.threads: dict[str, list[str]] = {}
        self.changed = asyncio.Event()

    async def handle(self, request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return web.json_response({"ok": False, "error": "invalid_auth"})
        body = await request.json()
        channel = body["channel"].removeprefix("C-")
        known = self.messages.setdefault(channel, {})
        ts = body.get("ts") or f"17.{sum(map(len, self.messages.values())):06d}"
        if request.path == "/api/chat.update" and ts not in known:
            return web.json_response({"ok": False, "error": "message_not_found"})
        if "thread_ts" in body:
            self.threads.setdefault(channel, []).append(body["text"])
        else:
            known[ts] = body["attachments"][0]
        self.changed.set()
        return web.json_response({"ok": True, "channel": f"C-{channel}", "ts": ts})

    async def until(self, channel: str, reason: str) -> list[dict]:
        """The channel's messages, when one of them ends so."""
        async with asyncio.timeout(PATIENCE):
            while not any(each["title"].endswith(reason) for each in self.messages.get(channel, {}).values()):
                self.changed.clear()
                await self.changed.wait()
        return list(self.messages[channel].values())


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def slack():
    yield Slack()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def told(slack):
    async with serving(slack.handle) as url:

        class Told(Story):
            """A release that is told of in a channel of its own."""

            def given(self):
                analysis = {"metrics": [LIMIT], "alerts": [{"name": "team", "providerRef": {"name": "slack"}}]}
                return analysis, STORIES[self.namespace]

            def beside(self):
                meta = {"name": "slack", "namespace": self.namespace}
                data = {"address": f"{url}/api/chat.postMessage", "token": TOKEN}
                encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
                spec = {"type": "slack", "channel": self.namespace, "secretRef": {"name": "slack"}}
                kind = {"apiVersion": ALERT_PROVIDERS.api_version, "kind": ALERT_PROVIDERS.kind}
                return (
                    {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "data": encoded},
                    {**kind, "metadata": meta, "spec": spec},
                )

        async with telling(STORIES, Told) as story:
            yield story


module_loop = pytest.mark.asyncio(loop_scope="module")


@module_loop
async def test_one_message_goes_from_the_beginning_to_the_promotion(told, slack) -> None:
    story = await told("told-well")
    messages = await slack.until("told-well", ": Promoted")
    assert [each["title"].rpartition(": ")[2] for each in messages] == ["Initialized", "Promoted"]
    assert story.serves_v2()
    assert "AlertsUnresolved" not in str(story.status())


@module_loop
async def test_one_message_goes_from_the_beginning_to_the_roll_back_and_names_the_check(told, slack) -> None:
    await told("told-badly")
    messages = await slack.until("told-badly", ": RolledBack")
    assert [each["title"].rpartition(": ")[2] for each in messages] == ["Initialized", "RolledBack"]
    fields = {each["title"]: each["value"] for each in messages[-1]["fields"]}
    assert fields["Failing check"] == LIMIT["name"]
    assert float(fields["Value"]) < 99
    assert any("CheckFailed" in text for text in slack.threads["told-badly"])
