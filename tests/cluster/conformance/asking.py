"""Requests to an API server, and a transcript of them that is the same wherever and whenever a story is told.

What differs from run to run is masked: uids, versions, times, generated names, the namespace of the story, the address
of the server. managedFields are left out: the sandbox keeps them coarser, on purpose.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from tests.cluster.harness.kubectl import Kubectl, KubectlError
from tests.cluster.harness.waiting import TURN_SECONDS, pause

SECONDS = 20.0
JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
METADATA = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"
METADATA_LIST = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
_UID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_GENERATED = re.compile(r"(?<=-)[0-9a-f]{8,10}-[a-z0-9]{5}\b|(?<=-)[0-9a-f]{9,10}\b")
_AGE = re.compile(r"(?<= )(\d+[smhd])+(?= |$|\n)", re.MULTILINE)
_WHOLE_AGE = re.compile(r"(\d+[smhd])+")
_MASKED = {"uid": "<uid>", "resourceVersion": "<version>", "continue": "<token>", "clusterIP": "<address>"}


@dataclass(frozen=True)
class Answer:
    """What a server said to one request."""

    code: int
    body: Any
    headers: Mapping[str, str]

    @property
    def reason(self) -> str:
        """Of a refusal; "" otherwise."""
        return str(self.body.get("reason", "")) if isinstance(self.body, dict) else ""

    @property
    def version(self) -> str:
        """The resourceVersion of the object or list."""
        return str(self.body["metadata"]["resourceVersion"])


@dataclass
class Server:
    """One API server, told a story. `transcript` is what was asked and answered so far."""

    name: str
    session: aiohttp.ClientSession
    tool: Kubectl
    namespace: str
    transcript: list[Any] = field(default_factory=list)

    @property
    def unvalidated(self) -> tuple[str, ...]:
        """For commands that check with the server's OpenAPI: servers before 1.27 don't have it for all kinds."""
        return ("--validate=false",) if self.name == "real" else ()

    @property
    def home(self) -> str:
        """The path of core objects in the story's namespace."""
        return f"/api/v1/namespaces/{self.namespace}"

    def path(self, group_version: str, plural: str) -> str:
        """The path of a named group's objects in the story's namespace."""
        return f"/apis/{group_version}/namespaces/{self.namespace}/{plural}"

    async def begin(self) -> None:
        """Make the story's namespace."""
        answer = await self._send(
            "POST", "/api/v1/namespaces", {"metadata": {"name": self.namespace}}, {"Content-Type": "application/json"}
        )
        assert answer.code == 201, answer.body

    async def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        kind: str = "application/json",
        accept: str = "application/json",
        wording: bool = True,
        ignore: tuple[str, ...] = (),
    ) -> Answer:
        """One request. The transcript leaves out the message if `wording` is False, and members named in `ignore`."""
        answer = await self._send(method, path, body, {"Content-Type": kind, "Accept": accept})
        shape = evened(without(answer.body, ("managedFields", "selfLink", *ignore)))
        if not wording and isinstance(shape, dict) and shape.get("kind") == "Status":
            shape = without(shape, ("message",))
        self.note(method, self.masked(path.partition("?")[0]), answer.code, self.masked(shape))
        return answer

    async def until(self, path: str, code: int = 200) -> None:
        """Ask again until the answer has this code: a new kind is served a moment after it is established."""
        async with asyncio.timeout(SECONDS):
            while (await self._send("GET", path, None, {})).code != code:
                await pause(TURN_SECONDS)

    async def watch(self, path: str) -> AsyncIterator[Any]:
        """The events of a watch, each once in the transcript; close it (aclosing) when there are enough."""
        limits = aiohttp.ClientTimeout(total=SECONDS)
        async with self.session.get(path, timeout=limits) as response:
            assert response.status == 200, await response.text()
            async for line in response.content:
                event = json.loads(line)
                if event["type"] != "BOOKMARK":  # how many there are is up to the server
                    self.note("event", self.masked(without(event, ("managedFields", "selfLink"))))
                yield event

    async def kubectl(self, *arguments: str, stdin: str = "", keep: bool = True) -> str:
        """What kubectl prints, or its error."""
        try:
            output = await self.tool(*arguments, stdin=stdin)
        except KubectlError as refused:
            output = str(refused)
        if keep:
            typed = " ".join(word for word in arguments if word != "--validate=false")
            self.note(self.masked(typed), _AGE.sub("<age>", self.masked(spaced(output))))
        return output

    async def lines(self, *arguments: str) -> AsyncIterator[str]:
        """The lines of a kubectl that goes on until there are enough; masked and without the padding."""
        async with asyncio.timeout(SECONDS), aclosing(self.tool.follow(*arguments)) as lines:  # type: ignore[type-var]
            async for line in lines:
                yield _AGE.sub("<age>", self.masked(spaced(line)))

    def note(self, *what: Any) -> None:
        """Put something into the transcript."""
        self.transcript.append(what)

    def masked(self, value: Any) -> Any:
        """A JSON value or a text without what differs from run to run."""
        if isinstance(value, dict):
            name = {"name": "<generated>"} if "generateName" in value else {}
            masks = {key: mask for key, mask in {**_MASKED, **name}.items() if value.get(key)}
            shown = {key: masks.get(key) or self.masked(item) for key, item in value.items()}
            if "cells" in shown:
                shown["cells"] = ["<age>" if _WHOLE_AGE.fullmatch(str(cell)) else cell for cell in shown["cells"]]
            return shown
        if isinstance(value, list):
            return [self.masked(item) for item in value]
        if not isinstance(value, str):
            return value
        value = re.sub(r"(?<=Resource Version:)(\s+)\d+", r"\1<version>", value)
        value = value.replace('"creationTimestamp":null,', "")  # which servers before 1.34 write into templates
        text = _UID.sub("<uid>", _TIME.sub("<time>", value)).replace(self.namespace, "<namespace>")
        return _GENERATED.sub("<generated>", text.replace(str(self.session._base_url), "<server>/"))

    async def _send(self, method: str, path: str, body: Any, headers: Mapping[str, str]) -> Answer:
        raw = None if body is None else body.encode() if isinstance(body, str) else json.dumps(body).encode()
        limits = aiohttp.ClientTimeout(total=SECONDS)
        async with self.session.request(method, path, data=raw, headers=headers, timeout=limits) as response:
            text = await response.text()
            try:
                found = json.loads(text)
            except ValueError:
                found = text
            return Answer(response.status, found, response.headers.copy())


