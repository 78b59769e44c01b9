"""The three Services, names of one's own and fields of other providers, with a real control plane.

The controller is a process of its own, as a user with the permissions of deploy/cluster-wide.
"""

import json

from delivery.cluster.objects import DEPLOYMENTS, DESTINATION_RULES, SERVICES, VIRTUAL_SERVICES, Object
from tests.cluster.harness.stage import V2, Stage, canary
from tests.cluster.harness.telling import together


async def with_ports(stage: Stage) -> None:
    """The target's container gets a second port, of another protocol."""
    ports = [{"containerPort": 9080}, {"containerPort": 8125, "name": "stats", "protocol": "UDP"}]
    container = {"name": "reviews", "ports": ports}
    patch = {"spec": {"template": {"spec": {"containers": [container]}}}}
    await stage.kubectl("patch", "deployment/reviews", "-p", json.dumps(patch))


def ports(service: Object) -> list[tuple[int, str]]:
    return [(each["port"], each["protocol"]) for each in service["spec"]["ports"]]


@together
async def test_a_release_under_names_of_ones_own_brings_its_ports_and_labels_along(stage: Stage) -> None:
    await stage.deploy()
    body = canary(spec={"naming": {"primary": "reviews-stable"}})
    given = {"labels": {"tier": "web"}, "annotations": {"example.com/docs": "here"}}
    body["spec"]["service"] |= {"portDiscovery": True, "trafficDistribution": "PreferClose", "primary": given}
    await stage.kubectl.apply(body)
    await stage.phase("Initialized")

    await with_ports(stage)
    await stage.release(V2)
    await stage.at_rest("Succeeded")

    assert await stage.image("reviews-stable") == V2
    stable = await stage.api.get(stage.ref(SERVICES, "reviews-stable"))
    assert stable["metadata"]["labels"]["tier"] == "web"
    assert stable["metadata"]["annotations"]["example.com/docs"] == "here"
    for name in ("reviews", "reviews-canary", "reviews-stable"):
        assert (8125, "UDP") in ports(await stage.api.get(stage.ref(SERVICES, name)))
    rules = (await stage.api.list(DESTINATION_RULES, stage.namespace)).items
    assert sorted(each["metadata"]["name"] for each in rules) == ["reviews-canary", "reviews-stable"]
    assert stage.lost() == 0


@together
async def test_another_name_is_refused_until_it_is_set_back(stage: Stage) -> None:
    await stage.initialised()
    await stage.edit({"naming": {"primary": "reviews-stable"}})
    message = await stage.condition("Ready", "False", "NamingIsFixed")
    assert "reviews-primary is in use" in message
    await stage.still_served()

    await stage.edit({"naming": None})
    await stage.condition("Ready", "True", "Watching")
    names = [each["metadata"]["name"] for each in (await stage.api.list(DEPLOYMENTS, stage.namespace)).items]
    assert "reviews-stable" not in names
    assert stage.lost() == 0


@together
async def test_a_field_of_another_provider_is_named_and_one_about_traffic_creates_nothing(stage: Stage) -> None:
    await stage.deploy()
    reference = {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "name": "reviews"}
    await stage.kubectl.apply(canary(spec={"ingressRef": reference}))
    message = await stage.condition("Ready", "False", "NotForThisProvider")
    assert message.startswith("spec.ingressRef: only for provider nginx or skipper")
    assert (await stage.api.list(VIRTUAL_SERVICES, stage.namespace)).items == []

    await stage.edit({"ingressRef": None, "service": {"meshName": "global"}})
    await stage.phase("Initialized")
    assert "spec.service.meshName" in await stage.condition("NotForThisProvider", "True", "FieldsOfOtherProviders")
    assert stage.lost() == 0
