"""Tables: columns and cells are those that a real API server prints for the same objects.

Ages are compared as `an age`: the clock runs between two answers (their convention is tested in tests/sandbox). And
1.20 counts restarts without saying when the last one was, and names no resource in an autoscaler's targets.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from delivery.cluster import objects
from delivery.cluster.memory.resources import CONFIG_MAPS, SECRETS
from delivery.cluster.objects import DAEMON_SETS, Kind
from delivery.sandbox.schemas import tables
from tests.cluster.harness.kinds import CRDS
from tests.cluster.schemas import cases
from tests.cluster.schemas.comparing import Server, path_of
from tests.cluster.schemas.test_accepting import CANARY, DESTINATIONS, ROUTES

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
MERGE = "application/merge-patch+json"
AGE = re.compile(r"\d+[smhdy](\d+[smhdy])?")
Body = dict[str, Any]

RUNNING = {"running": {"startedAt": "2026-01-01T00:00:00Z"}}


def container(*, name: str = "c", ready: bool = False, restarts: int = 0, **state: Any) -> Body:
    """The status of a container."""
    return {"name": name, "image": "i", "imageID": "i", "ready": ready, "restartCount": restarts, "state": state}


def ended(code: int, **more: Any) -> Body:
    """The state of a container that has ended."""
    return {"terminated": {"exitCode": code, **more}}


READY = {"conditions": [{"type": "Ready", "status": "True"}]}
INITIALIZED = {"conditions": [{"type": "Initialized", "status": "True"}]}
PODS: dict[str, Body] = {
    "pending": {"phase": "Pending"},
    "running": {"phase": "Running", "podIP": "10.0.0.1", "containerStatuses": [container(ready=True, **RUNNING)]},
    "not-ready": {"phase": "Running", "containerStatuses": [container(**RUNNING)]},
    "crash": {
        "phase": "Running",
        "containerStatuses": [container(restarts=5, waiting={"reason": "CrashLoopBackOff"})],
    },
    "pull": {"phase": "Pending", "containerStatuses": [container(waiting={"reason": "ErrImagePull"})]},
    "creating": {"phase": "Pending", "containerStatuses": [container(waiting={"reason": "ContainerCreating"})]},
    "oom": {"phase": "Running", "containerStatuses": [container(**ended(137, reason="OOMKilled"))]},
    "code": {"phase": "Failed", "containerStatuses": [container(**ended(3))]},
    "signal": {"phase": "Failed", "containerStatuses": [container(**ended(0, signal=9))]},
    "evicted": {"phase": "Failed", "reason": "Evicted"},
    "done": {"phase": "Succeeded", "containerStatuses": [container(**ended(0, reason="Completed"))]},
    "one-done": {
        "phase": "Running",
        "containerStatuses": [
            container(**ended(0, reason="Completed")),
            container(name="d", ready=True, **RUNNING),
        ],
    },
    "one-done-ready": {
        "phase": "Running",
        **READY,
        "containerStatuses": [
            container(**ended(0, reason="Completed")),
            container(name="d", ready=True, **RUNNING),
        ],
    },
    "init": {"phase": "Pending", "initContainerStatuses": [container(name="i", **RUNNING)]},
    "init-crash": {
        "phase": "Pending",
        "initContainerStatuses": [container(name="i", restarts=2, waiting={"reason": "CrashLoopBackOff"})],
    },
    "init-failed": {"phase": "Pending", "initContainerStatuses": [container(name="i", **ended(1, reason="Error"))]},
    "init-done": {
        "phase": "Pending",
        **INITIALIZED,
        "initContainerStatuses": [container(name="i", **ended(0))],
        "containerStatuses": [container(waiting={"reason": "PodInitializing"})],
    },
}
SERVICES: tuple[Body, ...] = (
    cases.SERVICE,
    {"metadata": {"name": "headless"}, "spec": {"clusterIP": "None"}},
    {"metadata": {"name": "named"}, "spec": {"type": "ExternalName", "externalName": "example.com"}},
    {
        "metadata": {"name": "node"},
        "spec": {
            "type": "NodePort",
            "selector": {"b": "1", "a": "2"},
            "ports": [{"name": "a", "port": 80}, {"name": "b", "port": 53, "protocol": "UDP"}],
        },
    },
    {"metadata": {"name": "balanced"}, "spec": {"type": "LoadBalancer", "ports": [{"port": 80}]}},
    {"metadata": {"name": "outside"}, "spec": {"externalIPs": ["10.1.1.1"], "ports": [{"port": 80}]}},
)
SELECTING = cases.changed(
    cases.changed(cases.DEPLOYMENT, "metadata/name", "expressions"),
    "spec/selector/matchExpressions",
    [{"key": "app", "operator": "In", "values": ["reviews", "b"]}, {"key": "z", "operator": "DoesNotExist"}],
)
EVENT: Body = {
    "metadata": {"name": "e1"},
    "involvedObject": {"kind": "Pod", "name": "p", "fieldPath": "spec.containers{c}"},
    "reason": "Started",
    "message": " Started container \n",
    "type": "Normal",
    "source": {"component": "kubelet", "host": "node-1"},
    "firstTimestamp": "2026-01-01T00:00:00Z",
    "lastTimestamp": "2026-01-02T00:00:00Z",
    "count": 3,
}
EVENTS: tuple[Body, ...] = (
    EVENT,
    {
        **{key: EVENT[key] for key in ("reason", "message", "type")},
        "metadata": {"name": "e2"},
        "involvedObject": {"kind": "Deployment", "name": "d"},
        "eventTime": "2026-01-01T00:00:00.000000Z",
        "reportingComponent": "delivery",
        "reportingInstance": "delivery-0",
        "action": "Roll",
    },
)
RESOURCE = {
    "type": "Resource",
    "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}},
}
SCALED: tuple[Body, ...] = (
    cases.AUTOSCALER,
    cases.changed(cases.changed(cases.AUTOSCALER, "metadata/name", "many"), "spec/metrics", [
        RESOURCE,
        {"type": "Pods", "pods": {"metric": {"name": "m"}, "target": {"type": "AverageValue", "averageValue": "100m"}}},
        {"type": "External", "external": {"metric": {"name": "q"}, "target": {"type": "Value", "value": "5"}}},
    ]),
)  # fmt: skip
SUBJECTS = [
    {"kind": "User", "name": "anna", "apiGroup": cases.RBAC},
    {"kind": "Group", "name": "people", "apiGroup": cases.RBAC},
    {"kind": "ServiceAccount", "name": "robot", "namespace": "elsewhere"},
]
PLAIN: tuple[tuple[Kind, tuple[Body, ...]], ...] = (
    (objects.DEPLOYMENTS, (cases.DEPLOYMENT, SELECTING)),
    (objects.REPLICA_SETS, (cases.DEPLOYMENT, SELECTING)),
    (
        DAEMON_SETS,
        (cases.DEPLOYMENT, cases.changed(SELECTING, "spec/template/spec/nodeSelector", {"b": "1", "a": "2"})),
    ),
    (objects.SERVICES, SERVICES),
    (objects.EVENTS, EVENTS),
    (CONFIG_MAPS, ({"metadata": {"name": "c"}, "data": {"a": "b"}, "binaryData": {"d": "aGk="}},)),
    (SECRETS, ({"metadata": {"name": "s"}, "stringData": {"a": "b"}},)),
    (objects.LEASES, ({"metadata": {"name": "l"}, "spec": {"holderIdentity": "me"}}, {"metadata": {"name": "m"}})),
    (cases.SERVICE_ACCOUNTS, ({"metadata": {"name": "a"}, "secrets": [{"name": "x"}]},)),
    (cases.ROLES, ({"metadata": {"name": "r"}},)),
    (cases.ROLE_BINDINGS, (cases.BINDING, {**cases.BINDING, "metadata": {"name": "subjects"}, "subjects": SUBJECTS})),
    (cases.OLD_AUTOSCALERS, SCALED),
)


async def assert_same_table(server: Server, path: str, kind: Kind, columns: Any = ()) -> int:
    """Ask for a table with its objects and print these too; how many rows there were."""
    headers = {"Accept": TABLE}
    async with server.session.get(f"{server.url}{path}?includeObject=Object", headers=headers) as answer:
        assert answer.status == 200
        theirs = await answer.json()
    bodies = [each["object"] for each in theirs["rows"]]
    mine = tables.table(kind, bodies, datetime.now(UTC), "Object", columns=columns)
    assert _headed(mine) == _headed(theirs)
    for body, own, real in zip(bodies, mine["rows"], theirs["rows"], strict=True):
        assert _masked(own["cells"]) == _masked(real["cells"]), body["metadata"]["name"]
    return len(bodies)


def _headed(table: Body) -> list[tuple[Any, ...]]:
    """Names, formats and priorities; the type of a pod's restarts changed after 1.20."""
    return [(column["name"], column["format"], column["priority"]) for column in table["columnDefinitions"]]


