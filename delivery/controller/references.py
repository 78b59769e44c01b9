"""What a Canary whose routes are the user's has to know of the rest of the cluster; from caches, without a request."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from delivery.api.canary import Canary
from delivery.api.parse import InvalidSpec, parse_canary
from delivery.api.salvage import salvage_canary
from delivery.cluster.cache import key_of
from delivery.cluster.indexes import CLAIM_INDEX, DESTINATION_INDEX, HOST_INDEX, REFERENCE_INDEX
from delivery.cluster.objects import CANARIES, VIRTUAL_SERVICES, Object, Ref
from delivery.cluster.reader import Reader
from delivery.controller import versions
from delivery.routing import claims, preflight, reference_problems, subset_problems
from delivery.routing.by_reference import left_behind, seen
from delivery.routing.hosts import covers, is_visible
from delivery.routing.referenced import Place
from delivery.routing.route_spec import MESH, RouteSpec
from delivery.routing.router import Observed
from delivery.workloads.names import Names
from delivery.workloads.ownership import is_ours
from strategies.snapshot import Problem
from strategies.traffic import Traffic

if TYPE_CHECKING:
    from delivery.controller.picture import Picture


def with_left_behind(reader: Reader, names: Names, route: RouteSpec) -> RouteSpec:
    """The routes with those that the Canary names no longer and on which a run has left something."""
    if not route.references:
        return route
    left = left_behind(names, route, reader.indexed(VIRTUAL_SERVICES, CLAIM_INDEX, claims.owner(names)))
    return replace(route, references=(*route.references, *left)) if left else route


def forgotten(reader: Reader, names: Names, route: RouteSpec) -> tuple[Object, ...]:
    """The VirtualServices that keep our note, and nothing else of us, although the Canary has no routeRefs any more."""
    if route.references:
        return ()  # then those that are named no longer are given back with the others
    noted = sorted(reader.indexed(VIRTUAL_SERVICES, CLAIM_INDEX, claims.owner(names)), key=key_of)
    found = ((body, claims.claim_of(body, names)) for body in noted)
    return tuple(body for body, claim in found if claim is not None and claim.weight == 0)


def problem(reader: Reader, picture: "Picture") -> Problem | None:
    """Why the user's routes cannot be taken as they are, if so."""
    names, route = picture.names, picture.route
    if not route.references:
        return None
    return (
        _own_route(reader, picture)
        or versions.problem(picture)
        or reference_problems.route_problem(names, route, picture.mesh)
        or _claimed(reader, picture)
        or _host_conflict(reader, picture)
        or _subset_problem(picture)
        or _leaking(reader, picture)
    )


def coarse(picture: "Picture", traffic: Traffic | None) -> Problem | None:
    """Is the wanted percent one that the weights of the user's routes cannot say?"""
    if traffic is None or not picture.route.references:
        return None
    return reference_problems.coarse_problem(picture.names, picture.route, picture.mesh, traffic)


def left(reader: Reader, picture: "Picture") -> Problem | None:
    """Has a Canary without routeRefs left weights on routes of the user, when it had some? Nobody takes them back."""
    names = picture.names
    for body in sorted(reader.indexed(VIRTUAL_SERVICES, CLAIM_INDEX, claims.owner(names)), key=key_of):
        claim = claims.claim_of(body, names)
        if claim is None or claim.weight == 0:
            continue  # a run that is over has left its note only
        return Problem(
            reason="RouteLeftBehind",
            message=f"{Ref.of(VIRTUAL_SERVICES, body)} has weights of this Canary from when routeRefs named it; give "
            f"them to whom they belong and remove the annotation {claims.key(names)} from it",
        )
    return None


def _own_route(reader: Reader, picture: "Picture") -> Problem | None:
    """Is there a VirtualService that we made when the routes were not the user's?"""
    ref = Ref(VIRTUAL_SERVICES, picture.names.namespace, picture.names.apex)
    body = reader.get(ref)
    if body is None or ref in picture.route_refs or not is_ours(body, picture.names):
        return None
    return Problem(
        reason="RouteLeftBehind",
        message=f"{ref} was made by this Canary before it had routeRefs, and competes with yours; delete it",
    )


