"""The two objects beside the Canary: what is asked (MetricTemplate) and who is told (AlertProvider)."""

from collections.abc import Mapping
from typing import Literal

from pydantic import ConfigDict, Field, field_validator, model_validator

from delivery.api import message_templates
from delivery.api.counters import Counters
from delivery.api.headers import HEADER_NAME, HEADER_VALUE
from delivery.api.metadata import Metadata
from delivery.api.model import Piece, broken_rule, cel
from delivery.api.placeholders import check_query
from delivery.api.references import ADDRESS, URL, Name, SecretRef
from metrics import json_paths
from metrics.source import CLOUDWATCH, DATADOG, PROMETHEUS, WEB

SERVED = (PROMETHEUS, DATADOG, CLOUDWATCH, WEB)
"""The types of services that are asked."""

_RULES = (
    ("self.type != 'web' || (has(self.address) && size(self.address) > 0)", "web needs an address"),
    (
        (
            "self.type != 'prometheus' || (has(self.address) && size(self.address) > 0) || "
            "(!has(self.secretRef) && (!has(self.headers) || size(self.headers) == 0) && !has(self.caRef) && "
            "(!has(self.insecureSkipVerify) || !self.insecureSkipVerify))"
        ),
        "credentials, headers and authorities of a prometheus need its address",
    ),
    ("self.type != 'cloudwatch' || (has(self.region) && size(self.region) > 0)", "cloudwatch needs a region"),
    ("self.type != 'web' || has(self.jsonPath)", "web needs a jsonPath"),
    ("self.type == 'web' || (!has(self.jsonPath) && !has(self.method))", "jsonPath and method are for web"),
    (
        "!has(self.caRef) || !has(self.insecureSkipVerify) || !self.insecureSkipVerify",
        "at most one of caRef, insecureSkipVerify",
    ),
)


class CertificateAuthorityRef(Piece):
    """A ConfigMap or Secret, in the template's namespace, with certificates of authorities in PEM."""

    kind: Literal["ConfigMap", "Secret"] = "ConfigMap"
    """Kind of the object."""
    name: Name
    """Name of the object."""
    key: str = Field(default="ca.crt", min_length=1, max_length=253)
    """Key under which the certificates are."""


class MetricProvider(Piece):
    """The service that is asked."""

    model_config = ConfigDict(json_schema_extra=cel(*_RULES))

    type: Literal[
        "prometheus", "influxdb", "datadog", "externalmetrics", "stackdriver", "cloudwatch", "newrelic", "graphite",
        "dynatrace", "keptn", "splunk", "web",
    ]  # fmt: skip
    """Its kind; prometheus, datadog, cloudwatch and web are asked, a template of another one is refused."""
    address: str | None = Field(default=None, pattern=ADDRESS, max_length=2048)
    """Its URL, without user name, password and query. Needed for web; by default, prometheus is the Canary's own and
    datadog its site datadoghq.com."""
    headers: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)
    """Headers of each request, with their values."""
    secret_ref: SecretRef | None = None
    """Secret with credentials, in the template's namespace."""
    region: str | None = Field(default=None, pattern="^[a-z0-9-]*$", max_length=64)
    """Region of the service; needed for cloudwatch."""
    insecure_skip_verify: bool = False
    """Accept any certificate."""
    ca_ref: CertificateAuthorityRef | None = None
    """Authorities that the service's certificate is checked against, instead of the public ones."""
    method: Literal["GET", "POST"] | None = None
    """For web: whether the query is the end of the URL (GET, the default) or a JSON body (POST)."""
    json_path: str | None = Field(default=None, min_length=1, max_length=512)
    """For web: where in the answer the number is, as JSONPath (RFC 9535)."""

    @model_validator(mode="after")
    def _served(self) -> "MetricProvider":
        if self.type not in SERVED:
            allowed = f"{', '.join(SERVED)}; {self.type} is not served yet"
            raise broken_rule(given=self.type, allowed=allowed, field="type")
        return self

    @model_validator(mode="after")
    def _complete(self) -> "MetricProvider":
        if not self.address and (self.type == WEB or (self.type == PROMETHEUS and self._has_secrets)):
            # The Canary's own Prometheus is whatever its author names: nobody else's credentials may go there.
            needs = f"nothing for {self.type}" if self.type == WEB else "nothing beside credentials or headers"
            raise broken_rule(given=needs, allowed="the URL of the service", field="address")
        if self.type == CLOUDWATCH and not self.region:
            raise broken_rule(given="nothing for cloudwatch", allowed="a region, such as eu-west-1", field="region")
        if self.insecure_skip_verify and self.ca_ref is not None:
            raise broken_rule(given="both", allowed="at most one of caRef, insecureSkipVerify")
        return self

    @property
    def _has_secrets(self) -> bool:
        return bool(self.secret_ref or self.headers or self.ca_ref or self.insecure_skip_verify)

    @field_validator("headers")
    @classmethod
    def _sendable(cls, headers: Mapping[str, tuple[str, ...]]) -> Mapping[str, tuple[str, ...]]:
        for name, values in headers.items():
            if not HEADER_NAME.fullmatch(name) or not all(HEADER_VALUE.fullmatch(each) for each in values):
                raise broken_rule(given=f'"{name}"', allowed="names and values of HTTP headers, without line breaks")
        return headers

    @model_validator(mode="after")
    def _of_the_web(self) -> "MetricProvider":
        if self.type == WEB:
            try:
                json_paths.compiled(self.json_path or "")
            except ValueError as error:
                given = f'"{self.json_path}"' if self.json_path else "nothing for web"
                raise broken_rule(given=given, allowed=str(error), field="jsonPath") from None
        elif self.json_path is not None or self.method is not None:
            field = "jsonPath" if self.json_path is not None else "method"
            raise broken_rule(given=f"a value for {self.type}", allowed="a value for web alone", field=field)
        return self


