"""Commands that look, for somebody who may not see everything, or has no cluster."""

import asyncio
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from delivery.api.status import dump
from delivery.cli import main
from tests.cli.served import Served
from tests.cli.test_reaching import config, refusing  # noqa: F401 - a fixture
from tests.terminal import recorded

COMMANDS = (["get", "reviews"], ["list"], ["history", "reviews"], ["why", "reviews"], ["status", "reviews", "--wait"])


def call(file: str, *arguments: str) -> Result:
    return CliRunner().invoke(main, [*arguments, "--kubeconfig", file])


@pytest.mark.parametrize("command", COMMANDS, ids=lambda each: each[0])
def test_no_cluster_is_said_in_one_sentence(tmp_path: Path, command: list[str]) -> None:
    found = call(config(tmp_path, "http://127.0.0.1:1", test="one"), *command)

    assert found.exit_code == 1
    assert "no answer from the cluster at http://127.0.0.1:1 (context test)" in found.output
    assert "Traceback" not in found.output


@pytest.mark.parametrize("command", COMMANDS, ids=lambda each: each[0])
async def test_no_permission_is_said_with_verb_and_resource(
    refusing: str,  # noqa: F811
    tmp_path: Path,
    command: list[str],
) -> None:
    found = await asyncio.to_thread(call, config(tmp_path, refusing, test="one"), *command)

    assert found.exit_code == 1
    assert "no permission to" in found.output
    assert "canaries.progressive.delivery in namespace one" in found.output


def test_a_target_that_is_gone_is_no_reason_to_show_nothing(served: Served) -> None:
    served.canary("reviews", status=dump(recorded.PROGRESSING))
    found = call(str(served.kubeconfig), "get", "reviews", "-o", "json")

    assert found.exit_code == 0, found.output
    assert [(each["workload"], each["ready"]) for each in json.loads(found.output)["roles"]] == [
        ("reviews-primary", None),
        ("reviews", None),
    ]
