"""Preflight's optional kinds on a real API server: read in whatever version it serves, and quiet where it serves none.

A control plane of its own, because the definition of Flagger's Canary would make `kubectl get canary` ambiguous for
everybody else.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from delivery.cluster.clock import SystemClock
from delivery.cluster.errors import Invalid
from delivery.cluster.indexes import HOST_INDEX, MENTIONS_INDEX, TARGET_INDEX
from delivery.cluster.kubernetes import KubernetesApi
from delivery.cluster.objects import CANARIES, DEPLOYMENTS, SERVICES, Kind, Ref
from delivery.cluster.policies import (
    AUTHORIZATION_POLICIES,
    ENVOY_FILTERS,
    FLAGGER_CANARIES,
    GUARDED,
    NETWORK_POLICIES,
    OTHER_VERSIONS,
    PEER_AUTHENTICATIONS,
    POD_AUTOSCALERS,
    POD_DISRUPTION_BUDGETS,
    POD_MONITORS,
    REQUEST_AUTHENTICATIONS,
    SIDECARS,
    TELEMETRIES,
    WASM_PLUGINS,
)
from delivery.cluster.reader import Reader
from delivery.workloads.ownership import is_managed
from tests.cluster.conftest import OUR_CRDS
from tests.cluster.harness.control_plane import ControlPlane
from tests.cluster.harness.controller import NAMESPACED, USER, permit, running
from tests.cluster.harness.kinds import NAMESPACES
from tests.cluster.harness.kubelet import Kubelet
from tests.cluster.harness.manifests import documents, install_crds
from tests.cluster.harness.stage import EXAMPLE, canary, here
from tests.cluster.harness.waiting import eventually, until

GUARDED_CRDS = Path(__file__).parent / "harness" / "guarded.yaml"
BY_APP = {"matchLabels": {"app": "reviews"}}

OBJECTS: dict[Kind, tuple[str, dict[str, Any]]] = {
    AUTHORIZATION_POLICIES: ("v1", {"selector": BY_APP, "action": "ALLOW", "rules": [{}]}),
    PEER_AUTHENTICATIONS: ("v1beta1", {"selector": BY_APP, "mtls": {"mode": "STRICT"}}),
    REQUEST_AUTHENTICATIONS: ("v1", {"selector": BY_APP, "jwtRules": [{"issuer": "x"}]}),
    SIDECARS: ("v1alpha3", {"workloadSelector": {"labels": {"app": "reviews"}}, "egress": [{"hosts": ["./reviews"]}]}),
    ENVOY_FILTERS: ("v1alpha3", {"workloadSelector": {"labels": {"app": "reviews"}}}),
    TELEMETRIES: ("v1alpha1", {"selector": BY_APP}),
    WASM_PLUGINS: ("v1alpha1", {"selector": BY_APP, "url": "oci://x"}),
    NETWORK_POLICIES: ("v1", {"podSelector": BY_APP, "ingress": [{"from": [{"podSelector": BY_APP}]}]}),
    POD_DISRUPTION_BUDGETS: (
        "v1beta1",
        {"selector": {"matchExpressions": [{"key": "app", "operator": "In", "values": ["reviews"]}]}},
    ),
    POD_MONITORS: ("v1", {"selector": BY_APP, "namespaceSelector": {"any": True}}),
    POD_AUTOSCALERS: ("v1", {"targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "reviews"}}),
    FLAGGER_CANARIES: ("v1beta1", {"targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "reviews"}}),
}
"""One object of every kind, about reviews, and the version in which this server serves it."""


@pytest.fixture(scope="module")
def plane(assets: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    with (
        ControlPlane.start(assets, tmp_path_factory.mktemp("guards")) as running_plane,
        Kubelet.start(str(running_plane.kubeconfig())),
    ):
        yield running_plane


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def installed(plane: ControlPlane, istio_crds: Path) -> None:
    async with KubernetesApi.connect(str(plane.kubeconfig())) as api:
        await install_crds(api, [istio_crds, GUARDED_CRDS, *sorted(OUR_CRDS.glob("*.yaml"))])


@pytest.fixture
async def server(plane: ControlPlane, installed: None) -> AsyncIterator[KubernetesApi]:
    async with KubernetesApi.connect(str(plane.kubeconfig())) as api:
        yield api


@pytest.fixture
async def shop(server: KubernetesApi) -> str:
    """A namespace of this test's own."""
    name = f"shop-{random.randrange(10**8)}"
    await server.create(Ref(NAMESPACES, "", name), {})
    return name


async def put(api: KubernetesApi, kind: Kind, namespace: str, *, name: str = "reviews") -> None:
    """Create the object of a kind, in the version that is served; whatever the server would drop is missed here."""
    version, spec = OBJECTS[kind]
    served = Kind(kind.group, version, kind.kind, kind.plural)
    body = {"apiVersion": served.api_version, "kind": kind.kind, "metadata": {"name": name}, "spec": spec}
    stored = await api.create(Ref(served, namespace, name), body)
    assert spec.items() <= {**stored["spec"], **{key: spec[key] for key in ("ingress",) if key in spec}}.items()


