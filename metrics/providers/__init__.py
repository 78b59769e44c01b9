"""Who holds the numbers: one file a provider, beside the Protocol they share and the registry that finds them."""

from metrics.providers.base import Kind, Provider, Query, QueryError, Sample, Samples
from metrics.providers.registry import PROVIDERS, Providers

__all__ = ["PROVIDERS", "Kind", "Provider", "Providers", "Query", "QueryError", "Sample", "Samples"]
