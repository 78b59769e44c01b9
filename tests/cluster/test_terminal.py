"""What people read at a terminal of a real API server: everything as the admin, and what may be seen as a stranger."""

import asyncio
import json
import sys
from pathlib import Path

import pytest
import yaml

from delivery.api.status import dump
from delivery.cluster.kubernetes import KubernetesApi
from delivery.cluster.objects import CANARIES, Ref
from strategies.status import Result
from tests.cluster.harness.control_plane import ControlPlane
from tests.cluster.harness.kubectl import Kubectl
from tests.terminal import recorded

SECONDS = 60.0


async def delivery(kubeconfig: Path, *arguments: str) -> tuple[int, str]:
    """Run `delivery ARGUMENTS` on a cluster; its exit code and all that it said."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "delivery.cli", *arguments, "--kubeconfig", str(kubeconfig)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(SECONDS):
        output, _ = await process.communicate()
    return process.returncode or 0, output.decode()


@pytest.mark.usefixtures("crds")
async def test_a_release_is_read_from_its_first_step_to_its_history(
    api: KubernetesApi, control_plane: ControlPlane, kubectl: Kubectl, namespace: str
) -> None:
    admin = control_plane.kubeconfig()
    body = recorded.canary(None)
    await kubectl.apply({**body, "metadata": {"name": "reviews"}})
    ref = Ref(CANARIES, namespace, "reviews")
    stands = [{"op": "add", "path": "/status", "value": dump(recorded.PROGRESSING)}]
    await api.patch(ref, stands, subresource="status")

    code, text = await delivery(admin, "get", "reviews", "-n", namespace)
    assert code == 0, text
    assert "step 2 of 4" in text
    assert "█▇▁" in text, "the API server keeps the recent values"
    code, text = await delivery(admin, "list", "-A", "-o", "json")
    assert code == 0, text
    assert (namespace, "reviews") in [(each["namespace"], each["name"]) for each in json.loads(text)["items"]]

    waiting = asyncio.create_task(
        delivery(
            admin,
            "status",
            "reviews",
            "-n",
            namespace,
            "--wait",
            "--revision",
            recorded.RUN.revision,
            "--timeout",
            "50",
        )
    )
    await api.patch(ref, [{**stands[0], "value": dump(recorded.FAILED)}], subresource="status")
    code, text = await waiting
    assert (code, Result.ROLLED_BACK.value in text) == (3, True), text
    assert "RolledBack" in (await delivery(admin, "history", "reviews", "-n", namespace))[1]
    wide = await kubectl("get", "pdc", "-o", "wide")
    assert "57 of 1,204 requests failed" in wide


@pytest.mark.usefixtures("crds")
async def test_a_stranger_is_told_which_permission_is_missing(
    control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    config = yaml.safe_load(control_plane.kubeconfig().read_text())
    for each in config["users"]:
        each["user"] = {}
    (tmp_path / "stranger").write_text(yaml.safe_dump(config))

    code, text = await delivery(tmp_path / "stranger", "get", "reviews", "-n", namespace)

    assert code == 1
    assert f"no permission to get canaries.progressive.delivery in namespace {namespace}" in text