def _claimed(reader: Reader, picture: "Picture") -> Problem | None:
    """Does an older Canary move weights on the same routes?"""
    names = picture.names
    mine = _places(names, picture.route, picture.mesh)
    for body in _rivals(reader, picture):
        rival = _read(body)
        if rival is None:
            continue
        theirs = _places(Names.of(rival, names.cluster_domain), RouteSpec.of(rival), picture.mesh)
        found = reference_problems.claimed_problem(mine, "/".join(key_of(body)), theirs)
        if found is not None:
            return found
    return None


def _rivals(reader: Reader, picture: "Picture") -> list[Object]:
    """The older Canaries that name one of the same VirtualServices, the oldest first."""
    found = {
        key_of(body): body
        for ref in picture.route_refs
        for body in reader.indexed(CANARIES, REFERENCE_INDEX, f"{ref.namespace}/{ref.name}")
    }
    return sorted((body for body in found.values() if _age(body) < _age(picture.body)), key=_age)


def _age(body: Object) -> tuple[str, tuple[str, str]]:
    return str(body["metadata"].get("creationTimestamp", "")), key_of(body)


def _read(body: Object) -> Canary | None:
    try:
        return parse_canary(body)
    except InvalidSpec:
        return salvage_canary(body)


def _places(names: Names, route: RouteSpec, mesh: Observed) -> dict[Ref, set[Place]]:
    return {each.reference.ref: {place for place, _, _ in each.splits()} for each in seen(names, route, mesh)}


def _host_conflict(reader: Reader, picture: "Picture") -> Problem | None:
    """Does a VirtualService that the Canary does not name take the place of one that it names?"""
    named = set(picture.route_refs)
    others = [body for body in _on_host(reader, picture) if Ref.of(VIRTUAL_SERVICES, body) not in named]
    ours = (picture.mesh.get(ref) for ref in picture.route_refs)
    if not any(body is not None and _routes_apex(body, picture.names) for body in ours):
        return None
    return preflight.host_conflict(picture.names, picture.route, others)


def _on_host(reader: Reader, picture: "Picture") -> list[Object]:
    words = (picture.names.apex, "*")
    return sorted((body for word in words for body in reader.indexed(VIRTUAL_SERVICES, HOST_INDEX, word)), key=key_of)


def _routes_apex(body: Object, names: Names) -> bool:
    """Does it route the apex host for the mesh's sidecars?"""
    spec, namespace = body.get("spec") or {}, str(body["metadata"].get("namespace", ""))
    if MESH not in (spec.get("gateways") or [MESH]) or not is_visible(spec, namespace, names):
        return False
    fqdn = names.host(names.apex)
    return any(covers(str(host), fqdn, namespace, names.cluster_domain) for host in spec.get("hosts") or [])


def _subset_problem(picture: "Picture") -> Problem | None:
    if picture.route.subsets is None or picture.route.by_version or picture.target is None:
        return None
    canary, primaries = _pod_labels(picture)
    return subset_problems.subset_problem(
        picture.names, picture.route, picture.mesh, apex=picture.apex, canary=canary, primaries=primaries
    )


def _pod_labels(picture: "Picture") -> tuple[Mapping[str, str], Sequence[Mapping[str, str]]]:
    """The labels of the target's pods, and of the primary's: as they are, and as a promotion makes them."""
    if picture.target is None:
        return {}, ()
    canary = _labels(picture, picture.target)
    moved = picture.workload.selections(picture.target, picture.primary, picture.past)[1]
    there = [_labels(picture, picture.primary)] if picture.primary is not None else []
    return canary, ({**canary, **moved}, *there)


def _labels(picture: "Picture", workload: Object) -> dict[str, str]:
    return dict((picture.workload.template_of(workload).get("metadata") or {}).get("labels") or {})


def _leaking(reader: Reader, picture: "Picture") -> Problem | None:
    names = picture.names
    leading = sorted(reader.indexed(VIRTUAL_SERVICES, DESTINATION_INDEX, names.apex), key=key_of)
    covered = any(_routes_apex(body, names) for body in _on_host(reader, picture))
    return subset_problems.leaking_problem(names, picture.route, leading, covered=covered)
