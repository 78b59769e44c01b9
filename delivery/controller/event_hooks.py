"""Webhooks that hear of every Event: those of the Canary, or where it has none that of the whole controller.

They are Flagger's in payload and in which of them are told. They go the way of alerts, so that a hook which is away is
told later and holds nothing up.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from delivery.alerts.facts import Facts, Severity
from delivery.alerts.services import replies
from delivery.alerts.services.service import Memory, UnusableError
from delivery.api.hooks import Webhook
from delivery.api.parse import InvalidSpec, parse_canary
from delivery.api.rollout import named_hooks, rollout_spec
from delivery.api.status import UnreadableStatus, load
from delivery.cluster.contents import ContentError
from delivery.cluster.objects import Object
from delivery.gates.payload import Occasion, encoded
from delivery.gates.webhooks import Webhooks
from delivery.outbound.outgoing import Caller, RefusedAddressError
from delivery.outbound.signing import repeatable
from strategies.gates import HookType

LONGEST = 20.0
"""Seconds that one call may take, whatever the hook's timeout."""
SERVICE = "event-webhook"


class EventHooks:
    """Finds them. `everywhere` is the URL for Canaries without one, or ""."""

    def __init__(self, webhooks: Webhooks, caller: Caller, everywhere: str) -> None:
        self._webhooks = webhooks
        self._caller = caller
        self._everywhere = {SERVICE: Webhook(name=SERVICE, url=everywhere, type="event")} if everywhere else {}

    def destinations(self, body: Object, *, provider: str | None) -> Sequence["EventHook"]:
        """Those of a Canary, by its JSON; one that is invalid has none, and is told of by its condition."""
        if not self._everywhere and not _mentions_events(body):
            return ()
        try:
            canary, status = parse_canary(body, provider=provider), load(body.get("status"))
        except (InvalidSpec, UnreadableStatus):
            return ()
        own = {name: hook for name, hook in named_hooks(canary).items() if hook.type == HookType.EVENT.value}
        occasion = Occasion(spec=rollout_spec(canary, scrape_interval_seconds=0.0), status=status)
        return [
            EventHook(hook=hook, called=name, occasion=occasion, webhooks=self._webhooks, caller=self._caller)
            for name, hook in (own or self._everywhere).items()
        ]


def _mentions_events(body: Object) -> bool:
    """A quick look, for Canaries without such hooks are the most."""
    analysis = (body.get("spec") or {}).get("analysis")
    hooks = analysis.get("webhooks") if isinstance(analysis, Mapping) else None
    return isinstance(hooks, list) and any(isinstance(each, Mapping) and each.get("type") == "event" for each in hooks)


@dataclass(frozen=True, slots=True, kw_only=True)
class EventHook:
    """One hook, as a Destination."""

    hook: Webhook
    called: str
    occasion: Occasion
    webhooks: Webhooks
    caller: Caller

    hears_muted = True
    service = SERVICE
    version = ""

    @property
    def name(self) -> str:
        """See Destination."""
        return f"webhook {self.occasion.spec.namespace}/{self.occasion.spec.name} {self.called}"

    async def tell(self, facts: Facts, memory: Memory) -> bool:
        """See Destination."""
        key = repeatable(facts.namespace, facts.canary, facts.id, self.called)
        try:
            outgoing = await self.webhooks.outgoing(
                self.hook, facts.namespace, body=encoded(self._fields(facts), self._metadata(facts)), key=key
            )
            outgoing = replace(outgoing, retries=0, timeout_seconds=min(LONGEST, outgoing.timeout_seconds))
            replies.check(outgoing, await self.caller.send(outgoing))
        except ContentError as error:
            raise UnusableError(error.reason, f"{self.name}: {error}") from error
        except RefusedAddressError as error:
            raise UnusableError("AddressRefused", f"{self.name}: {error}") from error
        except UnusableError as error:
            raise UnusableError(error.reason, f"{self.name}: {error}") from error
        return True

    def _fields(self, facts: Facts) -> Mapping[str, Any]:
        return self.occasion.fields(self.hook, run=facts.run or facts.revision)

    def _metadata(self, facts: Facts) -> Mapping[str, str]:
        """What the event is cannot be written over by the hook's own metadata."""
        return {
            **self.hook.metadata,
            "eventMessage": facts.message,
            "eventType": "Normal" if facts.severity is Severity.INFO else "Warning",
            "eventReason": facts.reason,
            "timestamp": str(int(facts.at.timestamp() * 1000)),
        }
