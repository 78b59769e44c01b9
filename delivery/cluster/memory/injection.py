"""The mesh's injector: pods of the cluster in memory are in the mesh, and carry the mark of it.

The proxies themselves are the mesh's own affair here, so a pod gets no container for one; that would only show in
tables what is not run. A pod says by Istio's own label or annotation that it wants none.
"""

from delivery.cluster.memory.admission import Admission
from delivery.cluster.objects import PODS
from delivery.cluster.projections import SIDECAR_STATUS

INJECT = "sidecar.istio.io/inject"


def inject(admission: Admission) -> None:
    """Mark a pod that is created, as the injector does."""
    if admission.operation != "CREATE" or admission.ref.kind != PODS or admission.subresource:
        return
    metadata = admission.object["metadata"]
    given = {**(metadata.get("annotations") or {}), **(metadata.get("labels") or {})}
    if given.get(INJECT) != "false":
        metadata["annotations"] = {**(metadata.get("annotations") or {}), SIDECAR_STATUS: "{}"}
