"""The part of an object's metadata that we read; the server's other fields are left alone."""

from collections.abc import Mapping
from datetime import datetime

from pydantic import ConfigDict, Field

from delivery.api.model import Piece


class Metadata(Piece):
    """An object's metadata, as far as anybody here needs it."""

    model_config = ConfigDict(extra="ignore")

    name: str = Field(min_length=1)
    namespace: str = ""
    uid: str = ""
    generation: int = 0
    resource_version: str = ""
    creation_timestamp: datetime | None = None
    deletion_timestamp: datetime | None = None
    finalizers: tuple[str, ...] = ()
    labels: Mapping[str, str] = Field(default_factory=dict)
    annotations: Mapping[str, str] = Field(default_factory=dict)
