"""The AlertProviders that a Canary names, as they are at the moment of an alert.

Whether one is there and can be used is known from caches, and told before an alert is due; its Secret is read when
something is sent and no sooner.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from delivery.alerts.facts import Severity
from delivery.alerts.messages import Link
from delivery.alerts.services.service import Recipient, UnusableError
from delivery.api.hooks import Alert
from delivery.api.parse import InvalidSpec, parse_alert_provider
from delivery.api.templates import AlertProvider, AlertProviderSpec
from delivery.cluster.contents import Content, ContentError, Contents
from delivery.cluster.objects import ALERT_PROVIDERS, SECRETS, Object, Ref, resource_version
from delivery.cluster.reader import Reader
from strategies.snapshot import Problem


@dataclass(frozen=True, slots=True)
class Wish:
    """An AlertProvider that a Canary wants to be told, and how bad an announcement must be for it."""

    ref: Ref
    severity: Severity = Severity.INFO


def wishes(alerts: Iterable[Alert], namespace: str) -> tuple[Wish, ...]:
    """What a Canary's alerts ask for; a provider that is named twice is told by the lower severity."""
    found: dict[Ref, Wish] = {}
    for alert in alerts:
        ref = Ref(ALERT_PROVIDERS, alert.provider_ref.namespace or namespace, alert.provider_ref.name)
        wish = Wish(ref, Severity(alert.severity or Severity.INFO))
        if ref not in found or wish.severity.rank < found[ref].severity.rank:
            found[ref] = wish
    return tuple(found.values())


class Providers:
    """Finds them."""

    def __init__(self, reader: Reader, contents: Contents) -> None:
        self._reader = reader
        self._contents = contents
        self._read: dict[Ref, tuple[Object, AlertProvider | InvalidSpec]] = {}

    def refs(self, wanted: Iterable[Wish]) -> tuple[Ref, ...]:
        """The objects that decide whether they can be told: providers, and their Secrets."""
        found: dict[Ref, None] = {}
        for wish in wanted:
            found[wish.ref] = None
            try:
                secret = _secret(self._provider(wish.ref).spec, wish.ref)
            except UnusableError:
                continue
            if secret is not None:
                found[secret] = None
        return tuple(found)

    def problem(self, wanted: Iterable[Wish]) -> Problem | None:
        """Why the first of them that cannot be told cannot, as far as caches know."""
        for wish in wanted:
            if not self._reader.answered(ALERT_PROVIDERS):
                continue
            try:
                secret = _secret(self._provider(wish.ref).spec, wish.ref)
                if secret is not None:
                    self._contents.expect(secret, named_by=f"AlertProvider {_said(wish.ref)}")
            except (UnusableError, ContentError) as error:
                return Problem(reason=error.reason, message=str(error))
        return None

    def kind(self, ref: Ref) -> str:
        """The type of a provider; "unknown" for one that cannot be used."""
        try:
            return self._provider(ref).spec.type
        except UnusableError:
            return "unknown"

    def version(self, ref: Ref) -> str:
        """Changes with the provider and, where Secrets are watched, with its Secret."""
        body = self._reader.get(ref)
        if body is None:
            return ""
        secret = next(iter(self.refs((Wish(ref),))[1:]), None)
        seen = self._reader.get(secret) if secret is not None and self._reader.watches(SECRETS) else None
        return "/".join(resource_version(each) for each in (body, seen) if each is not None)

    async def recipient(self, ref: Ref) -> tuple[str, Recipient]:
        """The type, and all that it takes to tell it. Raises UnusableError."""
        spec = self._provider(ref).spec
        secret = _secret(spec, ref)
        content: Content = {}
        if secret is not None:
            try:
                content = await self._contents.of(secret, named_by=f"AlertProvider {_said(ref)}")
            except ContentError as error:
                raise UnusableError(error.reason, str(error)) from error
        address, token = spec.address or content.get("address", "").strip(), content.get("token", "").strip()
        if problem := _wrong(spec.type, address, token, secret):
            raise UnusableError(problem.reason, f"AlertProvider {_said(ref)}: {problem.message}")
        return spec.type, _recipient(spec, address, token, kept_in=str(secret) if secret is not None else "")

    def _provider(self, ref: Ref) -> AlertProvider:
        body = self._reader.get(ref)
        if body is None:
            self._read.pop(ref, None)
            raise UnusableError("ProviderNotFound", f"AlertProvider {_said(ref)} {self._absence(ref)}")
        known = self._read.get(ref)
        if known is None or known[0] is not body:
            known = self._read[ref] = (body, _parsed(body))
        if isinstance(known[1], InvalidSpec):
            told = "; ".join(str(known[1]).splitlines())
            raise UnusableError("ProviderInvalid", f"AlertProvider {_said(ref)}: {told}")
        return known[1]

    def _absence(self, ref: Ref) -> str:
        if self._reader.missing(ALERT_PROVIDERS):
            return "cannot be: the API server does not know the kind; apply crds/alertproviders.yaml"
        if self._reader.denied(ALERT_PROVIDERS):
            return "cannot be read; let the controller list and watch alertproviders"
        if self._reader.namespace not in (None, ref.namespace):
            return f"cannot be read: the controller works in namespace {self._reader.namespace} only; move it there"
        return "does not exist; create it, or correct providerRef"


def _wrong(kind: str, address: str, token: str, secret: Ref | None) -> Problem | None:
    """What is wrong with what an AlertProvider and its Secret hold; the Secret's key is named, never its value."""
    if not address and not (kind == "slack" and token):
        keys = "neither a key address, with the URL, nor a key token" if kind == "slack" else "no key address"
        return Problem(reason="KeyNotFound", message=f"{secret} has {keys}; add it there")
    if address and not address.startswith(("http://", "https://")):
        return Problem(
            reason="AddressInvalid", message=f"the key address of {secret} is no http or https URL; correct it"
        )
    if any(ord(each) < 32 or ord(each) > 126 for each in token):
        what = "is no single line of printable ASCII characters"
        return Problem(reason="TokenInvalid", message=f"the key token of {secret} {what}; correct it")
    return None


def _said(ref: Ref) -> str:
    return f"{ref.namespace}/{ref.name}"


def _secret(spec: AlertProviderSpec, ref: Ref) -> Ref | None:
    return Ref(SECRETS, ref.namespace, spec.secret_ref.name) if spec.secret_ref is not None else None


def _recipient(spec: AlertProviderSpec, address: str, token: str, *, kept_in: str) -> Recipient:
    return Recipient(
        address=address,
        token=token,
        channel=spec.channel,
        username=spec.username,
        proxy=spec.proxy or "",
        template=spec.template or "",
        links=tuple(Link(each.title, each.url) for each in spec.links),
        legacy_card=spec.legacy_card,
        kept_in=kept_in,
    )


def _parsed(body: Object) -> AlertProvider | InvalidSpec:
    try:
        return parse_alert_provider(body)
    except InvalidSpec as error:
        return error
