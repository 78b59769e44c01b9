"""From what is wanted to the writes that are missing, in groups whose order matters.

Pure: the same picture and the same wish give the same changes, and an equal cluster gives none.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from delivery.cluster.objects import Change, Ref
from delivery.controller import addresses, primaries, scaling, sizes, undoing
from delivery.controller.finalizing import finalizer
from delivery.controller.picture import Picture
from delivery.controller.revisions import Copying, collecting, copying, fenced_copies
from delivery.routing.by_reference import forget
from delivery.workloads.overlay import refence_change
from strategies.decision import Wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """The missing writes. Destinations come before routes that raise, routes that take traffic away before all else,
    pods go last. `copies` of configs come before what needs them, and are `collected` when nothing does. `undoing`
    gives back and deletes, and the `last` deletion tells that nothing else is left. `unresolved`: the wanted revision
    is nowhere to be found.
    """

    copies: tuple[Copying, ...] = ()
    finalizer: tuple[Change, ...] = ()
    destinations: tuple[Change, ...] = ()
    scaling: tuple[Change, ...] = ()
    routes: tuple[Change, ...] = ()
    apex: tuple[Change, ...] = ()
    resting: tuple[Change, ...] = ()
    fences: tuple[Change, ...] = ()
    collected: tuple[Change, ...] = ()
    undoing: tuple[Change, ...] = ()
    last: tuple[Change, ...] = ()
    unresolved: bool = False

    @property
    def in_sync(self) -> bool:
        """True when routes and what they lead to are as wanted."""
        return not (self.destinations or self.routes)


def changes(wanted: Wanted, picture: Picture, *, epoch: int, running: bool) -> Changes:
    """What is missing. `running`: a run is in progress, so that every object of it must carry our fence.

    Raises Fenced when an object was written by a later leader.
    """
    if wanted.hands_off:
        return Changes()
    primary = primaries.primary_change(wanted, picture, epoch)
    destinations = _destinations(wanted, picture, epoch)
    routes = _routes(wanted, picture, epoch)
    found = Changes(
        copies=copying(wanted, picture, epoch=epoch),
        finalizer=finalizer(wanted, picture),
        destinations=(*_some(primary), *destinations),
        scaling=(
            *scaling.waking(wanted, picture.scaling, picture.names, epoch=epoch),
            *_some(
                sizes.floor(wanted, picture, epoch, coming=primary is not None),
                sizes.scale_up(wanted, picture, epoch),
            ),
        ),
        routes=routes,
        apex=_some(addresses.of_users(picture, epoch) if wanted.apex_to_primary else None),
        resting=(
            *scaling.resting(wanted, picture.scaling, picture.names, epoch=epoch),
            *_some(sizes.rest(wanted, picture, epoch)),
        ),
        collected=(*collecting(wanted, picture, epoch=epoch), *_forgetting(wanted, picture, epoch)),
        undoing=_undoing(wanted, picture, epoch),
        last=undoing.last_removals(picture, epoch=epoch) if wanted.nothing_left else (),
        unresolved=primaries.unresolved(wanted, picture),
    )
    return fenced(found, wanted, picture, epoch=epoch) if running else found


def fenced(found: Changes, wanted: Wanted, picture: Picture, *, epoch: int) -> Changes:
    """The same with our fence on every object of the run."""
    return found if wanted.hands_off else replace(found, fences=_fences(wanted, picture, found, epoch))


def _some(*found: Change | None) -> tuple[Change, ...]:
    return tuple(change for change in found if change is not None)


def _destinations(wanted: Wanted, picture: Picture, epoch: int) -> tuple[Change, ...]:
    if not wanted.destinations or picture.target is None:
        return ()
    mesh = picture.router.destinations(picture.names, picture.route, picture.mesh, epoch=epoch)
    return (*addresses.of_roles(picture, picture.target, epoch), *mesh)


def _routes(wanted: Wanted, picture: Picture, epoch: int) -> tuple[Change, ...]:
    if wanted.traffic is None:
        return ()
    return picture.router.routes(picture.names, picture.route, wanted.traffic, picture.mesh, epoch=epoch)


def _forgetting(wanted: Wanted, picture: Picture, epoch: int) -> tuple[Change, ...]:
    """Our notes on routes of the user's that nobody names any more; they go when nothing else is to be done."""
    return forget(picture.names, picture.route, picture.forgotten, epoch=epoch) if wanted.collect else ()


def _undoing(wanted: Wanted, picture: Picture, epoch: int) -> tuple[Change, ...]:
    """What has to become as it was before us, at this stage of a revert."""
    apex = undoing.apex_back(picture, epoch=epoch) if wanted.apex_as_before else ()
    routes = undoing.routes_back(picture, epoch=epoch) if wanted.routes_as_before else ()
    objects = undoing.removals(picture, epoch=epoch) if wanted.nothing_left else ()
    return (*apex, *routes, *objects)


def _fences(wanted: Wanted, picture: Picture, found: Changes, epoch: int) -> tuple[Change, ...]:
    """Our fence on every object of a run that is not written anyway."""
    written: Iterable[Change] = (
        *found.destinations,
        *found.scaling,
        *found.routes,
        *found.apex,
        *found.resting,
        *found.undoing,
        *found.last,
    )
    refs = {change.ref for change in written}
    ours = (*picture.fenced(), *fenced_copies(wanted, picture))
    fences = (refence_change(kind, body, epoch=epoch) for kind, body in ours if Ref.of(kind, body) not in refs)
    return _some(*fences)
