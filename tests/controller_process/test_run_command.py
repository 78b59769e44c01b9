"""`delivery run`: flags, environment, and what is loaded for them."""

import subprocess
import sys
from typing import Any

import click
import pytest
from click.testing import CliRunner

from delivery.cli.run import FLAGS, run
from delivery.controller.settings import Settings, SettingsError

MODULES = "import sys; print(*sorted({name.partition('.')[0] for name in sys.modules}))"


def test_the_flags_are_the_settings() -> None:
    """Given the defaults that the flags show, the settings are what they are without any flag."""
    shown = {param.name: param.default for param in run.params if isinstance(param.default, str)}
    assert len(run.params) == len(FLAGS)
    from_flags, from_nothing = Settings.parse({**shown, "identity": "me"}), Settings.parse({"identity": "me"})
    assert from_flags == from_nothing


def test_every_flag_has_an_environment_variable() -> None:
    for param in run.params:
        assert param.envvar == "DELIVERY_" + str(param.name).upper()


@pytest.mark.parametrize(
    ("arguments", "environment"), [(["--workers", "0"], {}), ([], {"DELIVERY_WORKERS": "0"})]
)
def test_a_wrong_flag_ends_with_2_before_anything_is_started(
    arguments: list[str], environment: dict[str, str]
) -> None:
    result = CliRunner().invoke(run, arguments, env=environment)
    assert result.exit_code == 2
    assert "--workers: '0' given, allowed: a whole number from 1 to 64" in result.output


def test_a_flag_beats_the_environment() -> None:
    result = CliRunner().invoke(run, ["--workers", "two"], env={"DELIVERY_WORKERS": "8"})
    assert "--workers: 'two' given" in result.output


def test_help_and_wrong_flags_load_nothing_heavy() -> None:
    code = (
        "from click.testing import CliRunner; from delivery.cli.run import run; "
        "runner = CliRunner(); assert runner.invoke(run, ['--help']).exit_code == 0; "
        "assert runner.invoke(run, ['--workers', '0']).exit_code == 2; "
    )
    loaded = subprocess.run(
        [sys.executable, "-c", code + MODULES], capture_output=True, text=True, check=True, timeout=30
    ).stdout.split()
    assert not {"kopf", "kubernetes", "aiohttp", "apscheduler", "pydantic", "structlog"} & set(loaded)


def test_the_module_of_the_doorbell_does_not_load_kopf() -> None:
    loaded = subprocess.run(
        [sys.executable, "-c", "import delivery.controller.doorbell; " + MODULES],
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    ).stdout.split()
    assert "kopf" not in loaded
    assert "kubernetes" not in loaded


def test_flaggers_variables_say_who_is_told() -> None:
    given: dict[str, Any] = {}
    ours = click.Command("run", params=run.params, callback=lambda **each: given.update(each))
    theirs = {"SLACK_URL": "https://hooks.slack.com/1", "MSTEAMS_URL": "https://a"}
    environment = {**theirs, "DELIVERY_MSTEAMS_URL": "https://b"}
    assert CliRunner().invoke(ours, [], env=environment).exit_code == 0
    alerts = Settings.parse(given).alerts
    assert (alerts.slack_url, alerts.msteams_url) == ("https://hooks.slack.com/1", "https://b")
    assert "hooks.slack.com" not in repr(alerts)


@pytest.mark.parametrize(("flag", "given"), [("--slack-url", "s3cret"), ("--slack-token", "two lines\ns3cret")])
def test_a_wrong_secret_is_refused_without_being_shown(flag: str, given: str) -> None:
    with pytest.raises(SettingsError) as refused:
        Settings.parse({flag.removeprefix("--").replace("-", "_"): given})
    assert flag in str(refused.value)
    assert "s3cret" not in str(refused.value)
