"""Everything observed at one moment that a decision needs.

A snapshot is built from caches by whoever can see the cluster. Counts in it are as last observed and can be a second
old; what must not be assumed from a cache says so.
"""

from dataclasses import dataclass, field
from datetime import datetime

from strategies.commands import Command
from strategies.permits import Approval, Frozen, Window
from strategies.reasons import Reason
from strategies.status import Posted


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something that people have to know: a CamelCase reason and one sentence with the way out."""

    reason: Reason
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """A role's workload as last observed.

    `revision` is the hash of its pod template; for the primary, the revision that it was made from. `ready` are
    its ready pods of any template, `updated_ready` those of the newest one. `settled` is True when the workload's
    own controller has seen the newest spec and no pod of an older template is left. `trouble` is set when a pod
    can be seen to be broken without asking any metric (crash loop, out of memory, image that cannot be pulled).
    `ready_since` says of ready pods when they became so; one that it says nothing of has been ready for long.
    `most` is how many pods it can have at all, where that is not its own choice (a DaemonSet has one for each node).
    `outdated`: its pods may have begun with the same template and other configs than its revision's.
    `unseen`: nobody can tell which its pods are, so it is taken to have one that is ready.
    """

    revision: str
    replicas: int
    ready: int = 0
    updated: int = 0
    updated_ready: int = 0
    settled: bool = False
    trouble: Problem | None = None
    ready_since: tuple[datetime, ...] = ()
    most: int | None = None
    outdated: bool = False
    unseen: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Routes:
    """The routes as last observed, against what the status wants.

    `canary_weight` is what the live routes give to the canary (None: there are no routes), of the matched requests if
    they match any; `everybody_weight` what they give it of all others (None: the same). `mirror` is the percent that
    they copy to it, `testers` whether they know testers. `in_sync`: nothing has to be written. `confirmed`: moreover,
    a response of the API server, not a cache, has said so since the wanted traffic last changed. `hand_edited`:
    somebody else changed our fields since our last write. `apex_moved`: the apex Service selects the primary.
    `failing_seconds` is how long converge has not succeeded (0: it has), with `problem` saying why. `coarse`: the
    wanted percent is no whole weight on some route. `behind`: the version that has become the primary without
    pods of its own has not got all of the primary's users yet.
    """

    canary_weight: int | None = None
    everybody_weight: int | None = None
    mirror: int = 0
    testers: bool = False
    in_sync: bool = False
    confirmed: bool = False
    hand_edited: bool = False
    apex_moved: bool = False
    failing_seconds: float = 0.0
    problem: Problem | None = None
    coarse: Problem | None = None
    behind: bool = False

    @property
    def everybody(self) -> int:
        """The canary's percent of requests that match nothing special; 0 without routes."""
        return (self.canary_weight if self.everybody_weight is None else self.everybody_weight) or 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Undone:
    """What is as it was before us, looked at while a Canary goes that is to be reverted.

    `apex`: the apex Service selects what it selected. `routes`: the route objects are what they were, or gone if we
    made them. `objects`: nothing that we made is left. `problem`: why what was there before cannot be known any more.
    """

    apex: bool = False
    routes: bool = False
    objects: bool = False
    problem: Problem | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Mover:
    """Who moves traffic where we only look on.

    `name` for people. `copies`: a promotion brings the version to the primary, so that weights alone never mean one.
    `alike`: the primary runs what the target runs, as far as can be seen from outside.
    """

    name: str = "somebody else"
    copies: bool = False
    alike: bool = False


@dataclass(frozen=True, kw_only=True)  # no slots, see changing.py
class Snapshot:
    """What one tick knows.

    `refusal`: why nothing may be created and no run may start. `warning`: what would have been a refusal before users
    were served by the roles, and is only said now. `hold`: why the weight must not rise although the
    run may go on being watched (an invalid edit, a stale cache). `unmeasurable`: what keeps a metric from being asked,
    which is told before a run needs it. `contested`: somebody keeps taking our fields.
    `deleting`: the Canary is being deleted. `resolvable`: the template of the run's revision can still be found.
    `copied`: what the run's revision needs besides the template is there for the primary. `finalizer`: the Canary
    carries our finalizer. `previous_scaled`: an autoscaler brings the pods of the version that served before.
    `epoch`: the writer's fence. `delivered`: ids of outbox entries that were delivered,
    `posted` what the messages that were sent have to be found again by, `unalertable` why somebody cannot be told.
    `recalled`: the revision that serves users according to a record beside the primary, when there is no primary.
    `scarcity`: why the canary's autoscaler will not bring the pods that are wanted of it. `undone`: how far a revert
    has come. `mover` is who moves traffic, where we do not. `command`: the last one that somebody gave, whether or not
    it has been answered. `window`: whether its rollout window is open, if it has one; `frozen`: whether rollouts are
    frozen; `approvals`: what people say of its gates that has not been answered.
    """

    target: Workload | None = None
    primary: Workload | None = None
    routes: Routes = field(default_factory=Routes)
    refusal: Problem | None = None
    warning: Problem | None = None
    unmeasurable: Problem | None = None
    hold: Problem | None = None
    contested: Problem | None = None
    deleting: bool = False
    resolvable: bool = True
    copied: bool = True
    finalizer: bool = False
    previous_scaled: bool = False
    epoch: int = 0
    delivered: frozenset[str] = frozenset()
    posted: tuple[Posted, ...] = ()
    unalertable: Problem | None = None
    scarcity: Problem | None = None
    undone: Undone = Undone()
    mover: Mover = Mover()
    recalled: str = ""
    command: Command | None = None
    window: Window | None = None
    frozen: Frozen | None = None
    approvals: tuple[Approval, ...] = ()
