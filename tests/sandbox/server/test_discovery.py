"""What clients ask first: groups, kinds, names and subresources."""

from delivery.sandbox.server.registry import version_rank
from tests.sandbox.server.conftest import Client, definition


async def test_each_group_has_its_kinds_with_their_names_and_subresources(ask: Client) -> None:
    groups = (await ask("GET", "/apis")).body["groups"]
    apps = (await ask("GET", "/apis/apps/v1")).body["resources"]

    assert {"apps", "autoscaling", "coordination.k8s.io", "authorization.k8s.io"} <= {one["name"] for one in groups}
    found = {one["name"]: one for one in apps}
    assert {"deployments", "deployments/status", "deployments/scale", "replicasets", "daemonsets"} <= set(found)
    deployments = found["deployments"]
    assert (deployments["singularName"], deployments["shortNames"], deployments["categories"]) == (
        "deployment",
        ["deploy"],
        ["all"],
    )
    assert "watch" in deployments["verbs"]
    assert found["deployments/scale"]["kind"] == "Scale"
    assert not next(one for one in (await ask("GET", "/api/v1")).body["resources"] if one["kind"] == "Namespace")[
        "namespaced"
    ]


async def test_the_server_says_its_version_and_that_it_is_well(ask: Client) -> None:
    assert (await ask("GET", "/version")).body["major"] == "1"
    assert (await ask("GET", "/api")).body["versions"] == ["v1"]
    for path in ("/healthz", "/readyz", "/livez"):
        assert (await ask("GET", path)).body == "ok"
    assert "/apis/apps/v1" in (await ask("GET", "/")).body["paths"]


async def test_a_definition_adds_its_kind_to_discovery_and_openapi(ask: Client) -> None:
    before = (await ask("GET", "/openapi/v3")).body["paths"]
    await ask("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition())

    group = (await ask("GET", "/apis/example.com")).body
    widget = (await ask("GET", "/apis/example.com/v1")).body["resources"][0]
    after = (await ask("GET", "/openapi/v3")).body["paths"]

    assert group["preferredVersion"] == {"groupVersion": "example.com/v1", "version": "v1"}
    assert (widget["name"], widget["shortNames"], widget["categories"]) == ("widgets", ["wd"], ["all"])
    assert "apis/example.com/v1" not in before
    assert (await ask("GET", after["apis/example.com/v1"]["serverRelativeURL"])).body["openapi"].startswith("3.")
    assert "com.example.v1.Widget" in (await ask("GET", "/openapi/v2")).body["definitions"]
    assert (await ask("GET", "/openapi/v3/apis/none/v1")).code == 404


def test_versions_are_preferred_as_kubernetes_does() -> None:
    versions = ["foo10", "v1", "v10beta3", "v2", "v3beta1", "v11alpha2", "v12alpha1", "foo1"]

    ranked = sorted(versions, key=version_rank)

    assert ranked == ["v2", "v1", "v10beta3", "v3beta1", "v12alpha1", "v11alpha2", "foo1", "foo10"]