@asynccontextmanager
async def reading(api: KubernetesApi, *kinds: Kind) -> AsyncIterator[Reader]:
    """The caches of these kinds, as the controller keeps them."""
    reader = Reader(
        api,
        SystemClock(),
        kinds={kind: GUARDED.get(kind, dict) for kind in kinds},
        optional={kind: OTHER_VERSIONS.get(kind, ()) for kind in kinds},
        namespace=None,
        on_change=lambda *_: None,
        rng=random.Random(1),
    )
    task = asyncio.create_task(reader.run())
    try:
        await asyncio.wait_for(reader.wait_synced(), 60)
        yield reader
    finally:
        task.cancel()
        await asyncio.wait([task])


async def test_every_kind_is_listed_and_watched_in_the_version_that_is_served(server: KubernetesApi, shop: str) -> None:
    before, after = [], []
    for number, kind in enumerate(OBJECTS):
        (before if number % 2 else after).append(kind)
    for kind in before:
        await put(server, kind, shop)
    async with reading(server, *OBJECTS) as reader:
        assert reader.unanswered(OBJECTS) == []
        for kind in after:
            await put(server, kind, shop)
        for kind in OBJECTS:
            await eventually(lambda kind=kind: _is_found(reader, kind, shop), what=f"{kind} in its cache")


async def _is_found(reader: Reader, kind: Kind, namespace: str) -> bool:
    """By the index by which the controller looks for it."""
    if kind == FLAGGER_CANARIES:
        return len(reader.indexed(kind, TARGET_INDEX, f"{namespace}/reviews")) == 1
    where = "*" if kind == POD_MONITORS else namespace
    label = "@targetRef=Deployment/reviews" if kind == POD_AUTOSCALERS else "app=reviews"
    found = reader.indexed(kind, MENTIONS_INDEX, f"{where}/{label}")
    mine = [each for each in found if each["metadata"]["namespace"] == namespace]
    hosts = reader.indexed(kind, HOST_INDEX, "reviews") if kind == SIDECARS else mine
    return len(mine) == 1 and bool(hosts)


async def test_a_kind_that_is_not_served_is_quiet_and_holds_nobody_up(server: KubernetesApi) -> None:
    nowhere = Kind("nowhere.example", "v1", "Nothing", "nothings")
    async with reading(server, nowhere, NETWORK_POLICIES) as reader:
        assert reader.missing(nowhere)
        assert not reader.missing(NETWORK_POLICIES)
        assert reader.unanswered((nowhere, NETWORK_POLICIES)) == []


@pytest.mark.parametrize(
    "given", ["viewer", "networkpolicy/x", "NetworkPolicy/", "NetworkPolicy/a/b/c", "NetworkPolicy/A"]
)
async def test_what_can_be_no_objects_name_is_not_acknowledged(server: KubernetesApi, shop: str, given: str) -> None:
    body = canary(spec={"preflight": {"acknowledge": [given]}})
    with pytest.raises(Invalid, match="acknowledge"):
        await server.create(Ref(CANARIES, shop, "reviews"), body)


async def test_policies_keep_a_canary_waiting_until_they_are_acknowledged_and_every_permission_is_used(
    plane: ControlPlane, server: KubernetesApi, shop: str, tmp_path: Path
) -> None:
    acknowledged = [f"{kind}/reviews" for kind in OBJECTS if kind != FLAGGER_CANARIES]
    for kind in OBJECTS:
        if kind != FLAGGER_CANARIES:
            await put(server, kind, shop)
    await permit(server, shop)
    for body in documents([EXAMPLE / "reviews.yaml"]):
        kind = {each.kind: each for each in (DEPLOYMENTS, SERVICES)}.get(body["kind"])
        if kind is not None:
            await server.create(Ref(kind, shop, body["metadata"]["name"]), here(body))
    await server.create(Ref(CANARIES, shop, "reviews"), canary())
    ours = Ref(CANARIES, shop, "reviews")

    async with running(
        plane.kubeconfig(USER),
        tmp_path / "log",
        metrics_server="http://127.0.0.1:9",
        lease_namespace=shop,
        namespace=shop,
    ) as replica:
        await until(server, ours, lambda one: _reason(one) == "PolicyWouldMiss", what="PolicyWouldMiss")
        assert not [each for each in (await server.list(DEPLOYMENTS, shop)).items if is_managed(each)]
        edit = [{"op": "add", "path": "/spec/preflight", "value": {"acknowledge": acknowledged}}]
        await server.patch(ours, edit)
        await until(server, ours, lambda one: one["status"]["phase"] == "Initialized", what="Initialized")
        await put(server, FLAGGER_CANARIES, shop)
        await until(server, ours, lambda one: _reason(one) == "OwnedByFlagger", what="OwnedByFlagger")
        assert await replica.stop() == 0

    asked = [one for one in plane.audited() if one.get("objectRef", {}).get("namespace") == shop]
    assert not [one["requestURI"] for one in asked if one["responseStatus"]["code"] == 403]
    kinds = {(kind.group, kind.plural) for kind in GUARDED}
    used = {(one["objectRef"].get("apiGroup", ""), one["objectRef"]["resource"], one["verb"]) for one in asked}
    assert {each for each in used if each[:2] in kinds} == {each for each in _granted() if each[:2] in kinds}


def _granted() -> set[tuple[str, str, str]]:
    rules = [rule for body in documents([NAMESPACED]) if "rules" in body for rule in body["rules"]]
    return {
        (group, resource, verb)
        for rule in rules
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def _reason(one: Any) -> str:
    """Why it is not ready."""
    found = [each for each in (one.get("status") or {}).get("conditions") or () if each["type"] == "Ready"]
    return str(found[0]["reason"]) if found else ""
