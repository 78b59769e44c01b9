"""Which of the objects under a Canary's names were there before it, and may they be taken over as they stand?"""

from delivery.cluster.objects import DEPLOYMENTS, SERVICES, Kind, Object
from delivery.controller.picture import Picture
from delivery.workloads import adoption
from delivery.workloads.ownership import is_ours
from delivery.workloads.selectors import match_labels


def not_adoptable(picture: Picture) -> tuple[tuple[Kind, Object | None], ...]:
    """The objects that we would create, apart from those that may be taken over."""
    names, router = picture.names, picture.router
    free = router.adoptable(names, picture.route, picture.mesh)
    created = ((ref, picture.mesh.get(ref)) for ref in router.created_refs(names, picture.route))
    roles = [
        (picture.workload.primary_kind, picture.primary, may_adopt_primary(picture)),
        (SERVICES, picture.canary_service, _selects(picture, picture.canary_service, canary=True)),
        (SERVICES, picture.primary_service, _selects(picture, picture.primary_service, canary=False)),
    ]
    return (
        *((kind, body) for kind, body, right in roles if not right),
        *((ref.kind, body) for ref, body in created if ref not in free),
    )


def primary_of(picture: Picture) -> Object | None:
    """The primary; one that may be taken over as it reads once that is done."""
    return adoption.as_ours(picture.primary, picture.names) if may_adopt_primary(picture) else picture.primary


def may_adopt_primary(picture: Picture) -> bool:
    """Is there a primary that is not ours and may be taken over?"""
    primary = picture.primary
    if primary is None or is_ours(primary, picture.names) or picture.workload.primary_kind != DEPLOYMENTS:
        return False
    free = adoption.is_free(primary, picture.names)
    return free and adoption.is_primary(primary, picture.target, serves=apex_on_primary(picture))


def _selects(picture: Picture, service: Object | None, *, canary: bool) -> bool:
    """Is a Service of a role's name there that selects the role's pods, and belongs to nobody?"""
    target = picture.target
    if service is None or target is None or picture.workload.routes_only or not match_labels(target):
        return False
    own, copied = picture.workload.selections(target, picture.primary, picture.past)[:2]
    selector = own if canary else copied
    return adoption.is_free(service, picture.names) and adoption.is_role_service(service, selector)


def apex_on_primary(picture: Picture) -> bool:
    """True when the apex Service selects the primary's pods; the apex that is the target stays the user's."""
    if picture.workload.is_apex:
        return picture.primary is not None
    if picture.apex is None or picture.primary is None:
        return False
    selections = picture.workload.selections(picture.target, picture.primary, picture.past)
    return (picture.apex["spec"].get("selector") or {}) == dict(selections[1])
