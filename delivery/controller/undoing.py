"""What is left to be undone when a Canary goes that is to be reverted; the same answers tell how far that has come."""

from delivery.cluster.objects import SERVICES, Change
from delivery.controller.picture import Picture
from delivery.routing.istio import UNTOUCHED_BY_GITOPS
from delivery.workloads.adoption import SERVICE_FIELDS
from delivery.workloads.ownership import ORIGINAL_SELECTOR, annotations, is_ours
from delivery.workloads.releasing import apex_as_before, removal, selector_lost
from delivery.workloads.selectors import match_labels
from strategies.snapshot import Undone


def undone(picture: Picture, *, epoch: int) -> Undone:
    """How far the revert has come."""
    names, roles = picture.names, picture.mesh
    moves = not picture.workload.is_apex
    lost = selector_lost(names, picture.apex, primary=roles.primary, noted=_noted(picture)) if moves else None
    return Undone(
        apex=not apex_back(picture, epoch=epoch),
        routes=not routes_back(picture, epoch=epoch),
        objects=not (removals(picture, epoch=epoch) or last_removals(picture, epoch=epoch)),
        problem=lost,
    )


def apex_back(picture: Picture, *, epoch: int) -> tuple[Change, ...]:
    """The apex Service as it was before us. Where it is the route itself, it is given back with the routes."""
    if picture.router.moves_apex or picture.workload.is_apex or picture.target is None:
        return ()
    change = apex_as_before(
        picture.names,
        picture.service,
        picture.apex,
        target=match_labels(picture.target),
        primary=picture.mesh.primary,
        noted=_noted(picture),
        epoch=epoch,
    )
    return (change,) if change else ()


def routes_back(picture: Picture, *, epoch: int) -> tuple[Change, ...]:
    """The route objects as they were before us."""
    return picture.router.give_back(picture.names, picture.route, picture.mesh, epoch=epoch)


def removals(picture: Picture, *, epoch: int) -> tuple[Change, ...]:
    """What was made for the Canary besides the primary, which tells under which names all of it was made."""
    names, scaling = picture.names, picture.scaling
    clone = [(scaling.kind, scaling.clone)] if scaling.clone is not None else []
    mesh = [*((ref.kind, picture.mesh.get(ref)) for ref in picture.router.destination_refs(names, picture.route))]
    services = [(SERVICES, picture.canary_service), (SERVICES, picture.primary_service)]
    found = [
        *(
            removal(kind, body, names, epoch=epoch, noted=UNTOUCHED_BY_GITOPS, fields=("trafficPolicy",))
            for kind, body in mesh
        ),
        *(
            removal(kind, body, names, epoch=epoch, fields=SERVICE_FIELDS)
            for kind, body in services
            if body is not picture.primary
        ),
        *(removal(kind, body, names, epoch=epoch) for kind, body in (*clone, *scaling.strays, *picture.configs.copies)),
    ]
    return tuple(change for change in found if change is not None)


def last_removals(picture: Picture, *, epoch: int) -> tuple[Change, ...]:
    """The primary."""
    change = removal(picture.workload.primary_kind, picture.primary, picture.names, epoch=epoch)
    return (change,) if change else ()


def _noted(picture: Picture) -> str:
    """The apex Service's selector before us as recorded on the primary."""
    primary = picture.primary
    if primary is None or not is_ours(primary, picture.names):
        return ""
    return str(annotations(primary).get(ORIGINAL_SELECTOR, ""))
