"""Objects, good and bad: each a kind and a body that differs from a plain good one in one thing."""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from delivery.cluster import objects
from delivery.cluster.memory.resources import CONFIG_MAPS, NAMESPACES, SECRETS
from delivery.cluster.objects import DAEMON_SETS, Kind
from tests.cluster.harness.kinds import CRDS

Body = dict[str, Any]
ABSENT = object()

RBAC = "rbac.authorization.k8s.io"
OLD_AUTOSCALERS = Kind("autoscaling", "v2beta2", "HorizontalPodAutoscaler", "horizontalpodautoscalers")
"""The version of 1.20; its fields are those of v2."""
ROLES = Kind(RBAC, "v1", "Role", "roles")
ROLE_BINDINGS = Kind(RBAC, "v1", "RoleBinding", "rolebindings")
CLUSTER_ROLE_BINDINGS = Kind(RBAC, "v1", "ClusterRoleBinding", "clusterrolebindings", namespaced=False)
SERVICE_ACCOUNTS = Kind("", "v1", "ServiceAccount", "serviceaccounts")


def changed(body: Body, path: str, value: Any) -> Body:
    """`body` with one value, at a path such as `spec/ports/0/port`, set or (ABSENT) removed."""
    result = deepcopy(body)
    node: Any = result
    *parents, last = path.split("/")
    for name in parents:
        node = node[int(name)] if isinstance(node, list) else node.setdefault(name, {})
    if value is ABSENT:
        node.pop(last, None)
    else:
        node[int(last) if isinstance(node, list) else last] = value
    return result


