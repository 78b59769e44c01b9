"""Policies that somebody makes, changes and deletes, of all kinds and with all that they may select by."""

import random

from delivery.cluster.objects import Kind, Ref
from delivery.cluster.policies import CHOOSERS
from tests.simulation import bookinfo
from tests.simulation.scenes import foreign
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
