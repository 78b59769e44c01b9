"""What the MetricTemplates say that a Canary's metrics name, as it is at the moment of a question.

Whether a template is there and can be used is known from caches, and told before a run needs it. Its Secret, and the
ConfigMap of its authority, are read when a question is asked and no sooner (cluster/contents.py). Whatever is missing
makes the one question an error, which holds the run and fails nobody.
"""

from collections.abc import Iterable
from dataclasses import replace

from delivery.api.parse import InvalidSpec, parse_metric_template
from delivery.api.templates import MetricProvider, MetricTemplate
from delivery.cluster.contents import Content, ContentError, Contents
from delivery.cluster.objects import CONFIG_MAPS, METRIC_TEMPLATES, SECRETS, Kind, Object, Ref
from delivery.cluster.reader import Reader
from metrics import selectors, templates
from metrics.source import PROMETHEUS, Source
from metrics.spec import MetricSpec
from strategies.reasons import Reason
from strategies.snapshot import Problem


class UnresolvedError(Exception):
    """A metric whose template cannot be used now; `problem` says why and what to do."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.problem = Problem(reason=reason, message=message)


class Templates:
    """Finds what a metric asks of whom."""

    def __init__(self, reader: Reader, contents: Contents) -> None:
        self._reader = reader
        self._read: dict[Ref, tuple[Object, MetricTemplate | InvalidSpec]] = {}
        self._contents = contents

    def refs(self, metrics: Iterable[MetricSpec]) -> tuple[Ref, ...]:
        """The objects that a change of these metrics' meaning can come from: templates, and what they name."""
        found: dict[Ref, None] = {}
        for metric in metrics:
            if metric.template:
                found[ref_of(metric)] = None
                try:
                    provider = self._template(metric).spec.provider
                except UnresolvedError:
                    continue
                found.update(dict.fromkeys(_named(provider, ref_of(metric).namespace)))
        return tuple(found)

    def problem(self, metrics: Iterable[MetricSpec]) -> Problem | None:
        """Why the first of them that cannot be asked now cannot, as far as caches know."""
        for metric in metrics:
            if not metric.template or not self._reader.answered(METRIC_TEMPLATES):
                continue
            try:
                template = self._template(metric)
                for ref in _named(template.spec.provider, ref_of(metric).namespace):
                    self._contents.expect(ref, named_by=_called(metric))
            except UnresolvedError as error:
                return error.problem
            except ContentError as error:
                return _unresolved(metric, error.reason, str(error)).problem
        return None

    async def resolve(self, metric: MetricSpec) -> MetricSpec:
        """The metric with its template's query and source. Raises UnresolvedError."""
        if not metric.template:
            return metric
        template = self._template(metric)
        provider, namespace = template.spec.provider, ref_of(metric).namespace
        credentials: Content = {}
        authority = ""
        if provider.secret_ref is not None:
            credentials = await self._content(metric, Ref(SECRETS, namespace, provider.secret_ref.name))
            if not credentials:
                secret = f"Secret {namespace}/{provider.secret_ref.name}"
                message = f"{secret} has no keys; put the credentials in, or take provider.secretRef out"
                raise _unresolved(metric, "SecretEmpty", message)
        if provider.ca_ref is not None:
            ref = Ref(_kind_of_authority(provider), namespace, provider.ca_ref.name)
            authority = await self._key(metric, ref, provider.ca_ref.key)
        counters = template.spec.counters.value if template.spec.counters is not None else None
        asked = replace(metric, query=template.spec.query or "", counters=counters)
        if provider.type == PROMETHEUS and not provider.address:
            return asked
        return replace(asked, source=source_of(provider, credentials, authority))

    def _template(self, metric: MetricSpec) -> MetricTemplate:
        """The template as known, usable by itself and with the metric's variables."""
        ref = ref_of(metric)
        body = self._reader.get(ref)
        if body is None:
            self._read.pop(ref, None)
            raise _unresolved(metric, "TemplateNotFound", f"MetricTemplate {metric.template} {self._absence(ref)}")
        known = self._read.get(ref)
        if known is None or known[0] is not body:
            known = self._read[ref] = (body, _parsed(body))
        if isinstance(known[1], InvalidSpec):
            told = "; ".join(str(known[1]).splitlines())
            raise _unresolved(metric, "TemplateInvalid", f"MetricTemplate {metric.template}: {told}")
        self._check(metric, known[1])
        return known[1]

    def _check(self, metric: MetricSpec, template: MetricTemplate) -> None:
        """UnresolvedError unless the template has what the metric needs, and its variables are there."""
        query, counters = template.spec.query, template.spec.counters
        try:
            if query is not None:
                templates.check(query, metric.variables)
            if counters is not None:
                selectors.check(counters.value, metric.variables)
        except templates.TemplateError as error:
            raise _unresolved(metric, "VariableMissing", f"MetricTemplate {metric.template}: {error}") from error
        needed = ("compareWithPrimary", metric.compare is not None), ("minSamples", metric.min_samples > 0)
        for field, given in needed:
            if given and counters is None:
                message = f"MetricTemplate {metric.template} has no counters, which {field} needs; add them there"
                raise _unresolved(metric, "CountersMissing", message)

    def _absence(self, ref: Ref) -> str:
        if self._reader.missing(METRIC_TEMPLATES):
            return "cannot be: the API server does not know the kind; apply crds/metrictemplates.yaml"
        if self._reader.denied(METRIC_TEMPLATES):
            return "cannot be read; let the controller list and watch metrictemplates"
        if self._reader.namespace not in (None, ref.namespace):
            return f"cannot be read: the controller works in namespace {self._reader.namespace} only; move it there"
        return "does not exist; create it, or correct templateRef"

    async def _content(self, metric: MetricSpec, ref: Ref) -> Content:
        """What a Secret or ConfigMap holds, decoded. Raises UnresolvedError."""
        try:
            return await self._contents.of(ref, named_by=_called(metric))
        except ContentError as error:
            raise _unresolved(metric, error.reason, str(error)) from error

    async def _key(self, metric: MetricSpec, ref: Ref, key: str) -> str:
        try:
            return await self._contents.key(ref, key, named_by=_called(metric))
        except ContentError as error:
            raise _unresolved(metric, error.reason, str(error)) from error


