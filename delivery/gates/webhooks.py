"""Calls webhooks and turns what comes back into verdicts.

Any 2xx passes; another answer fails. No answer, or one that says that nobody could answer (429, 502, 503, 504: proxies
and meshes speak so of a service that is gone), is an error: the loss of a hook's service must neither promote nor roll
back.
"""

from typing import Protocol

import structlog

from delivery.api.durations import seconds
from delivery.api.hooks import Webhook
from delivery.cluster.contents import ContentError, Contents
from delivery.cluster.objects import CONFIG_MAPS, SECRETS, Ref
from delivery.cluster.protocols import Clock
from delivery.gates.payload import Occasion
from delivery.outbound.outgoing import Caller, OutboundError, Outgoing, Reply
from delivery.outbound.signing import Header, bearer, repeatable, signed
from metrics.verdict import Outcome, Verdict
from strategies.questions import Question

NOBODY = (429, 502, 503, 504)
TOKEN, HMAC_KEY = "token", "hmacKey"

log = structlog.get_logger(__name__)


class Hooks(Protocol):
    """Who asks webhooks."""

    async def ask(self, hook: Webhook, question: Question, occasion: Occasion) -> Verdict:
        """What it says; never raises, an error is a verdict."""


class Webhooks:
    """Hooks over HTTP. Secrets are read when a hook is called, and from the Canary's namespace only."""

    def __init__(self, caller: Caller, contents: Contents, clock: Clock) -> None:
        self._caller = caller
        self._contents = contents
        self._clock = clock

    async def ask(self, hook: Webhook, question: Question, occasion: Occasion) -> Verdict:
        """See Hooks."""
        namespace, name = occasion.spec.namespace, occasion.spec.name
        stamp = int(question.at.timestamp() * 1000)
        key = repeatable(namespace, name, question.run, question.step, question.name, f"{question.window}-{stamp}")
        return await self.send(hook, namespace, body=occasion.body(hook, question), key=key)

    async def send(self, hook: Webhook, namespace: str, *, body: bytes, key: Header) -> Verdict:
        """Send a payload to a hook of a namespace; `key` is for who hears it twice."""
        try:
            outgoing = await self.outgoing(hook, namespace, body=body, key=key)
            reply = await self._caller.send(outgoing)
        except (OutboundError, ContentError) as error:
            return Verdict(Outcome.ERROR, message=str(error))
        return verdict(reply, outgoing.where)

    async def outgoing(self, hook: Webhook, namespace: str, *, body: bytes, key: Header) -> Outgoing:
        """The request, with what its Secret holds. Raises ContentError."""
        headers = [("Content-Type", "application/json"), ("Accept", "*/*"), key]
        headers += [(name, value) for name, value in hook.headers.items()]
        if hook.secret_ref is not None:
            headers += await self._credentials(Ref(SECRETS, namespace, hook.secret_ref.name), body)
        authority = ""
        if hook.ca_ref is not None:
            kind = SECRETS if hook.ca_ref.kind == SECRETS.kind else CONFIG_MAPS
            ref = Ref(kind, namespace, hook.ca_ref.name)
            authority = await self._contents.key(ref, hook.ca_ref.key)
        return Outgoing(
            url=hook.url,
            body=body,
            headers=tuple(headers),
            timeout_seconds=seconds(hook.timeout),
            retries=hook.retries,
            ca=authority,
            verify=not hook.disable_tls,
        )

    async def _credentials(self, ref: Ref, body: bytes) -> list[Header]:
        content = await self._contents.of(ref)
        token, secret = content.get(TOKEN, ""), content.get(HMAC_KEY, "")
        if not token and not secret:
            said = f"{ref} has neither a key {TOKEN} nor a key {HMAC_KEY}; add one of them"
            raise ContentError(said, reason="KeyNotFound")
        try:
            found = [bearer(token)] if token else []
        except ValueError as error:
            raise ContentError(
                f"{ref} cannot be used: {error}; correct its key {TOKEN}", reason="TokenInvalid"
            ) from error
        return [*found, *(signed(body, key=secret, at=int(self._clock.now().timestamp())) if secret else ())]


def verdict(reply: Reply, where: str) -> Verdict:
    """What an answer means. Its body is shown to nobody: it could be that of a service which they may not reach."""
    if reply.ok:
        return Verdict(Outcome.PASS, message=f"HTTP {reply.status}")
    if reply.status in NOBODY:
        return Verdict(Outcome.ERROR, message=f"{where} cannot answer now (HTTP {reply.status})")
    if reply.header("location"):
        return Verdict(Outcome.FAIL, message=f"{where} redirects (HTTP {reply.status}), which opens nothing")
    return Verdict(Outcome.FAIL, message=f"{where} answered HTTP {reply.status}")
