"""The autoscalers of one Canary: what the caches know of them, and what has to be written.

Found by what they scale and by what stands on them, not by the reference alone: a reference that was edited or taken
out must not leave an autoscaler behind that still holds what a run once needed.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from delivery.cluster.indexes import CANARY_INDEX, FLOOR_INDEX, SCALES_INDEX
from delivery.cluster.objects import AUTOSCALING_VERSIONS, SCALED_OBJECTS, Change, Kind, Object, Ref
from delivery.cluster.reader import Reader
from delivery.controller import version_scalers
from delivery.controller.version_scalers import VersionScalers
from delivery.workloads.autoscalers import floors, preflight
from delivery.workloads.autoscalers.copying import primary_change
from delivery.workloads.autoscalers.flavours import flavour_of, paused_at
from delivery.workloads.autoscalers.preflight import Found
from delivery.workloads.autoscalers.spec import AutoscalerSpec
from delivery.workloads.names import Names
from delivery.workloads.ownership import is_ours
from delivery.workloads.releasing import removal
from strategies.decision import Wanted
from strategies.snapshot import Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Scaling:
    """What scales the workloads of a Canary; all as it stands in the caches.

    `source` is the autoscaler that the Canary names, if it scales the target; `clone` the one named as the primary's,
    whoever made it. `strays` are autoscalers of ours for another reference than the present one; `held` the ones that
    carry a floor of this Canary. `problem`: why no run may start. `certain`: the reference is what people mean now,
    not what could be read of an invalid spec. `versions`: each version has its own, and nothing of all this is there.
    """

    spec: AutoscalerSpec | None = None
    kind: Kind = AUTOSCALING_VERSIONS[0]
    source: Object | None = None
    clone: Object | None = None
    on_target: tuple[Found, ...] = ()
    on_primary: tuple[Found, ...] = ()
    strays: tuple[Found, ...] = ()
    held: tuple[Found, ...] = ()
    problem: Problem | None = None
    certain: bool = True
    versions: VersionScalers | None = None

    @property
    def scales_target(self) -> bool:
        """Is the target's number of pods somebody else's business, once there are any?"""
        return self.spec is not None or bool(self.on_target)

    @property
    def scales_primary(self) -> bool:
        """Is the primary's number of pods an autoscaler's business, once there are any?"""
        return self.spec is not None or bool(self.on_primary)

    @property
    def target_rests(self) -> bool:
        """May the target be sent to rest, or will KEDA wake it at once?"""
        return all(paused_at(body) == floors.REST for kind, body in self.on_target if flavour_of(kind).pausable)

    @property
    def target_wakes(self) -> bool:
        """May the target be given pods, or will KEDA take them at once?"""
        return all(paused_at(body) != floors.REST for kind, body in self.on_target if flavour_of(kind).pausable)

    def named(self, names: Names) -> tuple[Ref, ...]:
        """The autoscalers that the reference means, whether they are there or not."""
        if self.versions is not None:
            return tuple(Ref.of(kind, body) for kind, body in self.versions.all)
        if self.spec is None:
            return ()
        return tuple(Ref(self.kind, names.namespace, name) for name in (self.spec.name, self.spec.primary))

    def fenced(self) -> tuple[Found, ...]:
        """The autoscalers that carry our fence: our own, and the user's as long as something of ours is on it."""
        if self.versions is not None:
            return self.versions.held
        own = [(self.kind, self.clone)] if self.clone is not None and self.spec is not None else []
        return (*own, *self.strays, *self.held)


