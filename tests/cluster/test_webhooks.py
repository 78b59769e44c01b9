"""Webhooks on a real API server: what it takes, and what it refuses by the schema alone, as servers of any age do."""

import json
from typing import Any

import pytest

from delivery.api.parse import parse_canary
from tests.cluster.harness.kubectl import Kubectl, KubectlError
from tests.cluster.test_crds import canary

pytestmark = pytest.mark.usefixtures("crds")

HOOK: dict[str, Any] = {
    "name": "gate",
    "type": "confirm-promotion",
    "url": "https://gates.shop:8443/gate/check",
    "timeout": "1m30s",
    "retries": 3,
    "metadata": {"a": "b"},
    "muteAlert": True,
    "headers": {"X-Team": "books"},
    "secretRef": {"name": "hooks"},
    "caRef": {"kind": "Secret", "name": "authority", "key": "ca.pem"},
}


async def test_every_field_is_kept_and_read_back(kubectl: Kubectl) -> None:
    await kubectl.apply(canary("hooked", analysis={"webhooks": [HOOK]}))
    stored = json.loads(await kubectl("get", "canary", "hooked", "--output=json"))
    assert stored["spec"]["analysis"]["webhooks"] == [HOOK]
    (read,) = parse_canary(stored).spec.analysis.webhooks
    assert read.secret_ref is not None
    assert (read.timeout, read.secret_ref.name) == ("1m30s", "hooks")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"timeout": "soon"}, "should match"),
        ({"retries": 101}, "less than or equal to 100"),
        ({"type": "confirm"}, "Unsupported value"),
        ({"url": "ftp://gates"}, "should match"),
    ],
)
async def test_what_cannot_be_used_is_refused_by_name(kubectl: Kubectl, change: dict[str, Any], says: str) -> None:
    with pytest.raises(KubectlError) as refused:
        await kubectl.apply(canary("hooked", analysis={"webhooks": [{**HOOK, **change}]}))
    assert "spec.analysis.webhooks" in str(refused.value)
    assert says in str(refused.value)
