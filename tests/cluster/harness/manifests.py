"""Installs what a cluster must hold before a test: custom resource definitions and roles, from YAML files."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml

from delivery.cluster.objects import Ref
from delivery.cluster.protocols import Api
from tests.cluster.harness.kinds import CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES, CRDS
from tests.cluster.harness.waiting import condition, until

Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def documents(files: Iterable[Path]) -> Iterator[dict[str, Any]]:
    """Every object of some YAML files."""
    for file in files:
        yield from (one for one in yaml.load_all(file.read_text(), Loader) if one)


async def install_crds(api: Api, files: Iterable[Path]) -> list[str]:
    """Create all custom resource definitions in the files and wait until they are served. Answers their names."""
    refs = []
    for body in documents(files):
        if body["kind"] == CRDS.kind:
            refs.append(Ref.of(CRDS, body))
            await api.create(refs[-1], body)
    for ref in refs:
        await until(api, ref, lambda crd: condition(crd, "Established") == "True", what="established")
    return [ref.name for ref in refs]


async def grant(api: Api, files: Iterable[Path], *, user: str) -> list[str]:
    """Create the ClusterRoles in the files and bind each to a user, who may then do that and nothing else."""
    names = []
    for body in documents(files):
        if body["kind"] == CLUSTER_ROLES.kind:
            name = body["metadata"]["name"]
            await api.create(Ref(CLUSTER_ROLES, "", name), body)
            await _bind(api, name, user)
            names.append(name)
    return names


async def _bind(api: Api, role: str, user: str) -> None:
    group = CLUSTER_ROLES.group
    body = {
        "subjects": [{"kind": "User", "name": user, "apiGroup": group}],
        "roleRef": {"kind": CLUSTER_ROLES.kind, "name": role, "apiGroup": group},
    }
    await api.create(Ref(CLUSTER_ROLE_BINDINGS, "", f"{role}-{user}"), body)
