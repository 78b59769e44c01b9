"""Who holds the numbers: one file a provider, beside the Protocol they share and the registry that finds them."""

from metrics.providers.base import (
    Kind,
    Matrix,
    Point,
    Provider,
    Query,
    QueryError,
    RawProvider,
    Sample,
    Samples,
    Series,
)
from metrics.providers.registry import PROVIDERS, Providers

__all__ = [
    "PROVIDERS",
    "Kind",
    "Matrix",
    "Point",
    "Provider",
    "Providers",
    "Query",
    "QueryError",
    "RawProvider",
    "Sample",
    "Samples",
    "Series",
]
