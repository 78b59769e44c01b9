"""The transport to a real API server.

The client library is used for what is hard to get right alone - kubeconfig, credentials, TLS - and not for
its models: objects go through as the JSON that the server sent, so builtin kinds and custom resources look
the same and no field that we do not know is lost on the way.
"""

from delivery.cluster.kubernetes.api import KubernetesApi

__all__ = ["KubernetesApi"]
