"""What the store knows of a kind: which of the API server's rules apply to it."""

from collections.abc import Iterable
from dataclasses import dataclass

from delivery.cluster import objects
from delivery.cluster.objects import CONFIG_MAPS, SECRETS, Kind

NAMESPACES = Kind("", "v1", "Namespace", "namespaces", namespaced=False)
AUTOSCALERS = objects.HORIZONTAL_POD_AUTOSCALERS


@dataclass(frozen=True, slots=True)
class Resource:
    """A kind and its rules.

    `status`: it has the status subresource, so the main resource ignores `status` and the other way round.
    `generation`: metadata.generation counts changes of everything but metadata (and status, if that is a
    subresource). `graceful`: on a node, deletion waits for the kubelet (pods).
    """

    kind: Kind
    status: bool = False
    generation: bool = False
    graceful: bool = False


def custom_resource(kind: Kind, *, status: bool = True) -> Resource:
    """The rules for a kind that a CustomResourceDefinition defines."""
    return Resource(kind, status=status, generation=True)


def builtin_resources() -> Iterable[Resource]:
    """The kinds that the controller meets, with the rules of a real API server."""
    for kind in (objects.DEPLOYMENTS, objects.REPLICA_SETS, objects.DAEMON_SETS):
        yield Resource(kind, status=True, generation=True)
    yield Resource(objects.PODS, status=True, graceful=True)
    for kind in (objects.SERVICES, AUTOSCALERS, NAMESPACES):
        yield Resource(kind, status=True)
    for kind in (objects.EVENTS, objects.LEASES, CONFIG_MAPS, SECRETS):
        yield Resource(kind)
    ours = (objects.CANARIES, objects.METRIC_TEMPLATES, objects.ALERT_PROVIDERS, objects.APPROVALS, objects.FREEZES)
    for kind in ours:
        yield custom_resource(kind)
    for kind in (objects.VIRTUAL_SERVICES, objects.DESTINATION_RULES):
        yield custom_resource(kind)
