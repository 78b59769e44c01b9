"""Discord: a webhook with one embed. Flagger's addresses end in /slack, or get it; ours are Discord's own."""

from typing import Any
from urllib.parse import urlsplit, urlunsplit

from delivery.alerts.messages import Message
from delivery.alerts.services.fitting import fitted, utf16
from delivery.alerts.services.plain import Plain, colour, cut, encoded
from delivery.alerts.services.service import Recipient
from delivery.outbound.outgoing import Outgoing

TITLE, DESCRIPTION, FIELDS, VALUE, MOST = 256, 4096, 25, 1024, 6000
"""Characters of a title and of a description, fields, characters of a field's value and of all of it together: "Embed
Limits" in Discord's reference of messages.
"""
_SPECIAL = str.maketrans({each: f"\\{each}" for each in "\\*_~`|>[]"})


def render(to: Recipient, message: Message) -> Outgoing:
    """The request. Nobody is mentioned, whatever a text says."""
    embed = _embed(fitted(message, lambda each: _fits(_embed(each))))
    body = {"embeds": [embed], "allowed_mentions": {"parse": []}}
    named = {**body, "username": cut(to.username, 80)} if to.username else body
    return to.request(encoded(named), url=address(to.address))


def _embed(message: Message) -> dict[str, Any]:
    links = (f"[{each.title}]({each.url})" for each in message.links)
    return {
        "title": cut(message.title, TITLE),
        "description": "\n".join((message.text.translate(_SPECIAL), *links)),
        "color": int(colour(message), 16),
        "timestamp": message.at.isoformat(),
        "fields": [
            {"name": name, "value": cut(value, VALUE), "inline": True} for name, value in message.fields[:FIELDS]
        ],
    }


def _fits(embed: dict[str, Any]) -> bool:
    texts = [
        embed["title"],
        embed["description"],
        *(each[key] for each in embed["fields"] for key in ("name", "value")),
    ]
    return utf16(embed["description"]) <= DESCRIPTION and sum(map(utf16, texts)) <= MOST


def address(given: str) -> str:
    """The webhook's own address, which answers only when the message is there."""
    parts = urlsplit(given)
    query = "&".join(each for each in (parts.query, "wait=true") if each)
    return urlunsplit(parts._replace(path=parts.path.rstrip("/").removesuffix("/slack"), query=query))


DISCORD = Plain(render)