def look(reader: Reader, spec: AutoscalerSpec | None, names: Names, target_kind: str, *, certain: bool) -> Scaling:
    """Look everything up. Costs no request."""
    kinds = [kind for kind in (*AUTOSCALING_VERSIONS, SCALED_OBJECTS) if reader.watches(kind)]

    def indexed(index: str, name: str) -> list[Found]:
        return [(kind, body) for kind in kinds for body in reader.indexed(kind, index, f"{names.namespace}/{name}")]

    kind = next((each for each in kinds if spec is not None and each.kind == spec.kind), None)
    named = reader.get(Ref(kind, names.namespace, spec.name)) if kind and spec else None
    clone = reader.get(Ref(kind, names.namespace, spec.primary)) if kind and spec else None
    strays = [
        (each, body) for each, body in indexed(CANARY_INDEX, names.canary) if is_ours(body, names) and body is not clone
    ]
    on_target = preflight.scaling(indexed(SCALES_INDEX, names.target), target_kind)
    on_primary = preflight.scaling(indexed(SCALES_INDEX, names.primary), target_kind)
    return Scaling(
        spec=spec,
        kind=kind or AUTOSCALING_VERSIONS[0],
        source=named if named is not None and not preflight.unfit(names, target_kind, named) else None,
        clone=clone,
        on_target=tuple(on_target),
        on_primary=tuple(on_primary),
        strays=tuple(strays),
        held=tuple(indexed(FLOOR_INDEX, names.canary)),
        problem=preflight.problem(
            spec,
            names,
            target_kind=target_kind,
            source=named,
            served=kind is not None and not reader.missing(kind) and not reader.denied(kind),
            on_target=on_target,
            on_primary=[each for each in on_primary if not is_ours(each[1], names)],
        ),
        certain=certain,
    )


def waking(wanted: Wanted, scaling: Scaling, names: Names, *, epoch: int) -> tuple[Change, ...]:
    """What the autoscalers need before pods are asked for: the copy, the floors, and no floor where none is due."""
    if scaling.versions is not None:
        return tuple(version_scalers.holding(wanted, scaling.versions, names, epoch=epoch))
    found = [*_copy(wanted, scaling, names, epoch), *_forgotten(scaling, epoch)]
    if scaling.source is not None and wanted.canary_min:
        least = wanted.canary_min
        found.append(floors.hold(scaling.kind, scaling.source, canary=names.canary, least=least, epoch=epoch))
    return tuple(change for change in found if change is not None)


def resting(wanted: Wanted, scaling: Scaling, names: Names, *, epoch: int) -> tuple[Change, ...]:
    """What is left to do at the end: the target's autoscaler as it was, or asleep, and no copy that nobody names."""
    if scaling.versions is not None:
        return tuple(version_scalers.letting_go(wanted, scaling.versions, epoch=epoch))
    found: list[Change | None] = []
    if scaling.source is not None and wanted.canary_min == 0:
        pause = wanted.canary_replicas == 0
        found.append(floors.give_back(scaling.kind, scaling.source, epoch=epoch, pause=pause))
    if wanted.canary_replicas == 0 and scaling.certain and scaling.problem is None:
        found += [removal(kind, body, names, epoch=epoch) for kind, body in scaling.strays]
    return tuple(change for change in found if change is not None)


def lacking(wanted: Wanted, scaling: Scaling) -> Problem | None:
    """Why the canary will not get the pods that are wanted of its autoscaler, if so."""
    if scaling.versions is not None:
        return version_scalers.lacking(wanted, scaling.versions)
    if not wanted.canary_min:
        return None
    if scaling.source is None:
        return next((preflight.unnamed(kind, body) for kind, body in scaling.on_target), None)
    return floors.lack(scaling.kind, scaling.source, least=wanted.canary_min)


def least_pods(wanted: Wanted, scaling: Scaling) -> int:
    """How many pods a target begins with that has an autoscaler: what it would bring itself at the least."""
    if scaling.source is None:
        return wanted.canary_replicas or 1
    least, most = flavour_of(scaling.kind).bounds(scaling.source)
    return max(1, least, min(wanted.canary_min or 1, most))


def _copy(wanted: Wanted, scaling: Scaling, names: Names, epoch: int) -> Iterable[Change | None]:
    """The primary's autoscaler. Not beside another one of ours: two would fight over the primary."""
    spec, source, clone = scaling.spec, scaling.source, scaling.clone
    if spec is None or source is None or wanted.primary_min is None or scaling.strays:
        return ()
    if (clone is None and not wanted.destinations) or (clone is not None and not is_ours(clone, names)):
        return ()
    model, floor = floors.as_people_have_it(scaling.kind, source), wanted.primary_min
    return (primary_change(scaling.kind, spec, names, source=model, clone=clone, floor=floor, epoch=epoch),)


def _forgotten(scaling: Scaling, epoch: int) -> Iterable[Change | None]:
    """Autoscalers that were raised for a run and are no longer named get back what they had."""
    if not scaling.certain:
        return ()
    source = scaling.source
    return [floors.give_back(kind, body, epoch=epoch) for kind, body in scaling.held if body is not source]
