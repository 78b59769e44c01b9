"""Microsoft Teams: adaptive cards, as its workflows take them. The card before them is there on request: the connectors
that took it are being retired, and servers of one's own still know it.
"""

from typing import Any

from delivery.alerts.messages import Message
from delivery.alerts.services import replies
from delivery.alerts.services.plain import Plain, colour, cut, encoded
from delivery.alerts.services.service import Recipient, TryAgainError
from delivery.outbound.outgoing import Outgoing, Reply

ADAPTIVE = "application/vnd.microsoft.card.adaptive"
SCHEMA = "http://adaptivecards.io/schemas/adaptive-card.json"
FAILED = b"failed with error"
"""What a connector says, with status 200, when Teams did not take the message."""

_COLOURS = {"info": "accent", "warn": "warning", "error": "attention"}


def render(to: Recipient, message: Message) -> Outgoing:
    """The request."""
    return to.request(encoded(legacy_card(message) if to.legacy_card else adaptive(message)))


def check(outgoing: Outgoing, reply: Reply) -> None:
    """As everywhere, but for a 200 that says that it failed."""
    replies.check(outgoing, reply)
    if FAILED in reply.body:
        raise TryAgainError(f"{outgoing.where} could not pass the message on to Teams")


def adaptive(message: Message) -> dict[str, Any]:
    """A message with one adaptive card of version 1.4."""
    title = {
        "type": "TextBlock", "text": cut(message.title, 240), "weight": "bolder", "size": "medium", "wrap": True,
        "color": "good" if message.good else _COLOURS[message.severity.value],
    }  # fmt: skip
    text = {"type": "TextBlock", "text": cut(message.text, 3000).replace("\n", "\n\n"), "wrap": True}
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
        "activityTitle": message.title,
        "activitySubtitle": f"{message.facts.canary}.{message.facts.namespace}",
        "text": cut(message.text, 3000).replace("\n", "\n\n"),
        "facts": [{"name": name, "value": value} for name, value in message.fields],
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
