"""Edits of `spec.service` and `spec.naming` at any moment of a run, controllers killed meanwhile: nobody is lost, and
in the end the Services say what the Canary says.
"""

import random

import pytest

from delivery.cluster.objects import CANARIES, DEPLOYMENTS, SERVICES, Ref
from tests.simulation import bookinfo
from tests.simulation.edited import Edited
from tests.simulation.invariants import APEX, CANARY, PRIMARY, TARGET
from tests.simulation.scenes import at_weight, initialised, recovers

ROLES = tuple(Ref(SERVICES, bookinfo.NAMESPACE, f"{bookinfo.NAME}-{role}") for role in ("canary", "primary"))
GIVEN = {"labels": {"tier": "web"}, "annotations": {"docs": "here"}}
EDITS = (
    {"portDiscovery": True},
    {"portDiscovery": None},
    {"trafficDistribution": "PreferClose"},
    {"trafficDistribution": None},
    {"apex": GIVEN, "primary": GIVEN},
    {"apex": None, "primary": None},
    {"canary": GIVEN, "unmanagedMetadata": {"labels": ["tier"]}},
    {"gateways": ["mesh", "shop/edge"]},
    {"gateways": None},
    {"portName": "http-web"},
)
LAST = {"portDiscovery": True, "trafficDistribution": "PreferClose", "apex": GIVEN, "primary": GIVEN, "canary": GIVEN}
PORTS = [{"containerPort": 9080}, {"containerPort": 9090, "name": "admin"}, {"containerPort": 53, "protocol": "UDP"}]


def release(sim, version, **options):
    body = bookinfo.deployment(version, **options)
    template = body["spec"]["template"]
    template["spec"]["containers"][0]["ports"] = PORTS
    template["metadata"]["annotations"].setdefault("sandbox.progressive.delivery/behaviour", "healthy")
    sim.merge(TARGET, {"spec": {"template": template}})


def says_the_last(sim):
    """Do all three Services say what the last edit asked for?"""
    for ref in (*ROLES, APEX):
        body = sim.store.peek(ref)
        meta, spec = body["metadata"], body["spec"]
        places = {(each["port"], each["protocol"]) for each in spec["ports"]}
        right = (meta["labels"].get("tier"), meta["annotations"].get("docs"), spec.get("trafficDistribution"))
        if right != ("web", "here", "PreferClose") or places != {(9080, "TCP"), (9090, "TCP"), (53, "UDP")}:
            return False
    return True


@pytest.mark.parametrize("seed", range(12))
def test_any_edits_at_any_moment(seed):
    rng = random.Random(f"edits/{seed}")
    with Edited(seed) as sim:
        initialised(sim)
        release(sim, "v2")
        for _ in range(8):
            sim.loop.advance(rng.uniform(0.05, 12.0))
            sim.merge(CANARY, {"spec": {"service": rng.choice(EDITS)}})
            if rng.random() < 0.3:
                sim.edit(naming=rng.choice([None, {"primary": "reviews-stable"}]))
            if rng.random() < 0.3 and sim.alive:
                sim.kill(rng.choice(sim.alive))
        sim.edit(naming=None)
        sim.merge(CANARY, {"spec": {"service": {**LAST, "gateways": None, "unmanagedMetadata": None}}})
        recovers(sim)
        sim.until(lambda: says_the_last(sim), seconds=60, what="what the last edit asked for")
        primaries = [each["metadata"]["name"] for each in sim.store.scan(DEPLOYMENTS, bookinfo.NAMESPACE)]
        assert primaries == [TARGET.name, PRIMARY.name]


@pytest.mark.parametrize("writes", range(1, 9))
def test_killed_after_any_write_of_an_edit(writes):
    with Edited(5) as sim:
        at_weight(sim, 10)
        left = writes

        def dies(request):
            nonlocal left
            left -= request.verb in ("create", "patch") and request.kind != CANARIES
            if left == 0 and sim.alive:
                left = -1
                sim.kill(sim.alive[0])

        sim.after = dies
        for api in sim.apis.values():
            api.after = dies
        release(sim, "v3")
        sim.merge(CANARY, {"spec": {"service": LAST}})
        recovers(sim)
        sim.until(lambda: says_the_last(sim), seconds=60, what="what the edit asked for")
