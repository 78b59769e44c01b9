"""Which service is meant: the only place that knows all of them."""

from collections.abc import Mapping

from delivery.alerts.services import cloudevents, discord, gchat, msteams, rocket, slack, webhook
from delivery.alerts.services.service import Recipient, Service

SERVICES: Mapping[str, Service] = {
    "slack": slack.HOOK,
    "msteams": msteams.MSTEAMS,
    "discord": discord.DISCORD,
    "rocket": rocket.ROCKET,
    "gchat": gchat.GCHAT,
    "webhook": webhook.WEBHOOK,
    "cloudevents": cloudevents.CLOUDEVENTS,
}
"""By the type of an AlertProvider."""


def service_for(kind: str, to: Recipient) -> Service:
    """The service of a type; Slack's with a token is a bot. KeyError for a type that there is not."""
    return slack.BOT if kind == "slack" and to.token else SERVICES[kind]