def evened(answer: Any) -> Any:
    """An answer without what says nothing: empty details and tokens, and causes that are told twice, in any order."""
    if not isinstance(answer, dict):
        return answer
    answer = {key: value for key, value in answer.items() if key != "details" or value}
    meta = answer.get("metadata")
    if isinstance(meta, dict) and meta.get("continue") == "":
        answer["metadata"] = {key: value for key, value in meta.items() if key != "continue"}
    if causes := (answer.get("details") or {}).get("causes"):
        # servers before 1.22 leave out the numbers of a schema's items
        plain = [{**cause, "field": re.sub(r"\[\d+\]", "", cause.get("field", ""))} for cause in causes]
        told = {json.dumps(cause, sort_keys=True): cause for cause in plain}
        answer["details"] = {**answer["details"], "causes": [told[key] for key in sorted(told)]}
    return answer


def without(value: Any, names: tuple[str, ...]) -> Any:
    """A JSON value without members of these names, wherever they stand."""
    if isinstance(value, dict):
        return {key: without(item, names) for key, item in value.items() if key not in names}
    return [without(item, names) for item in value] if isinstance(value, list) else value


def spaced(text: str) -> str:
    """Text without padding: columns are as wide as their longest cell, and that may be an age."""
    return "\n".join(re.sub(r"\s+", " ", line).strip() for line in text.strip().splitlines())


def differences(ours: Any, theirs: Any, path: str = "") -> list[str]:
    """Where two JSON-like values part, one line each: easier to read than both of them."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        keys = dict.fromkeys([*theirs, *ours])
        return [line for key in keys for line in differences(ours.get(key), theirs.get(key), f"{path}.{key}")]
    if isinstance(ours, list | tuple) and isinstance(theirs, list | tuple) and len(ours) == len(theirs):
        pairs = enumerate(zip(ours, theirs, strict=True))
        return [line for index, (a, b) in pairs for line in differences(a, b, f"{path}[{index}]")]
    return [] if ours == theirs else [f"{path}: the sandbox says {ours!r}, the real one {theirs!r}"]


async def agree(story: Callable[[Server], Awaitable[None]], *, real: Server, sandbox: Server) -> None:
    """A story has the same transcript on both servers."""
    await story(real)
    await story(sandbox)
    parted = differences(sandbox.transcript, real.transcript)
    assert not parted, "\n".join(parted)
