"""What a client asks first: which version this is, which groups and which kinds there are."""

from typing import Any

from delivery.sandbox.server.failures import NoSuchPathError
from delivery.sandbox.server.registry import Registry
from delivery.sandbox.server.reviews import REVIEWS
from delivery.sandbox.server.served import Body, Served

VERSION = {
    "major": "1",
    "minor": "34",
    "gitVersion": "v1.34.0+delivery-sandbox",
    "gitCommit": "",
    "gitTreeState": "clean",
    "buildDate": "1970-01-01T00:00:00Z",
    "goVersion": "",
    "compiler": "",
    "platform": "python",
}
"""The release whose rules this server follows, as far as it goes; kubectl accepts one release more and one less."""

HEALTH = ("/healthz", "/livez", "/readyz")


def document(registry: Registry, path: str) -> Body | None:
    """The discovery document at a path, None if the path is no address of discovery."""
    parts = path.strip("/").split("/")
    match parts:
        case ["version"]:
            return dict(VERSION)
        case [""]:
            return {"paths": _paths(registry)}
        case ["api"]:
            return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}
        case ["apis"]:
            groups = [_group(registry, group) for group in _groups(registry)]
            return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}
        case ["apis", group]:
            if group not in _groups(registry):
                raise NoSuchPathError(path)
            return {"kind": "APIGroup", "apiVersion": "v1", **_group(registry, group)}
        case ["api", "v1"]:
            return _resources(registry, "", "v1")
        case ["apis", group, version]:
            return _resources(registry, group, version)
    return None


def _paths(registry: Registry) -> list[str]:
    groups = [f"/apis/{group}/{version}" for group in _groups(registry) for version in _versions(registry, group)]
    return ["/api", "/api/v1", "/apis", *groups, *HEALTH, "/openapi/v2", "/openapi/v3", "/version"]


def _groups(registry: Registry) -> list[str]:
    return sorted({*registry.groups(), *(kind.group for kind in REVIEWS)})


def _versions(registry: Registry, group: str) -> list[str]:
    return registry.versions(group) or sorted({kind.version for kind in REVIEWS if kind.group == group})


def _group(registry: Registry, group: str) -> Body:
    versions = [{"groupVersion": f"{group}/{one}", "version": one} for one in _versions(registry, group)]
    return {"name": group, "versions": versions, "preferredVersion": versions[0]}


def _resources(registry: Registry, group: str, version: str) -> Body:
    found = [entry for served in registry.kinds(group, version) for entry in _entries(served)]
    found += [
        {"name": kind.plural, "singularName": "", "namespaced": kind.namespaced, "kind": kind.kind, "verbs": ["create"]}
        for kind in REVIEWS
        if (kind.group, kind.version) == (group, version)
    ]
    if not found:
        raise NoSuchPathError(f"{group}/{version}")
    name = f"{group}/{version}" if group else version
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": name, "resources": found}


def _entries(served: Served) -> list[Body]:
    kind = served.kind
    entry: dict[str, Any] = {
        "name": kind.plural,
        "singularName": served.singular,
        "namespaced": kind.namespaced,
        "kind": kind.kind,
        "verbs": list(served.verbs),
    }
    if served.short_names:
        entry["shortNames"] = list(served.short_names)
    if served.categories:
        entry["categories"] = list(served.categories)
    below = {"singularName": "", "namespaced": kind.namespaced, "verbs": ["get", "patch", "update"]}
    entries = [entry]
    if served.scale is not None:
        scale = {"group": "autoscaling", "version": "v1", "kind": "Scale"}
        entries.append({"name": f"{kind.plural}/scale", **below, **scale})
    if served.status:
        entries.append({"name": f"{kind.plural}/status", **below, "kind": kind.kind})
    return entries
