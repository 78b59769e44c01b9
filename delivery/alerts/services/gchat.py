"""Google Chat: cards (v2) to a space's webhook. All messages of a run stand in one thread, named after the run."""

from html import escape
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from delivery.alerts.messages import Message
from delivery.alerts.services.fitting import fitted
from delivery.alerts.services.plain import Plain, cut, encoded
from delivery.alerts.services.service import Recipient
from delivery.outbound.outgoing import Outgoing

MOST = 32_000
"""Bytes of a message with its cards: "Send a message using the Google Chat API" of Google's guides."""
REPLY = "messageReplyOption=REPLY_MESSAGE_FALLBACK_TO_NEW_THREAD"


def render(to: Recipient, message: Message) -> Outgoing:
    """The request."""
    body = encoded(_body(fitted(message, lambda each: len(encoded(_body(each))) <= MOST)))
    return to.request(body, url=address(to.address), kind="application/json; charset=UTF-8")


def _body(message: Message) -> dict[str, Any]:
    facts = message.facts
    body: dict[str, Any] = {
        "cardsV2": [{"cardId": cut(facts.id, 64), "card": _card(message)}],
        "fallbackText": cut(f"{message.title} - {facts.message}", 400),
    }
    if facts.run:
        body["thread"] = {"threadKey": cut(f"{facts.namespace}/{facts.canary}/{facts.run}", 4000)}
    return body


def address(given: str) -> str:
    """The webhook's address, with the wish that a thread is gone on with."""
    parts = urlsplit(given)
    known = "messageReplyOption=" in parts.query
    query = parts.query if known else "&".join(each for each in (parts.query, REPLY) if each)
    return urlunsplit(parts._replace(query=query))


def _card(message: Message) -> dict[str, Any]:
    """Texts of cards are HTML, and so are quoted."""
    text = escape(message.text, quote=False).replace("\n", "<br>")
    widgets: list[dict[str, Any]] = [{"textParagraph": {"text": text}}]
    widgets += [
        {"decoratedText": {"topLabel": name, "text": escape(cut(value, 400))}} for name, value in message.fields
    ]
    if message.links:
        buttons = [{"text": each.title, "onClick": {"openLink": {"url": each.url}}} for each in message.links]
        widgets.append({"buttonList": {"buttons": buttons}})
    header = {"title": cut(message.title, 200), "subtitle": message.severity.value}
    return {"header": header, "sections": [{"widgets": widgets}]}


GCHAT = Plain(render)