DEPLOYMENT: Body = {
    "metadata": {"name": "reviews"},
    "spec": {
        "selector": {"matchLabels": {"app": "reviews"}},
        "template": {
            "metadata": {"labels": {"app": "reviews"}},
            "spec": {"containers": [{"name": "reviews", "image": "reviews:1"}]},
        },
    },
}
RICH_POD_SPEC: Body = {
    "containers": [
        {
            "name": "c",
            "image": "registry:5000/i",
            "ports": [{"containerPort": 80}, {"containerPort": 80, "protocol": "UDP"}],
            "env": [
                {"name": "A", "value": ""},
                {"name": "B", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
                {"name": "C", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu"}}},
            ],
            "resources": {"limits": {"cpu": 1, "memory": "1.5Gi"}, "requests": {"cpu": "0.5", "memory": "1000"}},
            "livenessProbe": {"httpGet": {"port": "http"}},
            "readinessProbe": {"tcpSocket": {"port": 80}, "periodSeconds": 0},
            "volumeMounts": [{"name": "v", "mountPath": "/x", "readOnly": True}],
            "lifecycle": {"preStop": {"httpGet": {"port": 80}}},
            "unheardOf": 1,
        },
        {"name": "d", "image": "i@sha256:abc"},
        {"name": "e", "image": "i:1", "env": [], "args": []},
    ],
    "volumes": [
        {"name": "v"},
        {"name": "w", "configMap": {"name": "c"}},
        {"name": "s", "secret": {"secretName": "c"}},
        {"name": "h", "hostPath": {"path": "/x"}},
        {"name": "d", "downwardAPI": {"items": [{"path": "a", "fieldRef": {"fieldPath": "metadata.name"}}]}},
        {"name": "p", "projected": {"sources": [{"serviceAccountToken": {"path": "t"}}, {"configMap": {"name": "x"}}]}},
    ],
    "initContainers": [{"name": "i", "image": "x"}],
    "serviceAccountName": "sa",
    "nodeSelector": {},
    "tolerations": [],
    "affinity": {},
    "securityContext": None,
}
RICH_DEPLOYMENT = changed(DEPLOYMENT, "spec/template/spec", RICH_POD_SPEC)
POD: Body = {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i:1"}]}}
SERVICE: Body = {"metadata": {"name": "s"}, "spec": {"selector": {"app": "reviews"}, "ports": [{"port": 80}]}}
AUTOSCALER: Body = {
    "metadata": {"name": "h"},
    "spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "x"}, "maxReplicas": 3},
}
BINDING: Body = {"metadata": {"name": "a:b"}, "roleRef": {"kind": "ClusterRole", "name": "x"}}

_C = "spec/template/spec/containers/0"
_P = "spec/template/spec"
_PODS: tuple[tuple[str, Any], ...] = (
    (f"{_P}/containers", []),
    (f"{_C}", 5),
    (f"{_C}/name", ABSENT),
    (f"{_C}/name", "A"),
    (f"{_C}/image", ABSENT),
    (f"{_C}/imagePullPolicy", "Foo"),
    (f"{_C}/ports", [{"containerPort": 0}]),
    (f"{_C}/ports", [{"containerPort": 70000, "protocol": "X", "name": "A_"}]),
    (f"{_C}/ports", [{"containerPort": 1, "name": "a"}, {"containerPort": 1, "name": "a"}]),
    (f"{_C}/env", [{"name": ""}, {"name": "a b"}]),
    (f"{_C}/env", [{"name": "a", "value": "1", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]),
    (f"{_C}/env", [{"name": "a", "valueFrom": {}}]),
    (f"{_C}/volumeMounts", [{"name": "v"}]),
    (f"{_C}/resources", {"limits": {"cpu": "1"}, "requests": {"cpu": "2"}}),
    (f"{_C}/resources", {"limits": {"cpu": "-1"}}),
    (f"{_C}/resources", {"limits": {"cpu": "x"}}),
    (f"{_C}/livenessProbe", {}),
    (f"{_C}/livenessProbe", {"httpGet": {"port": 0}, "timeoutSeconds": -1}),
    (f"{_C}/livenessProbe", {"httpGet": {"port": 80}, "exec": {"command": ["a"]}}),
    (f"{_C}/livenessProbe", {"httpGet": {"port": 80}, "successThreshold": 2}),
    (f"{_P}/restartPolicy", "Never"),
    (f"{_P}/restartPolicy", "Foo"),
    (f"{_P}/dnsPolicy", "Foo"),
    (f"{_P}/volumes", [{"name": "A"}]),
    (f"{_P}/volumes", [{"name": "a"}, {"name": "a"}]),
    (f"{_P}/volumes", [{"name": "a", "configMap": {}}]),
    (f"{_P}/volumes", [{"name": "a", "emptyDir": {}, "configMap": {"name": "x"}}]),
    (f"{_P}/initContainers", [{"name": "reviews", "image": "x"}]),
    (f"{_P}/nodeSelector", {"a b": "x"}),
    (f"{_P}/serviceAccountName", "A_"),
    (f"{_P}/activeDeadlineSeconds", 5),
    (f"{_P}/hostNetwork", "yes"),
)
_DEPLOYMENTS: tuple[tuple[str, Any], ...] = (
    ("metadata/name", "A_b"),
    ("metadata/name", "a" * 260),
    ("metadata/generateName", "A_"),
    ("metadata/labels", {"a": "_x"}),
    ("metadata/labels", {"/x": "a", "a b": "c", "d/e/f": "g"}),
    ("metadata/labels", {"a": None}),
    ("metadata/annotations", {"a b": "c"}),
    ("metadata/annotations", {}),
    ("metadata/ownerReferences", [{"apiVersion": "v1", "kind": "Pod", "name": "x"}]),
    ("metadata/finalizers", ["foo"]),
    ("metadata/unheardOf", 1),
    ("spec", ABSENT),
    ("spec/selector", ABSENT),
    ("spec/selector", {}),
    ("spec/selector", {"matchLabels": {"app": "b"}}),
    ("spec/selector", {"matchExpressions": [{"key": "a", "operator": "Foo"}]}),
    ("spec/template", ABSENT),
    ("spec/template/metadata/labels", {"app": 5}),
    ("spec/template/metadata/labels", []),
    ("spec/replicas", -1),
    ("spec/replicas", 0),
    ("spec/replicas", None),
    ("spec/replicas", "x"),
    ("spec/replicas", 1.5),
    ("spec/replicas", 2**40),
    ("spec/strategy", {"type": "Recreate"}),
    ("spec/strategy", {"type": "Recreate", "rollingUpdate": {"maxSurge": 1}}),
    ("spec/strategy", {"rollingUpdate": {"maxSurge": 1}}),
    ("spec/strategy", {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 0}}),
    ("spec/strategy", {"rollingUpdate": {"maxSurge": "x"}}),
    ("spec/strategy", {"rollingUpdate": {"maxSurge": -1}}),
    ("spec/progressDeadlineSeconds", 0),
    ("spec/minReadySeconds", -1),
    ("spec/revisionHistoryLimit", -1),
    *_PODS,
)
_SERVICES: tuple[tuple[str, Any], ...] = (
    ("metadata/name", "1a"),
    ("metadata/name", "a.b"),
    ("spec", ABSENT),
    ("spec/ports", ABSENT),
    ("spec/ports", [{"port": 0}]),
    ("spec/ports", [{"port": 70000}]),
    ("spec/ports", [{"port": 1}, {"port": 2}]),
    ("spec/ports", [{"port": 1, "name": "a"}, {"port": 2, "name": "a"}]),
    ("spec/ports", [{"port": 1, "name": "A"}]),
    ("spec/ports", [{"port": 1, "name": "a"}, {"port": 1, "name": "b"}]),
    ("spec/ports", [{"port": 1, "targetPort": 0}]),
    ("spec/ports", [{"port": 1, "targetPort": "A_"}]),
    ("spec/ports", [{"port": 1, "protocol": "X"}]),
    ("spec/ports", [{"port": 1, "nodePort": 30000}]),
    ("spec/type", "Foo"),
    ("spec/type", "ExternalName"),
    ("spec/sessionAffinity", "Foo"),
    ("spec/sessionAffinity", "ClientIP"),
    ("spec/selector", {"a b": "c"}),
    ("spec/selector", {"a": "_"}),
    ("spec/selector", {}),
    ("spec/clusterIP", "foo"),
    ("spec/clusterIP", "None"),
)
_METRIC = "spec/metrics"
_AUTOSCALERS: tuple[tuple[str, Any], ...] = (
    ("spec/maxReplicas", ABSENT),
    ("spec/minReplicas", 0),
    ("spec/minReplicas", 5),
    ("spec/minReplicas", -1),
    ("spec/scaleTargetRef", ABSENT),
    (_METRIC, [{"type": "Foo"}]),
    (_METRIC, [{"type": "Resource"}]),
    (_METRIC, [{"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization"}}}]),
    (_METRIC, [{"type": "Resource", "resource": {"name": "", "target": {"averageUtilization": 0}}}]),
)
_READ = {"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}
DEFINITION: Body = {
    "metadata": {"name": "cups.schemas.example.com"},
    "spec": {
        "group": "schemas.example.com",
        "scope": "Namespaced",
        "names": {"plural": "cups", "kind": "Cup"},
        "versions": [
            {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {"type": "object"}}}
        ],
    },
}
_V = "spec/versions/0"
_TEXT = {"type": "string"}
_BAD_FIELDS: tuple[Body, ...] = (
    {},
    {"type": "foo"},
    {"type": "array"},
    {"type": "array", "items": {}},
    {"type": "array", "uniqueItems": True, "items": _TEXT},
    {"type": "array", "x-kubernetes-list-type": "map", "items": {"type": "object"}},
    {"$ref": "x"},
    {"type": "object", "properties": {"b": _TEXT}, "additionalProperties": _TEXT},
    {"type": "object", "additionalProperties": False},
    {"type": "object", "properties": {"b": {}}},
    {"type": "string", "default": 5},
    {"type": "object", "default": {"b": 5}, "properties": {"b": _TEXT}},
    {"type": "string", "anyOf": [{"type": "string"}]},
    {"type": "string", "not": {"default": "x"}},
    {"x-kubernetes-int-or-string": True, "anyOf": [{"type": "integer"}, {"type": "string"}]},
    {"x-kubernetes-int-or-string": True, "anyOf": [{"type": "string"}]},
)
_DEFINITIONS: tuple[tuple[str, Any], ...] = (
    ("metadata/name", "x"),
    ("spec", ABSENT),
    ("spec/group", "A b"),
    ("spec/scope", ABSENT),
    ("spec/scope", "X"),
    ("spec/names", ABSENT),
    ("spec/names/plural", "A"),
    ("spec/names/kind", "a_b"),
    ("spec/names/shortNames", ["A"]),
    ("spec/versions", []),
    (f"{_V}/name", ABSENT),
    (f"{_V}/storage", False),
    (f"{_V}/schema", ABSENT),
    (f"{_V}/schema/openAPIV3Schema", _TEXT),
    *((f"{_V}/schema/openAPIV3Schema/properties", {"a": field}) for field in _BAD_FIELDS),
    (f"{_V}/additionalPrinterColumns", [{}]),
    (f"{_V}/additionalPrinterColumns", [{"name": "a", "type": "x", "jsonPath": "a"}]),
    (f"{_V}/additionalPrinterColumns", [{"name": "a", "type": "string", "jsonPath": ".a", "format": "int99"}]),
    (f"{_V}/subresources", {"status": {}}),
    (f"{_V}/subresources", {"scale": {"specReplicasPath": ".foo.x"}}),
    ("spec/preserveUnknownFields", True),
)
_OTHERS: tuple[tuple[Kind, Body, tuple[tuple[str, Any], ...]], ...] = (
    (objects.DEPLOYMENTS, DEPLOYMENT, _DEPLOYMENTS),
    (objects.DEPLOYMENTS, RICH_DEPLOYMENT, (("spec/template/spec/hostNetwork", True),)),
    (
        objects.PODS,
        POD,
        (
            ("spec/restartPolicy", "Never"),
            ("spec/restartPolicy", "X"),
            ("spec/containers", []),
            ("spec/containers/0/resources", {"limits": {"cpu": "1"}}),
        ),
    ),
    (objects.SERVICES, SERVICE, _SERVICES),
    (OLD_AUTOSCALERS, AUTOSCALER, _AUTOSCALERS),
    (NAMESPACES, {"metadata": {"name": "reviews"}}, (("metadata/name", "a.b"),)),
    (
        CONFIG_MAPS,
        {"metadata": {"name": "c"}},
        (
            ("metadata/name", "A"),
            ("data", {"a b": "x", "..": "x"}),
            ("data", {"a": 5}),
            ("data", {}),
            ("data", {"a": "b"}),
            ("binaryData", {"a": "!"}),
        ),
    ),
    (
        SECRETS,
        {"metadata": {"name": "c"}},
        (("data", {"a": "!"}), ("type", "kubernetes.io/tls"), ("stringData", {"a": "b"})),
    ),
    (
        objects.LEASES,
        {"metadata": {"name": "l"}},
        (("spec/leaseDurationSeconds", 0), ("spec/renewTime", "x"), ("spec/leaseTransitions", 3)),
    ),
    (
        CLUSTER_ROLE_BINDINGS,
        BINDING,
        (("roleRef", {}), ("subjects", [{"kind": "Foo", "name": "x"}, {"kind": "ServiceAccount", "name": "y"}])),
    ),
    (ROLE_BINDINGS, BINDING, (("subjects", [{"kind": "User", "name": "x"}]),)),
    (ROLES, {"metadata": {"name": "r"}}, (("rules", [{}]), ("rules", [_READ]), ("rules", []))),
    (SERVICE_ACCOUNTS, {"metadata": {"name": "a"}}, (("secrets", [{"name": "x"}]),)),
    (CRDS, DEFINITION, _DEFINITIONS),
    (DAEMON_SETS, DEPLOYMENT, (("spec/updateStrategy", {"type": "OnDelete"}), ("spec/selector", {}))),
    (objects.REPLICA_SETS, DEPLOYMENT, (("spec/selector", {}), ("spec/replicas", -1))),
)


def builtin_cases() -> Iterator[tuple[str, Kind, Body]]:
    """Each case with a name: the plain object of a kind, then what differs from it."""
    for kind, plain, changes in _OTHERS:
        yield f"{kind} as it should be", kind, plain
        for path, value in changes:
            shown = "absent" if value is ABSENT else f"{value!r:.60}"
            yield f"{kind} {path}={shown}", kind, changed(plain, path, value)