class MetricTemplateSpec(Piece):
    """What is asked of whom."""

    model_config = ConfigDict(
        json_schema_extra=cel(
            ("has(self.query) || has(self.counters)", "needed is at least one of query, counters"),
            (
                f"!has(self.counters) || self.provider.type == '{PROMETHEUS}'",
                f"counters need a provider of type {PROMETHEUS}, which tells what was scraped",
            ),
        )
    )

    provider: MetricProvider
    """The service that is asked."""
    query: str | None = Field(default=None, min_length=1, max_length=65536)
    """The query for a metric's limits, with placeholders such as {{ target }}. Without one they are about the counters:
    how many percent failed, or the 99th percentile in milliseconds."""
    counters: Counters | None = None
    """What compareWithPrimary and minSamples count; for prometheus."""

    @model_validator(mode="after")
    def _fillable(self) -> "MetricTemplateSpec":
        if self.query is None and self.counters is None:
            raise broken_rule(given="neither", allowed="at least one of query, counters")
        if self.query is not None:
            check_query(self.query)
        if self.counters is not None and self.provider.type != PROMETHEUS:
            allowed = f"provider type {PROMETHEUS}, which tells what was scraped of each pod"
            given = f"provider type {self.provider.type}, which tells numbers and not what they were counted from"
            raise broken_rule(given=given, allowed=allowed, field="counters")
        return self


class MetricTemplate(Piece):
    """A metric for the analyses of many Canaries."""

    model_config = ConfigDict(extra="ignore")

    api_version: Literal["progressive.delivery/v1beta1"] = "progressive.delivery/v1beta1"
    kind: Literal["MetricTemplate"] = "MetricTemplate"
    metadata: Metadata
    spec: MetricTemplateSpec


class AlertLink(Piece):
    """Somewhere to read more, shown below each message."""

    title: str = Field(min_length=1, max_length=80)
    """What is shown of it."""
    url: str = Field(min_length=1, max_length=2048, pattern=URL)
    """Its URL, with placeholders such as {{ canary }}, whose values are quoted."""

    @field_validator("url")
    @classmethod
    def _renderable(cls, url: str) -> str:
        return _message(url)


class AlertProviderSpec(Piece):
    """Where alerts are sent."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": ["address"]}, {"required": ["secretRef"]}]})

    type: Literal["slack", "msteams", "discord", "rocket", "gchat", "webhook", "cloudevents"]
    """Kind of the service; webhook and cloudevents are any HTTP service that reads JSON."""
    channel: str = Field(default="general", max_length=256)
    """Channel to write to; for slack with a token, and where a hook may write to several."""
    username: str = Field(default="progressive-delivery", max_length=80)
    """Name to write under, where a service lets one choose."""
    address: str | None = Field(default=None, min_length=1, max_length=4096, pattern=URL)
    """URL of the service's hook. It is a secret of most services: better in secretRef."""
    proxy: str | None = Field(default=None, max_length=2048, pattern=URL)
    """HTTP proxy on the way there."""
    secret_ref: SecretRef | None = None
    """Secret with the keys address and, optionally, token: of a slack bot, or a bearer token for webhook and
    cloudevents. With a slack bot's token no address is needed."""
    template: str | None = Field(default=None, min_length=1, max_length=8192)
    """Text of a message, with placeholders such as {{ reason }}; see docs/alerts.md. By default it names what happened,
    the failing check with value and limit, and the run so far."""
    links: tuple[AlertLink, ...] = Field(default=(), max_length=5)
    """Links below each message."""
    legacy_card: bool = False
    """For msteams: the MessageCard of connectors, instead of an adaptive card."""

    @model_validator(mode="after")
    def _one_address(self) -> "AlertProviderSpec":
        if (self.address is None) == (self.secret_ref is None):
            given = "neither" if self.address is None else "both"
            raise broken_rule(given=given, allowed="exactly one of address, secretRef")
        return self

    @field_validator("template")
    @classmethod
    def _renderable(cls, template: str | None) -> str | None:
        return template if template is None else _message(template)


def _message(text: str) -> str:
    """The text; an error if it cannot be rendered."""
    try:
        message_templates.check(text)
    except message_templates.MessageTemplateError as error:
        raise broken_rule(given="a text that cannot be rendered", allowed=str(error)) from None
    return text


class AlertProvider(Piece):
    """A chat service that is told how rollouts go."""

    model_config = ConfigDict(extra="ignore")

    api_version: Literal["progressive.delivery/v1beta1"] = "progressive.delivery/v1beta1"
    kind: Literal["AlertProvider"] = "AlertProvider"
    metadata: Metadata
    spec: AlertProviderSpec
