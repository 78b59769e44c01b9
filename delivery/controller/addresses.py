"""Where users meet a Canary's roles: the three Services, and which pods each of them leads to.

Which Services a kind of target needs, and when they may be led elsewhere, is decided here; what each says besides is
in delivery/workloads.
"""

from delivery.cluster.objects import Change, Object
from delivery.controller.picture import Picture
from delivery.controller.versions import canary_note
from delivery.workloads import service_copies
from delivery.workloads.ownership import annotations
from delivery.workloads.selectors import match_labels
from delivery.workloads.services import apex_service, role_services
from delivery.workloads.targets.leading import LEADS_TO, led_to, remembering
from delivery.workloads.targets.target_kind import Template


def of_roles(picture: Picture, target: Object, epoch: int) -> tuple[Change, ...]:
    """What is missing of the roles' own Services. Raises Fenced when a later leader has written one."""
    if picture.workload.is_apex:
        return _copies(picture, target, epoch)
    if picture.workload.routes_only:
        return _switched_services(picture, target, epoch)
    return _role_services(picture, epoch)


def of_users(picture: Picture, epoch: int) -> Change | None:
    """What is missing of the apex Service once the routes lead users. Raises Fenced when a later leader wrote it."""
    selector = _apex_selector(picture)
    if picture.switches and picture.primary is None:
        return None  # nobody knows who serves: what it selects now is the best that there is
    if picture.router.moves_apex or picture.workload.is_apex or not selector:
        return None
    names, service = picture.names, picture.service
    return apex_service(names, service, selector=selector, apex=picture.apex, epoch=epoch, templates=picture.templates)


def _primary_selector(picture: Picture) -> dict[str, str]:
    return dict(picture.workload.selections(picture.target, picture.primary, picture.past)[1])


def _copies(picture: Picture, target: Object, epoch: int) -> tuple[Change, ...]:
    """The roles' Services of a target that is a Service. The primary's is written where primaries are written.

    The canary service follows the target only while nobody is sent to it: else users would follow an edit at once.
    """
    names, spec, primary = picture.names, picture.service, picture.primary_service
    dressed = service_copies.dress(primary, names, spec.primary, spec, epoch=epoch) if primary is not None else None
    found = (_canary_copy(picture, picture.workload.template_of(target), epoch), dressed)
    return tuple(change for change in found if change is not None)


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
    tried = annotations(canary).get(LEADS_TO, "") if canary is not None and stays else canary_note(picture)
    noted = {**({LEADS_TO: tried} if tried else {}), **(remembering(picture.primary) if picture.primary else {})}
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
        canary_noted=noted,
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


def _apex_selector(picture: Picture) -> dict[str, str]:
    """What the apex Service is to select: the primary's pods. Where roles are its subsets it goes on selecting both."""
    if picture.route.subsets is None:
        return _primary_selector(picture)
    return dict(picture.apex["spec"].get("selector") or {}) if picture.apex is not None else {}
