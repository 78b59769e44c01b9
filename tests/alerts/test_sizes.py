"""No message is longer than its service takes, and what was left out is said."""

import json
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web

from delivery.alerts.facts import CheckFacts
from delivery.alerts.messages import Link, Message, message_of
from delivery.alerts.services import attachments, cloudevents, discord, gchat, msteams
from delivery.alerts.services.fitting import LEAST, NOTE, fitted, utf16
from delivery.alerts.services.registry import SERVICES
from delivery.alerts.services.service import Recipient
from delivery.alerts.sink import UndeliverableError
from tests.alerts.scenes import calling, facts, note, place, rolled_back, tell

LETTERS = {"plain": "x", "escaped": "<", "quoted": '"', "accented": "é", "wide": "界", "emoji": "🚦", "lines": "\n"}


def huge(letter: str, *, links: int = 5, text: int = 4000) -> Message:
    """As much as an AlertProvider and a Canary can make of a message, in one letter and another."""
    said = ("y" + letter) * (text // 2)
    check = CheckFacts(name=letter * 253, outcome="fail", value="1" * 20, limit=letter * 200, message=letter * 500)
    told = replace(
        facts(note("CheckFailed", said[:1024], warning=True)), checks=(check,) * 8, revision="v1-" + "f" * 60
    )
    message = message_of(told, links=[Link("t" * 80, f"https://x.example/{'u' * 3980}")] * links)
    return replace(message, text=said)


async def sent(kind: str, message: Message, **more: Any) -> Any:
    async with place() as there, calling() as caller:
        await tell(kind, Recipient(address=f"{there.url}/x", **more), message, caller=caller)
    (heard,) = there.heard
    return heard.body


def compact(body: Any) -> str:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))


@pytest.mark.parametrize("letter", LETTERS.values(), ids=LETTERS)
@pytest.mark.parametrize("legacy", [False, True])
async def test_teams_gets_no_more_than_28_kb_however_they_are_counted(letter: str, legacy: bool) -> None:
    text = compact(await sent("msteams", huge(letter), legacy_card=legacy))
    assert max(len(text.encode()), 2 * utf16(text)) <= msteams.MOST == 28_000
    assert NOTE in text
    assert text.count("y") >= LEAST // 2


@pytest.mark.parametrize("letter", LETTERS.values(), ids=LETTERS)
async def test_discord_gets_an_embed_within_all_its_limits(letter: str) -> None:
    (embed,) = (await sent("discord", huge(letter)))["embeds"]
    fields = embed["fields"]
    every = [embed["title"], embed["description"], *(each[key] for each in fields for key in ("name", "value"))]
    assert sum(map(utf16, every)) <= discord.MOST == 6000
    assert utf16(embed["description"]) <= 4096
    assert len(embed["title"]) <= 256
    assert len(fields) <= 25
    assert all(each["name"] and each["value"] and len(each["value"]) <= 1024 for each in fields)
    assert "(shortened: longer" in embed["description"]


async def test_discord_gets_whole_links_or_none() -> None:
    (embed,) = (await sent("discord", huge("x", links=1)))["embeds"]
    assert "](http" not in embed["description"]
    short = message_of(rolled_back(), links=[Link("Dashboard", "https://x.example/" + "u" * 1000)])
    (embed,) = (await sent("discord", replace(short, text="x" * 4000)))["embeds"]
    assert embed["description"].endswith(f"[Dashboard](https://x.example/{'u' * 1000})")


@pytest.mark.parametrize("letter", LETTERS.values(), ids=LETTERS)
async def test_google_chat_gets_no_more_than_32_000_bytes(letter: str) -> None:
    text = compact(await sent("gchat", huge(letter)))
    assert len(text.encode()) <= gchat.MOST == 32_000
    assert text.count("y") >= LEAST // 2


@pytest.mark.parametrize("kind", ["slack", "rocket"])
@pytest.mark.parametrize("letter", LETTERS.values(), ids=LETTERS)
async def test_slack_gets_what_it_shows_in_full(kind: str, letter: str) -> None:
    body = await sent(kind, huge(letter, text=6000))
    (attachment,) = body["attachments"]
    assert len(compact(body)) <= 40_000
    text = attachment["text"].partition("\n<https")[0]
    assert len(text) <= attachments.TEXT
    assert text.endswith(NOTE)
    assert not text.removesuffix(f"…\n{NOTE}").endswith(("&", "&l", "&lt"))


@pytest.mark.parametrize("letter", LETTERS.values(), ids=LETTERS)
async def test_an_event_bus_gets_what_every_broker_passes_on(letter: str) -> None:
    body = await sent("cloudevents", huge(letter))
    assert len(compact(body).encode()) <= cloudevents.MOST == 65_536
    assert body["data"]["reason"] == "CheckFailed"


@pytest.mark.parametrize("kind", SERVICES)
async def test_what_fits_is_sent_as_it_is(kind: str) -> None:
    message = message_of(rolled_back(), links=[Link("Dashboard", "https://x.example/d")])
    assert "shortened" not in compact(await sent(kind, message))
    assert fitted(message, lambda _: True) is message


def test_the_text_gives_way_before_the_links_and_never_below_what_is_worth_more() -> None:
    message = huge("x", links=2)
    cut = fitted(message, lambda each: len(each.text) + 1000 * len(each.links) <= 3000)
    assert (len(cut.links), len(cut.text)) == (2, 1000)
    cut = fitted(message, lambda each: len(each.text) + 1000 * len(each.links) <= 2100)
    assert (len(cut.links), len(cut.text)) == (1, 1100)
    short = replace(message, text="short")
    cut = fitted(short, lambda each: len(each.text) + 1000 * len(each.links) <= 1100)
    assert (len(cut.links), cut.text) == (1, f"short\n{NOTE}")


async def test_a_message_that_teams_calls_too_large_is_not_sent_for_an_hour() -> None:
    words = (
        "Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 413 with ContextId x"
    )
    async with place(answers=[web.Response(text=words)]) as there, calling() as caller:
        with pytest.raises(UndeliverableError, match="too large"):
            await tell("msteams", Recipient(address=f"{there.url}/x"), rolled_back(), caller=caller)
