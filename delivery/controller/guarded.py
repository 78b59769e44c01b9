"""What preflight found for a Canary, and what is kept of it, so that nothing is looked up while nothing changes."""

from dataclasses import dataclass, field

from delivery.cluster.objects import Object
from delivery.controller.interest import Place
from delivery.routing.policies import Roles
from strategies.snapshot import Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Guarded:
    """What was found for one Canary, and from what.

    `concern`: something would miss, or misses, one of the roles. `foreign`: another controller rolls out the same
    target. `unknown`: the server has not said of every kind yet what there is. `places` are those at which a change
    may change this.
    """

    concern: Problem | None = None
    foreign: Problem | None = None
    unknown: Problem | None = None
    places: tuple[Place, ...] = ()


@dataclass(slots=True)
class Known:
    """What was found last, and what it was found from: as long as that stands, so does what was found."""

    source: tuple[object, ...] = ()
    target: Object | None = None
    primary: Object | None = None
    roles: Roles | None = None
    concern: Problem | None = None
    places: tuple[Place, ...] = field(default_factory=tuple)
