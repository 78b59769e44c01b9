"""AlertProviders on a real API server: what it takes and refuses."""

from typing import Any

import pytest

from delivery.api.parse import parse_alert_provider
from delivery.cluster.kubernetes import KubernetesApi
from delivery.cluster.objects import ALERT_PROVIDERS, CANARIES, Ref
from tests.cluster.harness.kubectl import Kubectl, KubectlError
from tests.cluster.test_crds import canary as short_canary

EVERY_FIELD = {
    "type": "slack",
    "channel": "releases",
    "username": "delivery",
    "proxy": "http://proxy.example.com:3128",
    "secretRef": {"name": "slack"},
    "template": "{{ message }}{% for check in checks %} {{ check.name }}{% endfor %}",
    "links": [{"title": "Dashboard", "url": "https://grafana.example.com/?c={{ canary }}"}],
    "legacyCard": True,
}

pytestmark = pytest.mark.usefixtures("crds")


def provider(spec: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": ALERT_PROVIDERS.api_version,
        "kind": ALERT_PROVIDERS.kind,
        "metadata": {"name": "slack"},
        "spec": spec,
    }


async def test_every_field_is_stored_and_read_back(api: KubernetesApi, kubectl: Kubectl, namespace: str) -> None:
    await kubectl.apply(provider(EVERY_FIELD))
    stored = await api.get(Ref(ALERT_PROVIDERS, namespace, "slack"))
    assert parse_alert_provider(stored).spec.as_json() == EVERY_FIELD


@pytest.mark.parametrize("kind", ["slack", "msteams", "discord", "rocket", "gchat"])
async def test_a_provider_of_flaggers_is_stored_after_a_change_of_its_api_version(
    api: KubernetesApi, kubectl: Kubectl, namespace: str, kind: str
) -> None:
    spec = {"type": kind, "channel": "general", "username": "flagger", "address": "https://hooks.example.com/x"}
    await kubectl.apply(provider(spec))
    stored = await api.get(Ref(ALERT_PROVIDERS, namespace, "slack"))
    assert stored["spec"].items() >= spec.items()
    parse_alert_provider(stored)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"type": "pager", "address": "https://a"}, "spec.type"),
        ({"type": "slack", "address": "hooks.slack.com/1"}, "spec.address"),
        ({"type": "slack"}, "spec.address"),
        ({"type": "slack", "address": "https://a", "links": [{"title": "x"}]}, "url"),
        ({"type": "slack", "address": "https://a", "links": [{"title": "x", "url": "ftp://a"}]}, "url"),
    ],
)
async def test_what_no_service_has_is_refused_by_the_server(kubectl: Kubectl, spec: dict[str, Any], words: str) -> None:
    with pytest.raises(KubectlError) as refusal:
        await kubectl.apply(provider(spec))
    assert words in str(refusal.value)


async def test_a_canary_with_alerts_is_stored_with_severity_info(
    api: KubernetesApi, kubectl: Kubectl, namespace: str
) -> None:
    """In Flagger's schema there is no default, and an alert without severity tells nobody anything."""
    await kubectl.apply(short_canary(analysis={"alerts": [{"name": "us", "providerRef": {"name": "slack"}}]}))
    (alert,) = (await api.get(Ref(CANARIES, namespace, "reviews")))["spec"]["analysis"]["alerts"]
    assert alert["severity"] == "info"
