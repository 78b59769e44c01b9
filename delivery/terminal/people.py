"""Who said something: the name, and whether anybody has checked it."""

from dataclasses import dataclass

CLAIMED = " (claimed)"
"""How the controller marks a name that its admission webhook has not written."""


@dataclass(frozen=True, slots=True)
class Person:
    """A name; `claimed`: nobody has checked that it was them."""

    name: str
    claimed: bool


def named(by: str) -> Person:
    """Somebody as a status names them; "" if nobody is named."""
    return Person(by.removesuffix(CLAIMED), by.endswith(CLAIMED))


def shown(name: str, *, claimed: bool) -> str:
    """The same for people."""
    return f"{name}{CLAIMED if claimed else ''}" if name else "somebody"
