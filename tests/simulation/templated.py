"""A Canary whose metric is asked by a MetricTemplate with a Secret: the scenes of its stories."""

from typing import Any

from delivery.cluster.objects import CONFIG_MAPS, METRIC_TEMPLATES, SECRETS, Ref
from tests.simulation import bookinfo
from tests.simulation.simulation import Simulation

TEMPLATE = Ref(METRIC_TEMPLATES, bookinfo.NAMESPACE, "errors")
SECRET = Ref(SECRETS, bookinfo.NAMESPACE, "prometheus")
AUTHORITY = Ref(CONFIG_MAPS, bookinfo.NAMESPACE, "authorities")
ADDRESS = "https://prometheus.example.com"
METRIC = {
    "name": "errors",
    "interval": "10s",
    "warmupSeconds": 0,
    "templateRef": {"name": "errors"},
    "thresholdRange": {"max": 1},
}
PASSWORD = "aHVudGVyMg=="


def template(query: str = "sum(errors)", **provider: Any) -> dict[str, Any]:
    spec = {"provider": {"type": "prometheus", "address": ADDRESS, **provider}, "query": query}
    meta = {"name": TEMPLATE.name, "namespace": bookinfo.NAMESPACE}
    return {"apiVersion": METRIC_TEMPLATES.api_version, "kind": METRIC_TEMPLATES.kind, "metadata": meta, "spec": spec}


def content(ref: Ref, **data: str) -> dict[str, Any]:
    meta = {"name": ref.name, "namespace": ref.namespace}
    return {"apiVersion": "v1", "kind": ref.kind.kind, "metadata": meta, "data": data}


def credentials() -> dict[str, Any]:
    return content(SECRET, token=PASSWORD)


def initialise(sim: Simulation) -> None:
    """The template and its Secret, and the Canary at rest."""
    sim.apply(METRIC_TEMPLATES, template(secretRef={"name": SECRET.name}))
    sim.apply(SECRETS, credentials())
    sim.set_up(metrics=[METRIC], stepWeights=[50])
    sim.start_controller()
    sim.until_phase("Initialized")
