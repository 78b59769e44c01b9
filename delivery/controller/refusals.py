"""What forbids to take traffic over, as far as the caches tell: the first reason, with what to do about it."""

from delivery.cluster.cache import key_of
from delivery.cluster.indexes import HOST_INDEX, TARGET_INDEX
from delivery.cluster.objects import CANARIES, DESTINATION_RULES, VIRTUAL_SERVICES, Kind, Object
from delivery.cluster.reader import Reader
from delivery.controller import references
from delivery.controller.adopting import not_adoptable
from delivery.controller.picture import Picture
from delivery.routing import preflight
from delivery.routing.apex_preflight import apex_routed, apex_unsupported
from delivery.routing.hosts import routed_hosts
from delivery.workloads.names import Names
from delivery.workloads.targets.switched import overlap
from strategies.snapshot import Problem


def refusal(reader: Reader, picture: Picture) -> Problem | None:
    """The first thing that forbids to take traffic over."""
    names = picture.names
    created = str(picture.body["metadata"].get("creationTimestamp", ""))
    candidates = (*not_adoptable(picture), (picture.scaling.kind, picture.scaling.clone))
    return (
        preflight.target_conflict(names, created, _rivals(reader, picture), kind=picture.workload.kind)
        or preflight.name_too_long(names)
        or preflight.not_ours(names, candidates)
        or _mesh_refusal(reader, picture)
        or (None if picture.workload.is_apex else _port_problem(picture))
        or preflight.headless_problem(
            names, picture.service, (picture.canary_service, picture.primary_service, picture.apex)
        )
        or (picture.workload.problem(picture.target, picture.service) if picture.target is not None else None)
        or (overlap(picture.target, picture.primary) if picture.switches else None)
        or picture.scaling.problem
        or picture.configs.problem
    )


def _mesh_refusal(reader: Reader, picture: Picture) -> Problem | None:
    """What there is, or is not, of a mesh that keeps the router from leading users."""
    names, missing = picture.names, [kind for kind in picture.router.kinds if reader.missing(kind)]
    if missing:
        return preflight.not_served(missing)
    if picture.router.moves_apex:
        routes = _on_host(reader, VIRTUAL_SERVICES, names)
        return apex_unsupported(names, picture.apex) or apex_routed(names, routes)
    if picture.route.references:
        return references.problem(reader, picture) or (
            preflight.apex_destination_rule(names, _on_host(reader, DESTINATION_RULES, names))
            if picture.route.subsets is None
            else None
        )
    left = references.left(reader, picture)
    return (
        left
        or preflight.host_conflict(names, picture.route, _on_our_hosts(reader, picture))
        or preflight.apex_destination_rule(names, _on_host(reader, DESTINATION_RULES, names))
    )


def _port_problem(picture: Picture) -> Problem | None:
    return preflight.port_problem(picture.names, picture.service, picture.apex, picture.templates)


def _on_our_hosts(reader: Reader, picture: Picture) -> list[Object]:
    """VirtualServices that may be about one of the hosts that we route, in any namespace."""
    hosts = routed_hosts(picture.names, picture.route)
    words = {"*" if host.startswith("*") else host.split(".", 1)[0] for host in hosts} | {"*"}
    found = [body for word in words for body in reader.indexed(VIRTUAL_SERVICES, HOST_INDEX, word)]
    return sorted({key_of(body): body for body in found}.values(), key=key_of)


def _on_host(reader: Reader, kind: Kind, names: Names) -> list[Object]:
    """What may be about the apex host, in any namespace; by namespace and name."""
    found = [body for word in (names.apex, "*") for body in reader.indexed(kind, HOST_INDEX, word)]
    return sorted(found, key=key_of)


def _rivals(reader: Reader, picture: Picture) -> list[tuple[str, str]]:
    """Other Canaries on this target: names and times of creation."""
    found = []
    names, kind = picture.names, picture.workload.kind.kind
    for body in reader.indexed(CANARIES, TARGET_INDEX, f"{names.namespace}/{names.target}"):
        meta = body["metadata"]
        if meta["name"] != names.canary and _target_kind(body) == kind:
            found.append((meta["name"], str(meta.get("creationTimestamp", ""))))
    return found


def _target_kind(canary: Object) -> str:
    return str(((canary.get("spec") or {}).get("targetRef") or {}).get("kind"))
