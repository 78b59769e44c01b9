"""A world whose Canary says what is to stand in its Services; people change that in the middle of runs."""

from typing import Any

from delivery.cluster.objects import SERVICES, Object, Ref
from tests.simulation.simulation import Simulation


class Edited(Simulation):
    """Ports, marks and the traffic distribution of Services are looked at by the stories; the rest stays the users'."""

    def of_users(self, ref: Ref, body: Object) -> dict[str, Any]:
        kept = super().of_users(ref, body)
        if ref.kind != SERVICES:
            return kept
        spec = {name: each for name, each in kept["spec"].items() if name not in ("ports", "trafficDistribution")}
        return {**kept, "labels": {}, "annotations": {}, "spec": spec}
