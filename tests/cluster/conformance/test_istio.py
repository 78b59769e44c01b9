"""Istio's own definitions on both servers: routes as people and controllers write them."""

from typing import Any

import pytest

from tests.cluster.conformance.asking import JSON_PATCH, MERGE_PATCH, TABLE, Server, agree

ROUTE: dict[str, Any] = {
    "apiVersion": "networking.istio.io/v1beta1",
    "kind": "VirtualService",
    "metadata": {"name": "reviews"},
    "spec": {
        "hosts": ["reviews"],
        "http": [{"route": [{"destination": {"host": "reviews-primary"}, "weight": 100}]}],
    },
}
WRONG = (
    {"hosts": "reviews"},
    {"hosts": ["reviews"], "http": [{"route": [{"destination": {"host": "a"}, "weight": "all"}]}]},
    {"http": [{"route": [{"weight": 3}]}]},
    {"http": [{"match": [{"uri": {"prefix": "/", "exact": "/"}}]}]},
)


async def story(server: Server) -> None:
    """A route is written in one version, changed, read in another, and refused where it breaks the schema."""
    older, newer = (server.path(f"networking.istio.io/{one}", "virtualservices") for one in ("v1beta1", "v1"))
    assert (await server.ask("POST", older, ROUTE)).code == 201
    weight = [{"op": "replace", "path": "/spec/http/0/route/0/weight", "value": 90}]
    changed = await server.ask("PATCH", f"{older}/reviews", weight, kind=JSON_PATCH)
    assert changed.body["metadata"]["generation"] == 2
    read = await server.ask("GET", f"{newer}/reviews")
    assert read.body["apiVersion"] == "networking.istio.io/v1"
    await server.ask("GET", newer, accept=TABLE, ignore=("description",))
    for spec in WRONG:
        refused = await server.ask("PATCH", f"{older}/reviews", {"spec": spec}, kind=MERGE_PATCH, wording=False)
        assert refused.code == 422, spec
    rules = server.path("networking.istio.io/v1beta1", "destinationrules")
    rule = {"apiVersion": "networking.istio.io/v1beta1", "kind": "DestinationRule", "metadata": {"name": "reviews"}}
    await server.ask(
        "POST",
        rules,
        {**rule, "spec": {"host": "reviews", "trafficPolicy": {"loadBalancer": {"simple": "X"}}}},
        wording=False,
    )
    await server.ask("POST", rules, {**rule, "spec": {"host": "reviews", "unknown": 1}})
    await server.kubectl("get", "vs,dr")


@pytest.mark.usefixtures("istio_crds")
async def test_the_sandbox_takes_istio_s_definitions(sandbox: Server) -> None:
    await story(sandbox)


@pytest.mark.cluster
async def test_the_real_one_agrees(real: Server, sandbox: Server) -> None:
    await agree(story, real=real, sandbox=sandbox)
