"""Making the primary, and bringing it to the revision that users are to meet.

The write that makes it also records what was there before us: so a crash can lose neither.
"""

from delivery.cluster.objects import DEPLOYMENTS, Change, Object
from delivery.controller.adopting import may_adopt_primary
from delivery.controller.picture import Picture
from delivery.controller.revisions import resolve, uncopied, with_note
from delivery.controller.versions import with_subset
from delivery.workloads.adoption import adopting
from delivery.workloads.configs.copies import CONFIGS, copies_noted
from delivery.workloads.deployment import promoted_revision
from delivery.workloads.naming import noted
from delivery.workloads.ownership import is_ours
from delivery.workloads.services import original_annotations
from strategies.decision import Wanted


def _is_on(wanted: Wanted, picture: Picture) -> bool:
    """True when the primary is annotated with the wanted revision."""
    return picture.primary is not None and promoted_revision(picture.primary) == wanted.primary_revision


def unresolved(wanted: Wanted, picture: Picture) -> bool:
    """Is the wanted revision nowhere to be found?"""
    revision = wanted.primary_revision
    return revision is not None and not _is_on(wanted, picture) and resolve(picture, revision) is None


def primary_change(wanted: Wanted, picture: Picture, epoch: int) -> Change | None:
    """Create the primary, or bring it to the wanted revision; None when it is there, or cannot be made yet.

    Raises Fenced when a later leader has written it.
    """
    revision = wanted.primary_revision
    if revision is None or _is_on(wanted, picture):
        return None
    resolved = resolve(picture, revision)
    if resolved is None or uncopied(picture, resolved.configs):
        return None
    template = with_subset(picture, resolved.for_primary)
    if template is None:
        return None
    if picture.primary is not None:
        if picture.workload.strands(picture.primary, template, picture.pods):
            return None  # it is done when the pods are back; if they don't come, the progress deadline ends that
        change = picture.workload.promote(
            picture.primary, template, revision=revision, epoch=epoch, target=picture.target
        )
        return _marked(picture, with_note(change, picture.primary, resolved.configs)) if change else None
    if picture.target is None:
        return None
    return picture.workload.create(
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
