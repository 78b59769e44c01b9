"""The harness is what it says: a control plane that rolls Deployments, with Pods that fare as told."""

import pytest

from delivery.cluster.kubernetes import KubernetesApi
from delivery.cluster.objects import DEPLOYMENTS, PODS, VIRTUAL_SERVICES, Object, Ref
from tests.cluster.harness.control_plane import ControlPlane
from tests.cluster.harness.kubectl import Kubectl, KubectlError
from tests.cluster.harness.waiting import condition, eventually, until, until_gone


def deployment(name: str, *, replicas: int = 2, **annotations: str) -> dict[str, object]:
    labels = {"app": name}
    given = {key.replace("_", "/", 1).replace("_", "-"): value for key, value in annotations.items()}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels, "annotations": given},
                "spec": {"containers": [{"name": "app", "image": "example/app:v1"}]},
            },
        },
    }


async def test_a_deployment_rolls_out_by_itself_and_its_pods_go_with_it(
    api: KubernetesApi, kubectl: Kubectl, namespace: str
) -> None:
    ref = Ref(DEPLOYMENTS, namespace, "reviews")

    await kubectl.apply(deployment("reviews", replicas=2))
    await until(api, ref, lambda one: one["status"]["readyReplicas"] == 2, what="ready with 2 pods")
    await kubectl("set", "image", "deployment/reviews", "app=example/app:v2")
    await kubectl("rollout", "status", "deployment/reviews", "--timeout=30s")

    pods = (await api.list(PODS, namespace, label_selector="app=reviews")).items
    assert {pod["spec"]["containers"][0]["image"] for pod in pods if _ready(pod)} == {"example/app:v2"}

    await kubectl("delete", "deployment/reviews")
    await until_gone(api, ref)

    async def no_pods() -> bool:
        return not (await api.list(PODS, namespace)).items

    await eventually(no_pods, what="the garbage collector removes the pods")


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [("crash-loop", "CrashLoopBackOff"), ("image-pull", "ImagePullBackOff"), ("oom", "CrashLoopBackOff")],
)
async def test_a_pod_fails_as_its_annotation_says(
    api: KubernetesApi, kubectl: Kubectl, namespace: str, behaviour: str, reason: str
) -> None:
    await kubectl.apply(deployment("bad", replicas=1, test_behaviour=behaviour))

    async def waiting() -> bool:
        pods = (await api.list(PODS, namespace)).items
        states = [one["state"] for pod in pods for one in pod["status"].get("containerStatuses", ())]
        return [state.get("waiting", {}).get("reason") for state in states] == [reason]

    await eventually(waiting, what=f"a container waits for {reason}")


async def test_a_ready_pod_breaks_when_its_annotation_changes(
    api: KubernetesApi, kubectl: Kubectl, namespace: str
) -> None:
    await kubectl.apply(deployment("reviews", replicas=1))
    await kubectl("wait", "deployment/reviews", "--for=condition=Available", "--timeout=30s")
    (pod,) = (await api.list(PODS, namespace)).items

    await kubectl("annotate", "pod", pod["metadata"]["name"], "test/behaviour=crash-loop")

    await until(api, Ref.of(PODS, pod), lambda one: condition(one, "Ready") == "False", what="not ready")


@pytest.mark.usefixtures("crds")
async def test_istio_objects_are_served_and_checked(api: KubernetesApi, kubectl: Kubectl, namespace: str) -> None:
    body = {
        "apiVersion": VIRTUAL_SERVICES.api_version,
        "kind": "VirtualService",
        "metadata": {"name": "reviews"},
        "spec": {"hosts": ["reviews"], "http": [{"route": [{"destination": {"host": "reviews"}}]}]},
    }

    await kubectl.apply(body)
    stored = await api.get(Ref(VIRTUAL_SERVICES, namespace, "reviews"))

    assert stored["spec"]["hosts"] == ["reviews"]
    with pytest.raises(KubectlError, match=r"spec\.hosts"):
        await kubectl.apply({**body, "spec": {"hosts": "reviews"}})


async def test_the_controller_user_may_do_nothing_until_a_role_is_bound_to_it(
    control_plane: ControlPlane, kubectl: Kubectl
) -> None:
    as_controller = Kubectl(control_plane.kubeconfig("controller"), kubectl.namespace, kubectl.cache)

    with pytest.raises(KubectlError, match="forbidden"):
        await as_controller("get", "deployments")


def _ready(pod: Object) -> bool:
    return condition(pod, "Ready") == "True"
