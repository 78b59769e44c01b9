"""Services as targets: only routes move. Whose the pods are, and how many, is not the controller's business.

A version is where the Service's requests end. The primary service leads where the promoted version does and the canary
service where the target does, so the users of the apex never follow an edit of the target at once. Nothing is scaled.
Without a selector (ExternalName, endpoints kept by hand) there are no pods to be seen: then a role counts as ready.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import ClassVar

from delivery.cluster.objects import SERVICES, Change, Kind, Object
from delivery.workloads import service_copies
from delivery.workloads.health import is_ready, ready_since, trouble
from delivery.workloads.names import Names
from delivery.workloads.ownership import REVISION, annotations, is_managed, labels
from delivery.workloads.revision import matches
from delivery.workloads.revision import revision as revision_of
from delivery.workloads.service_spec import ServiceSpec
from delivery.workloads.targets.bases import LedKind
from delivery.workloads.targets.target_kind import Template
from strategies.snapshot import Problem, Workload


class ServiceKind(LedKind):
    """The TargetKind of core Services; the `past` of a target is its canary service."""

    kind: ClassVar[Kind] = SERVICES
    is_apex: ClassVar[bool] = True

    def serves(self, target: Object, primary: Object) -> bool:
        return False

    def problem(self, target: Object, service: ServiceSpec) -> Problem | None:
        spec, name = target["spec"], target["metadata"]["name"]
        ports = [port.get("port") for port in spec.get("ports") or []]
        external = spec.get("type") == service_copies.EXTERNAL
        if service.port in ports or (external and not ports):
            return None
        return Problem(
            reason="PortNotInService",
            message=f"spec.service.port: given {service.port}, but Service {name} has ports "
            f"{', '.join(map(str, ports)) or 'none'}; use one of them or add the port to the Service",
        )

    def template_of(self, target: Object) -> Template:
        return service_copies.routed(target)

    def template(
        self, revision: str, *, target: Object | None, primary: Object | None, past: Sequence[Object]
    ) -> Template | None:
        found = (service_copies.routed(each) for each in (target, primary, *past) if each is not None)
        return next((each for each in found if matches(revision, each)), None)

    def selections(
        self, target: Object | None, primary: Object | None, past: Sequence[Object]
    ) -> tuple[Mapping[str, str], ...]:
        return tuple(_selector(each) for each in (target, primary, *past) if each is not None)

    def observe(
        self, body: Object, pods: Iterable[Object], *, past: Iterable[Object], since: datetime | None
    ) -> Workload:
        if is_managed(body):
            noted = str(annotations(body).get(REVISION, ""))
            return seen_behind(noted or revision_of(service_copies.routed(body)), body, pods, since, behind=False)
        template = service_copies.routed(body)
        leading = next(iter(past), None)
        behind = leading is None or not service_copies.same(leading, template)
        return seen_behind(revision_of(template), leading or body, pods, since, behind=behind)

    def create(
        self,
        target: Object,
        names: Names,
        template: Template,
        *,
        revision: str,
        floor: int,
        epoch: int,
        annotations: Mapping[str, str],
    ) -> Change:
        noted = {**annotations, REVISION: revision}
        return service_copies.create(names, names.primary, template, noted, epoch=epoch)

    def promote(
        self, primary: Object, template: Template, *, revision: str, epoch: int, target: Object | None
    ) -> Change | None:
        return service_copies.lead_to(primary, template, revision=revision, epoch=epoch)

    def strands(self, primary: Object, template: Template, pods: Iterable[Object]) -> bool:
        """The API server leads all of them elsewhere at once; a workload's controller would wait for the new pods."""
        return strands_users(primary, {**primary, "spec": template["spec"]}, pods)


def strands_users(primary: Object, led: Object, pods: Iterable[Object]) -> bool:
    """Would a Service that is led elsewhere take its users from ready pods to where none is?"""
    seen = tuple(pods)
    return not pods_unknown(led) and not _ready(led, seen) and (pods_unknown(primary) or _ready(primary, seen))


def _ready(service: Object, pods: Iterable[Object]) -> bool:
    return any(is_ready(pod) and _selected(service, pod) for pod in pods)


def pods_unknown(service: Object) -> bool:
    """Does it select no pods, so that nobody can tell how much it carries?"""
    return not _selector(service)


def _selector(service: Object) -> Mapping[str, str]:
    return {} if service["spec"].get("type") == service_copies.EXTERNAL else service["spec"].get("selector") or {}


def seen_behind(
    revision: str, leading: Object, pods: Iterable[Object], since: datetime | None, *, behind: bool
) -> Workload:
    """What is behind the Service `leading`; `behind`: it does not lead to the version yet."""
    led = service_copies.led_since(leading) if is_managed(leading) else None
    if pods_unknown(leading):
        updated = 0 if behind else 1
        return Workload(
            revision=revision,
            replicas=1,
            ready=1,
            updated=updated,
            updated_ready=updated,
            settled=not behind,
            ready_since=() if led is None else (led,),
            most=1,
            unseen=True,
        )
    own = [pod for pod in pods if _selected(leading, pod)]
    ready = sum(map(is_ready, own))
    times = tuple(at if led is None else max(at, led) for at in filter(None, map(ready_since, own)))
    return Workload(
        revision=revision,
        replicas=len(own),
        ready=ready,
        updated=0 if behind else len(own),
        updated_ready=0 if behind else ready,
        settled=not behind,
        trouble=trouble(own, since=since),
        ready_since=times,
    )


def _selected(service: Object, pod: Object) -> bool:
    """A pod that is meant to serve: one that is on its way out, or has ended, is not."""
    meta = pod["metadata"]
    ended = (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed") or meta.get("deletionTimestamp")
    here = meta.get("namespace") == service["metadata"].get("namespace") and not ended
    return here and all(labels(pod).get(key) == value for key, value in _selector(service).items())
