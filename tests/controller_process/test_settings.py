"""Flags: what a wrong one says."""

import dataclasses
from pathlib import Path

import pytest

from delivery.controller.application import SCOPES
from delivery.controller.settings import PROVIDERS, TRACKING, Settings, SettingsError
from delivery.routing.registry import ROUTERS
from delivery.workloads.selectors import USUAL, Labelling


def test_nothing_given_means_the_documented_defaults() -> None:
    settings = Settings.parse({"namespace": "", "kubeconfig": None})
    assert settings.namespace is None
    assert settings.provider == "istio"
    assert set(PROVIDERS) == set(ROUTERS)
    assert settings.config_tracking == "true"
    assert set(TRACKING) == set(SCOPES)
    assert settings.metrics_server == "http://prometheus:9090"
    assert (settings.listen_host, settings.listen_port) == ("0.0.0.0", 8080)
    assert settings.metrics_matchers == ()
    assert settings.scrape_interval_seconds == 15.0
    assert settings.metrics_batch_seconds == 1.0
    assert settings.cluster_domain == "cluster.local"
    assert Labelling(settings.selector_labels, settings.include_label_prefix) == USUAL
    assert settings.istio_root_namespace == "istio-system"
    assert settings.workers == 8
    assert settings.lease_name == "progressive-delivery"
    assert settings.admission is None
    with pytest.raises(dataclasses.FrozenInstanceError):
        settings.workers = 9  # type: ignore[misc]


def test_labels_stand_between_commas() -> None:
    given = {"selector_labels": "example.com/part, app", "include_label_prefix": " app.kubernetes.io/,team"}
    settings = Settings.parse(given)
    assert settings.selector_labels == ("example.com/part", "app")
    assert settings.include_label_prefix == ("app.kubernetes.io/", "team")
    assert Settings.parse({"include_label_prefix": ""}).include_label_prefix == ()


def test_two_processes_on_one_host_have_different_identities() -> None:
    assert Settings.parse({}).identity != Settings.parse({}).identity
    assert Settings.parse({"identity": "me"}).identity == "me"


def test_the_lease_stands_where_the_canaries_stand_unless_said_otherwise() -> None:
    assert Settings.parse({"namespace": "shop"}).lease_namespace == "shop"
    assert Settings.parse({"namespace": "shop", "lease_namespace": "ops"}).lease_namespace == "ops"


@pytest.mark.parametrize(
    ("listen", "host", "port"),
    [("127.0.0.1:0", "127.0.0.1", 0), (":9000", "0.0.0.0", 9000), ("[::1]:9000", "::1", 9000)],
)
def test_listen_addresses(listen: str, host: str, port: int) -> None:
    settings = Settings.parse({"listen": listen})
    assert (settings.listen_host, settings.listen_port) == (host, port)


@pytest.mark.parametrize(
    ("flag", "name", "given"),
    [
        ("--namespace", "namespace", "Shop"),
        ("--namespace", "namespace", "a,b"),
        ("--kubeconfig", "kubeconfig", "/no/such/file"),
        ("--provider", "provider", "linkerd"),
        ("--metrics-server", "metrics_server", "prometheus:9090"),
        ("--metrics-server", "metrics_server", "http://"),
        ("--metrics-server", "metrics_server", "http://prometheus:99999"),
        ("--metrics-server", "metrics_server", "http://prometheus:9090/?query=up"),
        ("--metrics-matchers", "metrics_matchers", "cluster=prod"),
        ("--metrics-matchers", "metrics_matchers", '__name__="up"'),
        ("--metrics-batch-seconds", "metrics_batch_seconds", -1),
        ("--metrics-batch-seconds", "metrics_batch_seconds", "11"),
        ("--scrape-interval-seconds", "scrape_interval_seconds", "15s"),
        ("--scrape-interval-seconds", "scrape_interval_seconds", 0),
        ("--scrape-interval-seconds", "scrape_interval_seconds", "nan"),
        ("--cluster-domain", "cluster_domain", "cluster local"),
        ("--selector-labels", "selector_labels", ""),
        ("--selector-labels", "selector_labels", "app,not a label"),
        ("--selector-labels", "selector_labels", "-app"),
        ("--include-label-prefix", "include_label_prefix", "app,*.example.com"),
        ("--istio-root-namespace", "istio_root_namespace", "Istio"),
        ("--log-level", "log_level", "loud"),
        ("--log-format", "log_format", "xml"),
        ("--listen", "listen", "8080"),
        ("--listen", "listen", "::1:8080"),
        ("--listen", "listen", "0.0.0.0:65536"),
        ("--observe", "observe", "perhaps"),
        ("--workers", "workers", 0),
        ("--workers", "workers", 65),
        ("--workers", "workers", "two"),
        ("--lease-namespace", "lease_namespace", "-"),
        ("--lease-name", "lease_name", "Lease"),
        ("--admission-port", "admission_port", -1),
        ("--identity", "identity", "a b"),
    ],
)
def test_a_wrong_flag_is_named_with_what_was_given_and_what_is_allowed(
    flag: str, name: str, given: object
) -> None:
    with pytest.raises(SettingsError) as error:
        Settings.parse({name: given})
    assert str(error.value).startswith(f"{flag}: {given!r} given, allowed: ")


def test_the_admission_webhook_needs_both_files(tmp_path: Path) -> None:
    certificate, key = tmp_path / "tls.crt", tmp_path / "tls.key"
    certificate.write_text("certificate")
    with pytest.raises(SettingsError, match="--admission-key: '' given, allowed: both of"):
        Settings.parse({"admission_cert": str(certificate)})
    with pytest.raises(SettingsError, match="--admission-cert: '' given, allowed: both of"):
        Settings.parse({"admission_key": str(certificate)})
    with pytest.raises(SettingsError, match=r"--admission-key: .*tls.key' given, allowed: the path"):
        Settings.parse({"admission_cert": str(certificate), "admission_key": str(key)})
    key.write_text("key")
    settings = Settings.parse({"admission_cert": str(certificate), "admission_key": str(key)})
    assert settings.admission is not None
    assert settings.admission.port == 9443
