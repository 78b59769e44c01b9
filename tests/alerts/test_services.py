"""Each service gets what its documentation asks for, over real HTTP, and its answers are understood."""

import asyncio
import json
from typing import Any

import pytest
from aiohttp import web

from delivery.alerts.facts import Severity
from delivery.alerts.messages import Link, message_of
from delivery.alerts.services.registry import SERVICES
from delivery.alerts.services.service import Recipient, TryAgainError, UnusableError
from delivery.alerts.sink import UndeliverableError
from delivery.outbound.outgoing import OutboundError, RefusedAddressError
from strategies.status import Result
from tests.alerts.scenes import TOKEN, Heard, Notes, calling, facts, note, place, rolled_back, status, tell
from tests.controller_process.virtual import START

LINKS = (Link("Dashboard", "https://grafana.example.com/d/x?var-ns={{ namespace }}&var-c={{ canary }}"),)


async def told(kind: str, path: str = "/hook/T0", **more: Any) -> Heard:
    """What a service hears of a roll-back."""
    async with place() as there, calling() as caller:
        to = Recipient(address=f"{there.url}{path}", channel="releases", username="delivery", links=LINKS, **more)
        await tell(kind, to, rolled_back(), caller=caller)
    (heard,) = there.heard
    assert heard.headers["Content-Type"].startswith("application/")
    return heard


@pytest.mark.parametrize("kind", SERVICES)
async def test_by_default_a_message_names_the_failing_check_its_value_and_limit_the_run_and_links(kind: str) -> None:
    """Flagger names neither the check nor its value."""
    text = json.dumps((await told(kind)).body)
    for word in ("RolledBack", "request-success-rate", "91.25", "99", "4 min 30 s", "v1-new", "reviews"):
        assert word in text, word
    assert "https://grafana.example.com/d/x?var-ns=shop&" in text.replace("&amp;", "&")


async def test_a_slack_webhook_gets_an_attachment() -> None:
    heard = await told("slack")
    assert heard.path == "/hook/T0"
    assert (heard.body["channel"], heard.body["username"]) == ("releases", "delivery")
    (attachment,) = heard.body["attachments"]
    assert attachment["color"] == "#E01E5A"
    assert {"title": "Value", "value": "91.25", "short": True} in attachment["fields"]


async def test_rocket_chat_gets_its_alias_and_a_channel_with_its_sign() -> None:
    body = (await told("rocket")).body
    assert (body["alias"], body["channel"]) == ("delivery", "#releases")
    assert body["attachments"][0]["text"].startswith("Rolled back at 25 %")


@pytest.mark.parametrize("path", ["/api/webhooks/1/abc", "/api/webhooks/1/abc/slack"])
async def test_discord_gets_an_embed_and_mentions_nobody(path: str) -> None:
    heard = await told("discord", path)
    assert (heard.path, heard.query) == ("/api/webhooks/1/abc", "wait=true")
    assert heard.body["allowed_mentions"] == {"parse": []}
    (embed,) = heard.body["embeds"]
    assert (embed["color"], embed["timestamp"][:4]) == (0xE01E5A, str(START.year))
    assert {"name": "Limit", "value": ">= 99", "inline": True} in embed["fields"]


async def test_google_chat_gets_a_card_in_the_threads_of_its_run() -> None:
    heard = await told("gchat", "/v1/spaces/A/messages?key=k&token=t")
    assert heard.query == "key=k&token=t&messageReplyOption=REPLY_MESSAGE_FALLBACK_TO_NEW_THREAD"
    assert heard.body["thread"] == {"threadKey": "shop/reviews/abc123-k1"}
    (card,) = heard.body["cardsV2"]
    assert card["card"]["header"]["title"] == "shop/reviews: RolledBack"


async def test_teams_gets_an_adaptive_card() -> None:
    body = (await told("msteams")).body
    assert body["type"] == "message"
    (attachment,) = body["attachments"]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    card = attachment["content"]
    assert (card["type"], card["version"], card["body"][0]["color"]) == ("AdaptiveCard", "1.4", "attention")
    assert card["actions"][0]["type"] == "Action.OpenUrl"


async def test_teams_gets_the_card_before_that_on_request() -> None:
    body = (await told("msteams", legacy_card=True)).body
    assert (body["@type"], body["themeColor"]) == ("MessageCard", "E01E5A")
    assert body["potentialAction"][0]["targets"][0]["uri"].startswith("https://grafana")


async def test_any_service_gets_facts_as_json_with_a_key_that_tells_repeats() -> None:
    heard = await told("webhook", token="t-1")
    assert heard.headers["Authorization"] == "Bearer t-1"
    assert heard.headers["Idempotency-Key"] == "u-1/abc123-k1-lx9-1-rolledback"
    assert (heard.body["severity"], heard.body["result"]) == ("error", "RolledBack")
    assert heard.body["checks"][0] == {
        "name": "request-success-rate", "outcome": "fail", "value": "91.25", "limit": ">= 99", "message": "",
    }  # fmt: skip


