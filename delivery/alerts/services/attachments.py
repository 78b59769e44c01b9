"""Messages as attachments, the form that Slack invented and Rocket.Chat took over."""

from typing import Any

from delivery.alerts.messages import Message
from delivery.alerts.services.fitting import fitted
from delivery.alerts.services.plain import colour, cut

FIELDS = 10
TEXT = 4000
"""Characters: as many as Slack's reference of chat.postMessage advises for a text; it cuts without a word at 40,000,
which text, links and fields together stay below.
"""


def escaped(text: str) -> str:
    """Without a meaning of its own: a text must not ping a channel or hide where a link leads."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def attachment(message: Message) -> dict[str, Any]:
    """One attachment with everything that the message says."""
    message = fitted(message, lambda each: len(escaped(each.text)) <= TEXT)
    links = " | ".join(f"<{escaped(each.url)}|{escaped(each.title)}>" for each in message.links)
    text = escaped(message.text)
    return {
        "color": f"#{colour(message)}",
        "author_name": cut(f"{message.facts.canary}.{message.facts.namespace}", 120),
        "title": cut(escaped(message.title), 240),
        "fallback": cut(f"{escaped(message.title)} - {escaped(message.facts.message)}", 400),
        "text": f"{text}\n{links}" if links else text,
        "mrkdwn_in": ["text"],
        "fields": [
            {"title": name, "value": cut(escaped(value), 400), "short": True} for name, value in message.fields[:FIELDS]
        ],
        "ts": int(message.at.timestamp()),
    }
