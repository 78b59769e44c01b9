"""The Services that we render, on a real API server: accepted as they are, and equal to what is wanted afterwards."""

from typing import Any

import pytest

from delivery.api.parse import parse_canary
from delivery.cluster.kubernetes import KubernetesApi
from delivery.cluster.objects import SERVICES, Action, Change, Object
from delivery.workloads.names import Names
from delivery.workloads.service_problems import headless_problem
from delivery.workloads.service_spec import ServiceSpec
from delivery.workloads.services import apex_service, role_services
from tests.cluster.harness.kubectl import Kubectl

pytestmark = pytest.mark.usefixtures("crds")

LABELS = {"app": "reviews"}


def canary(namespace: str, **service: Any) -> Any:
    given = {"port": 80, "targetPort": "http", **service}
    return parse_canary(
        {
            "apiVersion": "progressive.delivery/v1beta1",
            "kind": "Canary",
            "metadata": {"name": "reviews", "namespace": namespace, "uid": "u-1"},
            "spec": {
                "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "reviews"},
                "service": given,
                "analysis": {},
            },
        }
    )


def template(*ports: dict[str, Any]) -> dict[str, Any]:
    return {"spec": {"containers": [{"name": "a" * 63, "ports": list(ports)}]}}


PORTS = (
    {"containerPort": 9080, "name": "http"},
    {"containerPort": 53, "name": "dns", "protocol": "UDP"},
    {"containerPort": 53, "name": "dns-tcp"},
    {"containerPort": 7000},
    {"containerPort": 7001, "protocol": "SCTP"},
)
EVERYTHING = {
    "portDiscovery": True,
    "appProtocol": "http",
    "trafficDistribution": "PreferClose",
    "apex": {"labels": {"tier": "web"}, "annotations": {"example.com/docs": "here, and there"}},
    "primary": {"labels": {"role": "primary"}},
}


class Cluster:
    """One Canary's Services in a namespace."""

    def __init__(self, api: KubernetesApi, namespace: str) -> None:
        self.api = api
        self.namespace = namespace

    async def services(self) -> list[Object | None]:
        """The apex, the canary and the primary service."""
        listed = (await self.api.list(SERVICES, namespace=self.namespace)).items
        known = {each["metadata"]["name"]: each for each in listed}
        return [known.get(name) for name in ("reviews", "reviews-canary", "reviews-primary")]

    async def missing(self, spec: ServiceSpec, names: Names, *ports: dict[str, Any]) -> list[Change]:
        """The changes that are left to be made."""
        apex, role, primary = await self.services()
        pods = (template(*ports),)
        own, copied = LABELS, {"app": "reviews-primary"}
        changes = role_services(
            names,
            spec,
            canary_selector=own,
            primary_selector=copied,
            canary=role,
            primary=primary,
            apex=apex,
            epoch=1,
            templates=pods,
        )
        last = apex_service(names, spec, selector=copied, apex=apex, epoch=1, templates=pods)
        return [*changes, *([last] if last else [])]

    async def converge(self, *ports: dict[str, Any], **service: Any) -> int:
        """Write what is missing; how much that was. Afterwards nothing is."""
        read = canary(self.namespace, **service)
        spec, names = ServiceSpec.of(read), Names.of(read)
        changes = await self.missing(spec, names, *ports)
        for change in changes:
            if change.action is Action.CREATE:
                await self.api.create(change.ref, change.body)
            else:
                await self.api.patch(change.ref, change.patch)
        assert await self.missing(spec, names, *ports) == []
        return len(changes)


@pytest.fixture
def cluster(api: KubernetesApi, namespace: str) -> Cluster:
    return Cluster(api, namespace)


async def test_all_that_can_be_asked_for_is_accepted_and_taken_back(cluster: Cluster) -> None:
    assert await cluster.converge(*PORTS, **EVERYTHING) == 3
    apex, *_ = bodies = await cluster.services()
    assert {len(body["spec"]["ports"]) for body in bodies if body} == {5}
    assert apex is not None
    assert apex["metadata"]["annotations"]["example.com/docs"] == "here, and there"
    # A server before 1.30 drops the field, and is not asked again: `converge` has looked.
    assert apex["spec"].get("trafficDistribution", "PreferClose") == "PreferClose"

    assert await cluster.converge() == 3
    for body in filter(None, await cluster.services()):
        assert [port["port"] for port in body["spec"]["ports"]] == [80]
        assert "trafficDistribution" not in body["spec"]
        assert not {"tier", "role"} & set(body["metadata"]["labels"])


async def test_a_users_service_keeps_what_is_its_own(cluster: Cluster, kubectl: Kubectl) -> None:
    ports = [{"name": "web", "port": 80, "targetPort": 9080, "nodePort": 30123}, {"name": "dns", "port": 5353}]
    theirs = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "reviews"}}
    await kubectl.apply({**theirs, "spec": {"type": "NodePort", "selector": LABELS, "ports": ports}})
    assert await cluster.converge(*PORTS, **EVERYTHING) == 3

    after = (await cluster.services())[0]
    assert after is not None
    kept = [(port["name"], port["port"], port["protocol"]) for port in after["spec"]["ports"]]
    assert kept[:2] == [("web", 80, "TCP"), ("dns", 5353, "TCP")]
    assert ("dns-53", 53, "UDP") in kept
    assert after["spec"]["ports"][0]["nodePort"] == 30123


async def test_what_is_headless_stays_so(cluster: Cluster) -> None:
    await cluster.converge(headless=True)
    apex, role, primary = await cluster.services()
    assert apex is not None
    assert apex["spec"]["clusterIP"] == "None"
    assert all(each is not None and each["spec"]["clusterIP"] != "None" for each in (role, primary))
    read = canary(cluster.namespace)
    problem = headless_problem(Names.of(read), ServiceSpec.of(read), (role, primary, apex))
    assert problem is not None
    assert problem.reason == "HeadlessMismatch"
