"""Discord: a webhook with one embed. Flagger's addresses end in /slack, or get it; ours are Discord's own."""

from urllib.parse import urlsplit, urlunsplit

from delivery.alerts.messages import Message
from delivery.alerts.services.plain import Plain, colour, cut, encoded
from delivery.alerts.services.service import Recipient
from delivery.outbound.outgoing import Outgoing

FIELDS = 25
_SPECIAL = str.maketrans({each: f"\\{each}" for each in "\\*_~`|>[]"})


def render(to: Recipient, message: Message) -> Outgoing:
    """The request. Nobody is mentioned, whatever a text says."""
    text = "\n".join((message.text.translate(_SPECIAL), *(f"[{each.title}]({each.url})" for each in message.links)))
    embed = {
        "title": cut(message.title, 256),
        "description": cut(text, 4096),
        "color": int(colour(message), 16),
        "timestamp": message.at.isoformat(),
        "fields": [
            {"name": name, "value": cut(value, 1024), "inline": True} for name, value in message.fields[:FIELDS]
        ],
    }
    body = {"embeds": [embed], "allowed_mentions": {"parse": []}}
    named = {**body, "username": cut(to.username, 80)} if to.username else body
    return to.request(encoded(named), url=address(to.address))


def address(given: str) -> str:
    """The webhook's own address, which answers only when the message is there."""
    parts = urlsplit(given)
    query = "&".join(each for each in (parts.query, "wait=true") if each)
    return urlunsplit(parts._replace(path=parts.path.rstrip("/").removesuffix("/slack"), query=query))


DISCORD = Plain(render)
