"""Strategic merge patches: the same patch on the same object gives the same on a real API server."""

from typing import Any

import pytest

from delivery.cluster import objects
from delivery.cluster.memory.rejections import RejectionError
from delivery.cluster.objects import Kind
from delivery.sandbox.schemas import strategic
from delivery.sandbox.schemas.builtin import shape_of
from tests.cluster.schemas.cases import DEPLOYMENT, POD, SERVICE, SERVICE_ACCOUNTS, changed
from tests.cluster.schemas.comparing import Server, path_of, stored

STRATEGIC = "application/strategic-merge-patch+json"
Case = tuple[str, Any]


def pods(**spec: Any) -> dict[str, Any]:
    """A patch of a Deployment's pod template."""
    return {"spec": {"template": {"spec": spec}}}


def first(**fields: Any) -> dict[str, Any]:
    """A patch of its first container."""
    return pods(containers=[{"name": "a", **fields}])


PATCHED = changed(
    changed(DEPLOYMENT, "metadata", {"name": "reviews", "labels": {"x": "1"}, "finalizers": ["a/a", "b/b"]}),
    "spec/template/spec",
    {
        "containers": [
            {
                "name": "a",
                "image": "a:1",
                "env": [{"name": "X", "value": "1"}, {"name": "Y", "value": "2"}],
                "ports": [{"containerPort": 80, "name": "http"}],
                "args": ["one", "two"],
                "volumeMounts": [{"name": "v", "mountPath": "/v"}],
                "resources": {"limits": {"cpu": "1", "memory": "1Gi"}},
            },
            {"name": "b", "image": "b:1"},
            {"name": "c", "image": "c:1"},
        ],
        "volumes": [{"name": "v", "emptyDir": {}}, {"name": "w", "configMap": {"name": "c"}}],
        "imagePullSecrets": [{"name": "s"}],
        "tolerations": [{"key": "k", "operator": "Exists"}],
        "nodeSelector": {"disk": "ssd"},
    },
)
ON_DEPLOYMENTS: tuple[Case, ...] = (
    ("an image", first(image="a:2")),
    ("a new container", pods(containers=[{"name": "d", "image": "d:1"}])),
    ("a container gone", pods(containers=[{"name": "b", "$patch": "delete"}])),
    ("containers replaced", pods(containers=[{"name": "z", "image": "z:1"}, {"$patch": "replace"}])),
    ("no change", {}),
    ("one variable changed, one new", first(env=[{"name": "Y", "value": "3"}, {"name": "Z", "value": "4"}])),
    ("a variable gone", first(env=[{"name": "X", "$patch": "delete"}])),
    ("a variable of another source", first(env=[{"name": "X", "value": None,
     "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}])),
    ("arguments, which have no key", first(args=["three"])),
    ("a port", first(ports=[{"containerPort": 81}])),
    ("a port's name", first(ports=[{"containerPort": 80, "name": "web"}])),
    ("a mount", first(volumeMounts=[{"name": "w", "mountPath": "/w"}])),
    ("a limit gone", first(resources={"limits": {"cpu": None}})),
    ("limits replaced", first(resources={"limits": {"$patch": "replace", "cpu": "2"}})),
    ("limits gone", first(resources={"limits": {"$patch": "delete"}})),
    ("a volume's source by $retainKeys", pods(volumes=[
        {"name": "v", "$retainKeys": ["name", "configMap"], "configMap": {"name": "d"}}])),
    ("a field gone", {"spec": {"minReadySeconds": 5, "template": {"spec": {"nodeSelector": None}}}}),
    ("the strategy by $retainKeys", {"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}}),
    ("labels", {"metadata": {"labels": {"x": None, "y": "2"}}}),
    ("finalizers added", {"metadata": {"finalizers": ["c/c", "a/a"]}}),
    ("finalizers removed", {"metadata": {"$deleteFromPrimitiveList/finalizers": ["a/a"]}}),
    ("finalizers in order", {"metadata": {"$setElementOrder/finalizers": ["c/c", "b/b", "a/a"],
     "finalizers": ["c/c"]}}),
    ("containers in another order", pods(**{"$setElementOrder/containers": [{"name": "c"}, {"name": "a"},
     {"name": "b"}]})),
    ("as kubectl apply adds one", pods(**{"$setElementOrder/containers": [{"name": "d"}, {"name": "b"}],
     "containers": [{"name": "d", "image": "d:1"}]})),
    ("as kubectl apply drops one", pods(**{"$setElementOrder/containers": [{"name": "a"}, {"name": "c"}],
     "containers": [{"name": "b", "$patch": "delete"}]})),
    ("a new one between", pods(**{"$setElementOrder/containers": [{"name": "a"}, {"name": "d"}, {"name": "b"},
     {"name": "c"}], "containers": [{"name": "d", "image": "d:1"}]})),
    ("variables in order", first(**{"$setElementOrder/env": [{"name": "Z"}, {"name": "X"}, {"name": "Y"}],
     "env": [{"name": "Z", "value": "4"}]})),
    ("secrets by name", pods(imagePullSecrets=[{"name": "t"}])),
    ("tolerations, which are atomic", pods(tolerations=[{"key": "l", "operator": "Exists"}])),
    ("the selector unchanged", {"spec": {"selector": {"matchLabels": {"app": "reviews"}}}}),
    ("without a key", pods(containers=[{"image": "a:2"}])),
    ("an unheard-of directive", pods(containers=[{"name": "a", "$patch": "mangle"}])),
    ("no object", [1]),
)  # fmt: skip
ON_SERVICES: tuple[Case, ...] = (
    ("a second port", {"spec": {"ports": [{"port": 80, "name": "a"}, {"port": 81, "name": "b"}]}}),
    ("a port's target", {"spec": {"ports": [{"port": 80, "targetPort": 8080}]}}),
    ("the only port gone", {"spec": {"ports": [{"port": 80, "$patch": "delete"}, {"port": 82}]}}),
    ("the selector replaced", {"spec": {"selector": {"$patch": "replace", "version": "v2"}}}),
    ("the selector widened", {"spec": {"selector": {"version": "v2"}}}),
)
ON_ACCOUNTS: tuple[Case, ...] = (
    ("a secret", {"secrets": [{"name": "y"}]}),
    ("a pull secret", {"imagePullSecrets": [{"name": "y"}]}),
    ("secrets gone", {"secrets": None}),
)
ON_PODS: tuple[Case, ...] = (
    ("an image", {"spec": {"containers": [{"name": "c", "image": "i:2"}]}}),
    ("an owner", {"metadata": {"ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": "x", "uid": "1"}]}}),
)
ALL: tuple[tuple[Kind, dict[str, Any], tuple[Case, ...]], ...] = (
    (objects.DEPLOYMENTS, PATCHED, ON_DEPLOYMENTS),
    (objects.SERVICES, changed(SERVICE, "spec/ports", [{"port": 80, "name": "a"}]), ON_SERVICES),
    (SERVICE_ACCOUNTS, {"metadata": {"name": "a"}, "secrets": [{"name": "x"}]}, ON_ACCOUNTS),
    (objects.PODS, POD, ON_PODS),
)


@pytest.mark.parametrize(("kind", "body", "cases"), ALL, ids=[str(kind) for kind, *_ in ALL])
async def test_the_same_patch_gives_the_same_object(
    server: Server, namespace: str, kind: Kind, body: dict[str, Any], cases: tuple[Case, ...]
) -> None:
    full = {"apiVersion": kind.api_version, "kind": kind.kind, **body}
    code, before = await server.ask("POST", path_of(kind, namespace), full)
    assert code == 201, before

    differing = []
    for name, patch in cases:
        path = f"{path_of(kind, namespace)}/{body['metadata']['name']}?dryRun=All"
        code, after = await server.ask("PATCH", path, patch, kind=STRATEGIC)
        theirs = stored(after, custom=False) if code == 200 else min(code, 400)  # 1.20 calls some bad patches a 500
        mine = _ours(kind, before, patch)
        if theirs != mine:
            differing.append(f"{name}\n  real: {theirs}\n  ours: {mine}")
    assert not differing, "\n".join(differing)


def _ours(kind: Kind, before: dict[str, Any], patch: Any) -> Any:
    shape = shape_of(kind)
    assert shape is not None
    try:
        after = strategic.apply(kind, before, patch)
    except RejectionError as error:
        return error.code
    shape.prune(after)
    shape.default(after)
    return stored(after, custom=False)


async def test_a_custom_kind_takes_no_strategic_patch(server: Server, namespace: str, crds: list[str]) -> None:
    kind = objects.DESTINATION_RULES
    body = {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": {"name": "x"}, "spec": {"host": "x"}}
    await server.ask("POST", path_of(kind, namespace), body)

    code, answer = await server.ask("PATCH", f"{path_of(kind, namespace)}/x", {"spec": {}}, kind=STRATEGIC)

    with pytest.raises(strategic.UnsupportedMediaTypeError) as refused:
        strategic.apply(kind, body, {"spec": {}})
    assert (refused.value.code, refused.value.reason) == (code, answer["reason"])
    assert refused.value.message.split(":")[0] == answer["message"].split(":")[0]