def _masked(cells: list[Any]) -> list[Any]:
    return [re.sub(r"^\w+: ", "", AGE.sub("an age", cell)) if isinstance(cell, str) else str(cell) for cell in cells]


@pytest.mark.parametrize(("kind", "bodies"), PLAIN, ids=[str(kind) for kind, _ in PLAIN])
async def test_a_builtin_kind_is_printed_alike(
    server: Server, namespace: str, kind: Kind, bodies: tuple[Body, ...]
) -> None:
    for body in bodies:
        about = {"involvedObject": {**body["involvedObject"], "namespace": namespace}} if kind.kind == "Event" else {}
        code, answer = await server.ask("POST", path_of(kind, namespace), _whole(kind, {**body, **about}))
        assert code == 201, answer

    assert await assert_same_table(server, path_of(kind, namespace), kind) >= len(bodies)


async def test_pods_in_all_their_states_are_printed_alike(server: Server, namespace: str) -> None:
    path = path_of(objects.PODS, namespace)
    for name, status in PODS.items():
        spec = {
            "containers": [{"name": "c", "image": "i"}, {"name": "d", "image": "i"}][: 1 + ("one" in name)],
            "initContainers": [{"name": "i", "image": "i"}] if "init" in name else [],
            "readinessGates": [{"conditionType": "example.com/gate"}] if name == "not-ready" else [],
        }
        meta = {"name": name, "annotations": {"test/ready-after-seconds": "3600"}, "finalizers": ["example.com/held"]}
        code, answer = await server.ask("POST", path, _whole(objects.PODS, {"metadata": meta, "spec": spec}))
        assert code == 201, answer
        code, answer = await server.ask("PATCH", f"{path}/{name}/status", {"status": status}, kind=MERGE)
        assert code == 200, answer
    await server.ask("DELETE", f"{path}/running")

    assert await assert_same_table(server, path, objects.PODS) == len(PODS)

    for name in PODS:
        await server.ask("PATCH", f"{path}/{name}", {"metadata": {"finalizers": None}}, kind=MERGE)


