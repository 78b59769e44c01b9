"""What people had before there was a Canary: a VirtualService that routes `reviews`, and a primary that runs."""

import copy
from typing import Any

from delivery.cluster.objects import DEPLOYMENTS, DESTINATION_RULES, SERVICES, VIRTUAL_SERVICES
from delivery.workloads.ownership import CANARY_LABEL, labels
from tests.simulation import bookinfo
from tests.simulation.invariants import APEX, PRIMARY, ROUTE
from tests.simulation.scenes import foreign
from tests.simulation.simulation import Simulation

Json = dict[str, Any]
TO_APEX = [{"destination": {"host": "reviews"}}]
MOBILE = {"name": "mobile", "match": [{"headers": {"x-app": {"exact": "mobile"}}}], "timeout": "1s", "route": TO_APEX}
EVERYBODY = {"name": "all", "timeout": "3s", "retries": {"attempts": 2}, "route": TO_APEX}
RULES = [MOBILE, EVERYBODY]


def route_before(**changes: Any) -> Json:
    """The user's VirtualService, with their own labels and annotations."""
    spec = {"hosts": ["reviews"], "http": copy.deepcopy(RULES), **changes}
    meta = {
        "labels": {"app.kubernetes.io/managed-by": "Helm", "team": "books"},
        "annotations": {"example.com/note": "hi"},
    }
    return foreign(VIRTUAL_SERVICES, ROUTE.name, spec, **meta)


def leftover(version: str = "v1", *, replicas: int = 2) -> Json:
    """A primary without a controller, with fewer labels in its selector than we would take."""
    body = bookinfo.deployment(version, replicas=replicas)
    body["metadata"] = {"name": PRIMARY.name, "namespace": bookinfo.NAMESPACE, "labels": {"kept": "yes"}}
    body["spec"]["selector"]["matchLabels"] = {"app": PRIMARY.name}
    body["spec"]["template"]["metadata"]["labels"]["app"] = PRIMARY.name
    return body


def role(name: str, app: str) -> Json:
    """A role's Service that selects the right pods already."""
    spec = {"selector": {"app": app}, "ports": [{"name": "http", "port": 9080, "targetPort": 9080}]}
    return foreign(SERVICES, name, spec, labels={"kept": "yes"})


def primary_rule() -> Json:
    """A DestinationRule of the primary's Service."""
    spec = {"host": PRIMARY.name, "trafficPolicy": {"tls": {"mode": "DISABLE"}}}
    return foreign(DESTINATION_RULES, PRIMARY.name, spec)


def leave_a_primary(sim: Simulation, *, replicas: int = 2) -> None:
    """A primary that runs v1, with all that goes with it."""
    sim.apply(DEPLOYMENTS, leftover(replicas=replicas))
    sim.apply(SERVICES, role(PRIMARY.name, PRIMARY.name))
    sim.apply(SERVICES, role("reviews-canary", "reviews"))
    sim.apply(DESTINATION_RULES, primary_rule())


class Adopting(Simulation):
    """A world in which all of that is there before the Canary."""

    primary_too = True

    def set_up(self, *, replicas: int = 2, **options: Any) -> None:
        """What was there before, then as everywhere."""
        self.apply(VIRTUAL_SERVICES, route_before())
        if self.primary_too:
            leave_a_primary(self, replicas=replicas)
        super().set_up(replicas=replicas, **options)

    def at_peace(self) -> None:
        """A primary that was not taken over, because the target had a newer version by then, waits for a person."""
        self.clear_the_way()

    def clear_the_way(self) -> None:
        """A primary that was given back and leads nobody goes: it may run another version than the target by now."""
        primary, apex = self.store.peek(PRIMARY), self.store.peek(APEX)
        free = primary is not None and CANARY_LABEL not in labels(primary)
        if free and apex is not None and apex["spec"]["selector"] != {"app": PRIMARY.name}:
            self.promises.tell("the primary that was given back is deleted")
            self.store.delete(PRIMARY)


class WithRoute(Adopting):
    """A world in which the VirtualService alone was there before."""

    primary_too = False
