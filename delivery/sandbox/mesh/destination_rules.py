"""Reads DestinationRules: the subsets that routes may name, and the policies that this mesh has no use for."""

from collections.abc import Mapping
from dataclasses import dataclass

from delivery.cluster.objects import Object
from delivery.sandbox.mesh.errors import MeshConfigError
from delivery.sandbox.mesh.fields import Fields
from delivery.sandbox.mesh.hosts import parts_of, qualified
from delivery.sandbox.mesh.matching import pairs

ROOT_NAMESPACE = "istio-system"

Labels = tuple[tuple[str, str], ...]

LOAD_BALANCING = ("simple", "consistentHash", "localityLbSetting", "warmupDurationSecs", "warmup")
POLICIES = ("connectionPool", "outlierDetection", "portLevelSettings", "tunnel", "proxyProtocol")


@dataclass(frozen=True, slots=True)
class DestinationRule:
    """A DestinationRule as it was read: the labels of each subset of a host."""

    name: str
    namespace: str
    host: str
    subsets: Mapping[str, Labels]
    notices: tuple[str, ...] = ()


def read_destination_rule(body: Object, domain: str) -> DestinationRule:
    """Read one. MeshConfigError names the field that is not understood."""
    meta = body["metadata"]
    namespace, notices = str(meta["namespace"]), list[str]()
    with Fields(body.get("spec") or {}, "spec", notices) as spec:
        given = spec.text("host")
        host = qualified(given, namespace, domain)
        if not given:
            raise MeshConfigError("spec.host: missing; the name of a service is needed")
        owner = parts_of(host, domain)
        if owner is not None and namespace not in (owner[0], ROOT_NAMESPACE):
            raise MeshConfigError(
                f"spec.host: {host} in namespace {namespace} holds for callers there only; "
                f"allowed is a DestinationRule in {owner[0]} or {ROOT_NAMESPACE}"
            )
        _policy(spec)
        subsets = {}
        for path, value in spec.each("subsets"):
            with Fields(value, path, notices) as subset:
                subsets[subset.text("name")] = pairs(subset.mapping("labels"))
                _policy(subset)
        if subsets and host.startswith("*"):
            raise MeshConfigError(f"spec.host: {host!r} with subsets; allowed is the name of one service")
        _exported(spec)
        spec.no_effect("workloadSelector")
    return DestinationRule(f"{namespace}/{meta['name']}", namespace, host, subsets, tuple(notices))


def _exported(spec: Fields) -> None:
    exported = spec.texts("exportTo")
    if exported not in ((), ("*",)):
        raise MeshConfigError(f'{spec.path}.exportTo: {list(exported)}; allowed is ["*"] in this mesh')


def _policy(fields: Fields) -> None:
    """A trafficPolicy: TLS between proxies always works here, pods take turns evenly, and pools have no limit."""
    policy = fields.inside("trafficPolicy")
    if policy is None:
        return
    with policy:
        if (tls := policy.inside("tls")) is not None:
            with tls:
                mode = tls.text("mode", "DISABLE")
                if mode not in ("DISABLE", "SIMPLE", "MUTUAL", "ISTIO_MUTUAL"):
                    raise MeshConfigError(f"{tls.path}.mode: {mode!r}; one of DISABLE, SIMPLE, MUTUAL, ISTIO_MUTUAL")
                for name in ("sni", "clientCertificate", "privateKey", "caCertificates", "credentialName"):
                    tls.take(name)
                tls.no_effect("subjectAltNames", "insecureSkipVerify", "caCrl")
        if (balancing := policy.inside("loadBalancer")) is not None:
            with balancing:
                balancing.take("simple")
                balancing.no_effect(*LOAD_BALANCING[1:])
        policy.no_effect(*POLICIES)
