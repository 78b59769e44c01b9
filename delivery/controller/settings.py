"""What the operator of the process decides: flags and environment, checked once and frozen.

A wrong flag has to be an error before the first request to the cluster, and the error has to name the flag, what
was given and what is allowed. So nothing else in the process reads the environment or checks a flag again.
"""

import os
import re
import secrets
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from delivery.controller.alert_settings import AlertSettings, AlertSettingsError
from delivery.outbound.guard import guard_for
from metrics import matchers
from metrics.matchers import Matchers, MatchersError

PROMETHEUS = "http://prometheus:9090"
EVERYWHERE = "0.0.0.0"  # noqa: S104 - probes and Prometheus come from other machines
TRACKING = ("true", "configmaps", "false")
SELECTOR_LABELS = ("app", "name", "app.kubernetes.io/name")
LOG_LEVELS = ("debug", "info", "warning", "error")
PROVIDERS = ("istio", "kubernetes")
LOG_FORMATS = ("json", "console")
SERVICE_ACCOUNT_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_PREFIX = re.compile(r"[A-Za-z0-9][-A-Za-z0-9_./]{0,315}")
_KEY = re.compile(rf"({_LABEL.pattern}(\.{_LABEL.pattern})*/)?[A-Za-z0-9]([-A-Za-z0-9_.]{{0,61}}[A-Za-z0-9])?")
_SUBDOMAIN = re.compile(rf"{_LABEL.pattern}(\.{_LABEL.pattern})*")


