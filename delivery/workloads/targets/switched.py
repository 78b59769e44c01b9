"""Deployments that are versions: a team keeps one for each, and a promotion moves users instead of copying pods.

The target is the Deployment of the version to release. The primary service leads to the pods of the version that was
promoted last, the canary service to the target's, and nothing is ever scaled: how many pods a version has, and when it
goes, is its people's business.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import ClassVar

from delivery.cluster.objects import DEPLOYMENTS, SERVICES, Change, Kind, Object
from delivery.workloads import observation
from delivery.workloads.names import Names
from delivery.workloads.overlay import Exact, create_change, patch_change
from delivery.workloads.ownership import REVISION, annotations, is_managed, owner_labels
from delivery.workloads.ports import main_port
from delivery.workloads.revision import matches
from delivery.workloads.revision import revision as revision_of
from delivery.workloads.selectors import match_labels
from delivery.workloads.service_copies import led_since
from delivery.workloads.service_spec import ServiceSpec
from delivery.workloads.targets.bases import LedKind
from delivery.workloads.targets.leading import LEADS_TO, NOTE, SUBSET, Led, leading_to, led_to, served
from delivery.workloads.targets.service import seen_behind, strands_users
from delivery.workloads.targets.target_kind import Template
from strategies.snapshot import Problem, Workload


@dataclass(frozen=True, slots=True)
class SwitchedKind(LedKind):
    """The TargetKind of promotion.method switch; the `past` of a target is the canary service."""

    service: ServiceSpec

    kind: ClassVar[Kind] = DEPLOYMENTS

    def problem(self, target: Object, service: ServiceSpec) -> Problem | None:
        selector, name = target["spec"].get("selector") or {}, target["metadata"]["name"]
        if selector.get("matchLabels") and not selector.get("matchExpressions"):
            return None
        return Problem(
            reason="SelectorUnsupported",
            message=f"the selector of Deployment {name} is not made of matchLabels alone, and a Service cannot select "
            "by anything else; give the Deployment labels that tell its version, for example app and version",
        )

    def template_of(self, target: Object) -> Template:
        """What is a version: whose pods they are, and what runs in them."""
        selector = dict(match_labels(target))
        return {
            "deployment": target["metadata"]["name"],
            "selector": selector,
            "template": target["spec"]["template"],
        }

    def template(
        self, revision: str, *, target: Object | None, primary: Object | None, past: Sequence[Object]
    ) -> Template | None:
        """Only the target has it: of earlier versions a Service knows the labels, and not what ran there. These are
        enough to make a primary service anew that somebody has deleted.
        """
        template = self.template_of(target) if target is not None else None
        if template is not None and matches(revision, template):
            return template
        known = served(next(iter(past), None)) if primary is None else None
        return known.template if known is not None and known.revision == revision else None

    def selections(
        self, target: Object | None, primary: Object | None, past: Sequence[Object]
    ) -> tuple[Mapping[str, str], ...]:
        own = match_labels(target) if target is not None else {}
        copied = _selector(primary) if primary is not None else own
        return (own, copied, *(_selector(each) for each in past))

    def serves(self, target: Object, primary: Object) -> bool:
        return led_to(primary).deployment == str(target["metadata"]["name"])

    def observe(
        self, body: Object, pods: Iterable[Object], *, past: Iterable[Object], since: datetime | None
    ) -> Workload:
        if is_managed(body):
            return seen_behind(str(annotations(body).get(REVISION, "")), body, pods, since, behind=False)
        leading = next(iter(past), None)
        seen = replace(observation.observe(body, pods, since=since), revision=revision_of(self.template_of(body)))
        if leading is None or _selector(leading) != dict(match_labels(body)):
            return replace(seen, updated=0, updated_ready=0, settled=False)
        led = led_since(leading) if not led_to(leading).subset else None  # proxies have the subset's pods already
        return seen if led is None else replace(seen, ready_since=tuple(max(at, led) for at in seen.ready_since))

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
        meta = {"name": names.primary, "namespace": names.namespace, "labels": owner_labels(names)}
        noted = {**annotations, REVISION: revision, LEADS_TO: _noted(template, None)}
        spec = {"selector": dict(template["selector"]), "ports": [main_port(self.service)]}
        body = {"metadata": {**meta, "annotations": noted}, "spec": spec}
        return create_change(SERVICES, body, epoch=epoch, why=f"create Service {names.primary} at {revision}")

    def promote(
        self, primary: Object, template: Template, *, revision: str, epoch: int, target: Object | None
    ) -> Change | None:
        noted = {REVISION: revision, LEADS_TO: _noted(template, led_to(primary))}
        wanted = {"metadata": {"annotations": noted}, "spec": {"selector": Exact(dict(template["selector"]))}}
        return patch_change(SERVICES, primary, wanted, epoch=epoch, why=f"lead the primary service to {revision}")

    def strands(self, primary: Object, template: Template, pods: Iterable[Object]) -> bool:
        return strands_users(primary, {**primary, "spec": {"selector": dict(template["selector"])}}, pods)


def overlap(target: Object | None, primary: Object | None) -> Problem | None:
    """Do the labels of one version select the pods of the other too?"""
    if target is None or primary is None:
        return None
    own, other = match_labels(target), _selector(primary)
    if own == other or not (own.items() <= other.items() or other.items() <= own.items()):
        return None
    name = target["metadata"]["name"]
    return Problem(
        reason="VersionsOverlap",
        message=f"the labels of Deployment {name} ({_shown(own)}) and of the version that serves ({_shown(other)}) "
        "select each other's pods; give each version's Deployment a label with a value of its own, such as version",
    )


def _shown(selector: Mapping[str, str]) -> str:
    return ", ".join(f"{key}={value}" for key, value in sorted(selector.items()))


def _selector(service: Object) -> dict[str, str]:
    return dict(service["spec"].get("selector") or {})


def _noted(template: Template, since: Led | None) -> str:
    if NOTE in template:
        return str(template[NOTE])
    return leading_to(template, subset=str(template.get(SUBSET, "")), since=since).text
