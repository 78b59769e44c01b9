"""Facts become a message that a person reads: a title, a text, a table of short facts, links.

The default text names the check that failed, its value and its limit, and the run so far. A provider's own template
takes its place; one that cannot be rendered loses its alert to nobody, the default is sent instead.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from delivery.alerts.facts import Facts, Part, Severity
from delivery.api import message_templates
from delivery.api.message_templates import MessageTemplateError

TEXT = """\
{{ message }}
{% if failing %}
Failing check: {{ failing.name }}{% if failing.value %} = {{ failing.value }}{% endif %}\
{% if failing.limit %}, allowed {{ failing.limit }}{% endif %}

{% endif %}
{% if progress %}
The run so far: {{ progress }}
{% endif %}"""
"""The text where a provider has no template."""


@dataclass(frozen=True, slots=True)
class Link:
    """Somewhere to read more; `url` may hold placeholders, whose values are quoted for URLs."""

    title: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What a service shows. Nothing of it is escaped yet. `quiet`: nobody asked to be told, but what was told before is
    brought up to date.
    """

    title: str
    text: str
    fields: tuple[tuple[str, str], ...]
    links: tuple[Link, ...]
    severity: Severity
    good: bool
    at: datetime
    facts: Facts
    quiet: bool = False


def message_of(facts: Facts, *, template: str = "", links: Sequence[Link] = (), quiet: bool = False) -> Message:
    """The message for these facts."""
    return Message(
        title=f"{facts.namespace}/{facts.canary}: {facts.reason}",
        text=_text(facts, template),
        fields=tuple((name, value) for name, value in _fields(facts) if value),
        links=tuple(Link(link.title, _url(link.url, facts)) for link in links),
        severity=facts.severity,
        good=facts.severity is Severity.INFO and facts.part is Part.END,
        at=facts.at,
        facts=facts,
        quiet=quiet,
    )


def _text(facts: Facts, template: str) -> str:
    values = facts.values()
    try:
        text = message_templates.render(template, values) if template else ""
    except MessageTemplateError:
        text = ""
    return text or message_templates.render(TEXT, values) or facts.reason


def _fields(facts: Facts) -> tuple[tuple[str, str], ...]:
    failing = facts.failing
    return (
        ("Target", f"{facts.target}.{facts.namespace}" if facts.target else ""),
        ("Revision", facts.revision),
        ("Phase", facts.phase),
        ("Step", facts.step),
        ("Failing check", failing.name if failing else ""),
        ("Value", failing.value if failing else ""),
        ("Limit", failing.limit if failing else ""),
        ("Cluster", facts.cluster),
    )


def _url(url: str, facts: Facts) -> str:
    """Values go into URLs quoted, so that none of them can lead elsewhere."""
    values = {name: quote(str(value), safe="") for name, value in facts.values().items() if name != "checks"}
    try:
        return message_templates.render(url, {**values, "checks": (), "failing": facts.failing})
    except MessageTemplateError:
        return url
