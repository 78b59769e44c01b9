"""What comes out of a decision: a status to be recorded, and what the world must look like because of it."""

from dataclasses import dataclass
from datetime import datetime

from strategies.questions import Question
from strategies.status import Status
from strategies.traffic import Traffic


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The next status (its outbox holds what people are to be told), when to look again, and what to ask meanwhile."""

    status: Status
    wake_at: datetime | None = None
    questions: frozenset[Question] = frozenset()


@dataclass(frozen=True, kw_only=True)  # no slots, see changing.py
class Wanted:
    """What the cluster must be equal to, as the recorded status says.

    A field that is None means "leave as it is". `traffic`: None while there must be no routes yet.
    `primary_revision`: the revision whose template the primary must run. `canary_replicas`: 0 is exact, more means
    at least so many (whoever scaled the canary further up keeps that); `primary_floor`: at least so many.
    `kept`: the revisions of whose configs there are copies; with `collect`, other copies go. `destinations`: the
    Services and DestinationRules of both roles exist. `apex_to_primary`: the apex Service selects the primary.
    `finalizer`: the Canary carries our finalizer. `primary_min` and `canary_min`: the least pods that an autoscaler of
    the role may leave; 0 is whatever it says itself. `previous_min` is the same for the version that served before,
    where versions stay up. `hands_off`: write nothing.

    Of a revert: `apex_as_before`: the apex Service selects what it selected before us; `routes_as_before`: the route
    objects are what they were; `nothing_left`: what we made is gone.
    """

    hands_off: bool = False
    primary_revision: str | None = None
    primary_floor: int | None = None
    canary_replicas: int | None = None
    destinations: bool = False
    traffic: Traffic | None = None
    apex_to_primary: bool = False
    primary_min: int | None = None
    canary_min: int | None = None
    previous_min: int | None = None
    kept: tuple[str, ...] = ()
    collect: bool = False
    finalizer: bool = False
    apex_as_before: bool = False
    routes_as_before: bool = False
    nothing_left: bool = False
