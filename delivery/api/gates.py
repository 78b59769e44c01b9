"""The gates of an analysis that people open."""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from delivery.api.model import Piece, broken_rule
from delivery.api.references import DNS_LABEL


class ApprovalGate(Piece):
    """A gate that an Approval opens. It has no settings."""


class Gate(Piece):
    """A place at which a run waits for somebody's word."""

    name: str = Field(pattern=DNS_LABEL, max_length=24)
    """Name of the gate, by which it is approved."""
    before: Literal["rollout", "traffic-increase", "promotion"]
    """What waits: a run, each increase of its traffic, or its promotion."""
    approval: ApprovalGate = Field(default_factory=ApprovalGate)
    """Opened by an Approval, or by `delivery approve`."""
    timeout_seconds: int | None = Field(default=None, ge=1, le=31536000)
    """How long it waits for somebody, in seconds of the wall clock; without it, for ever."""
    on_timeout: Literal["hold", "proceed", "rollback"] = "hold"
    """What becomes of the run when nobody came in time: it goes on waiting, goes on without, or is rolled back."""


def _named_once(gates: Sequence[Gate]) -> tuple[Gate, ...]:
    names = [gate.name for gate in gates]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise broken_rule(given=f"{', '.join(twice)} more than once", allowed="each name once")
    return tuple(gates)


Gates = Annotated[
    tuple[Gate, ...],
    Field(max_length=4, json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]}),
    AfterValidator(_named_once),
]
