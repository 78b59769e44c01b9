"""Any HTTP service: the facts as JSON, each announcement, with a key by which one that comes twice is known."""

from typing import Any

from delivery.alerts.facts import Facts
from delivery.alerts.messages import Message
from delivery.alerts.services.plain import Plain, encoded
from delivery.alerts.services.service import Recipient
from delivery.api.message_templates import OF_CHECKS
from delivery.outbound.outgoing import Outgoing


def render(to: Recipient, message: Message) -> Outgoing:
    """The request."""
    body = in_full(message)
    return to.request(encoded(body), headers=(*bearer(to), ("Idempotency-Key", identity(message.facts))))


def bearer(to: Recipient) -> tuple[tuple[str, str], ...]:
    """The token of the Secret, if it has one."""
    return (("Authorization", f"Bearer {to.token}"),) if to.token else ()


def identity(facts: Facts) -> str:
    """The announcement's name in the whole cluster: of the Canary's uid, for its name may be used again."""
    return f"{facts.uid or f'{facts.namespace}/{facts.canary}'}/{facts.id}"


def data(facts: Facts) -> dict[str, Any]:
    """The facts as JSON; times by RFC 3339, nothing that is empty."""
    checks = [{name: getattr(each, name) for name in OF_CHECKS} for each in facts.checks]
    given = {
        "id": facts.id,
        "at": facts.at.isoformat(),
        "severity": facts.severity.value,
        "reason": facts.reason,
        "message": facts.message,
        "namespace": facts.namespace,
        "canary": facts.canary,
        "target": facts.target,
        "cluster": facts.cluster,
        "phase": facts.phase,
        "revision": facts.revision,
        "run": facts.run,
        "step": facts.step,
        "canaryWeight": facts.weight,
        "result": facts.result,
        "progress": facts.progress,
        "checks": checks,
    }
    return {name: value for name, value in given.items() if value not in ("", [], None)}


def in_full(message: Message) -> dict[str, Any]:
    """The facts, and what people would read of them."""
    links = [{"title": each.title, "url": each.url} for each in message.links]
    return {**data(message.facts), "title": message.title, "text": message.text, "links": links}


WEBHOOK = Plain(render, brief=False)
