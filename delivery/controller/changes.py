"""From what is wanted to the writes that are missing, in groups whose order matters.

Pure: the same picture and the same wish give the same changes, and an equal cluster gives none.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from delivery.cluster.objects import (
    CANARIES,
    DEPLOYMENTS,
    Action,
    Change,
    Object,
    Ref,
    resource_version,
)
from delivery.controller import scaling, undoing
from delivery.controller.adopting import may_adopt_primary
from delivery.controller.picture import Picture
from delivery.controller.revisions import (
    Copying,
    collecting,
    copying,
    fenced_copies,
    resolve,
    uncopied,
    with_note,
)
from delivery.controller.versions import canary_note, with_subset
from delivery.workloads import service_copies
from delivery.workloads.adoption import adopting
from delivery.workloads.configs.copies import CONFIGS, copies_noted
from delivery.workloads.deployment import promoted_revision
from delivery.workloads.naming import noted
from delivery.workloads.overlay import refence_change
from delivery.workloads.ownership import TOUCHED, annotations, is_ours
from delivery.workloads.selectors import match_labels
from delivery.workloads.services import apex_service, original_annotations, role_services
from delivery.workloads.targets.leading import LEADS_TO, led_to
from delivery.workloads.targets.target_kind import Template
from strategies.decision import Wanted

FINALIZER = "progressive.delivery/rollout"


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
    primary = _primary(wanted, picture, epoch)
    destinations = _destinations(wanted, picture, epoch)
    routes = _routes(wanted, picture, epoch)
    found = Changes(
        copies=copying(wanted, picture, epoch=epoch),
        finalizer=_finalizer(wanted, picture),
        destinations=(*primary, *destinations),
        scaling=(
            *scaling.waking(wanted, picture.scaling, picture.names, epoch=epoch),
            *_floor(wanted, picture, epoch, primary),
            *_scale_up(wanted, picture, epoch),
        ),
        routes=routes,
        apex=_apex(wanted, picture, epoch),
        resting=(*scaling.resting(wanted, picture.scaling, picture.names, epoch=epoch), *_rest(wanted, picture, epoch)),
        collected=collecting(wanted, picture, epoch=epoch),
        undoing=_undoing(wanted, picture, epoch),
        last=undoing.last_removals(picture, epoch=epoch) if wanted.nothing_left else (),
        unresolved=_unresolved(wanted, picture),
    )
    return fenced(found, wanted, picture, epoch=epoch) if running else found


def fenced(found: Changes, wanted: Wanted, picture: Picture, *, epoch: int) -> Changes:
    """The same with our fence on every object of the run."""
    return found if wanted.hands_off else replace(found, fences=_fences(wanted, picture, found, epoch))


def _some(*found: Change | None) -> tuple[Change, ...]:
    return tuple(change for change in found if change is not None)


def _finalizer(wanted: Wanted, picture: Picture) -> tuple[Change, ...]:
    """Our finalizer on the Canary, there or not."""
    given = list(picture.body["metadata"].get("finalizers") or ())
    if (FINALIZER in given) == wanted.finalizer:
        return ()
    return (finalizer_change(picture.body, present=wanted.finalizer),)


def finalizer_change(body: Object, *, present: bool) -> Change:
    """Put our finalizer on a Canary or take it off; other finalizers stay."""
    given = [each for each in body["metadata"].get("finalizers") or () if each != FINALIZER]
    value = [*given, FINALIZER] if present else given
    return Change(
        ref=Ref.of(CANARIES, body),
        tests=({"op": "test", "path": "/metadata/resourceVersion", "value": resource_version(body)},),
        ops=({"op": "add", "path": "/metadata/finalizers", "value": value},),
        why="hold the Canary until users are safe" if present else "let the Canary go",
    )


def _is_on(wanted: Wanted, picture: Picture) -> bool:
    """True when the primary is annotated with the wanted revision."""
    return picture.primary is not None and promoted_revision(picture.primary) == wanted.primary_revision


def _unresolved(wanted: Wanted, picture: Picture) -> bool:
    revision = wanted.primary_revision
    return revision is not None and not _is_on(wanted, picture) and resolve(picture, revision) is None


def _primary(wanted: Wanted, picture: Picture, epoch: int) -> tuple[Change, ...]:
    """Create the primary, or bring it to the wanted revision."""
    revision = wanted.primary_revision
    if revision is None or _is_on(wanted, picture):
        return ()
    resolved = resolve(picture, revision)
    if resolved is None or uncopied(picture, resolved.configs):
        return ()
    template = with_subset(picture, resolved.for_primary)
    if template is None:
        return ()
    if picture.primary is not None:
        if picture.workload.strands(picture.primary, template, picture.pods):
            return ()  # it is done when the pods are back; if they don't come, the progress deadline ends that
        change = picture.workload.promote(
            picture.primary, template, revision=revision, epoch=epoch, target=picture.target
        )
        return _some(_marked(picture, with_note(change, picture.primary, resolved.configs)) if change else None)
    if picture.target is None:
        return ()
    created = picture.workload.create(
        picture.target,
        picture.names,
        template,
        revision=revision,
        floor=wanted.primary_floor or 0,
        epoch=epoch,
        annotations={
            **_before(picture),
            **({CONFIGS: copies_noted(resolved.configs)} if resolved.configs else {}),
        },
    )
    return (created,)


def _marked(picture: Picture, change: Change) -> Change | None:
    """The write of a primary; one that was there before us is taken over by it, or left alone."""
    primary = picture.primary
    if primary is None or is_ours(primary, picture.names) or picture.workload.primary_kind != DEPLOYMENTS:
        return change
    return adopting(change, primary, picture.names, _before(picture)) if may_adopt_primary(picture) else None


def _before(picture: Picture) -> dict[str, str]:
    """What was there before us and the names that are in use from now on, for the write that makes the primary ours.

    Of a target that is the apex nothing changes.
    """
    apex = None if picture.workload.is_apex else picture.apex
    return {**original_annotations(apex, _routes_before(picture), picture.names), **noted(picture.names)}


def _routes_before(picture: Picture) -> Object | None:
    """The VirtualService that was there before us, if there was one under our name."""
    if picture.router.moves_apex or picture.route.references:
        return None
    return next((body for ref in picture.route_refs if (body := picture.mesh.get(ref)) is not None), None)


def _destinations(wanted: Wanted, picture: Picture, epoch: int) -> tuple[Change, ...]:
    if not wanted.destinations or picture.target is None:
        return ()
    mesh = picture.router.destinations(picture.names, picture.route, picture.mesh, epoch=epoch)
    if picture.workload.is_apex:
        return (*_copies(picture, picture.target, epoch), *mesh)
    if picture.workload.routes_only:
        return (*_switched_services(picture, picture.target, epoch), *mesh)
    return (*_role_services(picture, epoch), *mesh)


def _copies(picture: Picture, target: Object, epoch: int) -> tuple[Change, ...]:
    """The roles' Services of a target that is a Service. The primary's is written where primaries are written.

    The canary service follows the target only while nobody is sent to it: else users would follow an edit at once.
    """
    names, spec, primary = picture.names, picture.service, picture.primary_service
    dressed = service_copies.dress(primary, names, spec.primary, spec, epoch=epoch) if primary is not None else None
    return _some(_canary_copy(picture, picture.workload.template_of(target), epoch), dressed)


def _canary_copy(picture: Picture, template: Template, epoch: int) -> Change | None:
    names, spec, canary = picture.names, picture.service, picture.canary_service
    if canary is None:
        return service_copies.create(names, names.canary_service, template, {}, epoch=epoch)
    led = service_copies.lead_to(canary, template, epoch=epoch) if not picture.canary_free_in else None
    return led or service_copies.dress(canary, names, spec.canary, spec, epoch=epoch)


def _switched_services(picture: Picture, target: Object, epoch: int) -> tuple[Change, ...]:
    """The roles' Services where promotions move users: the primary's selector changes with a promotion alone, and the
    canary service follows the target only while nobody is sent to it.
    """
    own, canary = dict(match_labels(target)), picture.canary_service
    stays = canary is not None and picture.canary_free_in
    found = role_services(
        picture.names,
        picture.service,
        canary_selector=dict(canary["spec"].get("selector") or {}) if canary is not None and stays else own,
        primary_selector=_switched_to(picture),
        canary=canary,
        primary=picture.primary,
        apex=picture.apex,
        epoch=epoch,
        templates=picture.templates,
        canary_noted=annotations(canary).get(LEADS_TO, "") if canary is not None and stays else canary_note(picture),
    )
    made_elsewhere = picture.primary is None
    return tuple(each for each in found if not (made_elsewhere and each.ref.name == picture.names.primary_service))


def _switched_to(picture: Picture) -> dict[str, str]:
    """Where the primary service was led last; what somebody made of it by hand is no promotion."""
    noted = led_to(picture.primary).selector if picture.primary is not None else None
    return dict(noted) if noted is not None else _primary_selector(picture)


def _role_services(picture: Picture, epoch: int) -> tuple[Change, ...]:
    own = match_labels(picture.target) if picture.target is not None else {}
    return role_services(
        picture.names,
        picture.service,
        canary_selector=own,
        primary_selector=_primary_selector(picture),
        canary=picture.canary_service,
        primary=picture.primary_service,
        apex=picture.apex,
        epoch=epoch,
        templates=picture.templates,
    )


def _primary_selector(picture: Picture) -> dict[str, str]:
    return dict(picture.workload.selections(picture.target, picture.primary, picture.past)[1])


def _floor(wanted: Wanted, picture: Picture, epoch: int, coming: tuple[Change, ...]) -> tuple[Change, ...]:
    """The primary never has fewer pods than the run began with. Not in the tick that writes its template.

    An autoscaler holds that itself, once there are any.
    """
    if picture.primary is None or wanted.primary_floor is None or coming:
        return ()
    if picture.scaling.scales_primary and not _sleeps(picture.primary):
        return ()
    why = "hold the primary's floor"
    return _some(picture.workload.at_least(picture.primary, wanted.primary_floor, epoch=epoch, why=why))


def _scale_up(wanted: Wanted, picture: Picture, epoch: int) -> tuple[Change, ...]:
    if picture.target is None or not wanted.canary_replicas:
        return ()
    pods, why = wanted.canary_replicas, "scale the canary up"
    if picture.scaling.scales_target:
        if not _sleeps(picture.target) or not picture.scaling.target_wakes:
            return ()
        pods = scaling.least_pods(wanted, picture.scaling)
    return _some(picture.workload.at_least(picture.target, pods, epoch=epoch, why=why))


def _sleeps(workload: Object) -> bool:
    """Has it no pods, so that no autoscaler looks at it?"""
    return bool(workload["spec"].get("replicas") == 0)


def _rest(wanted: Wanted, picture: Picture, epoch: int) -> tuple[Change, ...]:
    if picture.target is None or wanted.canary_replicas != 0 or not picture.scaling.target_rests:
        return ()
    return _some(picture.workload.rest(picture.target, epoch=epoch))


def _routes(wanted: Wanted, picture: Picture, epoch: int) -> tuple[Change, ...]:
    if wanted.traffic is None:
        return ()
    return picture.router.routes(picture.names, picture.route, wanted.traffic, picture.mesh, epoch=epoch)


def _apex(wanted: Wanted, picture: Picture, epoch: int) -> tuple[Change, ...]:
    if not wanted.apex_to_primary or picture.router.moves_apex or picture.workload.is_apex:
        return ()
    selector = _apex_selector(picture)
    if not selector:
        return ()
    names, service = picture.names, picture.service
    return _some(
        apex_service(names, service, selector=selector, apex=picture.apex, epoch=epoch, templates=picture.templates)
    )


def _undoing(wanted: Wanted, picture: Picture, epoch: int) -> tuple[Change, ...]:
    """What has to become as it was before us, at this stage of a revert."""
    apex = undoing.apex_back(picture, epoch=epoch) if wanted.apex_as_before else ()
    routes = undoing.routes_back(picture, epoch=epoch) if wanted.routes_as_before else ()
    objects = undoing.removals(picture, epoch=epoch) if wanted.nothing_left else ()
    return (*apex, *routes, *objects)


def _apex_selector(picture: Picture) -> dict[str, str]:
    """What the apex Service is to select: the primary's pods. Where roles are its subsets it goes on selecting both."""
    if picture.route.subsets is None:
        return _primary_selector(picture)
    return dict(picture.apex["spec"].get("selector") or {}) if picture.apex is not None else {}


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


def touched(change: Change, *, stamp: str) -> Change:
    """The same change, and one that surely changes the object: a late write decided on the same version fails."""
    if change.action is not Action.PATCH:
        return change
    op = {"op": "add", "path": f"/metadata/annotations/{TOUCHED.replace('/', '~1')}", "value": stamp}
    return replace(change, ops=(*change.ops, op))


def touch(kind: Any, body: Object, *, stamp: str) -> Change:
    """A change that alters nothing but proves that no write decided earlier can still come through."""
    test = {"op": "test", "path": "/metadata/resourceVersion", "value": resource_version(body)}
    return touched(Change(ref=Ref.of(kind, body), tests=(test,), why="rule out a late write"), stamp=stamp)
