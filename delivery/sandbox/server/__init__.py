"""An API server over HTTP on the store in memory: what kubectl, kopf and the client libraries need of a cluster."""

from delivery.sandbox.server.kubeconfigs import kubeconfig
from delivery.sandbox.server.server import ApiServer

__all__ = ["ApiServer", "kubeconfig"]
