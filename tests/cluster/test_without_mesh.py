"""Provider kubernetes on a real control plane: told beside a mesh that stands for late nodes, and without any Istio."""

import json
from pathlib import Path
from typing import Any

import pytest

from delivery.cluster.kubernetes import KubernetesApi
from delivery.cluster.objects import CANARIES, DEPLOYMENTS, SERVICES, Object, Ref
from delivery.sandbox.mesh import Load
from tests.cluster.harness import controller
from tests.cluster.harness.control_plane import ControlPlane
from tests.cluster.harness.kinds import NAMESPACES
from tests.cluster.harness.kubectl import Kubectl
from tests.cluster.harness.kubelet import Kubelet
from tests.cluster.harness.manifests import documents, install_crds
from tests.cluster.harness.stage import EXAMPLE, FAILING, PATIENCE, V1, V2, Stage, canary, here
from tests.cluster.harness.telling import together
from tests.cluster.harness.waiting import until

OUR_CRDS = Path(__file__).parents[2] / "crds"
CANARY_PODS, PRIMARY_PODS = {"app": "reviews"}, {"app": "reviews-primary"}
SCRAPED = {"spec": {"template": {"metadata": {"annotations": {"prometheus.io/scrape": "true"}}}}}


def meshless(**analysis: Any) -> dict[str, Any]:
    return canary(spec={"provider": "kubernetes"}, **{"stepWeights": None, "iterations": 2, **analysis})


async def initialised(stage: Stage, **analysis: Any) -> None:
    """Users with the primary, and somebody who calls whatever is behind the canary's Service."""
    await stage.deploy()
    await stage.kubectl("patch", "deployment/reviews", "-p", json.dumps(SCRAPED))
    await stage.kubectl("rollout", "status", "deployment/reviews", "--timeout=60s")
    await stage.kubectl.apply(meshless(**analysis))
    await stage.phase("Initialized")
    stage.mesh.send(Load(stage.namespace, "reviews-canary", per_second=20, source="checkers"))


def selector(body: Object) -> dict[str, str]:
    return dict(body["spec"]["selector"])


@together
async def test_the_service_leads_all_users_to_the_new_version_and_back_to_the_promoted_one(stage: Stage) -> None:
    await initialised(stage)
    async with stage.chronicle(SERVICES) as apex:
        await stage.release(V2)
        await stage.at_rest("Succeeded")
    assert apex.each(selector) == [PRIMARY_PODS, CANARY_PODS, PRIMARY_PODS]
    assert await stage.image("reviews-primary") == V2
    await stage.rests()
    assert stage.lost() == 0


@together
async def test_a_version_that_counts_its_own_errors_never_meets_a_user(stage: Stage) -> None:
    await initialised(stage)
    async with stage.chronicle(SERVICES) as apex:
        await stage.release(FAILING)
        body = await stage.until(lambda one: one["status"]["phase"] == "Failed", what="failed")
        await stage.rests()
    assert body["status"]["reason"] == "CheckFailed"
    assert apex.each(selector) == [PRIMARY_PODS]
    assert await stage.image("reviews-primary") == V1
    assert stage.lost() == 0


@together
async def test_what_needs_a_mesh_is_named_and_nothing_is_taken_over(stage: Stage) -> None:
    await stage.deploy()
    await stage.kubectl.apply(meshless(stepWeights=[5], iterations=None, sessionAffinity={"cookieName": "version"}))
    message = await stage.condition("Ready", "False", "InvalidSpec")
    assert "analysis.stepWeights and analysis.sessionAffinity" in message
    assert "a provider with a mesh" in message
    assert selector(await stage.api.get(stage.ref(SERVICES))) == CANARY_PODS
    await stage.edit({"analysis": {"stepWeights": None, "sessionAffinity": None, "iterations": 1}})
    await stage.phase("Initialized")
    assert stage.lost() == 0


@pytest.fixture
def plain_plane(assets: Path, tmp_path: Path) -> Any:
    """A cluster in which nobody has ever heard of Istio."""
    with ControlPlane.start(assets, tmp_path) as plane, Kubelet.start(str(plane.kubeconfig())):
        yield plane


async def test_in_a_cluster_without_istio_it_is_the_whole_story(plain_plane: ControlPlane, tmp_path: Path) -> None:
    plane = plain_plane
    async with KubernetesApi.connect(str(plane.kubeconfig())) as api:
        await install_crds(api, sorted(OUR_CRDS.glob("*.yaml")))
        await api.create(Ref(NAMESPACES, "", "shop"), {})
        await controller.permit_everywhere(api, "shop")
        kubectl = Kubectl(plane.kubeconfig(), "shop", tmp_path / "kubectl-cache")
        async with controller.running(
            plane.kubeconfig(controller.USER),
            tmp_path / "controller.log",
            metrics_server="http://127.0.0.1:9",
            lease_namespace="shop",
            flags=["--provider=kubernetes"],
        ) as replica:
            await _tell(api, kubectl)
            assert await replica.stop() == 0
            assert "Traceback" not in replica.output()


async def _tell(api: KubernetesApi, kubectl: Kubectl) -> None:
    for body in documents([EXAMPLE / "reviews.yaml"]):
        if body["kind"] != "Namespace":
            await kubectl.apply(here(body))
    ref = Ref(CANARIES, "shop", "reviews")
    await kubectl.apply(canary(stepWeights=None, metrics=[]))  # the provider is the controller's
    await _phase(api, ref, "Initialized")
    assert selector(await api.get(Ref(SERVICES, "shop", "reviews"))) == PRIMARY_PODS
    await kubectl("patch", "canary/reviews", "--type=merge", "-p", '{"spec":{"analysis":{"iterations":1}}}')
    await kubectl("set", "image", "deployment/reviews", f"reviews={V2}")
    await _phase(api, ref, "Succeeded")
    primary = await api.get(Ref(DEPLOYMENTS, "shop", "reviews-primary"))
    assert primary["spec"]["template"]["spec"]["containers"][0]["image"] == V2

    other = canary(name="ratings", spec={"provider": "istio"})
    other["spec"]["targetRef"]["name"] = "ratings"
    await kubectl.apply(other)
    refused = await until(api, Ref(CANARIES, "shop", "ratings"), _ready, seconds=PATIENCE, what="refused")
    assert _ready(refused) == "MeshNotInstalled"


def _ready(body: Object) -> str:
    """The reason of the condition Ready."""
    conditions = (body.get("status") or {}).get("conditions") or ()
    return next((str(each["reason"]) for each in conditions if each["type"] == "Ready"), "")


async def _phase(api: KubernetesApi, ref: Ref, phase: str) -> Object:
    def there(body: Object) -> bool:
        status = body.get("status") or {}
        return status.get("phase") == phase and not status.get("stage")

    return await until(api, ref, there, seconds=PATIENCE, what=phase)
