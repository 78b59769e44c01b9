"""The versions of a Canary whose promotions move users, as far as the user's subsets have to tell them apart."""

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from delivery.cluster.objects import DEPLOYMENTS, Object, Ref
from delivery.cluster.reader import Reader
from delivery.routing import version_subsets
from delivery.routing.route_spec import RouteSpec
from delivery.routing.router import Observed
from delivery.routing.version_subsets import Version
from delivery.workloads.names import Names
from delivery.workloads.service_copies import last_written
from delivery.workloads.targets.leading import NOTE, SUBSET, Led, leading_to, led_to, pod_labels, served
from delivery.workloads.targets.target_kind import Template
from strategies.snapshot import Problem, Workload

if TYPE_CHECKING:
    from delivery.controller.picture import Picture


@dataclass(frozen=True, slots=True, kw_only=True)
class Versions:
    """The version to release, the one that serves, and the one to which the canary service leads; None where there is
    none. `led` is where the primary service leads.
    """

    target: Version | None = None
    primary: Version | None = None
    canary: Version | None = None
    led: Led = field(default_factory=Led)


def look(
    reader: Reader, names: Names, *, target: Object | None, primary: Object | None, canary_service: Object | None
) -> Versions:
    """Look them up. Costs no request."""
    led, tried = leads(primary, canary_service), led_to(canary_service)

    def version(noted: Led) -> Version | None:
        if not noted.deployment:
            return None
        live = reader.get(Ref(DEPLOYMENTS, names.namespace, noted.deployment))
        labels = pod_labels(live) if live is not None else noted.labels
        return Version(deployment=noted.deployment, labels=labels, noted=noted.subset)

    serving, canary = version(led), version(tried)
    known = {each.deployment: each for each in (serving, canary) if each is not None}
    wanted = None
    if target is not None:
        name = str(target["metadata"]["name"])
        noted = known[name].noted if name in known else ""
        wanted = Version(deployment=name, labels=pod_labels(target), noted=noted)
    return Versions(target=wanted, primary=serving, canary=canary, led=led)


def leads(primary: Object | None, canary_service: Object | None) -> Led:
    """Where the primary service leads; while there is none, where the canary service remembers that it led."""
    known = served(canary_service) if primary is None else None
    return known.led if known is not None else led_to(primary)


def recalled(picture: "Picture") -> str:
    """The revision that serves, as the canary service remembers it, when there is no primary service; else ""."""
    known = served(picture.canary_service) if picture.switches and picture.primary is None else None
    return known.revision if known is not None else ""


def with_subsets(route: RouteSpec, names: Names, mesh: Observed, versions: Versions) -> RouteSpec:
    """The routes with the subsets of both roles as of now."""
    if route.subsets is None or not route.by_version:
        return route
    found = version_subsets.resolved(
        route.subsets,
        names,
        mesh,
        target=versions.target,
        primary=versions.primary,
        canary=versions.canary,
        led=versions.led,
    )
    return replace(route, subsets=found)


def problem(picture: "Picture") -> Problem | None:
    """Why the user's subsets do not tell the versions apart, if so."""
    subsets, versions = picture.route.subsets, picture.versions
    if subsets is None or not picture.route.by_version:
        return None
    return version_subsets.problem(
        subsets,
        picture.names,
        picture.mesh,
        apex=picture.apex,
        target=versions.target,
        primary=versions.primary,
    )


def with_subset(picture: "Picture", template: Template) -> Template | None:
    """What is promoted, with what the user calls its pods; as it is where there are no subsets.

    None when nobody can tell, so that no route could lead there.
    """
    subsets, target = picture.route.subsets, picture.versions.target
    if subsets is None or not picture.route.by_version or NOTE in template:
        return template
    if target is None or target.deployment != template.get("deployment"):
        return None
    found = version_subsets.subset_of(subsets, picture.names, picture.mesh, target)
    return {**template, SUBSET: found} if found else None


def canary_note(picture: "Picture") -> str:
    """What to note on a canary service that leads to the target; "" without subsets."""
    subsets, target = picture.route.subsets, picture.versions.target
    if subsets is None or not picture.route.by_version or target is None or picture.target is None:
        return ""
    found = version_subsets.subset_of(subsets, picture.names, picture.mesh, target)
    return leading_to(picture.workload.template_of(picture.target), subset=found).text


def known_since(picture: "Picture", seen: Workload) -> Workload:
    """The target as proxies know it: a subset that was just written is as new to them as a pod that is just ready."""
    rule = next((picture.mesh.get(ref) for ref in picture.router.destination_refs(picture.names, picture.route)), None)
    written = last_written(rule) if picture.route.by_version and rule is not None else None
    if written is None:
        return seen
    return replace(seen, ready_since=tuple(max(at, written) for at in seen.ready_since))
