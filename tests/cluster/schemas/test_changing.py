"""What an update must not change: the sandbox's schemas and a real API server forbid the same."""

from typing import Any

import pytest

from delivery.cluster import objects
from delivery.cluster.memory.rejections import Cause
from delivery.cluster.memory.resources import CONFIG_MAPS
from delivery.cluster.objects import Kind
from delivery.sandbox.schemas.builtin import shape_of
from tests.cluster.schemas.cases import ABSENT, BINDING, DEPLOYMENT, POD, ROLE_BINDINGS, SERVICE, changed
from tests.cluster.schemas.comparing import Server, path_of, placed

SEALED = {"metadata": {"name": "c"}, "immutable": True, "data": {"a": "1"}}
TIER = {"matchLabels": {"app": "reviews", "tier": "b"}}
WITH_TIER = changed(DEPLOYMENT, "spec/template/metadata/labels", {"app": "reviews", "tier": "b"})
ALL: tuple[tuple[Kind, dict[str, Any], tuple[tuple[str, Any], ...]], ...] = (
    (objects.DEPLOYMENTS, WITH_TIER, (("spec/selector", TIER), ("spec/replicas", 3))),
    (objects.REPLICA_SETS, WITH_TIER, (("spec/selector", TIER), ("spec/replicas", 3))),
    (
        objects.PODS,
        POD,
        (
            ("spec/containers/0/image", "i:2"),
            ("spec/containers/0/name", "d"),
            ("spec/activeDeadlineSeconds", 60),
            ("spec/restartPolicy", "Never"),
            ("metadata/labels", {"a": "b"}),
        ),
    ),
    (
        objects.SERVICES,
        SERVICE,
        (("spec/clusterIP", "10.96.200.200"), ("spec/ports", [{"port": 81}]), ("spec/selector", ABSENT)),
    ),
    (ROLE_BINDINGS, BINDING, (("roleRef/name", "y"), ("subjects", []))),
    (CONFIG_MAPS, SEALED, (("data", {"a": "2"}), ("immutable", ABSENT), ("metadata/labels", {"a": "b"}))),
)


@pytest.mark.parametrize(("kind", "body", "changes"), ALL, ids=[str(kind) for kind, *_ in ALL])
async def test_the_same_changes_are_forbidden(
    server: Server, namespace: str, kind: Kind, body: dict[str, Any], changes: tuple[tuple[str, Any], ...]
) -> None:
    shape = shape_of(kind)
    assert shape is not None
    code, before = await server.ask("POST", path_of(kind, namespace), {"kind": kind.kind, **body})
    assert code == 201, before

    for path, value in changes:
        after = changed(before, path, value)
        if kind != objects.SERVICES:  # controllers write, too; a Service has to say which version it replaces
            after["metadata"].pop("resourceVersion")
        where = f"{path_of(kind, namespace)}/{body['metadata']['name']}?dryRun=All"
        code, answer = await server.ask("PUT", where, after)
        shape.default(after)
        causes = (answer.get("details") or {}).get("causes") or ()
        theirs = {_essence(Cause(each.get("field", ""), each["message"], each["reason"])) for each in causes}
        assert {_essence(cause) for cause in shape.changes(before, after)} == theirs, (path, answer)
        assert (code == 200) == (not theirs)


def _essence(cause: Cause) -> tuple[str, str, str]:
    """Field, reason and phrase; of a pod's fields that may change the list grows with the releases."""
    field, reason, message = placed(cause)
    return field, reason, message.split(" fields other than")[0]
