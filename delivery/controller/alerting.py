"""Who is told of which Canary: its own alerts, or where it names none those of the whole controller.

Here flags, AlertProviders and the carrier meet; a Canary that names alerts is told by them alone, as with Flagger.
"""

from collections.abc import Iterator, Sequence

from delivery.alerts.destination import Destination, ServiceDestination
from delivery.alerts.facts import Severity
from delivery.alerts.providers import Providers, Wish, wishes
from delivery.alerts.services.service import Recipient
from delivery.api.canary import Canary
from delivery.api.defaults import with_defaults
from delivery.api.hooks import Alert
from delivery.api.parse import InvalidSpec, validated
from delivery.cluster.contents import Contents
from delivery.cluster.objects import Object, Ref
from delivery.cluster.reader import Reader
from delivery.controller.alert_settings import AlertSettings
from delivery.controller.event_hooks import EventHooks
from delivery.outbound.outgoing import Caller
from strategies.snapshot import Problem


class Alerting:
    """Finds the destinations of Canaries."""

    def __init__(
        self,
        reader: Reader,
        caller: Caller,
        contents: Contents,
        settings: AlertSettings,
        *,
        hooks: EventHooks,
        provider: str | None,
    ) -> None:
        self._providers = Providers(reader, contents)
        self._caller = caller
        self._hooks = hooks
        self._provider = provider
        self._defaults = tuple(_fixed(name, kind, to, caller) for name, kind, to in _recipients(settings))

    def refs(self, canary: Canary) -> tuple[Ref, ...]:
        """The objects that decide whether its alerts can be sent."""
        return self._providers.refs(wishes(canary.spec.analysis.alerts, canary.metadata.namespace or ""))

    def problem(self, canary: Canary) -> Problem | None:
        """Why one of its alerts cannot be sent, as far as caches know."""
        return self._providers.problem(wishes(canary.spec.analysis.alerts, canary.metadata.namespace or ""))

    def destinations(self, body: Object) -> Sequence[Destination]:
        """Who is told of a Canary, by its JSON: what of it is no alert is nobody's."""
        found = wishes(_alerts(body), str(body["metadata"].get("namespace", "")))
        told = [self._provided(each) for each in found] if found else self._defaults
        return [*told, *self._hooks.destinations(body, provider=self._provider)]

    def _provided(self, wish: Wish) -> Destination:
        ref = wish.ref
        return ServiceDestination(
            name=f"AlertProvider {ref.namespace}/{ref.name}",
            service=self._providers.kind(ref),
            severity=wish.severity,
            resolve=lambda: self._providers.recipient(ref),
            caller=self._caller,
            versions=lambda: self._providers.version(ref),
        )


def _alerts(body: Object) -> tuple[Alert, ...]:
    """The alerts of a Canary whose spec may be wrong elsewhere."""
    analysis = (with_defaults(body).get("spec") or {}).get("analysis")
    given = analysis.get("alerts") if isinstance(analysis, dict) else None
    found = []
    for each in given if isinstance(given, list) else []:
        try:
            found.append(validated(Alert, each))
        except InvalidSpec:
            continue  # the Canary itself is refused because of it
    return tuple(found)


def _recipients(given: AlertSettings) -> Iterator[tuple[str, str, Recipient]]:
    """Everybody who is told: the flag, the service and how it is reached. Slack and Teams, if both are given."""
    if given.slack_url or given.slack_token:
        to = Recipient(
            address=given.slack_url,
            token=given.slack_token,
            channel=given.slack_channel,
            username=given.slack_user,
            proxy=given.slack_proxy_url,
        )
        yield "--slack-url" if given.slack_url else "--slack-token", "slack", to
    if given.msteams_url:
        yield "--msteams-url", "msteams", Recipient(address=given.msteams_url, proxy=given.msteams_proxy_url)


def _fixed(name: str, kind: str, to: Recipient, caller: Caller) -> Destination:
    async def resolve() -> tuple[str, Recipient]:
        return kind, to

    return ServiceDestination(name=name, service=kind, severity=Severity.INFO, resolve=resolve, caller=caller)
