"""Our definitions on a real API server: taken without complaint, defaulting, refusing and printing as promised."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from delivery.api import crd
from delivery.api import status as statuses
from delivery.api.parse import parse_canary
from delivery.cluster.kubernetes import KubernetesApi
from delivery.cluster.objects import CANARIES, Ref
from metrics.verdict import Outcome
from strategies.status import Check, Phase, Run, Status
from tests.api.everything import EVERYTHING
from tests.cluster.harness.kubectl import Kubectl, KubectlError

pytestmark = pytest.mark.usefixtures("crds")


def canary(name: str = "reviews", **spec: Any) -> dict[str, Any]:
    """A Canary of ten lines, with other fields of the spec on request."""
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "reviews"}
    return {
        "apiVersion": "progressive.delivery/v1beta1",
        "kind": "Canary",
        "metadata": {"name": name},
        "spec": {"targetRef": target, "service": {"port": 9080}, "analysis": {}, **spec},
    }


@pytest.mark.parametrize("resource", crd.RESOURCES, ids=lambda resource: resource.kind)
async def test_a_definition_is_established_and_structural(kubectl: Kubectl, resource: crd.Resource) -> None:
    name = f"crd/{resource.plural}.progressive.delivery"

    conditions = json.loads(await kubectl("get", name, "-o", "json"))["status"]["conditions"]

    states = {condition["type"]: condition["status"] for condition in conditions}
    assert (states["Established"], states["NamesAccepted"]) == ("True", "True")
    assert states.get("NonStructuralSchema", "False") == "False", conditions


async def test_ten_lines_are_defaulted_and_nothing_is_invented(
    api: KubernetesApi, kubectl: Kubectl, namespace: str
) -> None:
    await kubectl.apply(canary())

    stored = await api.get(Ref(CANARIES, namespace, "reviews"))

    assert stored["spec"]["service"] == {"port": 9080, "portName": "http"}
    assert stored["spec"]["progressDeadlineSeconds"] == 600
    assert stored["spec"]["analysis"] == {
        "interval": "60s",
        "onInconclusive": "threshold",
        "maxWeight": 100,
        "primaryReadyThreshold": 100,
        "canaryReadyThreshold": 100,
    }
    assert parse_canary(stored).spec == parse_canary(canary()).spec


async def test_every_field_is_kept(api: KubernetesApi, kubectl: Kubectl, namespace: str) -> None:
    await kubectl.apply(canary(**EVERYTHING))

    stored = await api.get(Ref(CANARIES, namespace, "reviews"))

    assert parse_canary(stored).spec.as_json() == EVERYTHING


async def test_null_is_the_same_as_absent(api: KubernetesApi, kubectl: Kubectl, namespace: str) -> None:
    body = canary(provider=None, analysis={"stepWeights": None, "interval": None})
    body["spec"]["service"]["hosts"] = None

    await kubectl("create", "--validate=false", "-f", "-", stdin=json.dumps(body))

    stored = await api.get(Ref(CANARIES, namespace, "reviews"))
    assert stored["spec"]["analysis"]["interval"] == "60s"
    assert parse_canary(stored).spec == parse_canary(canary()).spec


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ({"provider": "foo"}, "spec.provider: Unsupported value"),
        ({"targetRef": {"apiVersion": "v1", "kind": "Pod", "name": "a"}}, "spec.targetRef.kind: Unsupported value"),
        ({"service": {"name": "a"}}, "spec.service.port: Required value"),
        ({"service": {"port": 70000}}, "spec.service.port"),
        ({"service": {"port": "http"}}, "spec.service.port"),
        ({"analysis": {"stepWeights": [5, 150]}}, "spec.analysis.stepWeights"),
        ({"analysis": {"interval": "0s"}}, "spec.analysis.interval"),
        ({"analysis": {"interval": "5m and more"}}, "spec.analysis.interval"),
        ({"analysis": {"metrics": [{"name": "a", "query": "b"}, {"name": "a", "query": "c"}]}}, "Duplicate value"),
        ({"service": {"port": 80, "match": [{"uri": {"exact": "/", "prefix": "/"}}]}}, "spec.service.match"),
        ({"traffic": {"settleSeconds": -1}}, "spec.traffic.settleSeconds"),
    ],
)
async def test_bad_values_are_refused_with_their_field(kubectl: Kubectl, spec: Any, says: str) -> None:
    with pytest.raises(KubectlError) as caught:
        await kubectl.apply(canary(**spec))

    assert says in str(caught.value)


async def test_a_canary_is_listed_under_its_short_name_with_its_columns(kubectl: Kubectl) -> None:
    await kubectl.apply(canary())

    heading, row = (await kubectl("get", "pdc")).splitlines()
    wide, _ = (await kubectl("get", "pdc", "-o", "wide")).splitlines()

    assert heading.split() == ["NAME", "STATUS", "STEP", "WEIGHT", "SEEN", "REVISION", "REASON", "AGE"]
    assert row.startswith("reviews")
    assert wide.split()[8:] == [
        "MESSAGE", "WAITING",
        "SUSPENDED", "FAILEDCHECKS", "INTERVAL", "MIRROR", "STEPWEIGHT", "STEPWEIGHTS", "MAXWEIGHT",
        "LASTTRANSITIONTIME",
    ]  # fmt: skip
    assert "canary.progressive.delivery/reviews" in await kubectl("get", "all")


async def test_status_is_a_subresource_and_keeps_what_we_write(
    api: KubernetesApi, kubectl: Kubectl, namespace: str
) -> None:
    await kubectl.apply(canary())
    ref = Ref(CANARIES, namespace, "reviews")
    moment = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
    status = Status(
        phase=Phase.PROGRESSING,
        canary_weight=5,
        seen_weight=4.5,
        run=Run(id="1", revision="v2", started=moment, floor=0),
        checks=(Check(name="a", window=1, end=moment, outcome=Outcome.PASS, value=99.0),),
    )

    before = await api.get(ref)
    op = {"op": "add", "path": "/status", "value": statuses.dump(status)}
    after = await api.patch(ref, [op], subresource="status")

    assert statuses.load(after["status"]) == status
    assert after["metadata"]["generation"] == before["metadata"]["generation"]
    _, row = (await kubectl("get", "pdc")).splitlines()
    assert row.split()[:4] == ["reviews", "Progressing", "5", "4.5"]
