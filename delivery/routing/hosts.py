"""What a host in an Istio object means: short names belong to the object's namespace, `*` stands for any beginning."""

from collections.abc import Mapping
from typing import Any

from delivery.routing.route_spec import RouteSpec
from delivery.workloads.names import Names


def resolve(host: str, namespace: str, cluster_domain: str) -> str:
    """A host fully qualified, as a proxy resolves it for an object in `namespace`.

    `reviews` is a Service of that namespace; `reviews.shop` and `reviews.shop.svc` are taken to be what people mean
    by them. Everything else, wildcards too, stays as it is.
    """
    parts = host.split(".")
    if "*" in host or not host:
        return host
    if len(parts) == 1:
        return f"{host}.{namespace}.svc.{cluster_domain}"
    if len(parts) == 2:
        return f"{host}.svc.{cluster_domain}"
    return f"{host}.{cluster_domain}" if len(parts) == 3 and parts[2] == "svc" else host


def covers(host: str, fqdn: str, namespace: str, cluster_domain: str) -> bool:
    """Does `host`, in an object of `namespace`, stand for this fully qualified host?"""
    if host.startswith("*"):
        return fqdn.endswith(host[1:])
    return resolve(host, namespace, cluster_domain) == fqdn


def is_visible(spec: Mapping[str, Any], namespace: str, names: Names) -> bool:
    """Do proxies in the Canary's namespace see an Istio object of `namespace` with this spec (its exportTo)?"""
    exported = spec.get("exportTo") or ["*"]
    return "*" in exported or names.namespace in exported or ("." in exported and namespace == names.namespace)


def routed_hosts(names: Names, spec: RouteSpec) -> list[str]:
    """The hosts that our routes are for: those given, and the apex Service's unless it is among them."""
    apex = names.host(names.apex)
    known = any(host == "*" or resolve(host, names.namespace, names.cluster_domain) == apex for host in spec.hosts)
    return [*spec.hosts, *([] if known else [apex])]