async def test_our_own_and_istios_kinds_are_printed_alike(
    server: Server, namespace: str, crds: list[str], definitions: dict[str, Any]
) -> None:
    status = {"phase": "Progressing", "step": "2/4", "canaryWeight": 25, "seenWeight": 24.5, "reason": "Stepping"}
    for kind, body in _custom():
        code, answer = await server.ask("POST", path_of(kind, namespace), _whole(kind, body))
        assert code == 201, answer
        if kind == objects.CANARIES:
            path = f"{path_of(kind, namespace)}/{body['metadata']['name']}/status"
            code, answer = await server.ask("PATCH", path, {"status": status}, kind=MERGE)
            assert code == 200, answer
        columns = definitions[f"{kind.kind}/{kind.version}"].get("additionalPrinterColumns", ())
        assert await assert_same_table(server, path_of(kind, namespace), kind, columns) == 1


async def test_definitions_are_printed_alike(server: Server, crds: list[str]) -> None:
    assert await assert_same_table(server, path_of(CRDS, ""), CRDS) >= len(crds)


def _custom() -> Iterator[tuple[Kind, Body]]:
    yield objects.CANARIES, CANARY
    yield objects.VIRTUAL_SERVICES, ROUTES
    yield objects.DESTINATION_RULES, DESTINATIONS


def _whole(kind: Kind, body: Body) -> Body:
    return {"apiVersion": kind.api_version, "kind": kind.kind, **body}
