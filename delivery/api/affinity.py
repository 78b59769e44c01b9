"""Cookies that keep a user with the version that served them."""

from typing import Literal

from pydantic import ConfigDict, Field, model_validator

from delivery.api.model import Piece, broken_rule, cel


class SessionAffinity(Piece):
    """Session affinity by cookies."""

    model_config = ConfigDict(
        json_schema_extra=cel(
            (
                "!has(self.primaryCookieName) || self.primaryCookieName != self.cookieName",
                "primaryCookieName must differ from cookieName",
            )
        )
    )

    cookie_name: str = Field(min_length=1, max_length=253)
    """Cookie of users who met the canary."""
    primary_cookie_name: str | None = Field(default=None, min_length=1, max_length=253)
    """Cookie of users who met the primary; without it they are not kept."""
    max_age: int = Field(default=86400, ge=1)
    """Life of the canary's cookie in seconds."""
    domain: str | None = None
    """Domain of the cookies."""
    path: str | None = None
    """Path of the cookies."""
    http_only: bool = False
    """Hide the cookies from scripts."""
    partitioned: bool = False
    """Store the cookies by top-level site."""
    same_site: Literal["Strict", "Lax", "None"] | None = None
    """When browsers send the cookies to other sites."""
    secure: bool = False
    """Send the cookies over HTTPS only."""

    @model_validator(mode="after")
    def _two_cookies(self) -> "SessionAffinity":
        if self.primary_cookie_name == self.cookie_name:
            raise broken_rule(
                given=f'"{self.cookie_name}", which is cookieName as well',
                allowed="a name other than cookieName",
                field="primaryCookieName",
                drop=("primaryCookieName",),
            )
        return self
