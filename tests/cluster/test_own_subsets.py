"""Bookinfo's own objects on a real API server: the copy beside them is taken, with the label that leaves them alone."""

import json
from pathlib import Path

import pytest
import yaml

from delivery.api.parse import parse_canary
from delivery.cluster.errors import Invalid
from delivery.cluster.kubernetes import KubernetesApi
from delivery.cluster.objects import DEPLOYMENTS, DESTINATION_RULES, SERVICES, VIRTUAL_SERVICES, Change, Ref
from delivery.routing.by_reference import ReferenceRouter
from delivery.routing.istio import IstioRouter
from delivery.routing.route_spec import RouteSpec
from delivery.routing.router import Observed
from delivery.routing.subset_labels import labelling_for
from delivery.routing.subset_problems import subset_problem
from delivery.workloads.deployment import promote_change, target_template_of
from delivery.workloads.names import Names
from delivery.workloads.revision import revision
from delivery.workloads.selectors import USUAL, moved_label_of
from delivery.workloads.targets.deployment import DeploymentKind
from strategies.traffic import Traffic
from tests.cluster.harness.kubectl import Kubectl

EXAMPLE = Path(__file__).parents[2] / "examples" / "own-subsets"
KINDS = {kind.kind: kind for kind in (DEPLOYMENTS, DESTINATION_RULES, SERVICES, VIRTUAL_SERVICES)}

pytestmark = pytest.mark.usefixtures("crds")


async def send(api: KubernetesApi, change: Change) -> None:
    await api.patch(change.ref, change.patch)


async def test_the_copy_is_taken_and_their_service_and_rule_fit_it(
    api: KubernetesApi, kubectl: Kubectl, namespace: str
) -> None:
    theirs = {}
    for file in ("reviews.yaml", "before-routes.yaml"):
        for body in yaml.safe_load_all((EXAMPLE / file).read_text()):
            if body["kind"] in KINDS:
                body["metadata"]["namespace"] = namespace
                await kubectl("apply", "--validate=false", "-f", "-", stdin=json.dumps(body))
                theirs[Ref(KINDS[body["kind"]], namespace, body["metadata"]["name"])] = body
    stored = {ref: await api.get(ref) for ref in theirs}
    body = yaml.safe_load((EXAMPLE / "canary.yaml").read_text())
    body["metadata"]["namespace"] = namespace
    given = parse_canary(body)
    names, spec, seen = Names.of(given), RouteSpec.of(given), Observed(stored)
    target = stored[Ref(DEPLOYMENTS, namespace, names.target)]
    apex = stored[Ref(SERVICES, namespace, names.apex)]

    labelling = labelling_for(names, spec, USUAL, seen, target=target, primary=None, apex=apex)
    kind = DeploymentKind().labelled(labelling)
    template = target["spec"]["template"]
    made = kind.create(target, names, template, revision=revision(template), floor=0, epoch=1, annotations={})
    assert made.body is not None
    primary = await api.create(made.ref, made.body)

    pods = primary["spec"]["template"]["metadata"]["labels"]
    assert pods == {"app": "reviews", "version": "v1-primary"}
    assert moved_label_of(primary) == "version"
    assert revision(target_template_of(primary)) == revision(template)
    canary_pods = template["metadata"]["labels"]
    assert subset_problem(names, spec, seen, apex=apex, canary=canary_pods, primaries=(pods,)) is None
    assert promote_change(primary, template, revision=revision(template), epoch=1, spec=target["spec"]) is None
    router = ReferenceRouter(IstioRouter())
    for weight in (0, 10):
        (change,) = router.routes(names, spec, Traffic.to_canary(weight), Observed(stored), epoch=1)
        await send(api, change)
        stored[change.ref] = await api.get(change.ref)
        (_, split) = stored[change.ref]["spec"]["http"]
        assert [each.get("weight", 0) for each in split["route"]] == [100 - weight, weight]


async def test_the_label_of_a_primary_cannot_be_changed_afterwards(
    api: KubernetesApi, kubectl: Kubectl, namespace: str
) -> None:
    """Why it is read from the primary and never chosen again."""
    documents = yaml.safe_load_all((EXAMPLE / "reviews.yaml").read_text())
    body = next(each for each in documents if each["kind"] == "Deployment")
    body["metadata"]["namespace"] = namespace
    await kubectl("apply", "-f", "-", stdin=json.dumps(body))
    ref = Ref(DEPLOYMENTS, namespace, "reviews-v1")
    labels = {"app": "reviews-primary", "version": "v1"}
    ops = [
        {"op": "replace", "path": "/spec/selector/matchLabels", "value": labels},
        {"op": "replace", "path": "/spec/template/metadata/labels", "value": labels},
    ]
    with pytest.raises(Invalid, match="immutable"):
        await api.patch(ref, ops)