async def test_an_event_bus_gets_a_cloud_event() -> None:
    heard = await told("cloudevents")
    assert heard.headers["Content-Type"] == "application/cloudevents+json; charset=UTF-8"
    required = ("specversion", "id", "source", "type")
    assert all(isinstance(heard.body[name], str) and heard.body[name] for name in required)
    assert heard.body["specversion"] == "1.0"
    assert heard.body["type"] == "progressive.delivery.canary.rolled-back"
    assert heard.body["source"] == "/apis/progressive.delivery/v1beta1/namespaces/shop/canaries/reviews"
    assert heard.body["data"]["reason"] == "RolledBack"


# Slack's bot: everything comes with 200, and a run has one message


def slack(heard: Heard) -> web.Response:
    return web.json_response({"ok": True, "channel": "C42", "ts": "17.0001"})


async def test_a_bot_sends_one_message_a_run_and_edits_it_with_details_in_its_thread() -> None:
    memory = Notes()
    async with place(otherwise=slack) as there, calling() as caller:
        to = Recipient(address=f"{there.url}/api/chat.postMessage", token=TOKEN, channel="releases")
        await tell("slack", to, facts(note("NewRevision", number=1)), memory, caller=caller)
        await tell("slack", to, facts(note("Advanced", number=2)), memory, caller=caller)
        await tell("slack", to, rolled_back(), memory, caller=caller)
    post, update, reply, last, end = there.heard
    assert {each.headers["Authorization"] for each in there.heard} == {f"Bearer {TOKEN}"}
    assert post.headers["Content-Type"] == "application/json; charset=utf-8"
    assert [each.path for each in (post, reply, end)] == ["/api/chat.postMessage"] * 3
    assert [each.path for each in (update, last)] == ["/api/chat.update"] * 2
    assert (post.body["channel"], "thread_ts" in post.body) == ("releases", False)
    assert {(each.body["channel"], each.body["ts"]) for each in (update, last)} == {("C42", "17.0001")}
    assert {(each.body["channel"], each.body["thread_ts"]) for each in (reply, end)} == {("C42", "17.0001")}
    assert "RolledBack" in json.dumps(last.body["attachments"])
    assert memory.word == "C42:17.0001"


async def test_a_bots_no_comes_with_200_and_is_a_no() -> None:
    async with place() as there, calling() as caller:
        to = Recipient(address=f"{there.url}/api", token=TOKEN, channel="releases")
        for error, raised in (
            ("invalid_auth", UnusableError),
            ("not_in_channel", UnusableError),
            ("missing_scope", UnusableError),
            ("ratelimited", TryAgainError),
            ("internal_error", TryAgainError),
            ("", TryAgainError),
            ("msg_too_long", UndeliverableError),
        ):
            there.answers = [web.json_response({"ok": False, "error": error})]
            with pytest.raises(raised) as told:
                await tell("slack", to, rolled_back(), caller=caller)
            assert TOKEN not in str(told.value)


async def test_a_message_that_somebody_deleted_is_sent_anew() -> None:
    memory = Notes("C42:16.0")
    gone = web.json_response({"ok": False, "error": "message_not_found"})
    async with place(answers=[gone], otherwise=slack) as there, calling() as caller:
        to = Recipient(address=f"{there.url}/api", token=TOKEN, channel="releases")
        await tell("slack", to, rolled_back(), memory, caller=caller)
    assert [each.path for each in there.heard] == ["/api/chat.update", *["/api/chat.postMessage"] * 2]
    assert memory.word == "C42:17.0001"


async def test_a_reply_that_fails_does_not_send_the_message_twice() -> None:
    memory = Notes()
    failing = [slack, web.Response(status=503), slack, slack]
    async with place(answers=failing) as there, calling() as caller:
        to = Recipient(address=f"{there.url}/api", token=TOKEN, channel="releases")
        with pytest.raises(TryAgainError):
            await tell("slack", to, facts(note("Advanced")), memory, caller=caller)
        await tell("slack", to, facts(note("Advanced")), memory, caller=caller)
    assert [each.path for each in there.heard if "thread_ts" not in each.body] == [
        "/api/chat.postMessage",
        "/api/chat.update",
    ]


# Everybody's errors

DATE, LATER = "Tue, 01 Jan 2030 12:00:00 GMT", "Tue, 01 Jan 2030 12:01:30 GMT"


