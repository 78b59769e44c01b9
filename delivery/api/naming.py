"""Names that the user wants for the primary and for the canary's Service."""

from pydantic import Field

from delivery.api.model import Piece, broken_rule
from delivery.api.references import DNS_LABEL

_APEX = "(has(self.service.name) ? self.service.name : self.targetRef.name)"


class Naming(Piece):
    """Other names than the usual ones. Fixed once the primary is made."""

    primary: str | None = Field(default=None, pattern=DNS_LABEL, max_length=63)
    """Name of the primary workload and of its Service; by default the target's and the apex' with -primary."""
    canary: str | None = Field(default=None, pattern=DNS_LABEL, max_length=63)
    """Name of the canary's Service; by default the apex' with -canary."""


def _differs(field: str, other: str, suffix: str) -> str:
    """The CEL rule that one of the names is nobody else's."""
    mine = f"self.naming.{field}"
    theirs = f"(has(self.naming.{other}) ? self.naming.{other} : {_APEX} + '{suffix}')"
    return (
        f"!has(self.naming) || !has({mine}) || "
        f"({mine} != self.targetRef.name && {mine} != {_APEX} && {mine} != {theirs})"
    )


NAMING_RULES = (
    (_differs("primary", "canary", "-canary"), "naming.primary must differ from target, apex and canary Service"),
    (_differs("canary", "primary", "-primary"), "naming.canary must differ from target, apex and primary Service"),
)
"""Rules of CanarySpec, each (rule, message)."""


def check_naming(naming: Naming | None, *, target: str, apex: str) -> None:
    """Raise the error of a name that is somebody else's."""
    if naming is None:
        return
    names = {"primary": naming.primary or f"{apex}-primary", "canary": naming.canary or f"{apex}-canary"}
    for field, other in (("primary", "canary"), ("canary", "primary")):
        given = getattr(naming, field)
        taken = {target: "the target's", apex: "the apex Service's", names[other]: f"the {other}'s Service's"}
        if given in taken:
            raise broken_rule(
                given=f'"{given}", which is {taken[given]}',
                allowed="a name other than those of the target, the apex Service and the other role's Service",
                field=f"naming.{field}",
                drop=("naming",),
            )
