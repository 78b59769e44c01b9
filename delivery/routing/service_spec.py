"""The service as routers read it; the value itself lives with the Services that it describes."""

from delivery.workloads.service_spec import Metadata, ServiceSpec

__all__ = ["Metadata", "ServiceSpec"]