@pytest.mark.parametrize(
    ("response", "raised", "after"),
    [
        ({"status": 429, "headers": {"Retry-After": "30"}}, TryAgainError, 30.0),
        ({"status": 429, "text": '{"retry_after": 0.65}'}, TryAgainError, 0.65),
        ({"status": 429, "headers": {"Retry-After": "999999"}}, TryAgainError, 600.0),
        ({"status": 503, "headers": {"Retry-After": LATER, "Date": DATE}}, TryAgainError, 90.0),
        ({"status": 429, "headers": {"Retry-After": "soon"}, "text": '{"retry_after": 9000}'}, TryAgainError, 600.0),
        ({"status": 429, "text": '{"retry_after": NaN}'}, TryAgainError, None),
        ({"status": 429, "text": '{"retry_after": "1"}'}, TryAgainError, None),
        ({"status": 500}, TryAgainError, None),
        ({"status": 400, "text": "invalid_payload"}, UndeliverableError, None),
        ({"status": 403, "text": "action_prohibited"}, UnusableError, None),
        ({"status": 401}, UnusableError, None),
        ({"status": 404, "text": "no_service"}, UnusableError, None),
        ({"status": 302, "headers": {"Location": "https://example.com"}}, UnusableError, None),
    ],
)
async def test_errors_are_tried_again_named_or_given_up(response: Any, raised: Any, after: float | None) -> None:
    for kind in SERVICES:
        async with place(answers=[web.Response(**response)]) as there, calling() as caller:
            with pytest.raises(raised) as told:
                await tell(kind, Recipient(address=f"{there.url}/hook/secret-path"), rolled_back(), caller=caller)
        assert "secret-path" not in str(told.value)
        assert getattr(told.value, "after", None) == after


@pytest.mark.parametrize(("status", "reason"), [(401, "TokenRefused"), (403, "TokenRefused"), (404, "AddressRefused")])
async def test_who_has_to_correct_what_is_said_in_one_word(status: int, reason: str) -> None:
    async with place(answers=[web.Response(status=status)]) as there, calling() as caller:
        with pytest.raises(UnusableError) as told:
            await tell("webhook", Recipient(address=f"{there.url}/x", token="t-1"), rolled_back(), caller=caller)
    assert (told.value.reason, "t-1" in str(told.value)) == (reason, False)


async def test_204_is_a_success() -> None:
    for kind in SERVICES:
        async with place(answers=[web.Response(status=204)]) as there, calling() as caller:
            await tell(kind, Recipient(address=f"{there.url}/x"), rolled_back(), caller=caller)
        assert len(there.heard) == 1


async def test_a_connector_that_says_in_words_that_it_failed_has_failed() -> None:
    words = "Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 429"
    async with place(answers=[web.Response(text=words)]) as there, calling() as caller:
        with pytest.raises(TryAgainError):
            await tell("msteams", Recipient(address=f"{there.url}/x"), rolled_back(), caller=caller)


async def test_a_redirect_to_a_refused_address_is_not_followed() -> None:
    away = web.Response(status=307, headers={"Location": "http://169.254.169.254/latest"})
    async with place(answers=[away]) as there, calling() as caller:
        with pytest.raises(RefusedAddressError):
            await tell("webhook", Recipient(address=f"{there.url}/x"), rolled_back(), caller=caller)


async def test_a_connection_that_is_reset_is_no_answer() -> None:
    async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.transport.abort()

    server = await asyncio.start_server(reset, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server, calling() as caller:
        with pytest.raises(OutboundError):
            await tell("slack", Recipient(address=url), rolled_back(), caller=caller)


# What is said


async def test_a_text_pings_nobody_and_hides_no_link() -> None:
    evil = facts(note("CheckFailed", "<!channel> & <https://evil|fine> *x* [a](b)", warning=True))
    async with place() as there, calling() as caller:
        for kind in ("slack", "rocket", "gchat", "discord"):
            await tell(kind, Recipient(address=f"{there.url}/x"), evil, caller=caller)
    slack_body, rocket_body, gchat_body, discord_body = (each.body for each in there.heard)
    for body in (slack_body, rocket_body):
        assert "<!channel>" not in json.dumps(body)
        assert "&lt;!channel&gt; &amp; " in body["attachments"][0]["text"]
    paragraph = gchat_body["cardsV2"][0]["card"]["sections"][0]["widgets"][0]["textParagraph"]["text"]
    assert paragraph.startswith("&lt;!channel&gt;")
    assert "\\[a\\](b)" in discord_body["embeds"][0]["description"]


def test_a_template_of_ones_own_takes_the_place_of_the_text() -> None:
    template = "{{ canary|upper }} {{ severity }}{% for each in checks %} {{ each.name }}={{ each.value }}{% endfor %}"
    message = message_of(rolled_back(), template=template)
    assert message.text == "REVIEWS error request-success-rate=91.25"


def test_a_template_that_fails_costs_nobody_the_alert() -> None:
    message = message_of(facts(note("Advanced")), template="{{ failing.name }}")
    assert "Advanced it is" in message.text


def test_the_run_so_far_is_told_while_it_goes_on() -> None:
    message = message_of(facts(note("Advanced", "v1-new: 25 %")))
    assert message.text.splitlines() == [
        "v1-new: 25 %",
        (
            "The run so far: step 2/4, 25 % of requests to the canary (24.8 % seen), 4 min 30 s since it began, "
            "1 of 1 checks pass"
        ),
    ]
    assert (message.severity, message.good) == (Severity.INFO, False)
    assert message_of(facts(note("Promoted"), status(ended=Result.PROMOTED))).good


def test_who_is_told_is_no_secret_in_a_log() -> None:
    to = Recipient(address="https://hooks.example.com/secret", token=TOKEN, proxy="http://user:pw@proxy")
    assert "secret" not in repr(to)
    assert "pw" not in repr(to)
