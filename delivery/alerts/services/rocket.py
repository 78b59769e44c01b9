"""Rocket.Chat: an incoming integration, which takes Slack's attachments and knows the sender as alias."""

from delivery.alerts.messages import Message
from delivery.alerts.services.attachments import attachment, escaped
from delivery.alerts.services.plain import Plain, cut, encoded
from delivery.alerts.services.service import Recipient
from delivery.outbound.outgoing import Outgoing


def render(to: Recipient, message: Message) -> Outgoing:
    """The request."""
    given = to.channel
    body = {
        "text": cut(escaped(message.title), 400),
        "attachments": [attachment(message)],
        **({"alias": to.username} if to.username else {}),
        **({"channel": given if given[0] in "#@" else f"#{given}"} if given else {}),
    }
    return to.request(encoded(body))


ROCKET = Plain(render)
