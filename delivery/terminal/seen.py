"""What was read of one Canary and of what belongs to it."""

from dataclasses import dataclass, field

from delivery.api.status import load
from delivery.cluster.objects import Object
from strategies.permits import Window
from strategies.status import Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """A role's workload as it was read, and its pods. `body` is None when it is not there, or nobody may read it."""

    role: str
    name: str
    body: Object | None = None
    pods: tuple[Object, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule of a rollout window: it begins by `cron`, in the window's time zone, and lasts for `seconds`."""

    cron: str
    seconds: int
    denies: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours:
    """A Canary's rollout window at the moment of reading; `closed_by` are the rules that keep it closed."""

    window: Window
    closed_by: tuple[Rule, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """Everything that was read. `notes` say what could not be: one sentence each.

    `freezes` are the Freezes of the Canary's own namespace and of `home`, the controller's; `freezes_known`: all of
    them could be read. `hours` is None without rollout windows.
    """

    canary: Object
    workloads: tuple[Workload, ...] = ()
    events: tuple[Object, ...] = ()
    notes: tuple[str, ...] = field(default=())
    freezes: tuple[Object, ...] = ()
    freezes_known: bool = False
    home: str = ""
    hours: Hours | None = None

    @property
    def status(self) -> Status:
        """The Canary's status. Raises delivery.api.status.UnreadableStatus for one that no program of ours wrote."""
        return load(self.canary.get("status"))