def ref_of(metric: MetricSpec) -> Ref:
    """The template that a metric names."""
    namespace, _, name = metric.template.partition("/")
    return Ref(METRIC_TEMPLATES, namespace, name)


def source_of(provider: MetricProvider, credentials: Content, authority: str) -> Source:
    """Who is asked, with what it takes to be let in."""
    return Source(
        type=provider.type,
        address=provider.address or "",
        region=provider.region or "",
        headers=tuple((name, ", ".join(values)) for name, values in provider.headers.items()),
        credentials=tuple(sorted(credentials.items())),
        ca=authority,
        verify=not provider.insecure_skip_verify,
        method=provider.method or "GET",
        json_path=provider.json_path or "",
    )


def _named(provider: MetricProvider, namespace: str) -> Iterable[Ref]:
    if provider.secret_ref is not None:
        yield Ref(SECRETS, namespace, provider.secret_ref.name)
    if provider.ca_ref is not None:
        yield Ref(_kind_of_authority(provider), namespace, provider.ca_ref.name)


def _kind_of_authority(provider: MetricProvider) -> Kind:
    is_secret = provider.ca_ref is not None and provider.ca_ref.kind == SECRETS.kind
    return SECRETS if is_secret else CONFIG_MAPS


def _parsed(body: Object) -> MetricTemplate | InvalidSpec:
    try:
        return parse_metric_template(body)
    except InvalidSpec as error:
        return error


def _called(metric: MetricSpec) -> str:
    return f"MetricTemplate {metric.template}"


def _unresolved(metric: MetricSpec, reason: Reason, message: str) -> UnresolvedError:
    return UnresolvedError(reason, f"metric {metric.name!r}: {message}")
