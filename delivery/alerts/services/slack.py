"""Slack: by a bot token one message a run that is kept up to date, by the URL of an incoming webhook three of them.

A bot's errors come with status 200 and `ok: false`. Which of them go away by themselves, and which need somebody, is
said in Slack's reference of chat.postMessage and chat.update.
"""

from dataclasses import dataclass
from typing import Any

from delivery.alerts.facts import Part
from delivery.alerts.messages import Message
from delivery.alerts.services import replies
from delivery.alerts.services.attachments import attachment, escaped
from delivery.alerts.services.plain import Plain, cut, encoded
from delivery.alerts.services.service import Memory, Recipient, Send, TryAgainError, UnusableError
from delivery.alerts.sink import UndeliverableError
from delivery.outbound.outgoing import Outgoing

API = "https://slack.com/api"
POST, UPDATE = "chat.postMessage", "chat.update"

LATER = frozenset(
    {
        "ratelimited", "rate_limited", "message_limit_exceeded", "internal_error", "fatal_error", "request_timeout",
        "service_unavailable", "team_added_to_org", "accesslimited",
    }
)  # fmt: skip
GONE = frozenset({"message_not_found", "cant_update_message", "edit_window_closed", "channel_not_found"})
"""Errors of an update after which the run gets another message."""
NEVER = frozenset(
    {"msg_too_long", "no_text", "too_many_attachments", "invalid_attachments", "invalid_blocks", "msg_blocks_too_long"}
)


@dataclass(frozen=True, slots=True)
class Bot:
    """A run's message is sent once and edited after that; every announcement stands in its thread as well.

    Remembered is CHANNEL:TS, by which Slack finds a message again.
    """

    brief: bool = False
    edits: bool = True

    async def tell(self, send: Send, to: Recipient, message: Message, memory: Memory) -> None:
        """See Service. The thread is told last: what is tried again after that edits the message once more."""
        if not message.facts.run:
            await self._call(send, to, POST, _body(to, message))
            return
        known = memory.get()
        if known and not await self._edited(send, to, message, known):
            known = ""
        if not known:
            answer = await self._call(send, to, POST, _body(to, message))
            known = f"{answer.get('channel', '')}:{answer.get('ts', '')}"
            memory.set(known)
            if message.facts.part is Part.BEGINNING:
                return  # the message says it all
        if message.quiet:
            return
        channel, _, ts = known.partition(":")
        text = f"*{escaped(message.facts.reason)}* {escaped(message.facts.message)}"
        reply = {"channel": channel, "thread_ts": ts, "text": cut(text, 3000), "unfurl_links": False}
        await self._call(send, to, POST, reply)

    async def _edited(self, send: Send, to: Recipient, message: Message, known: str) -> bool:
        """False when there is nothing left to edit."""
        channel, _, ts = known.partition(":")
        body = {key: value for key, value in _body(to, message).items() if key != "username"}
        try:
            await self._call(send, to, UPDATE, {**body, "channel": channel, "ts": ts})
        except _GoneError:
            return False
        return True

    async def _call(self, send: Send, to: Recipient, method: str, body: dict[str, Any]) -> dict[str, Any]:
        outgoing = to.request(
            encoded(body),
            url=f"{base(to.address)}/{method}",
            kind="application/json; charset=utf-8",
            headers=(("Authorization", f"Bearer {to.token}"),),
        )
        reply = await send(outgoing)
        replies.check(outgoing, reply)
        answer = replies.parsed(reply)
        if answer.get("ok") is not True:
            raise _meaning(outgoing, method, answer, replies.asked_for(reply))
        return answer


class _GoneError(UnusableError):
    """The message that is to be edited is not there."""


def _meaning(outgoing: Outgoing, method: str, answer: dict[str, Any], after: float | None) -> Exception:
    error = replies.word(answer.get("error"))
    said = f"{outgoing.where} says {error or 'no'} to {method}"
    if not error or error in LATER:
        return TryAgainError(said, after)
    if method == UPDATE and error in GONE:
        return _GoneError("SlackRefused", said)
    if error in NEVER:
        return UndeliverableError(said)
    return UnusableError("SlackRefused", f"{said}; {_advice(error)}")


def _advice(error: str) -> str:
    if error in ("not_in_channel", "channel_not_found", "is_archived"):
        return "invite the bot to the channel, or correct spec.channel"
    if error == "missing_scope":
        return "give the bot the scope chat:write"
    return "correct the token in the Secret"


def base(address: str) -> str:
    """Where the methods are, of an address with or without one of them."""
    if not address:
        return API
    return address.rstrip("/").removesuffix(f"/{POST}").removesuffix(f"/{UPDATE}")


def _body(to: Recipient, message: Message) -> dict[str, Any]:
    body = {
        "channel": to.channel,
        "text": cut(f"{escaped(message.title)} - {escaped(message.facts.message)}", 400),
        "attachments": [attachment(message)],
    }
    return {**body, "username": to.username} if to.username else body


def hook(to: Recipient, message: Message) -> Outgoing:
    """The request to an incoming webhook. Legacy ones heed channel and username, the others pass over them."""
    return to.request(encoded(_body(to, message)))


BOT = Bot()
HOOK = Plain(hook)
