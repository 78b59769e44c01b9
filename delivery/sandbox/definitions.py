"""The kinds that a sandbox knows from the start: ours as they are installed, and what a rollout needs of Istio.

Istio's own definitions are 20,000 lines. The mesh reads what stands in an object and says what it does not
understand, so the definitions here let everything through; whoever wants Istio's validation hands in its file.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml

from delivery.api import crd
from delivery.cluster.memory import Store
from delivery.cluster.memory.rejections import RejectionError
from delivery.cluster.objects import Ref
from delivery.sandbox.server.builtin import CRDS

NETWORKING = "networking.istio.io"
VERSIONS = ("v1", "v1beta1", "v1alpha3")
STORED = "v1beta1"
MANAGER = "delivery-sandbox"

Body = dict[str, Any]


class DefinitionsError(Exception):
    """A file of --crds cannot be used. The text names the file and what is wrong."""


def own() -> list[Body]:
    """The definitions of our own kinds."""
    return [crd.definition(resource) for resource in crd.RESOURCES]


def istio() -> list[Body]:
    """VirtualService, DestinationRule and Gateway, with the columns that Istio gives them and any content."""
    hosts = {"name": "Hosts", "type": "string", "jsonPath": ".spec.hosts", "description": "The destination hosts."}
    gateways = {"name": "Gateways", "type": "string", "jsonPath": ".spec.gateways", "description": "Where it applies."}
    host = {"name": "Host", "type": "string", "jsonPath": ".spec.host", "description": "The service's name."}
    return [
        _definition("VirtualService", "virtualservices", "vs", [gateways, hosts]),
        _definition("DestinationRule", "destinationrules", "dr", [host]),
        _definition("Gateway", "gateways", "gw", []),
    ]


def from_files(files: Iterable[Path]) -> list[Body]:
    """The definitions in YAML files; other kinds in them are left out. DefinitionsError if one cannot be read."""
    found = []
    for file in files:
        for body in _documents(file):
            if body.get("kind") != CRDS.kind:
                continue
            meta = body.get("metadata")
            if not isinstance(meta, dict) or not isinstance(meta.get("name"), str):
                raise DefinitionsError(f"--crds: {file}: metadata.name: a name is missing in a definition")
            found.append(body)
    return found


def install_all(store: Store, files: Iterable[Path]) -> None:
    """Have all definitions in the store: ours and those in files brought up to date, Istio's if there are none yet.

    DefinitionsError names a definition that cannot be read or is refused.
    """
    given = from_files(files)
    names = {body["metadata"]["name"] for body in given}
    missing = [body for body in istio() if store.peek(Ref.of(CRDS, body)) is None]
    for body in (*own(), *missing):
        if body["metadata"]["name"] not in names:
            _install(store, body)
    for body in given:
        _install(store, body)


def _install(store: Store, body: Body) -> None:
    try:
        ref = Ref.of(CRDS, body)
        if store.peek(ref) is None:
            store.create(CRDS, body, manager=MANAGER)
        else:
            op = {"op": "replace", "path": "/spec", "value": body["spec"]}
            store.patch(ref, [op], manager=MANAGER)
    except (RejectionError, LookupError, TypeError, AttributeError) as error:
        why = error.message if isinstance(error, RejectionError) else f"its spec is incomplete ({error})"
        raise DefinitionsError(f"definition {body['metadata']['name']}: {why}") from error


def _documents(file: Path) -> Iterator[Body]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        for body in yaml.load_all(file.read_text(encoding="utf-8"), loader):
            if body is not None and not isinstance(body, dict):
                raise DefinitionsError(f"--crds: {file}: an object is needed, not {body!r:.60}")
            if body:
                yield body
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise DefinitionsError(f"--crds: {file}: {error}") from error


def _definition(kind: str, plural: str, short: str, columns: list[Body]) -> Body:
    age = {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}
    free = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    schema = {"type": "object", "properties": {"spec": free, "status": free}}
    names = {
        "kind": kind,
        "listKind": f"{kind}List",
        "plural": plural,
        "singular": kind.lower(),
        "shortNames": [short],
        "categories": ["istio-io", "networking-istio-io"],
    }
    versions = [
        {
            "name": version,
            "served": True,
            "storage": version == STORED,
            "schema": {"openAPIV3Schema": schema},
            "subresources": {"status": {}},
            "additionalPrinterColumns": [*columns, age],
        }
        for version in VERSIONS
    ]
    return {
        "apiVersion": CRDS.api_version,
        "kind": CRDS.kind,
        "metadata": {"name": f"{plural}.{NETWORKING}"},
        "spec": {"group": NETWORKING, "scope": "Namespaced", "names": names, "versions": versions},
    }
