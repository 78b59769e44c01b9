"""What is left to be undone when a Canary goes that is to be reverted; the same answers tell how far that has come."""

from delivery.cluster.objects import SERVICES, Change
from delivery.controller.picture import Picture
from delivery.controller.versions import leads
from delivery.routing.istio import DESTINATION_FIELDS, UNTOUCHED_BY_GITOPS
from delivery.workloads.adoption import SERVICE_FIELDS
from delivery.workloads.ownership import ORIGINAL_SELECTOR, annotations, is_ours
from delivery.workloads.releasing import apex_as_before, removal, selector_lost
from delivery.workloads.selectors import match_labels
from delivery.workloads.targets.leading import pod_labels
from strategies.snapshot import Undone


def undone(picture: Picture, *, epoch: int) -> Undone:
    """How far the revert has come."""
    names, roles = picture.names, picture.mesh
    moves = not picture.workload.is_apex and not picture.switches
    lost = selector_lost(names, picture.apex, primary=roles.primary, noted=_noted(picture)) if moves else None
    return Undone(
        apex=not apex_back(picture, epoch=epoch),
        routes=not routes_back(picture, epoch=epoch),
        objects=not (removals(picture, epoch=epoch) or last_removals(picture, epoch=epoch)),
        problem=lost,
    )


def apex_back(picture: Picture, *, epoch: int) -> tuple[Change, ...]:
    """The apex Service as it was before us. Where it is the route itself, it is given back with the routes."""
    if picture.switches:
        return _apex_of_versions(picture, epoch=epoch)
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


def _apex_of_versions(picture: Picture, *, epoch: int) -> tuple[Change, ...]:
    """As before us, unless that was a version that serves no more. Where routes name subsets it was never moved."""
    if picture.route.by_version:
        return ()
    selector, labels = serving(picture)
    if not selector:
        return ()
    change = apex_as_before(
        picture.names,
        picture.service,
        picture.apex,
        target=selector,
        primary=selector,
        noted=_noted(picture),
        serving=labels,
        epoch=epoch,
    )
    return (change,) if change else ()


def serving(picture: Picture) -> tuple[dict[str, str], dict[str, str]]:
    """What selects the pods that serve users, and all labels of these, as far as they are known: the primary's, or the
    canary's while it has everybody.
    """
    view = picture.router.read(picture.names, picture.route, picture.mesh)
    if view.canary_weight == 100 and view.everybody_weight == 100 and picture.canary_service is not None:
        selector = dict(picture.canary_service["spec"].get("selector") or {})
        own = picture.target is not None and dict(match_labels(picture.target)) == selector
        return selector, {**(pod_labels(picture.target) if own and picture.target is not None else {}), **selector}
    led = leads(picture.primary, picture.canary_service)
    selector = dict(led.selector or {})
    return selector, {**led.labels, **selector}


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
            removal(kind, body, names, epoch=epoch, noted=UNTOUCHED_BY_GITOPS, fields=DESTINATION_FIELDS)
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
