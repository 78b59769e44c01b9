"""The last command of a person, and what became of it: from the answer in the status, and from the annotation that is
newer than it.
"""

from datetime import datetime, timedelta

from delivery.api.commands import command_of
from delivery.terminal.people import named
from delivery.terminal.screen import CommandLine
from delivery.terminal.seen import Seen
from strategies.status import Status

ACCEPTED, REFUSED, UNANSWERED = "accepted", "refused", "unanswered"
LATELY = timedelta(hours=1)
"""How long a command is news; `get` tells of it for ever."""


def is_news(given: CommandLine, now: datetime) -> bool:
    """Was it given of late, or has nobody answered it yet?"""
    return given.state == UNANSWERED or given.at is None or now - given.at < LATELY


def command(seen: Seen, status: Status) -> CommandLine | None:
    """The command that was given last; None if nobody gave one."""
    given, answered = command_of(seen.canary), status.command
    if given is not None and (answered is None or not answered.knows(given.id)):
        who = named(given.by)
        verb = given.verb.value if given.verb is not None else ""
        return CommandLine(
            id=given.id,
            verb=f"{verb} --full" if given.full else verb,
            by=who.name,
            claimed=True,  # only the controller can check the webhook's seal
            state=UNANSWERED,
            at=given.at,
            reason=given.reason,
            message=given.problem,
        )
    if answered is None:
        return None
    who = named(answered.by)
    same = given if given is not None and given.id == answered.id else None
    return CommandLine(
        id=answered.id,
        verb=f"{answered.verb} --full" if same is not None and same.full else answered.verb,
        by=who.name,
        claimed=who.claimed or not who.name,
        state=ACCEPTED if answered.accepted else REFUSED,
        at=answered.at,
        reason=same.reason if same is not None else "",
        message=answered.message,
    )
