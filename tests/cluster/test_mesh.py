"""The traffic model before a real API server and a real Prometheus."""

import asyncio

import pytest

from delivery.cluster.kubernetes import KubernetesApi
from delivery.cluster.objects import VIRTUAL_SERVICES, Ref
from delivery.sandbox.mesh import Load
from delivery.sandbox.mesh.behaviour import PREFIX
from tests.cluster.harness.kubectl import Kubectl
from tests.cluster.harness.mesh import MeshExporter
from tests.cluster.harness.prometheus import Prometheus
from tests.cluster.harness.waiting import eventually


def role(name: str, **annotations: str) -> list[dict[str, object]]:
    """A Deployment of one pod and a Service for it."""
    labels = {"app": name}
    given = {PREFIX + key.replace("_", "-"): value for key, value in annotations.items()}
    container = {"name": "app", "image": "example/reviews:v1"}
    template = {"metadata": {"labels": labels, "annotations": given}, "spec": {"containers": [container]}}
    spec = {"replicas": 1, "selector": {"matchLabels": labels}, "template": template}
    return [
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec},
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": name},
            "spec": {"selector": labels, "ports": [{"port": 9080}]},
        },
    ]


def routes(primary: int, canary: int) -> dict[str, object]:
    weights = {"reviews-primary": primary, "reviews": canary}
    route = [{"destination": {"host": host}, "weight": weight} for host, weight in weights.items()]
    return {"hosts": ["reviews-apex"], "http": [{"route": route}]}


@pytest.fixture
async def reviews(kubectl: Kubectl) -> None:
    """A healthy primary, a canary with 20 % of errors and slow answers, all traffic to the primary."""
    virtual_service = {
        "apiVersion": VIRTUAL_SERVICES.api_version,
        "kind": "VirtualService",
        "metadata": {"name": "reviews"},
        "spec": routes(100, 0),
    }
    canary = role("reviews", error_share="0.2", latency_ms="400")
    await kubectl.apply(*role("reviews-primary"), *canary, virtual_service)
    for name in ("reviews-primary", "reviews"):
        await kubectl("wait", f"deployment/{name}", "--for=condition=Available", "--timeout=30s")


@pytest.mark.usefixtures("reviews")
async def test_requests_follow_the_virtual_service_and_prometheus_sees_them(
    api: KubernetesApi, namespace: str, mesh: MeshExporter, prometheus: Prometheus
) -> None:
    mesh.send(Load(namespace, "reviews-apex", per_second=200))
    await arrived(mesh, "reviews-primary")
    assert mesh.requests(reporter="destination", destination_workload="reviews") == 0

    ops = [{"op": "replace", "path": "/spec", "value": routes(50, 50)}]
    await api.patch(Ref(VIRTUAL_SERVICES, namespace, "reviews"), ops)
    await arrived(mesh, "reviews")

    scope = f'reporter="destination",destination_workload="reviews",destination_workload_namespace="{namespace}"'
    errors = f'sum(increase(istio_requests_total{{{scope},response_code=~"5.*"}}[30s]))'
    errors += f" / sum(increase(istio_requests_total{{{scope}}}[30s]))"
    duration = (
        f"histogram_quantile(0.99, sum(rate(istio_request_duration_milliseconds_bucket{{{scope}}}[30s])) by (le))"
    )

    async def measured() -> bool:
        share, slow = [await prometheus.query(one) for one in (errors, duration)]
        return 0.15 < float(share[0]["value"][1]) < 0.25 and 500 < float(slow[0]["value"][1]) <= 1000

    await eventually(measured, what="20 % of errors and a 99th percentile between 500 and 1000 ms")


@pytest.mark.usefixtures("reviews")
async def test_requests_to_a_role_without_a_ready_pod_are_lost_and_seen_by_the_caller_only(
    kubectl: Kubectl, namespace: str, mesh: MeshExporter
) -> None:
    await kubectl("scale", "deployment/reviews-primary", "--replicas=0")
    mesh.send(Load(namespace, "reviews-apex", per_second=200))

    async def lost() -> int:
        return mesh.requests(reporter="source", response_flags="UH", destination_service_name="reviews-primary")

    assert await eventually(lost, what="requests lost")
    assert mesh.requests(reporter="destination", response_code="503") == 0


@pytest.mark.usefixtures("reviews")
async def test_prometheus_goes_away_and_comes_back_with_what_it_knew(
    namespace: str, mesh: MeshExporter, prometheus: Prometheus
) -> None:
    mesh.send(Load(namespace, "reviews-apex", per_second=50))

    async def known() -> list[object]:
        return list(await prometheus.query(f'istio_requests_total{{namespace="{namespace}"}} > 0'))

    await eventually(known, what="a first sample")
    prometheus.go_away()
    with pytest.raises(OSError, match="refused"):
        await prometheus.query("up")
    prometheus.come_back()
    assert await eventually(known, what="samples again")

    prometheus.hang()
    hanging = asyncio.ensure_future(prometheus.query("up"))
    done, _ = await asyncio.wait([hanging], timeout=0.5)
    prometheus.go_on()
    assert not done
    assert await hanging


async def arrived(mesh: MeshExporter, workload: str) -> None:
    async def some() -> int:
        return mesh.requests(reporter="destination", destination_workload=workload)

    await eventually(some, what=f"requests arrive at {workload}")
