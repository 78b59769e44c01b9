"""kubectl on a server that knows nothing but discovery, OpenAPI and a shelf of objects."""

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web

from delivery.cluster import objects
from delivery.cluster.memory.patching import merge_patch
from delivery.cluster.objects import Kind
from delivery.listening import LOOPBACK, listening
from delivery.sandbox.schemas import openapi, strategic
from tests.cluster.harness.kubectl import Kubectl

CRDS = Path(__file__).parents[3] / "crds"


@dataclass(frozen=True)
class Described:
    """A served kind, as openapi wants to know it."""

    kind: Kind
    schema: Mapping[str, Any] | None = None


def our_schema(kind: str) -> dict[str, Any]:
    """The schema of one of our own kinds, as the checked-in definition has it."""
    for file in CRDS.glob("*.yaml"):
        definition = yaml.safe_load(file.read_text())
        if definition["spec"]["names"]["kind"] == kind:
            schema: dict[str, Any] = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
            return schema
    raise LookupError(kind)


@dataclass
class Shelf:
    """A server of just enough for kubectl; `requests` is what it was asked, method and path."""

    described: list[Described]
    objects: dict[str, Any] = field(default_factory=dict)
    requests: list[tuple[str, str, str]] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        path = request.path.strip("/")
        self.requests.append((request.method, request.path, request.content_type))
        if path.startswith("openapi/"):
            return self._openapi(path.removeprefix("openapi/"))
        found = self._discovery(path)
        if found is not None:
            return web.json_response(found)
        body = json.loads(await request.read() or b"{}")
        if request.method == "POST":
            key = f"/{path}/{body['metadata']['name']}"
            self.objects[key] = body
            return web.json_response(body, status=201)
        if request.path not in self.objects:
            return web.json_response({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 404,
                                      "reason": "NotFound", "message": "not found"}, status=404)  # fmt: skip
        if request.method == "PATCH":
            self.objects[request.path] = self._patched(request, body)
        return web.json_response(self.objects[request.path])

    def _patched(self, request: web.Request, patch: Any) -> Any:
        current = self.objects[request.path]
        if request.content_type == "application/merge-patch+json":
            return merge_patch(current, patch)
        plural = request.path.split("/")[-2]
        kind = next(each.kind for each in self.described if each.kind.plural == plural)
        return strategic.apply(kind, current, patch)

    def _openapi(self, path: str) -> web.StreamResponse:
        if path == "v3":
            return web.json_response(openapi.v3_index(self.described))
        document = openapi.v3(self.described, path.removeprefix("v3/"))
        return web.Response(status=404) if document is None else web.json_response(document)

    def _discovery(self, path: str) -> Any:
        groups = sorted({each.kind.api_version for each in self.described if each.kind.group})
        if path == "version":
            return {"major": "1", "minor": "34", "gitVersion": "v1.34.0"}
        if path == "api":
            return {"kind": "APIVersions", "versions": ["v1"]}
        if path == "apis":
            versions = [{"groupVersion": name, "version": name.split("/")[1]} for name in groups]
            named = [
                {"name": one["groupVersion"].split("/")[0], "versions": [one], "preferredVersion": one}
                for one in versions
            ]
            return {"kind": "APIGroupList", "apiVersion": "v1", "groups": named}
        here = [each.kind for each in self.described if openapi.group_path(each.kind) == path]
        if not here:
            return None
        resources = [
            {"name": kind.plural, "singularName": kind.kind.lower(), "namespaced": kind.namespaced, "kind": kind.kind,
             "verbs": ["create", "get", "list", "patch", "update", "watch", "delete"]}
            for kind in here
        ]  # fmt: skip
        return {
            "kind": "APIResourceList",
            "apiVersion": "v1",
            "groupVersion": here[0].api_version,
            "resources": resources,
        }


@pytest.fixture
def shelf() -> Shelf:
    """A server of Deployments, Services and Canaries."""
    return Shelf([
        Described(objects.DEPLOYMENTS),
        Described(objects.SERVICES),
        Described(objects.PODS),
        Described(objects.CANARIES, our_schema("Canary")),
    ])  # fmt: skip


@pytest.fixture
async def kubectl(shelf: Shelf, tmp_path: Path) -> AsyncIterator[Kubectl]:
    """The real kubectl, pointed at the shelf."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", shelf.answer)
    async with listening(app) as port:
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "shelf", "cluster": {"server": f"http://{LOOPBACK}:{port}"}}],
            "contexts": [{"name": "shelf", "context": {"cluster": "shelf", "user": ""}}],
            "current-context": "shelf",
        }
        (tmp_path / "kubeconfig").write_text(json.dumps(config))
        yield Kubectl(tmp_path / "kubeconfig", "default", tmp_path / "cache")
