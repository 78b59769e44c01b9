"""What was read of one Canary and of what belongs to it."""

from dataclasses import dataclass, field

from delivery.api.status import load
from delivery.cluster.objects import Object
from strategies.status import Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """A role's workload as it was read, and its pods. `body` is None when it is not there, or nobody may read it."""

    role: str
    name: str
    body: Object | None = None
    pods: tuple[Object, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """Everything that was read. `notes` say what could not be: one sentence each."""

    canary: Object
    workloads: tuple[Workload, ...] = ()
    events: tuple[Object, ...] = ()
    notes: tuple[str, ...] = field(default=())

    @property
    def status(self) -> Status:
        """The Canary's status. Raises delivery.api.status.UnreadableStatus for one that no program of ours wrote."""
        return load(self.canary.get("status"))
