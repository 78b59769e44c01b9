"""Commands as they stand on a Canary: an annotation with JSON in it, which anybody may have written by hand.

Nothing that stands there can stop the loop: what cannot be read becomes a command too, one that is refused with the
reason why.
"""

import hashlib
import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from strategies.commands import MAX_BY, MAX_ID, MAX_REASON, Command, Verb

COMMAND = "progressive.delivery/command"
"""The annotation. It stays after it has been carried out; its id says which one that was."""

MAX_RUN = 120
ID = rf"^[A-Za-z0-9][A-Za-z0-9._-]{{0,{MAX_ID - 1}}}$"


class Arguments(BaseModel):
    """What a verb can be told besides."""

    model_config = ConfigDict(extra="forbid", strict=True)

    full: bool = False
    reason: str = ""


class Given(BaseModel):
    """The annotation's JSON: what anybody may write."""

    model_config = ConfigDict(extra="forbid")

    id: str = Field(pattern=ID)
    verb: Verb
    run: str = Field(default="", max_length=MAX_RUN)
    by: str = ""
    at: AwareDatetime | None = None
    arguments: Arguments = Arguments()


def command_of(body: Mapping[str, Any]) -> Command | None:
    """The command on a Canary, read or not; None if there is none."""
    annotations = body["metadata"].get("annotations") or {}
    text = annotations.get(COMMAND)
    return _parsed(text) if isinstance(text, str) and text.strip() else None


def is_urgent(body: Mapping[str, Any]) -> bool:
    """Does an abort wait for its answer? Nobody else's turn comes before it."""
    command = command_of(body)
    if command is None or command.verb is not Verb.ABORT:
        return False
    status = body.get("status")
    answered = status.get("command") if isinstance(status, Mapping) else None
    return not isinstance(answered, Mapping) or answered.get("id") != command.id


def written(command: Command) -> str:
    """The annotation's value for a command."""
    arguments = {**({"full": True} if command.full else {}), **({"reason": command.reason} if command.reason else {})}
    body = {
        "id": command.id,
        "verb": command.verb.value if command.verb is not None else "",
        "run": command.of,
        "by": command.by,
        "at": command.at.isoformat().replace("+00:00", "Z") if command.at is not None else "",
        "arguments": arguments,
    }
    return json.dumps({key: value for key, value in body.items() if value})


@lru_cache(maxsize=1024)
def _parsed(text: str) -> Command:
    try:
        given = Given.model_validate_json(text)
    except ValidationError as error:
        return Command(id=_id(text), problem=_problem(error))
    if given.arguments.full and given.verb is not Verb.PROMOTE:
        return Command(id=given.id, problem="arguments.full: true given, allowed with promote only")
    return Command(
        id=given.id,
        verb=given.verb,
        of=given.run,
        by=_short(given.by, MAX_BY),
        at=given.at,
        reason=_short(given.arguments.reason, MAX_REASON),
        full=given.arguments.full,
    )


def _id(text: str) -> str:
    """The id of a command that cannot be read: its own if that can be, else one made of the text."""
    try:
        return Given.model_validate_json(json.dumps({"id": json.loads(text)["id"], "verb": Verb.PAUSE})).id
    except (ValueError, KeyError, TypeError):
        return f"unread-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def _problem(error: ValidationError) -> str:
    """The first thing that is wrong: field, what was given, what is allowed."""
    first = error.errors(include_url=False)[0]
    field = ".".join(map(str, first["loc"]))
    if not field:
        return f"annotation {COMMAND}: no JSON object of id and verb: {_short(first['msg'])}"
    given = "" if first["type"] == "missing" else f"{_short(repr(first['input']), 30)} given, "
    allowed = {
        "id": f"1 to {MAX_ID} letters, digits and . _ -",
        "verb": "allowed: " + ", ".join(each.value for each in Verb),
    }.get(field, first["msg"])
    return f"annotation {COMMAND}: {field}: {given}{allowed}"


def _short(text: str, limit: int = MAX_RUN) -> str:
    """One line of bounded length."""
    line = " ".join(text.split())
    return line if len(line) <= limit else f"{line[: limit - 1]}…"
