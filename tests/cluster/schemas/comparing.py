"""What the sandbox's schemas make of a body, and what a real API server makes of it, in one form.

Normalised away, each for a reason that is none of the schemas':
- what a server adds when it stores (uid, times, managedFields, status), and what admission and allocation add;
- phrasing that changed after 1.20: the place of an item in a list (`spec.hosts[1]`; 1.20 names the list), objects in
  messages (JSON now; 1.20 prints Go's structs), the second complaint about a list whose item is wrong (`"null"`);
- the text of a 400: 1.20 read bodies with another JSON decoder than later releases.
"""

import re
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import aiohttp

from delivery.cluster.memory.rejections import BadRequestError, Cause
from delivery.cluster.objects import Kind
from delivery.sandbox.schemas.builtin import BuiltinShape, shape_of
from delivery.sandbox.schemas.structural import StructuralSchema

Body = dict[str, Any]

_SERVERS = ("uid", "creationTimestamp", "managedFields", "generation", "selfLink", "resourceVersion", "namespace")
_ADDED_LATER = (
    *("internalTrafficPolicy", "ipFamilies", "ipFamilyPolicy", "clusterIP", "clusterIPs", "priority"),
    *("preemptionPolicy", "deprecated.daemonset.template.generation", "deployment.kubernetes.io/revision"),
)


@dataclass(frozen=True)
class Outcome:
    """What became of a body: an HTTP code, the stored body if it was accepted, else what was wrong."""

    code: int
    body: Any = None
    causes: frozenset[tuple[str, str, str]] = frozenset()


def ours(kind: Kind, body: Body, schema: Mapping[str, Any] | None = None) -> Outcome:
    """By the sandbox's schemas."""
    shape = StructuralSchema.of(schema) if schema is not None else shape_of(kind)
    assert shape is not None
    body = {"apiVersion": kind.api_version, "kind": kind.kind, **deepcopy(body)}
    try:
        shape.prune(body)
    except BadRequestError as error:
        return Outcome(error.code)
    shape.default(body)
    causes = shape.validate(body)
    if causes:
        return Outcome(422, causes=frozenset(placed(cause) for cause in causes))
    return Outcome(201, stored(body, custom=not isinstance(shape, BuiltinShape)))


@dataclass(frozen=True)
class Server:
    """A real API server, asked for dry runs."""

    session: aiohttp.ClientSession
    url: str

    async def ask(self, method: str, path: str, body: Any = None, *, kind: str = "application/json") -> tuple[int, Any]:
        """One request; its code and its body as JSON."""
        headers = {"Content-Type": kind}
        async with self.session.request(method, self.url + path, json=body, headers=headers) as answer:
            return answer.status, await answer.json()

    async def create(self, kind: Kind, body: Body, *, namespace: str) -> Outcome:
        """What would become of a body."""
        full = {"apiVersion": kind.api_version, "kind": kind.kind, **body}
        code, answer = await self.ask("POST", f"{path_of(kind, namespace)}?dryRun=All", full)
        if code < 400:
            return Outcome(code, stored(answer, custom=shape_of(kind) is None))
        causes = (answer.get("details") or {}).get("causes") or ()
        given = [Cause(each.get("field", ""), each["message"], each["reason"]) for each in causes]
        return Outcome(code, causes=frozenset(placed(each) for each in given if not _said_twice(each)))


def _said_twice(cause: Cause) -> bool:
    """What 1.20 says besides the real complaint, about an item of a list or a version."""
    return '"null"' in cause.message or cause.field in ("status.storedVersions", "spec.version")


def path_of(kind: Kind, namespace: str) -> str:
    """The address of a kind's objects."""
    group = f"/apis/{kind.api_version}" if kind.group else f"/api/{kind.version}"
    return f"{group}/namespaces/{namespace}/{kind.plural}" if kind.namespaced else f"{group}/{kind.plural}"


def placed(cause: Cause) -> tuple[str, str, str]:
    """Field, reason and message, normalised."""
    return _placeless(cause.field), cause.reason, _phrase(cause.message)


def _placeless(text: str) -> str:
    """A path without places in lists; 1.20 names what a definition of one version says as if it had none."""
    text = re.sub(r"\[\d+\]", "", text).replace("spec.validation.", "spec.versions.schema.")
    text = re.sub(r"^spec\.(additionalPrinterColumns|subresources)", r"spec.versions.\1", text)
    return text.replace("JSONPath", "jsonPath")


def _phrase(message: str) -> str:
    """A message without places in lists and without the objects printed in it."""
    message = re.sub(r'intstr\.IntOrString\{Type:(?:0, IntVal:(\d+).*?|1, .*?StrVal:(".*?"))\}', r"\1\2", message)
    structs = r"(?:\[\])?[\w.]+(?:\{.*\}|\(nil\))|map\[string\]\S+(?: \{\})?\{.*\}|map\[string\]string\(nil\)"
    printed = rf"\{{.*?\}}|\[.*\]|{structs}"
    message = re.sub(rf"(value: )(?:{printed})(: |$)", r"\1OBJECT\2", message)
    return _placeless(message)


def stored(body: Body, *, custom: bool) -> Any:
    """A stored body, normalised."""
    kept = {key: value for key, value in body.items() if key != "status"}
    kept["metadata"] = {key: value for key, value in kept["metadata"].items() if key not in _SERVERS}
    if body["kind"] == "DaemonSet":  # maxSurge came after 1.20
        (body["spec"].get("updateStrategy") or {}).get("rollingUpdate", {}).pop("maxSurge", None)
    if body["kind"] == "Pod":  # admission adds two
        body["spec"].pop("tolerations", None)
    return kept if custom else _lean(kept)


def _lean(value: Any) -> Any:
    """Without the zeros that Go leaves out, and what later releases or admission added."""
    if isinstance(value, dict):
        inner = {key: _lean(item) for key, item in value.items() if key not in _ADDED_LATER}
        return {
            key: item for key, item in inner.items() if item not in (None, "") and (key, item) != ("annotations", {})
        }
    return [_lean(item) for item in value] if isinstance(value, list) else value