class SettingsError(ValueError):
    """A flag that cannot be used."""

    def __init__(self, flag: str, given: object, allowed: str) -> None:
        super().__init__(f"{flag}: {given!r} given, allowed: {allowed}")
        self.flag = flag


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """The admission webhook: PEM files of its certificate and key, and its port (0: any free one)."""

    certificate: str
    key: str
    port: int = 9443


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings of one process. Make it with `parse`.

    `namespace` None: all namespaces. `kubeconfig` None: as the Pod that we run in, else the user's default.
    `provider` is that of Canaries which name none. `config_tracking`: one of TRACKING.
    `selector_labels` and `include_label_prefix` are for primaries made from now on (workloads/selectors.py).
    `metrics_matchers` are added to the selectors of every builtin query. `metrics_batch_seconds` is how long one waits
    for others at most. `scrape_interval_seconds` is how often
    Prometheus scrapes the proxies. `observe`: every Canary only looks on. `listen_port` 0: any free port.
    `webhook_allow`: which addresses webhooks and alert services may have (outbound/guard.py). `alerts`: who is told of
    Canaries that name nobody.
    """

    identity: str
    namespace: str | None = None
    kubeconfig: str | None = None
    context: str | None = None
    provider: str = PROVIDERS[0]
    metrics_server: str = PROMETHEUS
    metrics_matchers: Matchers = ()
    metrics_batch_seconds: float = 1.0
    scrape_interval_seconds: float = 15.0
    observe: bool = False
    cluster_domain: str = "cluster.local"
    config_tracking: str = TRACKING[0]
    selector_labels: tuple[str, ...] = SELECTOR_LABELS
    include_label_prefix: tuple[str, ...] = ("*",)
    istio_root_namespace: str = "istio-system"
    log_level: str = "info"
    log_format: str = "json"
    listen_host: str = EVERYWHERE
    listen_port: int = 8080
    workers: int = 8
    lease_namespace: str = "default"
    lease_name: str = "progressive-delivery"
    admission: Admission | None = None
    webhook_allow: str = ""
    alerts: AlertSettings = field(default_factory=AlertSettings)

    @classmethod
    def parse(cls, given: Mapping[str, Any]) -> "Settings":
        """Check the flags, by their names in snake case; missing ones and None get their defaults.

        SettingsError names the first flag that cannot be used.
        """
        known = {name: value for name, value in given.items() if value is not None}
        namespace = _namespace("--namespace", known.get("namespace") or None)
        host, port = host_and_port(known.get("listen", f"{EVERYWHERE}:8080"))
        return cls(
            identity=_identity(known.get("identity") or default_identity()),
            namespace=namespace,
            kubeconfig=_kubeconfig(known.get("kubeconfig") or None),
            context=known.get("context") or None,
            provider=_choice("--provider", known.get("provider", PROVIDERS[0]), PROVIDERS),
            metrics_server=_url("--metrics-server", known.get("metrics_server", PROMETHEUS)),
            metrics_matchers=_matchers(known.get("metrics_matchers", "")),
            metrics_batch_seconds=_seconds("--metrics-batch-seconds", known.get("metrics_batch_seconds", 1.0), 0, 10),
            scrape_interval_seconds=_seconds(
                "--scrape-interval-seconds", known.get("scrape_interval_seconds", 15.0), 0.1, 3600
            ),
            selector_labels=_labels(known.get("selector_labels", ",".join(SELECTOR_LABELS))),
            include_label_prefix=_prefixes(known.get("include_label_prefix", "*")),
            observe=_switch("--observe", known.get("observe", False)),
            cluster_domain=_domain(known.get("cluster_domain", "cluster.local")),
            config_tracking=_choice("--config-tracking", known.get("config_tracking", TRACKING[0]), TRACKING),
            istio_root_namespace=_label("--istio-root-namespace", known.get("istio_root_namespace", "istio-system")),
            log_level=_choice("--log-level", known.get("log_level", "info"), LOG_LEVELS),
            log_format=_choice("--log-format", known.get("log_format", "json"), LOG_FORMATS),
            listen_host=host,
            listen_port=port,
            workers=_between("--workers", known.get("workers", 8), 1, 64),
            lease_namespace=_lease_namespace(known.get("lease_namespace") or None, namespace),
            lease_name=_name("--lease-name", known.get("lease_name", "progressive-delivery")),
            admission=_admission(known),
            webhook_allow=_reachable(known.get("webhook_allow", "")),
            alerts=_alerts(known),
        )


def default_identity() -> str:
    """A name that no other process has: two replicas on one host must not both hold the Lease."""
    return f"{socket.gethostname()}-{secrets.token_hex(4)}"


def own_namespace() -> str | None:
    """The namespace of the Pod that we run in, if we do."""
    try:
        return SERVICE_ACCOUNT_NAMESPACE.read_text(encoding="utf-8").strip() or None
    except OSError:
        return None


def _identity(given: str) -> str:
    if not (0 < len(given) <= 253 and given.isprintable() and " " not in given):
        raise SettingsError("--identity", given, "1 to 253 printable characters without a blank")
    return given


def _label(flag: str, given: str) -> str:
    if not _LABEL.fullmatch(given):
        raise SettingsError(flag, given, "the name of one namespace")
    return given


def _namespace(flag: str, given: str | None) -> str | None:
    if given is not None and not _LABEL.fullmatch(given):
        raise SettingsError(flag, given, "the name of one namespace, or nothing for all")
    return given


def _lease_namespace(given: str | None, namespace: str | None) -> str:
    chosen = _namespace("--lease-namespace", given)
    return chosen or own_namespace() or namespace or "default"


def _name(flag: str, given: str) -> str:
    if len(given) > 253 or not _SUBDOMAIN.fullmatch(given):
        raise SettingsError(flag, given, "a DNS name of lower-case letters, digits, '-' and '.'")
    return given


def _domain(given: str) -> str:
    return _name("--cluster-domain", given.rstrip("."))


def _words(given: str) -> tuple[str, ...]:
    """What stands between commas, blanks aside."""
    return tuple(word for each in given.split(",") if (word := each.strip()))


def _labels(given: str) -> tuple[str, ...]:
    words = _words(given)
    if not words or not all(_KEY.fullmatch(word) for word in words):
        raise SettingsError("--selector-labels", given, "keys of labels with commas between them, at least one")
    return words


def _prefixes(given: str) -> tuple[str, ...]:
    words = _words(given)
    if not all(word == "*" or _PREFIX.fullmatch(word) for word in words):
        raise SettingsError("--include-label-prefix", given, "*, or beginnings of label keys with commas between them")
    return words


def _kubeconfig(given: str | None) -> str | None:
    if given is None:
        return None
    path = os.path.expanduser(given)
    if not os.path.isfile(path):
        raise SettingsError("--kubeconfig", given, "the path of a kubeconfig file")
    return path


def _file(flag: str, given: str) -> str:
    if not os.access(given, os.R_OK) or not os.path.isfile(given):
        raise SettingsError(flag, given, "the path of a readable PEM file")
    return given


def _url(flag: str, given: str) -> str:
    allowed = "an address like http://prometheus:9090, http or https"
    try:
        parts = urlsplit(given)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError as error:
        raise SettingsError(flag, given, allowed) from error
    if not usable or parts.query or parts.fragment:
        raise SettingsError(flag, given, allowed)
    return given.rstrip("/")


def _matchers(given: str) -> Matchers:
    try:
        return matchers.parse(given)
    except MatchersError as error:
        raise SettingsError("--metrics-matchers", given, str(error).partition("allowed ")[2]) from error


def _alerts(known: Mapping[str, Any]) -> AlertSettings:
    try:
        return AlertSettings.parse(known)
    except AlertSettingsError as error:
        raise SettingsError(error.flag, "(not shown)", error.allowed) from None


def _reachable(given: str) -> str:
    try:
        guard_for(given)
    except ValueError as error:
        raise SettingsError("--webhook-allow", given, str(error)) from error
    return given


def _seconds(flag: str, given: object, low: float, high: float) -> float:
    allowed = f"{low:g} to {high:g} seconds"
    try:
        seconds = float(str(given))
    except ValueError as error:
        raise SettingsError(flag, given, allowed) from error
    if not low <= seconds <= high:
        raise SettingsError(flag, given, allowed)
    return seconds


def _between(flag: str, given: object, low: int, high: int) -> int:
    if not (text := str(given)).isascii() or not text.isdecimal() or not low <= int(text) <= high:
        raise SettingsError(flag, given, f"a whole number from {low} to {high}")
    return int(text)


def _switch(flag: str, given: object) -> bool:
    if not isinstance(given, bool):
        raise SettingsError(flag, given, "true | false")
    return given


def _choice(flag: str, given: str, allowed: tuple[str, ...]) -> str:
    if given.lower() not in allowed:
        raise SettingsError(flag, given, " | ".join(allowed))
    return given.lower()


def host_and_port(given: str) -> tuple[str, int]:
    """Where to listen. SettingsError for what is no address."""
    host, colon, port = given.rpartition(":")
    allowed = "HOST:PORT or :PORT, an IPv6 address in brackets, port 0 to 65535 (0: any free one)"
    bare = host.removeprefix("[").removesuffix("]")
    if not colon or (":" in bare and f"[{bare}]" != host):
        raise SettingsError("--listen", given, allowed)
    try:
        return bare or EVERYWHERE, _between("--listen", port, 0, 65535)
    except SettingsError as error:
        raise SettingsError("--listen", given, allowed) from error


def _admission(known: Mapping[str, Any]) -> Admission | None:
    certificate, key = known.get("admission_cert") or "", known.get("admission_key") or ""
    port = _between("--admission-port", known.get("admission_port", 9443), 0, 65535)
    if not certificate and not key:
        return None
    if not certificate or not key:
        flag = "--admission-key" if certificate else "--admission-cert"
        raise SettingsError(flag, "", "both of --admission-cert and --admission-key, or neither")
    return Admission(certificate=_file("--admission-cert", certificate), key=_file("--admission-key", key), port=port)
