"""Policies of all kinds come and go while releases do, and controllers die: no user is lost, and no run is stopped."""

import random

import pytest

from delivery.cluster.memory.resources import custom_resource
from delivery.cluster.objects import Kind, Ref
from delivery.cluster.policies import CHOOSERS, GUARDED
from tests.simulation import bookinfo
from tests.simulation.invariants import at_rest
from tests.simulation.scenes import foreign, initialised, served, version
from tests.simulation.simulation import Simulation

LABELS = ({"app": "reviews"}, {"app": "reviews-primary"}, {"version": "v1"}, {"app": "ratings"}, {})
FQDN = "reviews.shop.svc.cluster.local"


def spec_of(kind: Kind, rng: random.Random) -> dict[str, object]:
    """What somebody might write, in every field by which any of the kinds selects."""
    selector, labels = {"matchLabels": rng.choice(LABELS)}, rng.choice(LABELS)
    peers = [{"podSelector": {"matchLabels": rng.choice(LABELS)}}]
    egress = [{"hosts": [rng.choice((f"shop/{FQDN}", "./*"))]}] if kind.kind == "Sidecar" else [{"to": peers}]
    workload = {"kind": "Deployment", "name": rng.choice(("reviews", "reviews-primary"))}
    by_name = {"targetRef": workload} if kind.kind == "VerticalPodAutoscaler" else {}
    return {
        "selector": selector, "podSelector": selector, "workloadSelector": {"labels": labels},
        "ingress": [{"from": peers}], "egress": egress, **by_name,
    }  # fmt: skip


def meddle(sim: Simulation, rng: random.Random, there: list[Ref]) -> None:
    """Somebody makes a policy, changes one or deletes one."""
    deed = rng.choice(("make", "make", "change", "delete"))
    if deed == "make" or not there:
        kind = rng.choice(list(CHOOSERS))
        ref = Ref(kind, bookinfo.NAMESPACE, f"policy-{rng.randrange(10**6)}")
        body = foreign(kind, ref.name, spec_of(kind, rng))
        sim.store.create(kind, body, namespace=ref.namespace, manager="kubectl")
        there.append(ref)
    elif deed == "change":
        ref = rng.choice(there)
        sim.merge(ref, {"spec": spec_of(ref.kind, rng)})
    else:
        sim.store.delete(there.pop(rng.randrange(len(there))))


@pytest.mark.parametrize("seed", range(8))
def test_whatever_policies_come_and_go_runs_go_on_and_nobody_is_lost(seed):
    rng, there = random.Random(f"policies/{seed}"), []
    with Simulation(seed) as sim:
        for kind in GUARDED:
            sim.store.register(custom_resource(kind))
        initialised(sim)
        for release in ("v2", "v3"):
            sim.release(release)
            for _ in range(40):
                meddle(sim, rng, there)
                sim.loop.advance(rng.uniform(0.1, 8.0))
                if rng.random() < 0.05 and sim.alive:
                    sim.kill(sim.alive[0])
            sim.until(
                lambda: sim.status.phase.value == "Succeeded" and at_rest(sim.status), seconds=900, what="Succeeded"
            )
            assert version(sim) == release
        while there:
            sim.store.delete(there.pop())
        sim.until(lambda: sim.status.condition("PreflightWarning") is None, seconds=30, what="nothing to warn of")
        served(sim)
