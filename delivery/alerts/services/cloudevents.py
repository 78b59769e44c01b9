"""CloudEvents 1.0 over HTTP in structured mode: one event an announcement, for event buses.

https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md: source and id together are unique, so that what
comes twice is known by them.
"""

import re
from typing import Any

from delivery.alerts.messages import Message
from delivery.alerts.services.fitting import fitted
from delivery.alerts.services.plain import Plain, encoded
from delivery.alerts.services.service import Recipient
from delivery.alerts.services.webhook import bearer, in_full
from delivery.outbound.outgoing import Outgoing

KIND = "application/cloudevents+json; charset=UTF-8"
TYPE = "progressive.delivery.canary"
MOST = 64 * 1024
"""Bytes of an event that everybody has to pass on: section "Size Limits" of the specification."""
_WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def render(to: Recipient, message: Message) -> Outgoing:
    """The request."""
    body = encoded(_event(fitted(message, lambda each: len(encoded(_event(each))) <= MOST)))
    return to.request(body, kind=KIND, headers=bearer(to))


def _event(message: Message) -> dict[str, Any]:
    facts = message.facts
    return {
        "specversion": "1.0",
        "id": f"{facts.uid}/{facts.id}" if facts.uid else facts.id,
        "source": f"/apis/progressive.delivery/v1beta1/namespaces/{facts.namespace}/canaries/{facts.canary}",
        "type": f"{TYPE}.{_WORDS.sub('-', facts.reason).lower()}",
        "subject": facts.revision or facts.canary,
        "time": facts.at.isoformat(),
        "datacontenttype": "application/json",
        "data": in_full(message),
    }


CLOUDEVENTS = Plain(render, brief=False)
