"""When a Canary may be rolled out, by the clock on the wall of those who would have to repair it."""

from functools import lru_cache
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from delivery.api import cron
from delivery.api.model import Piece, broken_rule, cel

_SOME = "(has(self.allow) && size(self.allow) > 0) || (has(self.deny) && size(self.deny) > 0)"


def _readable(text: str) -> str:
    try:
        cron.parse(text)
    except cron.CronError as error:
        given, _, allowed = str(error).partition(": allowed ")
        raise broken_rule(given=f'"{text}" ({given})', allowed=allowed) from None
    return text


@lru_cache(maxsize=256)
def zone(name: str) -> ZoneInfo | None:
    """A time zone by its name in the IANA database; None if there is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def _known(name: str) -> str:
    if zone(name) is None:
        raise broken_rule(given=f'"{name}"', allowed="a time zone of the IANA database, such as UTC or Europe/Berlin")
    return name


class Opening(Piece):
    """A piece of time that comes again and again."""

    cron: Annotated[str, Field(pattern=cron.CRON_PATTERN, max_length=120), AfterValidator(_readable)]
    """When it begins: minute, hour, day, month, weekday (0 and 7 are Sunday); days by either of two fields."""
    duration_seconds: int = Field(ge=60, le=2678400)
    """How long it lasts, in seconds."""


class RolloutWindows(Piece):
    """When a Canary may be rolled out. A roll-back is always allowed."""

    model_config = ConfigDict(json_schema_extra=cel((_SOME, "allow or deny must have an entry")))

    allow: tuple[Opening, ...] = Field(default=(), max_length=16)
    """When it may be; always, if there is none."""
    deny: tuple[Opening, ...] = Field(default=(), max_length=16)
    """When it may not be, whatever is allowed."""
    time_zone: Annotated[str, Field(pattern="^[A-Za-z0-9_+/-]+$", max_length=64), AfterValidator(_known)] = "UTC"
    """Time zone of the crons, such as Europe/Berlin."""
    applies_to: Literal["start", "increase"] = "start"
    """What waits outside: the start of a run, or each increase of its traffic and its promotion as well."""
    on_close: Literal["hold", "proceed", "rollback"] = "proceed"
    """What becomes of a run whose window closes: it waits for the next one, goes on, or is rolled back."""

    @model_validator(mode="after")
    def _some(self) -> "RolloutWindows":
        if not self.allow and not self.deny:
            raise broken_rule(given="neither", allowed="at least one entry of allow or deny")
        return self
