"""`delivery sandbox` as people meet it: a process that is started, talked to by kubectl, and ended."""

import asyncio
import os
import signal
import subprocess
import sys

import pytest
from click.testing import CliRunner

from delivery.cli.sandbox import sandbox as command
from delivery.sandbox.settings import Settings
from delivery.sandbox.state import StateFile
from tests.sandbox.stage.processes import PATIENCE, descendants, files_in, gone, running, text_of

CONFIG_MAP = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "mine"}, "data": {"a": "1"}}


async def test_it_starts_answers_kubectl_and_leaves_nothing_behind(sandbox, environment):
    async with sandbox("--prometheus=embedded") as one:
        assert one.told[0].startswith("export KUBECONFIG=")
        assert one.told[1] == "kubectl get pdc --all-namespaces --watch"
        assert one.kubeconfig.stat().st_mode & 0o777 == 0o600
        names = await one.kubectl("get", "deployments", "-o", "jsonpath={.items[*].metadata.name}")
        assert names == "details productpage ratings reviews"
        children = descendants(one.pid)
        assert running(children)
        one.send(signal.SIGINT)
        assert await one.ended() == 0
        assert running(children) == set()
        assert one.complaints == []
    assert files_in(environment["TMPDIR"]) == []
    assert text_of(f"{environment['HOME']}/.kube/config") == "never touched"


async def test_killed_it_takes_its_children_with_it_and_has_saved_what_there_was(sandbox, tmp_path, prometheus_binary):
    state = tmp_path / "state.json"
    async with sandbox("--prometheus=binary", f"--state={state}") as one:
        children = descendants(one.pid)
        assert len(running(children)) == 2
        await one.kubectl("apply", "-f", "-", stdin=CONFIG_MAP)
        async with asyncio.timeout(PATIENCE):
            while '"mine"' not in text_of(state):
                await one.kubectl("get", "configmaps")
        one.send(signal.SIGKILL)
        await one.ended()
        await gone(children)
    with StateFile(state) as file:
        names = {body["metadata"]["name"] for _, body in file.load().objects}
    assert {"mine", "reviews"} <= names


async def test_a_kind_that_is_not_served_is_named_by_kubectl(sandbox):
    async with sandbox("--prometheus=embedded", "--no-controller", "--no-bookinfo") as one:
        stateful_set = {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "x"}, "spec": {}}
        code, complaint = await one.kubectl("apply", "-f", "-", stdin=stateful_set, check=False)
        assert code == 1
        assert 'no matches for kind "StatefulSet" in version "apps/v1"' in complaint


async def test_it_goes_on_when_nobody_reads_what_it_says(sandbox):
    """Given `delivery sandbox | head -1`, its state is saved all the same when it is ended."""
    async with sandbox("--prometheus=embedded", "--no-controller") as one:
        one.process.stdout._transport.close()
        one.process.stderr._transport.close()
        await one.kubectl("get", "namespaces")
        one.send(signal.SIGHUP)
        assert await one.ended() == 0


async def test_a_second_signal_does_not_wait(sandbox, environment):
    """Given a controller that cannot stop, the first signal waits for it and the second does not."""
    async with sandbox("--prometheus=embedded") as one:
        children = descendants(one.pid)
        (controller,) = children
        await one.kubectl("get", "ns")
        os.kill(controller, signal.SIGSTOP)
        one.send(signal.SIGINT)
        await one.says("stopping")
        one.send(signal.SIGINT)
        assert await one.ended() == 130
        await gone(children)
    assert files_in(environment["TMPDIR"]) == []


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--port=99999"], "--port: '99999' given, allowed: a port from 1 to 65535, or 0 for any free one"),
        (["--prometheus=maybe"], "--prometheus: 'maybe' given, allowed: auto | binary | embedded"),
        (["--lag=fast"], "--lag: 'fast' given, allowed: seconds as MIN-MAX, such as 0.1-10"),
        (["--lag=3-1"], "--lag: '3-1' given, allowed: seconds as MIN-MAX"),
        (["--crds=/nowhere.yaml"], "--crds: '/nowhere.yaml' given, allowed: a file of CustomResourceDefinitions"),
        (["--state=/nowhere/at/all"], "--state: '/nowhere/at/all' given, allowed: a file"),
        (["--requests-per-second=lots"], "--requests-per-second: 'lots' given, allowed: requests per second, 0 to"),
    ],
)
def test_what_cannot_be_used_is_said_before_anything_starts(options, complaint):
    result = CliRunner().invoke(command, options)
    assert result.exit_code == 2
    assert complaint in result.output


def test_the_user_s_own_kubeconfig_is_never_written_to(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".kube").mkdir()
    link = tmp_path / "link"
    link.symlink_to(tmp_path / ".kube" / "config")
    for path in ("~/.kube/config", str(link)):
        result = CliRunner().invoke(command, [f"--kubeconfig={path}"])
        assert result.exit_code == 2
        assert "any file but ~/.kube/config, which is never touched" in result.output


async def test_a_broken_state_is_an_error_and_stays_as_it_is(sandbox, tmp_path, environment):
    state = tmp_path / "state.json"
    state.write_text("{")
    async with sandbox("--prometheus=embedded", "--no-controller", f"--state={state}", wait=False) as one:
        assert await one.ended() == 2
        assert "it is no JSON" in one.complaints[0]
    assert state.read_text() == "{"
    assert files_in(environment["TMPDIR"]) == []


def test_without_the_extra_the_command_says_what_to_install():
    """Given an environment without the grammar of PromQL."""
    code = (
        "import sys; sys.modules['promql_parser'] = None; "
        "from delivery.cli import main; main(['sandbox', '--no-controller', '--prometheus=embedded'])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert result.returncode == 1
    assert "pip install 'progressive-delivery[sandbox]'" in result.stderr


def test_each_option_is_a_setting(monkeypatch):
    """Given every option, the sandbox is started with exactly these settings."""
    started = []
    monkeypatch.setattr("delivery.sandbox.session.run", lambda settings, **_: started.append(settings) or 0)
    options = [
        "--port",
        "1",
        "--prometheus",
        "embedded",
        "--no-controller",
        "--no-restart",
        "--no-bookinfo",
        "--lag",
        "1-2",
    ]
    result = CliRunner().invoke(command, [*options, "--requests-per-second", "3"])
    assert result.exit_code == 0, result.output
    chosen = {"port": 1, "prometheus": "embedded", "lag": (1.0, 2.0), "requests_per_second": 3.0}
    assert started == [Settings(controller=False, restart_controller=False, bookinfo=False, **chosen)]
    CliRunner().invoke(command, [])
    assert started[1:] == [Settings()]


def test_help_loads_nothing_heavy():
    code = (
        "import sys; from click.testing import CliRunner; from delivery.cli.sandbox import sandbox; "
        "assert CliRunner().invoke(sandbox, ['--help']).exit_code == 0; "
        "print(*{name.partition('.')[0] for name in sys.modules})"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert not {"aiohttp", "pydantic", "yaml", "promql_parser", "structlog", "rich"} & set(loaded.stdout.split())
