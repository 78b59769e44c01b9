"""The seam between the loop and the kinds of targets: how each is copied, brought to a revision, woken, sent to rest
and read back.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from delivery.cluster.objects import Change, Kind, Object
from delivery.workloads.names import Names
from delivery.workloads.selectors import Labelling
from delivery.workloads.service_spec import ServiceSpec
from strategies.snapshot import Problem, Workload

Template = Mapping[str, Any]
"""What a revision is made of: of a workload its pod template."""


class TargetKind(Protocol):
    """A kind of targets, and of the primaries made from them. Pure: it answers with changes and does none.

    What answers with changes raises delivery.cluster.errors.Fenced when an object carries a higher fence than `epoch`.
    """

    @property
    def kind(self) -> Kind:
        """The kind of the target."""

    @property
    def primary_kind(self) -> Kind:
        """The kind of the primary."""

    @property
    def past(self) -> Kind | None:
        """The kind of the objects, owned by a target, that hold its earlier templates; None when there are none."""

    @property
    def routes_only(self) -> bool:
        """It has no pods of its own: what is copied is a Service, and the copies are the roles' Services."""

    @property
    def is_apex(self) -> bool:
        """The target is the apex Service itself, which stays the user's."""

    def serves(self, target: Object, primary: Object) -> bool:
        """Do users meet the target's own pods between runs, so that an edit of it is no version to be tried?"""

    def labelled(self, labelling: Labelling) -> "TargetKind":
        """The same kind, with primaries that are labelled like this."""

    def problem(self, target: Object, service: ServiceSpec) -> Problem | None:
        """Why no primary can be made of this target, if so."""

    def template_of(self, target: Object) -> Template:
        """The target's present template, without what only says that it rests."""

    def template(
        self, revision: str, *, target: Object | None, primary: Object | None, past: Sequence[Object]
    ) -> Template | None:
        """The target's template of a revision: from the target, the primary or the past; None when none has it."""

    def selections(
        self, target: Object | None, primary: Object | None, past: Sequence[Object]
    ) -> tuple[Mapping[str, str], ...]:
        """The labels that the pods of the roles have; empty where nobody can tell."""

    def observe(
        self, body: Object, pods: Iterable[Object], *, past: Iterable[Object], since: datetime | None
    ) -> Workload:
        """What is known of a role's workload; `pods` and `past` may hold those of others too.

        `since`: restarts that ended before it are no trouble (see health.trouble).
        """

    def create(
        self,
        target: Object,
        names: Names,
        template: Template,
        *,
        revision: str,
        floor: int,
        epoch: int,
        annotations: Mapping[str, str],
    ) -> Change:
        """Create the primary at `template`, with at least `floor` pods where a number can be said.

        `annotations` go into the same write.
        """

    def promote(
        self, primary: Object, template: Template, *, revision: str, epoch: int, target: Object | None
    ) -> Change | None:
        """Bring the primary to `template`; None when it is there. The target says how it rolls, if it is there."""

    def strands(self, primary: Object, template: Template, pods: Iterable[Object]) -> bool:
        """Would bringing the primary to `template` take its users from ready pods to where none is?"""

    def at_least(self, workload: Object, pods: int, *, epoch: int, why: str) -> Change | None:
        """Have at least so many pods, 1 or more; None when that is wanted already, or can't be said."""

    def rest(self, target: Object, *, epoch: int) -> Change | None:
        """Have no pods; None when that is wanted already, or can't be said."""
