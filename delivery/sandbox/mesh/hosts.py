"""Names of hosts, as Istio reads them: short, with a namespace, or fully qualified; and wildcards.

A name without a dot belongs to the namespace of the object that says it. `name.namespace`, `name.namespace.svc` and
`name.namespace.svc.DOMAIN` mean a Service when there is one of that name; any other name is taken as it is.
"""

from collections.abc import Iterable


def service_host(namespace: str, name: str, domain: str) -> str:
    """The fully qualified host of a Service."""
    return f"{name}.{namespace}.svc.{domain}"


def qualified(host: str, namespace: str, domain: str, *, outside: bool = False) -> str:
    """The host as the mesh keys it, said by an object of `namespace`.

    `outside`: it is what users of a gateway type, so `example.com` is no Service of a namespace `com`.
    """
    if host.startswith("*"):
        return host
    parts = host.split(".")
    if len(parts) == 1:
        return service_host(namespace, host, domain)
    if parts[2:] == ["svc"] or (len(parts) == 2 and not outside):
        return service_host(parts[1], parts[0], domain)
    return host


def parts_of(host: str, domain: str) -> tuple[str, str] | None:
    """(namespace, name) of a Service's host; None if it is no Service's."""
    head, _, tail = host.partition(".svc.")
    name, _, namespace = head.partition(".")
    return (namespace, name) if tail == domain and namespace and "." not in namespace else None


def best_wildcard(host: str, patterns: Iterable[str]) -> str | None:
    """The most specific pattern (`*`, `*.example.com`) that covers a host."""
    covering = [each for each in patterns if each.startswith("*") and host.endswith(each[1:]) and host != each[1:]]
    return max(covering, key=len, default=None)
