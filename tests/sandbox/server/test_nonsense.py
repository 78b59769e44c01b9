"""Whatever is sent, the answer is a refusal that says why, or a success: never a fault of the server."""

import itertools
import random
from typing import Any

from delivery.cluster.memory import Store
from delivery.cluster.memory.resources import CONFIG_MAPS
from delivery.cluster.objects import PODS
from tests.sandbox.server.conftest import Client, definition

NONSENSE: tuple[Any, ...] = (None, True, 0, -1, 1.5, "", "x", [], ["x"], [[]], [None], {}, {"x": 1}, {"": None})
OBJECTS: dict[str, dict[str, Any]] = {
    "/api/v1/namespaces/shop/configmaps": {"apiVersion": "v1", "kind": "ConfigMap"},
    "/api/v1/namespaces/shop/pods": {"apiVersion": "v1", "kind": "Pod"},
    "/api/v1/namespaces/shop/services": {"apiVersion": "v1", "kind": "Service"},
    "/api/v1/namespaces": {"apiVersion": "v1", "kind": "Namespace"},
    "/api/v1/namespaces/shop/events": {"apiVersion": "v1", "kind": "Event"},
    "/apis/apps/v1/namespaces/shop/deployments": {"apiVersion": "apps/v1", "kind": "Deployment"},
    "/apis/example.com/v1/namespaces/shop/widgets": {"apiVersion": "example.com/v1", "kind": "Widget"},
    "/apis/apiextensions.k8s.io/v1/customresourcedefinitions": {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
    },
    "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews": {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
    },
}
META = ("name", "generateName", "namespace", "labels", "annotations", "finalizers", "ownerReferences", "uid",
        "resourceVersion", "managedFields", "generation", "creationTimestamp", "deletionTimestamp")  # fmt: skip
PATCHES = ("application/json-patch+json", "application/merge-patch+json", "application/strategic-merge-patch+json")


def bodies(head: dict[str, Any]) -> list[Any]:
    """Objects that are wrong in one place each."""
    named = {**head, "metadata": {"name": "a"}}
    wrong: list[Any] = [*NONSENSE]
    wrong += [{**named, member: one} for member in ("metadata", "spec", "status", "data", "kind") for one in NONSENSE]
    wrong += [{**named, "metadata": {"name": "a", member: one}} for member in META for one in NONSENSE]
    return wrong


async def test_creations(ask: Client) -> None:
    await ask("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition())
    for path, head in OBJECTS.items():
        for body in bodies(head):
            answer = await ask("POST", f"{path}?dryRun=All", body)
            assert answer.code < 500 or answer.body["message"].startswith("resourceVersion should"), (
                path,
                body,
                answer.body,
            )


async def test_definitions_that_are_wrong_somewhere(ask: Client) -> None:
    """Every member of a definition, at any depth, replaced by nonsense."""
    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    for place, one in itertools.product(places(definition()), NONSENSE):
        body = definition()
        holder: Any = body
        for part in place[:-1]:
            holder = holder[part]
        holder[place[-1]] = one
        answer = await ask("POST", f"{path}?dryRun=All", body)
        assert answer.code < 500, (place, one, answer.body)


async def test_patches_and_replacements(ask: Client, store: Store) -> None:
    await ask("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition())
    rng = random.Random(1)
    for path, head in OBJECTS.items():
        await ask("POST", path, {**head, "metadata": {"name": "a"}})
        for kind, body in itertools.product(PATCHES, rng.sample(bodies(head), 60)):
            patch = [{"op": "add", "path": "/metadata", "value": body}, body] if "json-patch" in kind else body
            answer = await ask("PATCH", f"{path}/a?dryRun=All", patch, content_type=kind)
            assert answer.code < 500, (path, kind, patch, answer.body)
        for body in rng.sample(bodies(head), 40):
            answer = await ask("PUT", f"{path}/a?dryRun=All", body)
            assert answer.code < 500, (path, body, answer.body)


async def test_options_scales_and_queries(ask: Client, store: Store) -> None:
    store.create(CONFIG_MAPS, {"metadata": {"name": "a"}}, namespace="shop")
    labels = {"app": "web"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "app", "image": "app:1"}]}}
    web = {"metadata": {"name": "web"}, "spec": {"selector": {"matchLabels": labels}, "template": template}}
    await ask("POST", "/apis/apps/v1/namespaces/shop/deployments", web)
    members = ("preconditions", "propagationPolicy", "gracePeriodSeconds", "orphanDependents", "dryRun", "kind")
    for member, one in itertools.product(members, NONSENSE):
        await ask("POST", "/api/v1/namespaces/shop/configmaps", {"metadata": {"name": "a"}})
        answer = await ask("DELETE", "/api/v1/namespaces/shop/configmaps/a", {member: one})
        assert answer.code < 500, (member, one, answer.body)
    for member, one in itertools.product(("metadata", "spec", "kind"), NONSENSE):
        scale = "/apis/apps/v1/namespaces/shop/deployments/web/scale"
        for method, kind in (("PUT", "application/json"), ("PATCH", "application/merge-patch+json")):
            answer = await ask(method, scale, {member: one}, content_type=kind)
            assert answer.code < 500, (method, member, one, answer.body)
    names = ("limit", "continue", "labelSelector", "fieldSelector", "resourceVersion", "timeoutSeconds",
             "resourceVersionMatch", "includeObject")  # fmt: skip
    for name, value in itertools.product(
        names, ("", "x", "-1", "1.5", "9" * 30, "=", "a in (", "%00", "%C3%A9", "a=b=c")
    ):
        answer = await ask("GET", f"/api/v1/namespaces/shop/configmaps?{name}={value}&timeoutSeconds=0", accept="*/*")
        assert answer.code < 500 or answer.code == 504, (name, value, answer.body)


async def test_what_is_in_the_store_is_shown_whether_it_is_whole_or_not(ask: Client, store: Store) -> None:
    """Objects that the world or a state file put there are not always whole."""
    incomplete: tuple[dict[str, Any], ...] = ({}, {"spec": {}}, {"spec": {"containers": []}}, {"status": {}})
    for number, parts in enumerate(incomplete):
        store.create(PODS, {"metadata": {"name": f"p{number}"}, **parts}, namespace="shop")

    table = await ask("GET", "/api/v1/namespaces/shop/pods", accept="application/json;as=Table;v=v1;g=meta.k8s.io")

    assert (table.code, len(table.body["rows"])) == (200, len(incomplete))


def places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every member and item."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, item in items for place in ((*at, key), *places(item, (*at, key)))]
