"""Which requests are meant, in Istio's words.

All of Istio's HTTP match is typed: it is small, and a misspelt header condition would send everybody to the canary.
"""

from collections.abc import Mapping

from pydantic import ConfigDict, Field, model_validator

from delivery.api.model import Piece, at_most_one, broken_rule
from delivery.api.references import Port


class StringMatch(Piece):
    """How a text is compared; empty means that it only has to be there."""

    model_config = ConfigDict(json_schema_extra=at_most_one("exact", "prefix", "regex"))

    exact: str | None = None
    """The whole text."""
    prefix: str | None = None
    """Its beginning."""
    regex: str | None = None
    """An RE2 expression for the whole text."""

    @model_validator(mode="after")
    def _one_way(self) -> "StringMatch":
        given = sorted(self.model_fields_set)
        if len(given) > 1:
            raise broken_rule(given=" and ".join(given), allowed="at most one of exact, prefix, regex")
        return self


class AnalysisMatch(Piece):
    """Who may meet the canary. All given conditions must hold."""

    headers: Mapping[str, StringMatch] = Field(default_factory=dict)
    """Header name (lower case) to its condition."""
    query_params: Mapping[str, StringMatch] = Field(default_factory=dict)
    """Query parameter to its condition."""
    source_labels: Mapping[str, str] = Field(default_factory=dict)
    """Labels that the calling pod must have."""


class HttpMatch(AnalysisMatch):
    """Which requests the routes are for; Istio's HTTPMatchRequest."""

    name: str | None = None
    """Name of the match, for Istio's logs."""
    uri: StringMatch | None = None
    """Condition on the path."""
    scheme: StringMatch | None = None
    """Condition on the scheme."""
    method: StringMatch | None = None
    """Condition on the HTTP method."""
    authority: StringMatch | None = None
    """Condition on the host that was asked for."""
    without_headers: Mapping[str, StringMatch] = Field(default_factory=dict)
    """Header name (lower case) to the condition that must not hold."""
    port: Port | None = None
    """Port that was asked for."""
    source_namespace: str | None = None
    """Namespace of the calling pod."""
    gateways: tuple[str, ...] = ()
    """Gateways that this match is for."""
    ignore_uri_case: bool | None = None
    """Compare the path without regard to case."""
    stat_prefix: str | None = None
    """Prefix of Istio's statistics for this route."""
