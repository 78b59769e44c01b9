"""Webhooks of type `event`: they are sent whatever becomes an Event, from the same outbox.

At least once each, and under the announcement's own key. What a hook cannot take for an hour is given up: an outbox has
better things to keep.
"""

import asyncio
from datetime import timedelta
from typing import Protocol

from delivery.alerts.sink import UndeliverableError
from delivery.api.hooks import Webhook
from delivery.api.parse import InvalidSpec, parse_canary
from delivery.api.rollout import named_hooks, rollout_spec
from delivery.api.status import load
from delivery.cluster.objects import CANARIES, Object, Ref
from delivery.cluster.protocols import Clock
from delivery.gates.payload import Occasion, encoded
from delivery.gates.webhooks import Webhooks
from delivery.outbound.outgoing import OutboundError
from delivery.outbound.signing import repeatable
from metrics.verdict import Outcome
from strategies.status import Announcement

PATIENCE = timedelta(hours=1)


class Cache(Protocol):
    """Who knows the Canaries."""

    def get(self, ref: Ref) -> Object | None:
        """The object as last seen."""


class EventHooks:
    """A Sink (see alerts/sink.py). `provider` is that of Canaries which name none."""

    name = "event webhooks"

    def __init__(self, cache: Cache, webhooks: Webhooks, clock: Clock, *, provider: str | None = None) -> None:
        self._cache = cache
        self._webhooks = webhooks
        self._clock = clock
        self._provider = provider

    async def tell(self, canary: Object, announcement: Announcement) -> None:
        """Tell all hooks of the Canary at once. Raises when one of them has not taken it."""
        body = self._cache.get(Ref.of(CANARIES, canary))
        if body is None:
            return
        try:
            parsed = parse_canary(body, provider=self._provider)
        except InvalidSpec as error:
            raise UndeliverableError("the Canary's spec is invalid") from error
        hooks = {name: hook for name, hook in named_hooks(parsed).items() if hook.type == "event"}
        if not hooks:
            return
        spec = rollout_spec(parsed, scrape_interval_seconds=1.0)
        occasion = Occasion(spec=spec, status=load(body.get("status")))
        sent = (self._send(name, hook, occasion, announcement) for name, hook in hooks.items())
        failed = [words for words in await asyncio.gather(*sent) if words]
        if failed and self._clock.now() - announcement.at > PATIENCE:
            raise UndeliverableError("; ".join(failed))
        if failed:
            raise OutboundError("; ".join(failed))

    async def _send(self, name: str, hook: Webhook, occasion: Occasion, announcement: Announcement) -> str:
        """Why one hook has not taken it; "" when it has."""
        spec = occasion.spec
        key = repeatable(spec.namespace, spec.name, announcement.id, name)
        run = occasion.status.run
        fields = occasion.fields(hook, run=run.id if run is not None else "")
        said = {
            "eventMessage": announcement.message,
            "eventType": "Warning" if announcement.warning else "Normal",
            "eventReason": announcement.reason,
            "timestamp": str(round(announcement.at.timestamp() * 1000)),
        }
        body = encoded(fields, {**hook.metadata, **said})
        verdict = await self._webhooks.send(hook, spec.namespace, body=body, key=key)
        return "" if verdict.outcome is Outcome.PASS else f"{name}: {verdict.message}"
