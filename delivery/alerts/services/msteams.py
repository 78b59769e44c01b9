"""Microsoft Teams: adaptive cards, as its workflows take them. The card before them is there on request: the connectors
that took it are being retired, and servers of one's own still know it.
"""

from typing import Any

from delivery.alerts.messages import Message
from delivery.alerts.services import replies
from delivery.alerts.services.fitting import fitted, utf16
from delivery.alerts.services.plain import Plain, colour, cut, encoded
from delivery.alerts.services.service import Recipient, TryAgainError
from delivery.alerts.sink import UndeliverableError
from delivery.outbound.outgoing import Outgoing, Reply

ADAPTIVE = "application/vnd.microsoft.card.adaptive"
SCHEMA = "http://adaptivecards.io/schemas/adaptive-card.json"
FAILED = b"failed with error"
"""What a connector says, with status 200, when Teams did not take the message."""
TOO_LARGE = b"error 413"
"""What it says of a message that is too large: that will not change."""
MOST = 28_000
"""Bytes of a message: 28 KB, by the pages "Create Incoming Webhooks" and "Microsoft Teams" (connector of workflows) of
Microsoft Learn. They do not say how bytes are counted; some have been seen to count two for each letter, and so do we.
"""

_COLOURS = {"info": "accent", "warn": "warning", "error": "attention"}


def render(to: Recipient, message: Message) -> Outgoing:
    """The request."""
    card = legacy_card if to.legacy_card else adaptive
    return to.request(encoded(card(fitted(message, lambda each: _bytes(card(each)) <= MOST))))


def _bytes(body: dict[str, Any]) -> int:
    return 2 * utf16(encoded(body).decode())


def check(outgoing: Outgoing, reply: Reply) -> None:
    """As everywhere, but for a 200 that says that it failed."""
    replies.check(outgoing, reply)
    if FAILED in reply.body and TOO_LARGE in reply.body:
        raise UndeliverableError(f"{outgoing.where} says that the message is too large for Teams")
    if FAILED in reply.body:
        raise TryAgainError(f"{outgoing.where} could not pass the message on to Teams")


def adaptive(message: Message) -> dict[str, Any]:
    """A message with one adaptive card of version 1.4."""
    title = {
        "type": "TextBlock", "text": cut(message.title, 240), "weight": "bolder", "size": "medium", "wrap": True,
        "color": "good" if message.good else _COLOURS[message.severity.value],
    }  # fmt: skip
    text = {"type": "TextBlock", "text": message.text.replace("\n", "\n\n"), "wrap": True}
    facts = {"type": "FactSet", "facts": [{"title": name, "value": cut(value, 400)} for name, value in message.fields]}
    card = {
        "$schema": SCHEMA,
        "type": "AdaptiveCard",
        "version": "1.4",
        "msteams": {"width": "Full"},
        "body": [title, text, facts],
        "actions": [{"type": "Action.OpenUrl", "title": each.title, "url": each.url} for each in message.links],
    }
    return {"type": "message", "attachments": [{"contentType": ADAPTIVE, "contentUrl": None, "content": card}]}


def legacy_card(message: Message) -> dict[str, Any]:
    """The MessageCard of connectors."""
    section = {
        "activityTitle": cut(message.title, 240),
        "activitySubtitle": f"{message.facts.canary}.{message.facts.namespace}",
        "text": message.text.replace("\n", "\n\n"),
        "facts": [{"name": name, "value": cut(value, 400)} for name, value in message.fields],
    }
    return {
        "@type": "MessageCard",
        "@context": "http://schema.org/extensions",
        "themeColor": colour(message),
        "summary": cut(message.title, 240),
        "sections": [section],
        "potentialAction": [
            {"@type": "OpenUri", "name": each.title, "targets": [{"os": "default", "uri": each.url}]}
            for each in message.links
        ],
    }


MSTEAMS = Plain(render, check)
