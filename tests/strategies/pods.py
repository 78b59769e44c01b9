"""A workload's pods in a few numbers, as the world of these stories has them."""

from dataclasses import dataclass
from datetime import datetime

from strategies.snapshot import Problem, Workload


@dataclass(slots=True)
class Pods:
    """A workload. `healthy`: pods of the newest template become ready by themselves. `outdated`: they began before
    what the configs of the revision hold was written.
    """

    revision: str
    replicas: int
    ready: int = 0
    updated: int = 0
    healthy: bool = True
    trouble: Problem | None = None
    since: tuple[datetime, ...] = ()
    outdated: bool = False

    @property
    def up(self) -> int:
        """Ready pods of the newest template."""
        return min(self.updated, self.ready)

    def scale(self, replicas: int) -> bool:
        """Another number of pods; True when that is a change."""
        changed = self.replicas != replicas
        self.outdated = self.outdated and replicas > 0
        self.replicas, self.ready, self.updated = replicas, min(self.ready, replicas), min(self.updated, replicas)
        return changed

    def template(self, revision: str) -> None:
        """Another template: the old pods serve until the new ones are ready."""
        if revision != self.revision:
            self.revision, self.updated, self.trouble, self.outdated = revision, 0, None, False

    def configs(self, revision: str) -> None:
        """The same template with other configs: nobody replaces the pods."""
        self.revision, self.outdated = revision, self.replicas > 0

    def roll(self) -> bool:
        """Let the pods become ready; True when that is a change."""
        if not self.healthy or (self.ready, self.updated) == (self.replicas, self.replicas):
            return False
        self.ready = self.updated = self.replicas
        return True

    def observed(self) -> Workload:
        """What a tick sees of it."""
        return Workload(
            revision=self.revision,
            replicas=self.replicas,
            ready=self.ready,
            updated=self.updated,
            updated_ready=self.up,
            settled=self.updated == self.replicas,
            trouble=self.trouble,
            ready_since=self.since,
            outdated=self.outdated,
        )
