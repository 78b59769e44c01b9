"""The Kubernetes application around the rollout: the only place that talks to a cluster."""

__version__ = "0.1.0"
